"""Fetching a file from an address that a member names, without becoming the member's way into our network (SSRF).

1. The address is https, without a password, on the usual port. 2. Its host is resolved once; every address that it has
must be public (RFC 6890 and the registries of IANA), also inside the forms of IPv6 that carry an IPv4 address. 3. The
connection goes to one of the addresses that were judged, and the certificate is judged for the host. 4. Each redirect
begins at 1 again, at most three. 5. Bytes and time are bounded, nothing is unpacked, no credentials are ever sent.

The site's operator may name hosts (name:port) that are exempt from 1 and 2: a hub of their own, or tests. No proxies
are used, and no Django.
"""

import hashlib
import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], list[str]]

REDIRECTS_MAX = 3
URL_CHARACTERS_MAX = 2000
ADDRESSES_MAX = 16
WAIT_SECONDS = 20
_CHUNK_BYTES = 64 * 1024
_HTTPS_PORT = 443
_REDIRECTS = {301, 302, 303, 307, 308}
_OK, _TOO_MANY, _TIMEOUT, _SERVER_ERROR = 200, 429, 408, 500
# Visible ASCII: whatever needs more is written with percent signs and Punycode, as browsers send it.
_URL = re.compile(r"[!-~]+")

# What IANA has set aside, written out: Python's own idea of "global" has changed between its versions.
_FORBIDDEN = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/128", "::1/128", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fc00::/7",
        "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
# IPv6 networks whose addresses carry an IPv4 address, and where its four bytes begin: whatever it is has to be public.
_CARRIERS = (
    (ipaddress.IPv6Network("::/96"), 12),  # IPv4-compatible, deprecated
    (ipaddress.IPv6Network("::ffff:0:0/96"), 12),  # IPv4-mapped
    (ipaddress.IPv6Network("::ffff:0:0:0/96"), 12),  # IPv4-translated (RFC 2765)
    (ipaddress.IPv6Network("64:ff9b::/96"), 12),  # NAT64
    (ipaddress.IPv6Network("2002::/16"), 2),  # 6to4
)
# Reached only inside a network whose translator decides what they mean, so never fetched from.
_UNCLEAR = (ipaddress.IPv6Network("64:ff9b:1::/48"), ipaddress.IPv6Network("2001::/32"))
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")


class FetchError(Exception):
    """A file that was not fetched. `permanent` says that trying again the same way cannot help."""

    def __init__(self, code: str, detail: str, *, permanent: bool, retry_after_seconds: int = 0) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True)
class Fetched:
    """What arrived."""

    size: int
    sha256: str


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host as the system knows them; raise OSError for none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Fetcher:
    """How files are fetched here. `allowed` are hosts (name:port) that the operator exempts from the rules."""

    bytes_max: int
    seconds: int
    allowed: Collection[str] = ()
    resolve: Resolve = resolve
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def fetch(self, url: str, target: Path) -> Fetched:
        """Write what lies at `url` into a new file; raise FetchError, and leave no file, for anything else."""
        deadline = time.monotonic() + self.seconds
        try:
            for _ in range(REDIRECTS_MAX + 1):
                with self._answer(url, deadline) as answer:
                    if answer.status in _REDIRECTS:
                        url = _next(url, answer)
                        continue
                    _require_file(answer, self.bytes_max)
                    return self._store(answer, target, deadline)
        except (OSError, http.client.HTTPException) as error:
            target.unlink(missing_ok=True)
            raise _unanswered(error, deadline, self.seconds) from error
        except FetchError:
            target.unlink(missing_ok=True)
            raise
        raise FetchError("url_forbidden", f"more than {REDIRECTS_MAX} redirects", permanent=True)

    @contextmanager
    def _answer(self, url: str, deadline: float) -> "Iterator[http.client.HTTPResponse]":
        """Ask one address, and close the connection in the end, or when the time is over, whatever it does."""
        parts = require_url(url, self.allowed)
        host, port = str(parts.hostname), parts.port or _HTTPS_PORT
        connected = self._connect(host, port, self._addresses(host, port), deadline)
        # The name goes to the certificate's judge and into `Host`; the connection is the one that was judged.
        link = self._in_tls(connected, host) if parts.scheme == "https" else connected
        over = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, (link,))
        over.start()
        try:
            if isinstance(link, ssl.SSLSocket):
                link.do_handshake()
            connection = http.client.HTTPConnection(host, port)
            connection.sock = link
            connection.request("GET", _path(parts), headers=_headers(parts))
            with closing(connection.getresponse()) as answer:
                yield answer
        finally:
            over.cancel()
            with suppress(OSError):
                link.close()

    def _in_tls(self, connected: socket.socket, host: str) -> ssl.SSLSocket:
        return self.tls.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)

    def _addresses(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, each judged; one that is not public forbids all of them."""
        try:
            found = self.resolve(host, port)[:ADDRESSES_MAX]
        except (OSError, UnicodeError) as error:
            raise FetchError("host_unknown", f"{host} cannot be resolved: {error}", permanent=False) from error
        if f"{host}:{port}" not in self.allowed:
            for address in found:
                if not is_public(address):
                    detail = f"{host} has the address {address}, which is not a public one"
                    raise FetchError("url_forbidden", detail, permanent=True)
        if not found:
            raise FetchError("host_unknown", f"{host} has no address", permanent=False)
        return found

    def _connect(self, host: str, port: int, addresses: list[str], deadline: float) -> socket.socket:
        for address in addresses:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            with suppress(OSError):
                return socket.create_connection((address, port), timeout=min(WAIT_SECONDS, left))
        raise FetchError("host_unreachable", f"{host} does not answer", permanent=False)

    def _store(self, answer: http.client.HTTPResponse, target: Path, deadline: float) -> Fetched:
        digest, size = hashlib.sha256(), 0
        with target.open("xb") as file:
            while chunk := answer.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > self.bytes_max:
                    raise _too_large(self.bytes_max)
                digest.update(chunk)
                file.write(chunk)
        # A connection that was cut looks like one that ended.
        if time.monotonic() >= deadline:
            raise _too_slow(self.seconds)
        if answer.length:
            detail = f"the connection ended {answer.length} bytes before the file did"
            raise FetchError("fetch_broken", detail, permanent=False)
        return Fetched(size, digest.hexdigest())


def require_url(url: str, allowed: Collection[str] = ()) -> SplitResult:
    """Return the parts of an address that may be fetched from as far as it says itself; raise FetchError."""
    if len(url) > URL_CHARACTERS_MAX or not _URL.fullmatch(url) or "\\" in url:
        raise _forbidden("an address has at most 2000 visible ASCII characters")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _forbidden(f"this is no address: {error}") from error
    if not host or "%" in host:
        raise _forbidden("an address names a host")
    if parts.username is not None or parts.password is not None:
        raise _forbidden("an address holds no name and no password")
    if f"{host}:{port or _HTTPS_PORT}" in allowed and parts.scheme in {"http", "https"}:
        return parts
    if parts.scheme != "https" or port not in {None, _HTTPS_PORT}:
        raise _forbidden("only https on its usual port is fetched from")
    return parts


def is_public(text: str) -> bool:
    """Say whether an address, and the one that it carries, is one that anybody on the internet could reach."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # also one with a zone: those are link-local
        return False
    if any(address in network for network in _FORBIDDEN if network.version == address.version):
        return False
    return isinstance(address, ipaddress.IPv4Address) or _carries_nothing_private(address)


def _carries_nothing_private(address: ipaddress.IPv6Address) -> bool:
    packed = address.packed
    if any(address in network for network in _UNCLEAR):
        return False
    for network, start in _CARRIERS:
        if address in network:
            return is_public(str(ipaddress.IPv4Address(packed[start : start + 4])))
    if packed[8:12] in _ISATAP:
        return is_public(str(ipaddress.IPv4Address(packed[12:16])))
    return address in ipaddress.IPv6Network("2000::/3")


def _next(url: str, answer: http.client.HTTPResponse) -> str:
    target = answer.getheader("Location", "")
    if not target:
        raise FetchError("fetch_refused", f"a redirect ({answer.status}) to nowhere", permanent=True)
    return urljoin(url, target).partition("#")[0]


def _require_file(answer: http.client.HTTPResponse, bytes_max: int) -> None:
    if answer.status != _OK:
        permanent = answer.status < _SERVER_ERROR and answer.status not in {_TOO_MANY, _TIMEOUT}
        wait = answer.getheader("Retry-After", "")
        rest = int(wait) if wait.isascii() and wait.isdigit() and len(wait) < 7 else 0  # noqa: PLR2004 - a week
        raise FetchError(
            "fetch_refused", f"the answer was {answer.status}", permanent=permanent, retry_after_seconds=rest
        )
    if answer.getheader("Content-Encoding", "identity").lower() != "identity":
        detail = "the file is sent packed although it was asked for as it is"
        raise FetchError("fetch_refused", detail, permanent=True)
    if answer.length is not None and answer.length > bytes_max:
        raise _too_large(bytes_max)


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _headers(parts: SplitResult) -> dict[str, str]:
    return {
        "Host": parts.netloc,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "User-Agent": "commonweights",
        "Connection": "close",
    }


def _cut(link: socket.socket) -> None:
    """End a connection from another thread: who waits for its next byte wakes up.

    Below TLS: its own way of ending would take the session away from the thread that reads.
    """
    with suppress(OSError):
        socket.socket.shutdown(link, socket.SHUT_RDWR)


def _unanswered(error: Exception, deadline: float, seconds: int) -> FetchError:
    if time.monotonic() >= deadline:
        return _too_slow(seconds)
    if isinstance(error, ssl.SSLCertVerificationError):
        return FetchError(
            "certificate_invalid", f"the certificate does not hold: {error.verify_message}", permanent=True
        )
    return FetchError("fetch_broken", f"the connection broke: {error}"[:300], permanent=False)


def _too_slow(seconds: int) -> FetchError:
    return FetchError("fetch_too_slow", f"the file did not arrive within {seconds} seconds", permanent=False)


def _too_large(allowed: int) -> FetchError:
    return FetchError("too_large", f"the file has more than {allowed} bytes", permanent=True)


def _forbidden(detail: str) -> FetchError:
    return FetchError("url_forbidden", detail, permanent=True)
