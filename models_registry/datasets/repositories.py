"""Data files of a dataset repository on a Hugging Face Hub, at one commit. Scripts are never fetched, let alone run.

The hub's list of files says size and identity of each (SHA-256 for large files, the SHA-1 of a git blob for small
ones); what arrives is compared with it. Only public repositories: no token is sent. No Django here.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from governance.evidence.canonical import CanonicalError, strict_loads
from models_registry.datasets.fetch import Fetcher, FetchError
from models_registry.datasets.formats import ENDINGS

FILES_MAX = 100
LISTING_BYTES_MAX = 16 * 1024 * 1024
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
REVISION = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class RemoteFile:
    """One file as the hub describes it; `sha256` is empty for a small file, which `blob_id` identifies."""

    path: str
    size: int
    sha256: str
    blob_id: str

    @property
    def name(self) -> str:
        """Return what intake calls the file: its path without folders."""
        return self.path.replace("/", "_").lstrip(".")


def is_plain(path: str) -> bool:
    """Say whether a path of a repository is relative, and leads nowhere else."""
    parts = path.split("/")
    return all(part not in {"", ".", ".."} for part in parts) and "\\" not in path and "\0" not in path


def fetch_files(
    fetcher: Fetcher, endpoint: str, repository: str, revision: str, wanted: Sequence[str], folder: Path
) -> list[tuple[str, Path]]:
    """Fetch the wanted data files of a commit (none named: all) into `folder`; return name and place of each.

    1. Ask which files the commit has.  2. Choose.  3. Fetch each and compare it.  Raises FetchError.
    """
    listing = folder / "listing.json"
    # 1.
    address = f"{endpoint.rstrip('/')}/api/datasets/{repository}/revision/{revision}?blobs=true"
    Fetcher(LISTING_BYTES_MAX, fetcher.seconds, fetcher.allowed, fetcher.resolve, fetcher.tls).fetch(address, listing)
    # 2.
    files = choose(_files(listing.read_bytes(), revision), wanted)
    total = sum(file.size for file in files)
    if total > fetcher.bytes_max:
        raise FetchError("too_large", f"the files have {total} bytes, at most {fetcher.bytes_max}", permanent=True)
    fetched = []
    for number, file in enumerate(files):
        place = folder / f"part-{number}"
        # 3.
        fetcher.fetch(f"{endpoint.rstrip('/')}/datasets/{repository}/resolve/{revision}/{quote(file.path)}", place)
        _compare(file, place)
        fetched.append((file.name, place))
    return fetched


def choose(files: Iterable[RemoteFile], wanted: Sequence[str]) -> list[RemoteFile]:
    """Return the wanted files, or all data files where none are named; raise FetchError for one that is not there."""
    data = {file.path: file for file in files if file.path.lower().endswith(tuple(ENDINGS)) and is_plain(file.path)}
    missing = sorted(set(wanted) - set(data))
    if missing:
        raise FetchError("file_missing", f"the commit has no data file {missing[0][:200]}", permanent=True)
    chosen = [data[path] for path in sorted(set(wanted) or data)]
    if not chosen:
        endings = ", ".join(sorted(ENDINGS))
        raise FetchError("file_missing", f"the commit has no data file ({endings})", permanent=True)
    if len(chosen) > FILES_MAX:
        raise FetchError("too_large", f"{len(chosen)} files, at most {FILES_MAX}; name those you want", permanent=True)
    return chosen


def _files(listing: bytes, revision: str) -> list[RemoteFile]:
    try:
        told = strict_loads(listing, max_bytes=LISTING_BYTES_MAX)
        if told["sha"] != revision:
            raise _strange(f"the hub answered for the commit {str(told['sha'])[:60]}")
        return [_file(entry) for entry in told["siblings"]]
    except (CanonicalError, KeyError, TypeError) as error:
        raise _strange(f"the hub's list of files cannot be read: {error}"[:300]) from error


def _file(entry: dict[str, Any]) -> RemoteFile:
    size, large = entry["size"], entry.get("lfs") or {}
    sha256 = str(large.get("sha256", ""))
    if type(size) is not int or size < 0 or (large and not _SHA256.fullmatch(sha256)):
        raise _strange("the hub's list of files has a file without size or SHA-256")
    return RemoteFile(str(entry["rfilename"]), size, sha256, str(entry.get("blobId") or ""))


def _compare(file: RemoteFile, place: Path) -> None:
    """Refuse a file that is not the one that the commit has."""
    size = place.stat().st_size
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with place.open("rb") as content:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
    if size != file.size or digest.hexdigest() != (file.sha256 or file.blob_id):
        raise FetchError("digest_mismatch", f"{file.path} is not the file of that commit", permanent=True)


def _strange(detail: str) -> FetchError:
    return FetchError("fetch_refused", detail, permanent=True)
