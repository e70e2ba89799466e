"""The manifest: every file of a release outside `provenance/`, by name, size and SHA-256. Holds no signature.

Only names on the allow-list are released: weights as safetensors, and the configuration, tokenizer and
documents that go with them. Formats that can carry code (pickles, scripts) have no name here. Links and
special files are refused, so that what is hashed is what is served.
"""

import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

VERSION = 1
PROVENANCE_FOLDER = "provenance"
FILES_MAX = 1_000
# The Hugging Face client leaves its notes here when it downloads into a folder (`local_dir`). They are left
# aside, so that a plain download verifies; anything that is not such a note is reported.
CLIENT_FOLDER = ".cache"
_CLIENT_NOTES = re.compile(
    r"huggingface/(?:\.gitignore(?:\.lock)?|CACHEDIR\.TAG|download/(?:.+/)?[^/]+\.(?:metadata|lock)"
    r"|trees/[0-9a-f]{40}\.json)"
)
_CLIENT_NOTE_BYTES_MAX = 65_536
# Files that are written for people; everything else comes from the training run and must equal its artifact.
DOCUMENTS = frozenset({"README.md", "LICENSE", "LICENSE.md", "NOTICE"})
_NAMES = DOCUMENTS | {
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "adapter_config.json",
    "adapter_model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "chat_template.jinja",
}
_SHARD = re.compile(r"model-[0-9]{5}-of-[0-9]{5}\.safetensors")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: a stable code, the place, and what was found and expected."""

    code: str
    place: str
    detail: str


class ManifestError(Exception):
    """A folder that cannot be released, with every problem that was found."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Keep the problems; the message shows each."""
        super().__init__("; ".join(f"{problem.code} {problem.place}: {problem.detail}" for problem in problems))
        self.problems = problems


def name_is_allowed(name: str) -> bool:
    """Say whether a release may hold a file of this name. Names with a folder in them never are."""
    return name in _NAMES or _SHARD.fullmatch(name) is not None


def build(folder: Path) -> dict[str, Any]:
    """Return the manifest of `folder`; raise ManifestError if some file may not be released."""
    names, problems = _scan(folder)
    files = []
    for name in names:
        described = describe(folder, name)
        if isinstance(described, Problem):
            problems.append(described)
        else:
            files.append(described)
    if not files and not problems:
        problems.append(Problem("no_files", str(folder), "there is nothing to release"))
    if problems:
        raise ManifestError(tuple(problems))
    return {"files": files, "version": VERSION}


def check(folder: Path, manifest: object) -> list[Problem]:
    """Compare the files in `folder` with `manifest` and return all differences; none means agreement."""
    problems = check_form(manifest)
    if problems or not isinstance(manifest, Mapping):
        return problems
    expected = {entry["path"]: entry for entry in manifest["files"]}
    names, problems = _scan(folder, downloaded=True)
    for name in sorted(set(expected) - set(names)):
        problems.append(Problem("file_missing", name, "the manifest lists it, the folder does not hold it"))
    for name in names:
        if name not in expected:
            problems.append(Problem("file_not_listed", name, "the folder holds it, the manifest does not list it"))
            continue
        entry = expected[name]
        found = describe(folder, name, size_expected=entry["size"])
        if isinstance(found, Problem):
            problems.append(found)
        elif found["sha256"] != entry["sha256"]:
            detail = f"SHA-256 found {found['sha256']}, the manifest says {entry['sha256']}"
            problems.append(Problem("file_changed", name, detail))
    return problems


def check_form(manifest: object) -> list[Problem]:
    """Return what is wrong with the form of a manifest, without looking at any file."""
    place = "manifest.json"
    if not isinstance(manifest, Mapping) or set(manifest) != {"files", "version"}:
        return [Problem("manifest_malformed", place, "a manifest has exactly the keys files and version")]
    if type(manifest["version"]) is not int or manifest["version"] != VERSION:
        return [Problem("manifest_malformed", place, f"version {manifest['version']!r}, expected {VERSION}")]
    problems = check_entries(manifest["files"], place)
    if not problems and not manifest["files"]:
        return [Problem("manifest_malformed", place, "it lists no file")]
    return problems


def check_entries(files: object, place: str) -> list[Problem]:
    """Return what is wrong with a list of `{path, size, sha256}`: form, names, order and repetition."""
    if not isinstance(files, list):
        return [Problem("manifest_malformed", place, "files is not a list")]
    if len(files) > FILES_MAX:
        return [Problem("manifest_malformed", place, f"{len(files)} files, at most {FILES_MAX} are allowed")]
    problems = []
    paths: list[str] = []
    for index, entry in enumerate(files):
        where = f"{place} files[{index}]"
        if not isinstance(entry, Mapping) or set(entry) != {"path", "size", "sha256"}:
            problems.append(Problem("manifest_malformed", where, "an entry has exactly path, size and sha256"))
            continue
        path, size, sha256 = entry["path"], entry["size"], entry["sha256"]
        if not isinstance(path, str) or not name_is_allowed(path):
            problems.append(Problem("name_not_allowed", where, f"{path!r} is not a name that a release may hold"))
        elif type(size) is not int or size < 0 or not isinstance(sha256, str) or not _DIGEST.fullmatch(sha256):
            problems.append(Problem("manifest_malformed", where, "size or sha256 has the wrong form"))
        else:
            paths.append(path)
    if not problems and paths != sorted(set(paths)):
        problems.append(Problem("manifest_malformed", place, "files are not sorted by path, or one stands there twice"))
    return problems


def describe(folder: Path, name: str, size_expected: int | None = None) -> dict[str, Any] | Problem:
    """Hash one regular file as a stream, without following a link; return its entry, or the problem.

    With `size_expected` a file of another size is reported before anything is read.
    """
    try:
        # O_NONBLOCK: a pipe put there between the scan and now must not make us wait for a writer.
        handle = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return Problem("file_unreadable", name, error.strerror or type(error).__name__)
    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            return Problem("not_a_regular_file", name, "only regular files are released")
        if size_expected is not None and status.st_size != size_expected:
            return Problem("file_changed", name, f"{status.st_size} bytes found, {size_expected} expected")
        hasher, size = hashlib.sha256(), 0
        try:
            while chunk := stream.read(_CHUNK_BYTES):
                hasher.update(chunk)
                size += len(chunk)
        except OSError as error:
            return Problem("file_unreadable", name, error.strerror or type(error).__name__)
    return {"path": name, "size": size, "sha256": hasher.hexdigest()}


def _scan(folder: Path, *, downloaded: bool = False) -> tuple[list[str], list[Problem]]:
    """List the released names in `folder`, sorted, and the problems of everything else that lies there."""
    names: list[str] = []
    problems: list[Problem] = []
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        shown = entry.name.encode("utf-8", "backslashreplace").decode("utf-8")
        if entry.is_symlink():
            problems.append(Problem("link_not_allowed", shown, "a release holds no links"))
        elif entry.is_dir(follow_symlinks=False):
            if downloaded and entry.name == CLIENT_FOLDER:
                problems += _check_client_notes(folder / CLIENT_FOLDER)
            elif entry.name != PROVENANCE_FOLDER:
                problems.append(Problem("folder_not_allowed", shown, "a release holds no folder but provenance"))
        elif not entry.is_file(follow_symlinks=False):
            problems.append(Problem("not_a_regular_file", shown, "only regular files are released"))
        elif not name_is_allowed(entry.name):
            problems.append(Problem("name_not_allowed", shown, "not a name that a release may hold"))
        else:
            names.append(entry.name)
    return names, problems


def _check_client_notes(folder: Path) -> list[Problem]:
    """Return whatever in the client's folder is not one of its small notes."""
    problems = []
    waiting = [folder]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            found = list(entries)
        for entry in found:
            name = Path(entry.path).relative_to(folder).as_posix().encode("utf-8", "backslashreplace").decode("utf-8")
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif (
                not entry.is_file(follow_symlinks=False)
                or not _CLIENT_NOTES.fullmatch(name)
                or entry.stat(follow_symlinks=False).st_size > _CLIENT_NOTE_BYTES_MAX
            ):
                detail = "not a note of the download client"
                problems.append(Problem("file_not_listed", f"{CLIENT_FOLDER}/{name}", detail))
    return problems
