"""Files and folders of one revision, as the client walks through them. What a file is: `storage.listing`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from models_registry.storage.listing import File


@dataclass(frozen=True)
class Folder:
    """One folder inside a revision."""

    path: str
    git_id: str


def entries_below(files: Mapping[str, File], path: str, *, recursive: bool) -> list[File | Folder] | None:
    """Return files and folders below `path` ("" is the top), or None when there is no such folder."""
    prefix = f"{path}/" if path else ""
    below = [file for file in files.values() if file.path.startswith(prefix)]
    if not below and path:
        return None
    folders = {
        "/".join(parts[:depth])
        for parts in (file.path.split("/") for file in below)
        for depth in range(1, len(parts))
        if len("/".join(parts[:depth])) > len(prefix)
    }
    entries: list[File | Folder] = [*below, *(folder_at(files, name) for name in folders)]
    if not recursive:
        entries = [entry for entry in entries if "/" not in entry.path.removeprefix(prefix)]
    return sorted(entries, key=lambda entry: entry.path)


def entry_at(files: Mapping[str, File], path: str) -> File | Folder | None:
    """Return the file or folder at exactly this path."""
    if path in files:
        return files[path]
    return folder_at(files, path) if any(name.startswith(f"{path}/") for name in files) else None


def folder_at(files: Mapping[str, File], path: str) -> Folder:
    """Name a folder by the names of what it holds (not git's own tree format: no client looks inside)."""
    inside = [f"{file.path} {file.git_id}" for file in files.values() if file.path.startswith(f"{path}/")]
    return Folder(path, hashlib.sha1("\n".join(inside).encode(), usedforsecurity=False).hexdigest())
