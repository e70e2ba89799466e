"""The checkpoints in a run's folder, seen from outside the trainer: which count, holding them, handing them on.

A checkpoint is RUN_DIR/checkpoints/<step, 8 digits>/ with a manifest.json that was written last and names every file
with size and SHA-256. Pure files: no Django, no torch; the trainer and this module share only that form.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from governance.evidence.canonical import strict_loads

FOLDER = "checkpoints"
MANIFEST = "manifest.json"
KEPT = 2
STEP_DIGITS = 8
MANIFEST_BYTES_MAX = 1_000_000
_BLOCK = 1 << 20


class BadCheckpoint(Exception):
    """A checkpoint that is not what its manifest says."""


def steps_in(run_dir: Path) -> list[int]:
    """Return the steps of the checkpoints that have a manifest, oldest first; nothing is verified."""
    folder = run_dir / FOLDER
    if not folder.is_dir():
        return []
    names = [entry.name for entry in folder.iterdir() if (entry / MANIFEST).is_file()]
    return sorted(int(name) for name in names if len(name) == STEP_DIGITS and name.isascii() and name.isdigit())


def folder_of(run_dir: Path, step: int) -> Path:
    """Return where the checkpoint of a step lies."""
    return run_dir / FOLDER / f"{step:0{STEP_DIGITS}}"


def verify(folder: Path) -> dict[str, Any]:
    """Return the manifest of a checkpoint whose every file has its size and digest, or raise BadCheckpoint."""
    try:
        manifest = _manifest(folder)
        for entry in manifest["files"]:
            path = folder / _plain_name(entry["path"])
            if path.is_symlink() or path.stat().st_size != entry["size"] or _sha256(path) != entry["sha256"]:
                raise BadCheckpoint(f"{entry['path']} is not the file that was written")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadCheckpoint(f"{folder.name}: {error}") from error
    return dict(manifest)


def is_complete(folder: Path) -> bool:
    """Say whether every file that the manifest names is there, with its size; nothing is hashed."""
    try:
        entries = _manifest(folder)["files"]
        return all((folder / _plain_name(entry["path"])).stat().st_size == entry["size"] for entry in entries)
    except (BadCheckpoint, OSError, ValueError, KeyError, TypeError):
        return False


@contextmanager
def held(run_dir: Path, step: int) -> Iterator[Path]:
    """Give a folder with hard links to a checkpoint, which stays when the trainer removes its own; for reading only."""
    source, links = folder_of(run_dir, step), run_dir / ".held" / f"{step:0{STEP_DIGITS}}"
    shutil.rmtree(links, ignore_errors=True)
    links.mkdir(parents=True)
    try:
        for path in source.iterdir():
            os.link(path, links / path.name, follow_symlinks=False)
        yield links
    finally:
        shutil.rmtree(links, ignore_errors=True)


def hand_on(earlier: list[Path], run_dir: Path, spec_digest: str) -> int | None:
    """Copy the newest checkpoint of earlier attempts that verifies into the folder of a new one; return its step.

    A copy, not a link: a process of the old attempt that still runs must not be able to write into the new one's
    files. The copy is verified, because what was verified elsewhere may have changed since. None: from the beginning.
    """
    found = [(step, folder_of(attempt, step)) for attempt in earlier for step in steps_in(attempt)]
    for step, source in sorted(found, key=lambda pair: pair[0], reverse=True):
        partial = run_dir / FOLDER / f".{step:0{STEP_DIGITS}}.partial"
        try:
            shutil.copytree(source, partial, symlinks=True)
            if verify(partial).get("spec") != spec_digest:
                raise BadCheckpoint("made for another specification")
        except (BadCheckpoint, OSError):
            shutil.rmtree(partial, ignore_errors=True)
            continue
        partial.rename(folder_of(run_dir, step))
        return step
    return None


def _manifest(folder: Path) -> Any:  # noqa: ANN401 - what the file holds; nothing of it is checked yet
    with (folder / MANIFEST).open("rb") as file:
        return strict_loads(file.read(MANIFEST_BYTES_MAX + 1), max_bytes=MANIFEST_BYTES_MAX)


def _plain_name(name: object) -> str:
    """Return the name if it stays inside the folder."""
    if not isinstance(name, str) or name in {"", ".", ".."} or "/" in name or "\x00" in name:
        raise BadCheckpoint("a file name leads outside")
    return name


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
