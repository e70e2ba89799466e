"""The manifest of an export: what it is, whose, and every file with its SHA-256. Strangers write it: read strictly.

manifest.json is canonical JSON (RFC 8785), so that its own SHA-256 names the whole export.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from governance.errors import Invalid
from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads

FORMAT: Final = "commonweights-community"
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
OBJECTS: Final = "objects.jsonl"
MANIFEST_BYTES_MAX: Final = 4_000_000
FILES_MAX: Final = 200
FINDINGS_MAX: Final = 1_000
TABLE: Final = re.compile(r"tables/[a-z][a-z0-9_]{0,59}\.jsonl")
OBJECT: Final = re.compile(r"objects/([0-9a-f]{2})/([0-9a-f]{62})")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("community", "instance", "record", "software", "made_at")
_TEXT_CHARACTERS_MAX = 300


@dataclass(frozen=True)
class File:
    """One file of rows: its path in the export, SHA-256, size in bytes, and how many lines it has."""

    path: str
    sha256: str
    size: int
    lines: int


@dataclass(frozen=True)
class Manifest:
    """What an export says of itself. `findings` is what fsck found at home: {"table column": how often}."""

    community: str
    instance: str
    record: str
    software: str
    made_at: str
    with_files: bool
    files: tuple[File, ...]
    findings: dict[str, int]
    left_out: dict[str, str]

    def to_bytes(self) -> bytes:
        """Return the file."""
        return canonical_bytes(
            {
                "format": FORMAT,
                "version": VERSION,
                **{name: getattr(self, name) for name in _TEXTS},
                "with_files": self.with_files,
                "files": [
                    {"path": file.path, "sha256": file.sha256, "size": file.size, "lines": file.lines}
                    for file in self.files
                ],
                "findings": self.findings,
                "left_out": self.left_out,
            }
        )


def object_path(sha256: str) -> str:
    """Return where an object lies in an export."""
    return f"objects/{sha256[:2]}/{sha256[2:]}"


def read(data: bytes) -> Manifest:
    """Read a manifest; raise Invalid for another format or version, and for anything that is not as it has to be."""
    try:
        said = strict_loads(data, max_bytes=MANIFEST_BYTES_MAX)
    except CanonicalError as error:
        raise Invalid("bad_manifest", f"{MANIFEST} cannot be read: {error.detail}", field=MANIFEST) from error
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise Invalid("unknown_format", "this is no export of a community", field="format", allowed=FORMAT)
    version = said.get("version")
    if type(version) is not int or version != VERSION:
        detail = "this version of the format is not known here; take the software that is as new as the export"
        raise Invalid("unknown_version", detail, field="version", found=str(version)[:40], allowed=VERSION)
    expected = {"format", "version", "with_files", "files", "findings", "left_out", *_TEXTS}
    if set(said) != expected:
        found = sorted(map(str, set(said) ^ expected))[:5]
        raise Invalid("bad_manifest", "other keys than this version has", field=MANIFEST, found=found)
    for name in _TEXTS:
        _require(isinstance(said[name], str) and 0 < len(said[name]) <= _TEXT_CHARACTERS_MAX, name)
    _require(bool(_DIGEST.fullmatch(said["record"])), "record")
    _require(isinstance(said["with_files"], bool), "with_files")
    return Manifest(
        **{name: said[name] for name in _TEXTS},
        with_files=said["with_files"],
        files=_files(said["files"]),
        findings=_findings(said["findings"]),
        left_out=_left_out(said["left_out"]),
    )


def _files(said: object) -> tuple[File, ...]:
    if not isinstance(said, list) or not 0 < len(said) <= FILES_MAX:
        raise Invalid("bad_manifest", f"1 to {FILES_MAX} files", field="files")
    found = []
    for entry in said:
        _require(isinstance(entry, dict) and set(entry) == {"path", "sha256", "size", "lines"}, "files")
        path, sha256 = entry["path"], entry["sha256"]
        _require(isinstance(path, str) and (path == OBJECTS or TABLE.fullmatch(path) is not None), "files.path")
        _require(isinstance(sha256, str) and _DIGEST.fullmatch(sha256) is not None, "files.sha256")
        for name in ("size", "lines"):
            _require(type(entry[name]) is int and 0 <= entry[name] < 2**53, f"files.{name}")
        found.append(File(path, sha256, entry["size"], entry["lines"]))
    _require(len({file.path for file in found}) == len(found), "files.path")
    return tuple(found)


def _findings(said: object) -> dict[str, int]:
    if not isinstance(said, dict) or len(said) > FINDINGS_MAX:
        raise Invalid("bad_manifest", f"at most {FINDINGS_MAX} findings", field="findings")
    for count in said.values():
        _require(type(count) is int and 0 < count < 2**31, "findings")
    return said


def _left_out(said: object) -> dict[str, str]:
    if not isinstance(said, dict) or len(said) > FINDINGS_MAX:
        raise Invalid("bad_manifest", f"at most {FINDINGS_MAX} reasons", field="left_out")
    for reason in said.values():
        _require(isinstance(reason, str), "left_out")
    return said


def _require(holds: Any, field: str) -> None:  # noqa: ANN401 - anything that is true or not
    if not holds:
        raise Invalid("bad_manifest", f"{field} is not as this version has it", field=field)
