"""Releases of other hubs that a mirror has verified and put into COMMONWEIGHTS_MIRROR: the hub serves them too.

Nothing of them is in the database; `index.json` says what is there (`models_registry.mirror.index`). A model of this
site's own always wins over a mirrored one of the same name.
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

from models_registry.mirror import index
from models_registry.mirror.index import Entry
from models_registry.storage.listing import File, from_json


@dataclass(frozen=True)
class Mirrored:
    """One verified version in the folder of the mirror."""

    entry: Entry
    folder: Path

    @property
    def verified_at(self) -> datetime:
        """When the mirror has verified it."""
        return datetime.fromtimestamp(self.entry.at, UTC)

    def files(self) -> dict[str, File]:
        """Return its files by path."""
        return from_json(self.entry.files)

    def open(self, file: File, first: int) -> BinaryIO:
        """Return a stream of one of its files from byte `first` on."""
        descriptor = os.open(self.folder / file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        stream = os.fdopen(descriptor, "rb")
        stream.seek(first)
        return stream


def mirrored() -> tuple[Mirrored, ...]:
    """Return what the mirror keeps; nothing where there is none."""
    if settings.MIRROR_DIR is None:
        return ()
    try:
        changed = (settings.MIRROR_DIR / index.INDEX).stat()
    except FileNotFoundError:
        return ()
    return _read(settings.MIRROR_DIR, changed.st_mtime_ns, changed.st_ino)


@lru_cache(maxsize=2)
def _read(folder: Path, _changed_ns: int, _inode: int) -> tuple[Mirrored, ...]:
    """Read the index once for each state of it."""
    entries = index.read(folder).values()
    return tuple(Mirrored(entry, folder / entry.model / entry.revision) for entry in entries if not entry.refused)
