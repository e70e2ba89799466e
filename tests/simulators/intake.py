"""Takes bytes in as a dataset, in this process, for tests that look at intake itself."""

import io
import tempfile
from pathlib import Path

from models_registry.datasets.intake import Intake, Limits, Reading, take_in


def taken(
    data: bytes,
    name: str = "rows.jsonl",
    reading: Reading | None = None,
    limits: Limits | None = None,
    *,
    expected_digest: str | None = None,
    expected_file_sha256: str | None = None,
) -> tuple[Intake, bytes]:
    """Return the intake of one file and the canonical bytes, of which nothing stays on disk."""
    with tempfile.TemporaryDirectory() as folder:
        found = take_in(
            [(name, io.BytesIO(data))],
            Path(folder),
            reading,
            limits,
            expected_digest=expected_digest,
            expected_file_sha256=expected_file_sha256,
        )
        return found, found.path.read_bytes()
