"""What a mirror asks of another site, whatever carries it: bytes at a path below the site's address, or a refusal."""

from typing import Any, Protocol

from governance.evidence.canonical import CanonicalError, strict_loads

ANSWER_BYTES_MAX = 8_000_000


class SourceError(Exception):
    """An answer that cannot be used. `code`: `absent`, `too_large`, `unreadable` or `unreachable`.

    It says nothing about the log: trying again later can help.
    """

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Source(Protocol):
    """The other site. `get` returns at most `ANSWER_BYTES_MAX` bytes, within a bounded time, or raises SourceError."""

    def get(self, path: str) -> bytes:
        """Return what lies at a path that begins with a slash."""
        ...


def told(source: Source, path: str) -> dict[str, Any]:
    """Return the JSON object at a path; raise SourceError for anything else."""
    try:
        value = strict_loads(source.get(path), max_bytes=ANSWER_BYTES_MAX)
    except CanonicalError as error:
        raise SourceError("unreadable", f"{path} is not JSON as it must be ({error.code})") from error
    if not isinstance(value, dict):
        raise SourceError("unreadable", f"{path} is no object")
    return value


def text_of(value: object, what: str) -> str:
    """Return a text; raise SourceError for anything else."""
    if not isinstance(value, str):
        raise SourceError("unreadable", f"{what} is no text")
    return value


def texts_of(value: object, what: str) -> list[str]:
    """Return a list of texts; raise SourceError for anything else."""
    if not isinstance(value, list):
        raise SourceError("unreadable", f"{what} is no list")
    return [text_of(each, what) for each in value]
