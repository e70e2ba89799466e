"""Typed readers of environment variables. Each fails loudly: which variable, what was found, what is allowed."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

PREFIX = "COMMONWEIGHTS_"


class BadEnvironment(ValueError):
    """An environment variable that cannot be used."""

    def __init__(self, name: str, found: str, allowed: str) -> None:
        """Say which variable, what it holds and what it may hold. An address may hold a password: see `address`."""
        super().__init__(f"{PREFIX}{name} is {found!r}; allowed: {allowed}")


def text(name: str, default: str) -> str:
    """Return the variable, or the default."""
    return os.environ.get(PREFIX + name, default)


def boolean(name: str, *, default: bool) -> bool:
    """Return true for 1/true/yes, false for 0/false/no."""
    value = os.environ.get(PREFIX + name, "1" if default else "0").lower()
    if value in {"1", "true", "yes"}:
        return True
    if value in {"0", "false", "no", ""}:
        return False
    raise BadEnvironment(name, value, "1 or 0")


def integer(name: str, default: int, *, least: int = 0) -> int:
    """Return a whole number of at least `least`."""
    value = os.environ.get(PREFIX + name, str(default))
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise BadEnvironment(name, value, f"a whole number of at least {least}")
    return int(value)


def numbers(name: str) -> dict[str, int]:
    """Return a whole number for each name of a list such as gardens=7,water=0; nothing for an empty one."""
    found: dict[str, int] = {}
    for part in listed(name, ""):
        key, _, value = part.partition("=")
        if not key or key in found or not value.isascii() or not value.isdigit():
            raise BadEnvironment(name, part, "a list such as gardens=7,water=0, each name once")
        found[key] = int(value)
    return found


def listed(name: str, default: str) -> list[str]:
    """Return the comma-separated parts."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def address(name: str, default: str, schemes: set[str]) -> str:
    """Return an address scheme://host… of one of these schemes. A refusal does not repeat it: it may hold a secret."""
    return _usable(name, text(name, default), schemes)


def addresses(name: str, default: str, schemes: set[str]) -> list[str]:
    """Return one or more addresses, separated by commas; each as `address` wants it, none of them twice."""
    values = text(name, default).split(",")
    found = [_usable(name, value.strip(), schemes) for value in values]
    if len(set(found)) < len(found):
        raise BadEnvironment(name, "one address twice", "different addresses, separated by commas")
    return found


def account(name: str) -> str:
    """Return an Ethereum address, or an empty text where none is given."""
    value = text(name, "")
    if value and re.fullmatch("0x[0-9a-fA-F]{40}", value) is None:
        raise BadEnvironment(name, value, "0x and 40 hex digits, or nothing")
    return value


def path(name: str, default: Path) -> Path:
    """Return an absolute path."""
    return Path(os.environ.get(PREFIX + name, str(default))).expanduser().resolve()


def require_secret(name: str, file: Path, *, least: int) -> None:
    """Refuse a file that cannot be read, or is too short for a secret; its content stands in no message."""
    try:
        size = len(file.read_bytes())
    except OSError as error:
        raise BadEnvironment(name, str(file), f"a file that this process can read ({error.strerror})") from error
    if size < least:
        raise BadEnvironment(name, f"{file}, a file of {size} bytes", f"at least {least} bytes that nobody can guess")


def _usable(name: str, value: str, schemes: set[str]) -> str:
    """Return the value if it is an address that can be used."""
    allowed = f"{' or '.join(sorted(schemes))}, then ://host[:port]…"
    try:
        parts = urlsplit(value)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError as error:  # brackets or a port that are none
        raise BadEnvironment(name, "an address that cannot be read", allowed) from error
    if not usable:
        raise BadEnvironment(name, f"{parts.scheme}://…", allowed)
    return value
