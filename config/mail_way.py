"""How letters leave the site, by COMMONWEIGHTS_MAIL_URL: by SMTP, into a folder, onto the console, or not at all.

A refusal never repeats the address: it may hold a password.
"""

from dataclasses import dataclass
from email.utils import parseaddr
from ipaddress import ip_address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from config.env import BadEnvironment, text

_BACKENDS = "django.core.mail.backends"
_ALLOWED = (
    "smtp://user:password@host:port?tls=starttls, file:/folder, console: or nothing; tls is starttls, implicit or none"
)
_PORTS = {"starttls": 587, "implicit": 465, "none": 25}


@dataclass(frozen=True)
class MailWay:
    """What Django's EMAIL_ settings are to be. `offered` is false where the site sends nothing."""

    offered: bool
    backend: str = f"{_BACKENDS}.dummy.EmailBackend"
    folder: str | None = None
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    starttls: bool = False
    implicit_tls: bool = False


def read() -> MailWay:
    """Return the way that the environment names; raise BadEnvironment for one that cannot be used or is not safe."""
    value = text("MAIL_URL", "")
    if not value:
        return MailWay(offered=False)
    if value == "console:":
        return MailWay(offered=True, backend=f"{_BACKENDS}.console.EmailBackend")
    try:
        parts = urlsplit(value)
        if parts.scheme == "smtp":
            return _smtp(parts)
    except ValueError as error:  # brackets or a port that are none
        raise BadEnvironment("MAIL_URL", "an address that cannot be read", _ALLOWED) from error
    folder = unquote(parts.path)
    if parts.scheme != "file" or parts.netloc or not folder.startswith("/"):
        raise BadEnvironment("MAIL_URL", f"{parts.scheme}:…", _ALLOWED)
    return MailWay(offered=True, backend=f"{_BACKENDS}.filebased.EmailBackend", folder=folder)


def sender(way: MailWay) -> str:
    """Return who letters come from; raise BadEnvironment where letters are sent and nobody is named."""
    value = text("MAIL_FROM", "")
    _name, address = parseaddr(value)
    if value and ("@" not in address or any(sign in value for sign in "\r\n")):
        raise BadEnvironment("MAIL_FROM", value, "letters@example.org or Name <letters@example.org>")
    if way.host and not value:
        raise BadEnvironment(
            "MAIL_FROM", "", "the address that letters come from, where COMMONWEIGHTS_MAIL_URL is smtp://…"
        )
    return value or "Commonweights <commonweights@localhost>"


def _smtp(parts: SplitResult) -> MailWay:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    tls = options.pop("tls", "starttls")
    if tls not in _PORTS or options or not parts.hostname or parts.path not in {"", "/"} or parts.port == 0:
        raise BadEnvironment("MAIL_URL", "smtp://…", _ALLOWED)
    if tls == "none" and parts.password and not _is_here(parts.hostname):
        raise BadEnvironment("MAIL_URL", "a password that would travel in the open", "tls=starttls or tls=implicit")
    return MailWay(
        offered=True,
        backend=f"{_BACKENDS}.smtp.EmailBackend",
        host=parts.hostname,
        port=parts.port or _PORTS[tls],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=tls == "starttls",
        implicit_tls=tls == "implicit",
    )


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
