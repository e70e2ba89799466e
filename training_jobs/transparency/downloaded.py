"""Reads a community's public log as it was downloaded: JSON lines.

A line is an entry as the log hashes it, or a whole answer of /api/v1/communities/SLUG/log/entries, which holds many;
such answers must follow one another without a gap. Nothing is believed of an entry but what it says: whether it is in
the log at all, the root says, which anybody compares with a signed checkpoint.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from governance.errors import Malformed
from governance.evidence import merkle
from governance.evidence.canonical import DEPTH_MAX, CanonicalError, canonical_bytes, strict_loads
from training_jobs.transparency.figures import Entry, Log

LINE_BYTES_MAX = 64 * 1024 * 1024
_KEYS = {"kind", "at", "actor", "proposal", "data"}


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A log and the root of its Merkle tree (RFC 6962), in hex."""

    log: Log
    root: str


def read(lines: Iterable[bytes]) -> Downloaded:
    """Read all lines; empty ones are passed over. Raises Malformed with the number of the first bad line."""
    leaves: list[bytes] = []
    log = Log.of(entries(lines, leaves))
    return Downloaded(log, merkle.root_of_hashes(leaves))


def entries(lines: Iterable[bytes], leaves: list[bytes]) -> Iterator[Entry]:
    """Yield the entries, each with its leaf of the tree added to `leaves`; for the rest see `read`."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            for value in _values(_parsed(line), len(leaves)):
                leaves.append(merkle.leaf_hash(canonical_bytes(value)))
                yield _entry(value)
        except (CanonicalError, Malformed) as error:
            detail = error.detail
            raise Malformed("malformed_log", f"line {number}: {detail}", field="line", found=number) from error


def _values(found: object, read: int) -> list[Any]:
    """Return the entries of a line."""
    if not isinstance(found, dict) or "leaves" not in found:
        return [found]
    if found.get("start") != read:
        raise Malformed("malformed_log", f"an answer that starts at {read} is missing", found=str(found.get("start")))
    if not isinstance(found["leaves"], list):
        raise Malformed("malformed_log", "leaves are a list")
    return [_parsed(str(leaf).encode("utf-8", "replace")) for leaf in found["leaves"]]


def _parsed(text: bytes) -> Any:  # noqa: ANN401 - JSON is any shape
    return strict_loads(text, max_bytes=LINE_BYTES_MAX, max_depth=2 * DEPTH_MAX)


def _entry(value: object) -> Entry:
    if not isinstance(value, dict) or set(value) != _KEYS:
        raise Malformed("malformed_log", f"an entry has {', '.join(sorted(_KEYS))}")
    at, kind, actor = value["at"], value["kind"], value["actor"]
    if type(at) is not int or not isinstance(kind, str) or not isinstance(actor, str):
        raise Malformed("malformed_log", "an entry's moment is a whole number, its kind and actor are texts")
    return Entry(at, kind, value["data"], actor)
