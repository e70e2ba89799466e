"""What every store of objects offers. An object is bytes under the name that is their SHA-256; it never changes.

A store is told the name and does not trust it on the way in; on the way out, whoever needs certainty hashes again
(`folders.py` and `checks.py` do, and so does every client: the hub sends the digest with the file).
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from models_registry.storage.listing import CHUNK_BYTES

NAME = re.compile(r"[0-9a-f]{64}")


class ObjectMissing(FileNotFoundError):
    """The store has no object of this name. Once it is back, the same request succeeds."""


class WrongBytes(OSError):
    """The bytes are not those that their name says."""


@dataclass(frozen=True)
class Stored:
    """One object that lies in the store. `touched_at` is when it was last written or wanted by a publication."""

    sha256: str
    size: int
    touched_at: datetime


class ObjectStore(Protocol):
    """Keeps objects. Every method may be called again after any failure, and from several processes at once."""

    def keep(self, file: Path, sha256: str) -> None:
        """Have the bytes of `file` as the object `sha256`, whole and durable; raise WrongBytes for other bytes."""
        ...

    def open(self, sha256: str, first: int = 0) -> BinaryIO:
        """Return a stream of the object from byte `first` on; raise ObjectMissing."""
        ...

    def fetch(self, sha256: str, target: Path) -> None:
        """Put the object at `target`, which does not exist yet; raise ObjectMissing or WrongBytes."""
        ...

    def objects(self) -> Iterator[Stored]:
        """Yield every object, in any order."""
        ...

    def stored(self, sha256: str) -> Stored | None:
        """Return what lies there under this name now."""
        ...

    def delete(self, sha256: str) -> None:
        """Remove an object; what is gone is gone."""
        ...


def require_name(sha256: str) -> str:
    """Return a name that may become a part of a path; raise ValueError for anything else."""
    if not NAME.fullmatch(sha256):
        raise ValueError(f"{sha256[:80]!r} is not 64 lower-case hex characters")
    return sha256


def digest_of(stream: BinaryIO) -> str:
    """Return the SHA-256 of what is left of a stream, in bounded memory; close it."""
    digest = hashlib.sha256()
    with stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
