"""The inputs of a run, found by their digests in folders that a stranger gives: wrong or missing ones are refused."""

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from governance.evidence.canonical import canonical_bytes
from models_registry.provenance import manifest

_CHUNK_BYTES = 1 << 20


class InputWrong(ValueError):
    """An input that is missing or is not the one that was approved; the message says which."""


@dataclass(frozen=True)
class Inputs:
    """Where the base model lies, its files, the file of each dataset and suite by digest, and classifiers likewise."""

    base: Path
    names: tuple[str, ...]
    rows: Mapping[str, Path]
    suites: tuple[str, ...]
    classifiers: Mapping[str, Path] = field(default_factory=dict)

    def lay_out(self, folder: Path, spec: Mapping[str, Any]) -> None:
        """Copy them into the folder of an attempt, as a worker of the site does (`training_jobs.folders`)."""
        for name in ("base", "datasets", "suite"):
            (folder / "inputs" / name).mkdir(parents=True, exist_ok=True)
        for name in self.names:
            shutil.copyfile(self.base / name, folder / "inputs" / "base" / name)
        for use in spec["datasets"]:
            shutil.copyfile(self.rows[use["digest"]], folder / "inputs" / "datasets" / f"{use['digest']}.jsonl")
        for suite in self.suites:
            shutil.copyfile(self.rows[suite], folder / "inputs" / "suite" / f"{suite}.jsonl")
        for digest, place in self.classifiers.items():
            (folder / "inputs" / "classifiers" / digest).mkdir(parents=True, exist_ok=True)
            for name in _names_in(place):
                shutil.copyfile(place / name, folder / "inputs" / "classifiers" / digest / name)
        (folder / "spec.json").write_bytes(canonical_bytes(dict(spec)))


def find(
    spec: Mapping[str, Any],
    base: Path,
    data: Iterable[Path],
    further: Iterable[str] = (),
    classifiers: Mapping[str, Path] | None = None,
) -> Inputs:
    """Return the inputs that a specification names; raise InputWrong. The trainer hashes all of them once more.

    1. the base model is the one that was voted on, by its manifest; 2. every dataset, the suite and the `further`
    suites of its rules are among the files in `data` (files, or folders with all that is below), by SHA-256.
    """
    names = _names_in(base)
    found, unread = _manifest_of(base)  # 1
    approved = spec["base"]
    if found != approved["manifest_sha256"]:
        detail = unread or f"its files have the manifest {found}"
        wanted_base = f"{approved['model']} revision {approved['revision']}, manifest {approved['manifest_sha256']}"
        raise InputWrong(f"{base} is not the approved base model, {wanted_base}: {detail}")
    suites = (spec["evaluation"]["suite"], *further)
    wanted = {use["digest"] for use in spec["datasets"]} | set(suites)
    rows: dict[str, Path] = {}
    for path in _files_in(data):  # 2
        if wanted == rows.keys():
            break
        digest = _sha256(path)
        if digest in wanted:
            rows[digest] = path
    missing = sorted(wanted - rows.keys())
    if missing:
        raise InputWrong(f"no file in the data given has the SHA-256 {', '.join(missing)}")
    return Inputs(base, tuple(names), rows, suites, classifiers or {})


def find_classifiers(named: Iterable[str], folders: Iterable[Path]) -> dict[str, Path]:
    """Return the folder of each classifier that is named by the digest of its manifest; raise InputWrong."""
    found = {_manifest_of(folder)[0]: folder for folder in folders}
    missing = sorted(set(named) - found.keys())
    if missing:
        raise InputWrong(f"no folder given (--classifier) holds the classifier with the manifest {', '.join(missing)}")
    return {digest: found[digest] for digest in named}


def _manifest_of(folder: Path) -> tuple[str, str]:
    """Return the SHA-256 of the manifest of what a folder holds of a model, or in words what cannot be read."""
    files = [manifest.describe(folder, name) for name in _names_in(folder)]
    unread = [file.detail for file in files if isinstance(file, manifest.Problem)]
    if unread:
        return "", unread[0]
    return hashlib.sha256(canonical_bytes({"files": files, "version": manifest.VERSION})).hexdigest(), ""


def _names_in(base: Path) -> list[str]:
    """Return what belongs to a model; a download has notes of its client beside it."""
    if not base.is_dir():
        raise InputWrong(f"{base} is not a folder")
    return sorted(path.name for path in base.iterdir() if manifest.name_is_allowed(path.name))


def _files_in(places: Iterable[Path]) -> Iterable[Path]:
    for place in places:
        if place.is_file():
            yield place
        elif place.is_dir():
            yield from sorted(path for path in place.rglob("*") if path.is_file())
        else:
            raise InputWrong(f"{place} is neither a file nor a folder")


def _sha256(path: Path) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            hasher.update(chunk)
    return hasher.hexdigest()
