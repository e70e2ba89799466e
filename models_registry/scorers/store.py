"""The classifiers that this site keeps for its rules: files by the digest of their manifest, put here by the operator.

ARTIFACTS_DIR/classifiers/<manifest SHA-256>/ holds the files; <manifest SHA-256>.json beside it says where they came
from, which labels there are, and which of them the operator offers at which threshold. No code is kept: weights as
safetensors, configuration and tokenizer.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

from governance.evidence.canonical import canonical_bytes
from models_registry.provenance import manifest
from models_registry.scorers.naming import NamingError, Scorer

_DIGEST = re.compile(r"[0-9a-f]{64}")
_WEIGHTS = re.compile(r"model(-[0-9]{5}-of-[0-9]{5})?\.safetensors")
NEEDED = ("config.json", "tokenizer.json")


class NotKept(ValueError):
    """A folder that cannot be kept as a classifier; the message says why."""


@dataclass(frozen=True)
class Kept:
    """A classifier on this site. `offered` is the name of the metric that the rule editor offers."""

    manifest_sha256: str
    source: str
    labels: tuple[str, ...]
    offered: str


def kept() -> list[Kept]:
    """Return all of them, in the order of their digests."""
    return [found for path in sorted(_folder().glob("*.json")) if (found := find(path.stem)) is not None]


def find(manifest_sha256: str) -> Kept | None:
    """Return a classifier by the digest of its manifest, or None where this site has no such files."""
    if not _DIGEST.fullmatch(manifest_sha256) or not folder_of(manifest_sha256).is_dir():
        return None
    try:
        said = json.loads((_folder() / f"{manifest_sha256}.json").read_bytes())
        return Kept(manifest_sha256, said["source"], tuple(said["labels"]), said["offered"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def folder_of(manifest_sha256: str) -> Path:
    """Return where the files of a classifier lie, if they do."""
    return _folder() / manifest_sha256


def files_of(manifest_sha256: str) -> dict[str, Path]:
    """Return name → file; nothing where this site does not keep the classifier."""
    if find(manifest_sha256) is None:
        return {}
    return {path.name: path for path in sorted(folder_of(manifest_sha256).iterdir())}


def describe(folder: Path) -> tuple[list[str], str]:
    """Return the names in `folder` that make up a classifier, and the SHA-256 of their manifest; raise NotKept.

    Whatever else lies there (pickles, scripts, notes of a client) is left behind, and was not opened.
    """
    names = sorted(path.name for path in folder.iterdir() if manifest.name_is_allowed(path.name))
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise NotKept(f"{folder} has no {', '.join(missing)}")
    if not any(_WEIGHTS.fullmatch(name) for name in names):
        raise NotKept(f"{folder} has no model.safetensors; weights in any other form are never opened")
    files = [manifest.describe(folder, name) for name in names]
    wrong = [file for file in files if isinstance(file, manifest.Problem)]
    if wrong:
        raise NotKept(f"{wrong[0].place}: {wrong[0].detail}")
    body = {"files": files, "version": manifest.VERSION}
    return names, hashlib.sha256(canonical_bytes(body)).hexdigest()


def keep(folder: Path, source: str, labels: tuple[str, ...], offered: list[str], threshold: str) -> Kept:
    """Copy a classifier that was tried into the store; whole or not at all. Raises NotKept.

    `labels` are those that the model has, `offered` those that count as toxic from `threshold` on.
    """
    names, digest = describe(folder)
    unknown = sorted(set(offered) - set(labels))
    if unknown or not offered:
        raise NotKept(f"the model has the labels {', '.join(labels)}, not {', '.join(unknown) or 'none'}")
    try:
        found = Kept(digest, source, labels, Scorer.of(digest, offered, threshold).name)
    except NamingError as error:
        raise NotKept(str(error)) from error
    _folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_folder(), prefix=".incoming-") as place:
        copy = Path(place) / "files"
        copy.mkdir()
        for name in names:
            shutil.copyfile(folder / name, copy / name)
        if describe(copy)[1] != digest:
            raise NotKept(f"{folder} changed while it was copied")
        if not folder_of(digest).is_dir():
            copy.rename(folder_of(digest))
        note = Path(place) / "note"
        note.write_text(json.dumps(asdict(found), indent=2, sort_keys=True) + "\n")
        os.replace(note, _folder() / f"{digest}.json")  # noqa: PTH105 - one call, whole or not at all
    return found


def _folder() -> Path:
    folder: Path = settings.ARTIFACTS_DIR / "classifiers"
    return folder
