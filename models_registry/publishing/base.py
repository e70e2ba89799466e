"""What every publication target is, and what all of them check first: that the folder is the release that was signed.

A target is told which manifest it publishes (`manifest_sha256`); it never trusts the folder to say so itself.
"""

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from governance.evidence.canonical import CanonicalError, strict_loads
from models_registry.publishing.check import PROVENANCE_NAMES, ArtifactError, check_file_name, check_listed

MANIFEST = "provenance/manifest.json"
MANIFEST_BYTES_MAX = 1_000_000
MODEL_ID = re.compile(r"[a-z0-9][a-z0-9\-_.]{0,95}/[a-z0-9][a-z0-9\-_.]{0,95}", re.IGNORECASE)
REVISION = re.compile(r"[0-9a-f]{40}")
DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Publication:
    """Where a release can be found: a location in the target's own terms, and the revision under which it is pinned."""

    location: str
    revision: str


class PublishError(Exception):
    """A publication that did not happen.

    `permanent` says that trying again the same way cannot help; `retry_after_seconds` is the rest that a target asked
    for, or 0.
    """

    def __init__(self, code: str, detail: str, *, permanent: bool, retry_after_seconds: int = 0) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds


# Asked just before something becomes visible: returns, or raises PublishError to stop there.
Permit = Callable[[], None]


def always() -> None:
    """Permit everything: for whoever has looked just now."""


class Target(Protocol):
    """One place to publish to. `publish` may be called again after any failure and finds what it already did.

    It asks for permission before each step that shows the release to readers, however long it worked until then.
    """

    name: str
    label: str
    description: str

    def publish(
        self,
        release_folder: Path,
        model_id: str,
        version: int,
        revision: str,
        manifest_sha256: str,
        permit: Permit = always,
    ) -> Publication:
        """Make the release available under its version, or raise PublishError."""
        ...


@dataclass(frozen=True)
class ReleaseFile:
    """One file of a release with the digest under which it was checked."""

    path: str
    size: int
    sha256: str


def require_names(model_id: str, version: int, revision: str, manifest_sha256: str) -> None:
    """Refuse malformed names before they become paths or addresses."""
    if not MODEL_ID.fullmatch(model_id) or ".." in model_id:
        raise PublishError("malformed_field", f"model {model_id[:80]!r} is not namespace/name", permanent=True)
    if version < 1:
        raise PublishError("malformed_field", f"version {version} is not a positive number", permanent=True)
    if not REVISION.fullmatch(revision):
        raise PublishError("malformed_field", f"revision {revision[:80]!r} is not 40 hex characters", permanent=True)
    if not DIGEST.fullmatch(manifest_sha256):
        raise PublishError(
            "malformed_field", f"digest {manifest_sha256[:80]!r} is not 64 hex characters", permanent=True
        )


def release_files(folder: Path, manifest_sha256: str) -> tuple[ReleaseFile, ...]:
    """Return every file of the release, sorted, after comparing the folder, byte by byte, with the signed manifest."""
    try:
        manifest = (folder / MANIFEST).read_bytes()
    except FileNotFoundError as error:
        raise PublishError("manifest_mismatch", "the release has no manifest", permanent=True) from error
    if hashlib.sha256(manifest).hexdigest() != manifest_sha256:
        raise PublishError("manifest_mismatch", "the manifest is not the one that was signed", permanent=True)
    listed = _listed(manifest)
    found = [
        path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()
    ]
    try:
        for path in found:
            check_file_name(path, provenance=True)
        check_listed([path for path in found if path not in PROVENANCE_NAMES], [file.path for file in listed])
    except ArtifactError as error:
        raise PublishError(error.code, f"{error.path}: {error.detail}", permanent=True) from error
    files = tuple(measure(folder, path) for path in found)
    by_path = {file.path: file for file in files}
    for file in listed:
        if by_path[file.path] != file:
            raise PublishError("manifest_mismatch", f"{file.path} is not the file that was signed", permanent=True)
    return files


def measure(folder: Path, path: str) -> ReleaseFile:
    """Return size and SHA-256 of one file, refusing to follow a link."""
    digest = hashlib.sha256()
    size = 0
    with open_plain(folder / path) as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return ReleaseFile(path, size, digest.hexdigest())


def open_plain(file: Path) -> BinaryIO:
    """Open a file for reading unless it is a link: a link inside a release could publish any file of this machine."""
    try:
        return os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise PublishError("path_forbidden", f"{file.name} cannot be read as a plain file", permanent=True) from error


def _listed(manifest: bytes) -> tuple[ReleaseFile, ...]:
    try:
        value = strict_loads(manifest, max_bytes=MANIFEST_BYTES_MAX)
        return tuple(
            ReleaseFile(str(entry["path"]), int(entry["size"]), str(entry["sha256"])) for entry in value["files"]
        )
    except (CanonicalError, KeyError, TypeError, ValueError) as error:
        raise PublishError("manifest_mismatch", "the manifest cannot be read", permanent=True) from error
