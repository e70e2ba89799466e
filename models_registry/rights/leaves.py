"""The records of a dataset by their digests. Pure.

The digest of a record is its leaf hash in the tree over the canonical rows (RFC 6962, section 2.1: SHA-256 over a zero
byte and the row as canonical JSON, without its line feed). It names a row without saying what is in it.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator

from governance.evidence import merkle

LEAF = re.compile(r"[0-9a-f]{64}")


def leaf_of(line: bytes) -> str:
    """Return the digest of the record that stands in one line of the canonical rows."""
    return merkle.leaf_hash(line.removesuffix(b"\n")).hex()


def numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, str, bytes]]:
    """Yield number (from 0), digest and line of each record."""
    for number, line in enumerate(lines):
        yield number, leaf_of(line), line


def named(lines: Iterable[bytes], names: Collection[str]) -> tuple[set[str], set[str]]:
    """Return the digests of the records that are named by digest or by `id`, and the names that fit no record."""
    left, found = set(names), set()
    for _number, leaf, line in numbered(lines):
        identifier = str(json.loads(line)["id"])
        for name in (leaf, identifier):
            if name in names:
                found.add(leaf)
                left.discard(name)
    return found, left
