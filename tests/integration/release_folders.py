"""Release folders for the tests of publication: small, whole, and with a manifest. Targets do not look into weights."""

import hashlib
from pathlib import Path

from governance.evidence.canonical import canonical_bytes

MODEL = "commons/water-assistant"
REVISION = "ab" * 20


def make_release(folder: Path, *, weights: bytes = b"\x01" * 2048, extra: dict[str, str] | None = None) -> str:
    """Write a release folder and return the SHA-256 of its manifest. Targets do not look inside the weights."""
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(weights)
    for name, text in (
        {"config.json": "{}", "tokenizer.json": "{}", "README.md": "# Water", "LICENSE": "CC0"} | (extra or {})
    ).items():
        (folder / name).write_text(text)
    files = [
        {"path": path.name, "size": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        for path in sorted(folder.iterdir())
    ]
    manifest = canonical_bytes({"version": 1, "files": files})
    (folder / "provenance").mkdir()
    (folder / "provenance" / "manifest.json").write_bytes(manifest)
    for name in ("records.jsonl", "ballots.jsonl", "statement.json"):
        (folder / "provenance" / name).write_text("{}\n")
    return hashlib.sha256(manifest).hexdigest()


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
