"""Starts the child process that reads strangers' files (see `child`), waits for it, kills it in time. No Django here.

What the child may take is set by itself, by the kernel's limits, before it opens anything; its time is measured here.
Everything that it writes lies in one folder, which the caller removes.
"""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models_registry.datasets.child import ANSWER, ORDER
from models_registry.datasets.intake import ROWS_FILE, IntakeError, Limits, Reading

REPOSITORY = Path(__file__).resolve().parents[2]
MEGABYTE = 1024 * 1024
LOG, LOG_BYTES = "output.log", 4000
logger = logging.getLogger(__name__)


class StorageFailed(OSError):
    """The disk is full: this says nothing about the file, and trying again can help."""


@dataclass(frozen=True)
class Box:
    """What a child may take: memory to read files with and for each scan (private writable bytes), seconds in all."""

    memory_bytes: int = 384 * MEGABYTE
    scan_memory_bytes: int = 384 * MEGABYTE
    seconds: int = 600


@dataclass(frozen=True)
class Wanted:
    """What a child has to do: read these files (name, where it lies) in this way, and scan what comes of them."""

    files: Sequence[tuple[str, Path]]
    reading: Reading = field(default_factory=Reading)
    limits: Limits = field(default_factory=Limits)
    digest: str | None = None
    licence: str = ""
    role: str = "training"
    model_licences: Sequence[str] = ()
    suites: Sequence[Path] = ()
    included: Sequence[tuple[str, Path, int]] = ()  # title, canonical file, records


@dataclass(frozen=True)
class Taken:
    """What came of it: the canonical file with its index beside it, what it is, and what the scans found."""

    path: Path
    digest: str
    size: int
    records: int
    repeated: int
    records_root: str
    shards: list[dict[str, Any]]
    kind: str
    languages: list[str]
    files: list[dict[str, Any]]
    scans: list[dict[str, Any]]


def read_and_scan(wanted: Wanted, folder: Path, box: Box) -> Taken:
    """Let a child do it in the empty `folder`; raise IntakeError for whatever it refuses, or does not survive."""
    (folder / ORDER).write_text(json.dumps(order_of(wanted, box)))
    said = _run(folder, box.seconds)
    if "refused" in said:
        _log_failure(folder)
        raise IntakeError(**said["refused"])
    if "failed" in said:
        raise StorageFailed("there is no room left where datasets are read")
    if any(scan["unfinished"] == "failed" for scan in said["scans"]):
        _log_failure(folder)
    return Taken(path=folder / ROWS_FILE, scans=said["scans"], **said["taken"])


def _run(folder: Path, seconds: int) -> dict[str, Any]:
    with (folder / LOG).open("wb") as log:
        child = subprocess.Popen(  # noqa: S603 - our own command line, no shell
            [sys.executable, "-m", "models_registry.datasets.child", str(folder)],
            cwd="/",
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            child.wait(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            found, allowed = f"a file that takes more than {seconds} seconds", "a file that is read in less"
            raise IntakeError("reader_too_slow", 413, found=found, allowed=allowed) from error
        finally:
            _end(child)
    try:
        said: dict[str, Any] = json.loads((folder / ANSWER).read_text())
    except FileNotFoundError as error:
        _log_failure(folder)
        found = f"a file whose scans ended with code {child.returncode}"
        raise IntakeError("reader_failed", 422, found=found, allowed="a file that can be read and scanned") from error
    return said


def _log_failure(folder: Path) -> None:
    """Tell the operator what the child printed, which it does only when something went wrong in itself."""
    said = (folder / LOG).read_bytes()[-LOG_BYTES:].decode("utf-8", "replace").strip()
    if said:
        logger.warning("a reader of a dataset failed: %s", said)


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Kill the child and what it started, and wait until it is gone."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def order_of(wanted: Wanted, box: Box) -> dict[str, Any]:
    """Return the order as the child reads it."""
    return {
        "files": [{"name": name, "path": str(path.resolve())} for name, path in wanted.files],
        "reading": {**asdict(wanted.reading), "columns": dict(wanted.reading.columns)},
        "limits": asdict(wanted.limits),
        "digest": wanted.digest,
        "memory_bytes": box.memory_bytes,
        "scan_memory_bytes": box.scan_memory_bytes,
        "seconds": box.seconds,
        "context": {
            "licence": wanted.licence,
            "role": wanted.role,
            "model_licences": list(wanted.model_licences),
            "suites": [str(path.resolve()) for path in wanted.suites],
            "included": [
                {"title": title, "path": str(path.resolve()), "records": records}
                for title, path, records in wanted.included
            ],
        },
    }


def environment(folder: Path) -> dict[str, str]:
    """Return the whole environment of the child: nothing is inherited, so no secret of ours can leak into it."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONDONTWRITEBYTECODE": "1",
        # Memory is bounded: no allocator that reserves more than it needs, no pool of threads for each core.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "MALLOC_ARENA_MAX": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
