"""Asking a source over HTTP: bounded bytes and time, no redirects, no proxies, strict JSON, no key in any message.

The address comes from the operator's settings alone (CARBON_ENDPOINT); what a member or a site named only ever stands
in a path or a query, quoted. A redirect is not followed: it would be the source's way to send a key elsewhere. A key
goes over TLS, or to this machine itself. The operator may name a private address: their own Carbon Aware SDK.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from governance.errors import Invalid
from governance.evidence.canonical import CanonicalError, strict_loads
from training_jobs.carbon.sources.base import SourceRefusal, malformed

BYTES_MAX = 4_000_000
SECONDS_MAX = 15.0
RETRY_DIGITS_MAX = 6
_CHUNK_BYTES = 64 * 1024
_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND, _TOO_MANY, _SERVER_ERROR = 200, 401, 403, 404, 429, 500
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class Wire:
    """One service at one address. `headers` may hold a key: it stands in no message and no representation."""

    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = SECONDS_MAX

    def get(self, path: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401
        """Return the JSON at a path below the endpoint; floats come as Decimal. Raises SourceRefusal.

        `headers` go in the place of the usual ones.
        """
        deadline = time.monotonic() + self.seconds
        try:
            body = self._read(path, query, self.headers if headers is None else headers, deadline)
            return strict_loads(body, max_bytes=BYTES_MAX)
        except CanonicalError as error:
            raise malformed(f"as JSON ({error.code})") from error
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() >= deadline:
                raise _too_slow(self.seconds) from None
            kind = type(error).__name__
            raise SourceRefusal(
                "intensity_unreachable", f"the source does not answer ({kind})", permanent=False
            ) from error

    def _read(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], deadline: float) -> bytes:
        link, host, base = self._connect(headers, deadline)
        connection = http.client.HTTPConnection(host)
        over = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, (link,))
        over.start()
        try:
            if isinstance(link, ssl.SSLSocket):
                link.do_handshake()
            connection.sock = link
            asked = base + path + (f"?{urlencode(query)}" if query else "")
            connection.request("GET", asked, headers={**_USUAL, "Host": host, **headers})
            with closing(connection.getresponse()) as answer:
                _require_answer(answer)
                return _body(answer, deadline, self.seconds)
        finally:
            over.cancel()
            connection.close()
            link.close()

    def _connect(self, headers: Mapping[str, str], deadline: float) -> tuple[socket.socket, str, str]:
        """Return an open connection, the host as it is named in requests, and the path that all paths lie below."""
        parts = urlsplit(self.endpoint)
        name, secure = str(parts.hostname), parts.scheme == "https"
        if headers and not secure and name not in _LOOPBACK:
            raise Invalid(
                "endpoint_unsafe",
                "a key is sent over https only, or to this machine itself",
                field="CARBON_ENDPOINT",
                found=parts.scheme,
                allowed="https",
            )
        port = parts.port or (443 if secure else 80)
        link = socket.create_connection((name, port), timeout=max(0.1, deadline - time.monotonic()))
        if secure:
            link = ssl.create_default_context().wrap_socket(link, server_hostname=name, do_handshake_on_connect=False)
        return link, parts.netloc.rpartition("@")[2], parts.path.rstrip("/")


_USUAL = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": "commonweights",
    "Connection": "close",
}


def listed(value: object, name: str) -> list[dict[str, Any]]:
    """Return a list of objects; raise SourceRefusal for anything else."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise malformed(f"“{name}” is a list of objects")
    return value


def named(value: object, name: str) -> Any:  # noqa: ANN401 - judged by who asked
    """Return what an object holds under a name; raise SourceRefusal where it holds nothing or is no object."""
    if not isinstance(value, dict) or name not in value:
        raise malformed(f"“{name}” is missing")
    return value[name]


def _body(answer: http.client.HTTPResponse, deadline: float, seconds: float) -> bytes:
    found = bytearray()
    while chunk := answer.read1(_CHUNK_BYTES):
        found += chunk
        if len(found) > BYTES_MAX:
            raise _too_large()
    # a connection that was cut looks like one that ended
    if time.monotonic() >= deadline:
        raise _too_slow(seconds)
    if answer.length:
        raise malformed("the connection ended before the answer did")
    return bytes(found)


def _require_answer(answer: http.client.HTTPResponse) -> None:
    """Refuse every answer but a complete one of a sensible size."""
    status = answer.status
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        detail = f"the source does not accept the key, or the key may not ask this ({status})"
        raise SourceRefusal("intensity_key_refused", detail, permanent=True, found=status)
    if status == _NOT_FOUND:
        raise SourceRefusal(
            "intensity_none", "the source does not know this region or time", permanent=True, found=status
        )
    if status == _TOO_MANY:
        wait = answer.getheader("Retry-After", "")
        rest = int(wait) if wait.isascii() and wait.isdigit() and len(wait) <= RETRY_DIGITS_MAX else 0
        detail = "the source was asked too often"
        raise SourceRefusal("intensity_rate_limited", detail, permanent=False, retry_after_seconds=rest, found=status)
    if status != _OK:
        detail = f"the source answered {status}"
        raise SourceRefusal("intensity_refused", detail, permanent=status < _SERVER_ERROR, found=status)
    if answer.getheader("Content-Encoding", "identity").lower() != "identity":
        raise malformed("it is packed although it was asked for as it is")
    if answer.length is not None and answer.length > BYTES_MAX:
        raise _too_large()


def _too_large() -> SourceRefusal:
    return SourceRefusal("intensity_too_large", f"the answer has more than {BYTES_MAX} bytes", permanent=True)


def _too_slow(seconds: float) -> SourceRefusal:
    return SourceRefusal("intensity_too_slow", f"no whole answer within {seconds:g} seconds", permanent=False)


def _cut(link: socket.socket) -> None:
    """End a connection from another thread: who waits for its next byte wakes up. Below TLS, whose reader is busy."""
    with suppress(OSError):
        socket.socket.shutdown(link, socket.SHUT_RDWR)
