"""HTTPS to the site, outbound only: JSON in, JSON out, and every answer sorted into what the bot can do about it.

No redirect is followed, because a token must not go where the configuration does not say; proxies of the environment
are used. Nothing that is received is believed to be small, or JSON.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from email.message import Message
from http.client import HTTPException, HTTPResponse
from typing import IO, Any
from urllib.parse import quote, urlencode

from governance.errors import Conflict, Forbidden, Invalid, NotAuthenticated, Refusal
from governance.evidence.canonical import CanonicalError, strict_loads
from training_jobs.supervisor import PlatformUnreachable, StaleLeaseError

ANSWER_BYTES_MAX = 4_000_000
BLOCK_BYTES = 1 << 20
PROBLEM_BYTES_MAX = 100_000
TIMEOUT_SECONDS = 30
PATIENT_SECONDS = 600  # the site hashes what it takes over before it answers
TOO_MANY, SERVER_ERROR = 429, 500
UNAUTHORIZED, FORBIDDEN, CONFLICT = 401, 403, 409


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        """Leave the redirect as the error that it is here."""
        return


class Client:
    """The runner API of one site. `token` is asked for at each call, because it changes in a long life."""

    def __init__(self, url: str, token: Callable[[], str]) -> None:
        """Keep where to and as whom; nothing is opened."""
        self._base = f"{url}/api/v1/runner/"
        self._token = token
        self._opener = urllib.request.build_opener(_NoRedirects())

    def get(self, path: str, **query: object) -> dict[str, Any]:
        """Return a JSON answer."""
        return self._json("GET", path, None, query, TIMEOUT_SECONDS)

    def post(self, path: str, body: Mapping[str, Any], *, patient: bool = False) -> dict[str, Any]:
        """Send JSON; return the JSON answer."""
        data = json.dumps(body, ensure_ascii=True, allow_nan=False).encode()
        return self._json("POST", path, data, {}, PATIENT_SECONDS if patient else TIMEOUT_SECONDS)

    def blocks(self, path: str, first: int = 0, **query: object) -> Iterator[bytes]:
        """Yield the body of a GET in blocks, from byte `first` on."""
        headers = {"Range": f"bytes={first}-"} if first else {}
        with self._open("GET", path, None, query, headers, TIMEOUT_SECONDS) as answer:
            while block := _read(answer, BLOCK_BYTES):
                yield block

    def lines(self, path: str, line_bytes_max: int) -> Iterator[bytes]:
        """Yield the body of a GET in lines with their line feeds; one that is too long is cut, and then no line."""
        with self._open("GET", path, None, {}, {}, PATIENT_SECONDS) as answer:
            while line := _read(answer, line_bytes_max, line=True):
                yield line

    def upload_offset(self, path: str, **query: object) -> int:
        """Return how many bytes of an upload are there."""
        with self._open("HEAD", path, None, query, {}, TIMEOUT_SECONDS) as answer:
            text = answer.headers.get("Upload-Offset", "")
        if not (text.isascii() and text.isdigit()):
            raise PlatformUnreachable("the answer has no Upload-Offset")
        return int(text)

    def put(self, path: str, data: bytes, first: int, total: int, **query: object) -> int:
        """Send a part of an upload; return how many bytes are there now."""
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"bytes {first}-{first + len(data) - 1}/{total}",
        }
        with self._open("PUT", path, data, query, headers, PATIENT_SECONDS) as answer:
            return int(_object(answer)["received"])

    def _json(
        self, method: str, path: str, data: bytes | None, query: Mapping[str, object], seconds: int
    ) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} if data is not None else {}
        with self._open(method, path, data, query, headers, seconds) as answer:
            return _object(answer)

    def _open(
        self,
        method: str,
        path: str,
        data: bytes | None,
        query: Mapping[str, object],
        headers: Mapping[str, str],
        seconds: int,
    ) -> HTTPResponse:
        """Open a request; raise what a refusal or a broken connection means."""
        address = self._base + quote(path) + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(  # noqa: S310 - the configuration allows https, and http to this machine
            address,
            data=data,
            method=method,
            headers={"Authorization": f"Bearer {self._token()}", "Accept": "application/json, */*", **headers},
        )
        try:
            answer: HTTPResponse = self._opener.open(request, timeout=seconds)
        except urllib.error.HTTPError as error:
            with error:
                raise _meaning(error) from error
        except (HTTPException, OSError) as error:  # URLError, resets, timeouts
            raise PlatformUnreachable(f"{method} {path}: {getattr(error, 'reason', error)}") from error
        return answer


def _read(answer: HTTPResponse, bytes_max: int, *, line: bool = False) -> bytes:
    """Read some of an answer; what breaks here is the network, and not the disk of whoever writes it down."""
    try:
        return answer.readline(bytes_max) if line else answer.read(bytes_max)
    except (HTTPException, OSError) as error:
        raise PlatformUnreachable(f"the answer broke off: {error}") from error


def _object(answer: HTTPResponse) -> dict[str, Any]:
    try:
        value = strict_loads(_read(answer, ANSWER_BYTES_MAX + 1), max_bytes=ANSWER_BYTES_MAX)
    except CanonicalError as error:
        raise PlatformUnreachable(f"the answer cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise PlatformUnreachable("the answer is not a JSON object")
    return value


def _meaning(error: urllib.error.HTTPError) -> Exception:
    """Return what an answer of 300 and more means for the bot."""
    code, detail = f"http_{error.code}", str(error.reason)
    try:
        problem = strict_loads(error.read(PROBLEM_BYTES_MAX), max_bytes=PROBLEM_BYTES_MAX)
        code, detail = str(problem["code"])[:60], str(problem["detail"])[:500]
    except (CanonicalError, OSError, HTTPException, KeyError, TypeError):
        pass  # a proxy answered, not the site
    if error.code == TOO_MANY or error.code >= SERVER_ERROR:
        return PlatformUnreachable(f"{code}: {detail}")
    if code == "stale_lease":
        return StaleLeaseError()
    kinds: dict[int, type[Refusal]] = {UNAUTHORIZED: NotAuthenticated, FORBIDDEN: Forbidden, CONFLICT: Conflict}
    return kinds.get(error.code, Invalid)(code, detail)
