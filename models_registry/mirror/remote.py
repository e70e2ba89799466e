"""The other hub, asked over HTTP with nothing but the standard library. Whatever it answers is bytes from a stranger.

Downloads go on where they stopped, across restarts (RFC 9110, sections 13.1.5 and 14): the stock client 2.x no longer
does that between processes.
"""

import http.client
import json
import os
import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from models_registry.publishing.check import ArtifactError, check_file_name
from models_registry.storage.listing import CHUNK_BYTES, described

ANSWER_BYTES_MAX = 16 * 1024 * 1024
PAGES_MAX = 1_000
FILES_MAX = 1_100
TIMEOUT_SECONDS = 30
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")
_REVISION = re.compile(r"[0-9a-f]{40}")
_TAG = re.compile(r"v(0|[1-9][0-9]{0,8})")
_NEXT = re.compile(r'<([^>]{1,2000})>; rel="next"')


class RemoteError(Exception):
    """The other hub cannot be used now, or says what no hub says. Trying again later can help."""


@dataclass(frozen=True)
class RemoteVersion:
    """One version as the other hub names it; `stopped` is the reason it gives for not handing it out.

    `set_back` is its reason for having gone back to an earlier version.
    """

    number: int
    revision: str
    stopped: str
    set_back: str = ""


@dataclass(frozen=True)
class RemoteFile:
    """One file as the other hub describes it; `etag` is its SHA-256 or, for a small file, its name in git."""

    path: str
    size: int
    etag: str


class Remote:
    """One hub, by the address that clients give as HF_ENDPOINT."""

    def __init__(self, address: str) -> None:
        """Take the address; raise ValueError for what is none."""
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{address[:200]!r} is not an http(s) address")
        self._address = address.rstrip("/")

    def models(self) -> list[str]:
        """Return the names of all models."""
        found: dict[str, None] = {}
        page = f"{self._address}/api/models?limit=100"
        for _ in range(PAGES_MAX):
            answer, headers = self._json(page)
            for entry in _list(answer):
                name = entry.get("id") if isinstance(entry, dict) else None
                if isinstance(name, str) and _MODEL.fullmatch(name) and ".." not in name:
                    found[name] = None
            following = _NEXT.search(headers.get("Link") or "")
            if following is None:
                return list(found)
            page = urljoin(page, following[1])
            if urlsplit(page)[:2] != urlsplit(self._address)[:2]:
                raise RemoteError("the list of models goes on at another site")
        raise RemoteError(f"the list of models has more than {PAGES_MAX} pages")

    def versions(self, model: str) -> list[RemoteVersion]:
        """Return the versions of a model, oldest first, by their tags."""
        answer, _headers = self._json(f"{self._address}/api/models/{model}/refs")
        told = self._told(model)
        found = []
        for tag in _list(answer.get("tags") if isinstance(answer, dict) else None):
            name, revision = (tag.get("name"), tag.get("targetCommit")) if isinstance(tag, dict) else (None, None)
            number = _TAG.fullmatch(name) if isinstance(name, str) else None
            if number and isinstance(revision, str) and _REVISION.fullmatch(revision):
                found.append(RemoteVersion(int(number[1]), revision, *(reasons.get(revision, "") for reasons in told)))
        return sorted(found, key=lambda version: version.number)

    def files(self, model: str, revision: str) -> list[RemoteFile]:
        """Return the files of a version; raise RemoteError for names and sizes that no release has."""
        answer, _headers = self._json(f"{self._address}/api/models/{model}/tree/{revision}?recursive=true")
        entries = [entry for entry in _list(answer) if isinstance(entry, dict) and entry.get("type") == "file"]
        if len(entries) > FILES_MAX:
            raise RemoteError(f"{len(entries)} files; a release has at most {FILES_MAX}")
        found = {}
        for entry in entries:
            large = entry.get("lfs")
            etag = large.get("oid") if isinstance(large, dict) else entry.get("oid")
            path, size = entry.get("path"), entry.get("size")
            if not isinstance(path, str) or type(size) is not int or size < 0 or not isinstance(etag, str):
                raise RemoteError("the list of files cannot be read")
            try:
                check_file_name(path, provenance=True)
            except ArtifactError as error:
                raise RemoteError(f"no release has a file {path[:80]!r}: {error.detail}") from error
            found[path] = RemoteFile(path, size, etag)
        return list(found.values())

    def download(self, model: str, revision: str, file: RemoteFile, target: Path) -> None:
        """Have the file at `target`, going on with what lies in `target.part`; compare it with the listing.

        1. Ask for what is missing, as long as it is the same file.  2. Write no more than was announced.  3. Compare
        size and digest; what differs is thrown away.  4. Give it its name.
        """
        part = target.with_name(f"{target.name}.part")
        done = part.stat().st_size if part.exists() else 0
        if done > file.size:
            part.unlink()
            done = 0
        if done < file.size or not part.exists():
            headers = {"Range": f"bytes={done}-", "If-Range": f'"{file.etag}"'} if done else {}
            with self._open(self.address_of(model, revision, file), headers) as answer:  # 1
                resumed = answer.status == http.client.PARTIAL_CONTENT
                _append(answer, part, done if resumed else 0, file.size)  # 2
        found = described(part, file.path)  # 3
        if (found.size, found.etag) != (file.size, file.etag):
            if found.size == file.size:
                part.unlink()
            raise RemoteError(f"{file.path}: {found.size} bytes of {file.size} came, or others than were announced")
        part.rename(target)  # 4

    def address_of(self, model: str, revision: str, file: RemoteFile) -> str:
        """Return where a file lies."""
        return f"{self._address}/{model}/resolve/{revision}/{quote(file.path)}"

    def _told(self, model: str) -> tuple[dict[str, str], dict[str, str]]:
        """Return by revision why versions are not handed out, and why others were left for an earlier one.

        All of them may be stopped: then main tells only its own reason, and nothing is known of the others.
        """
        try:
            answer, _headers = self._json(f"{self._address}/api/models/{model}")
        except RemoteError:
            return {}, {}
        return _reasons(answer, "stopped"), _reasons(answer, "set_back")

    def _json(self, address: str) -> tuple[Any, http.client.HTTPMessage]:
        with self._open(address, {}) as answer:
            body = answer.read(ANSWER_BYTES_MAX + 1)
            headers = answer.headers
        if len(body) > ANSWER_BYTES_MAX:
            raise RemoteError(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
        try:
            return json.loads(body), headers
        except (ValueError, RecursionError) as error:
            raise RemoteError(f"{address} did not answer with JSON") from error

    def _open(self, address: str, headers: dict[str, str]) -> "http.client.HTTPResponse":
        asked = urllib.request.Request(address, headers={"User-Agent": "commonweights-mirror", **headers})  # noqa: S310 - checked to be http(s)
        try:
            return _OPENER.open(asked, timeout=TIMEOUT_SECONDS)  # type: ignore[no-any-return]
        except urllib.error.HTTPError as error:
            said = error.headers.get("X-Error-Message") or error.reason
            raise RemoteError(f"{address}: {error.code} {said}") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RemoteError(f"{address}: {getattr(error, 'reason', error)}") from error


def _append(answer: "http.client.HTTPResponse", part: Path, first: int, size: int) -> None:
    """Write what comes behind byte `first`, no further than `size`, durably."""
    with part.open("r+b" if part.exists() else "xb") as writing:
        writing.truncate(first)
        writing.seek(first)
        left = size - first
        try:
            while left and (chunk := answer.read(min(CHUNK_BYTES, left))):
                writing.write(chunk)
                left -= len(chunk)
        except (OSError, http.client.HTTPException) as error:
            raise RemoteError(f"the connection broke: {error}") from error
        finally:
            writing.flush()
            os.fsync(writing.fileno())


def _reasons(answer: object, name: str) -> dict[str, str]:
    """Read a list of revisions with reasons."""
    entries = _list(answer.get(name, [])) if isinstance(answer, dict) else []
    return {
        entry["sha"]: str(entry.get("reason", ""))[:600] or "no reason given"
        for entry in entries
        if isinstance(entry, dict) and isinstance(entry.get("sha"), str)
    }


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise RemoteError("an answer has no list where one belongs")
    return value


# http and https only: not what else urllib would open for an address, such as files of this machine.
_OPENER = urllib.request.OpenerDirector()
for _handler in (
    urllib.request.ProxyHandler, urllib.request.HTTPHandler, urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler, urllib.request.HTTPRedirectHandler, urllib.request.HTTPErrorProcessor,
):  # fmt: skip
    _OPENER.add_handler(_handler())
