"""The samples that reports were computed from, kept under their SHA-256 for whoever wants to compute them again.

ARTIFACTS_DIR/samples/<sha256>.jsonl. An evaluation's record names the digest; the file is no part of a release, and a
release without it verifies all the same. It holds questions, expected answers and what both models said.
"""

import hashlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from governance.errors import Invalid, NotFound
from training_jobs.evaluation import report as reports
from training_jobs.evaluation.samples import SampleError

logger = logging.getLogger(__name__)
_DIGEST = re.compile(r"[0-9a-f]{64}")


def find(sha256: str) -> Path:
    """Return the file with these samples, or raise NotFound."""
    path = _path_of(sha256) if _DIGEST.fullmatch(sha256) else None
    if path is None or not path.is_file():
        raise NotFound("samples_not_found", "no samples are kept under this digest", field="sha256", found=sha256[:64])
    return path


def kept_of(report: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the digests of those samples of a judged report that are kept here."""
    named = dict.fromkeys(part["samples_sha256"] for _, part in parts_of(report))
    return tuple(sha256 for sha256 in named if _path_of(sha256).is_file())


def parts_of(report: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield suite and part of a report that was read before: of the specification's suite, then of the further ones."""
    yield report["suite"], report
    yield from report["further"].items()


def keep(report: Mapping[str, Any], files: Mapping[str, Path]) -> None:
    """Keep those of the files (by SHA-256) that a judged report names. One that cannot be kept is only missed."""
    for _, part in parts_of(report):
        source = files.get(part["samples_sha256"])
        if source is None or not source.is_file():
            continue
        try:
            _keep(source, part["samples_sha256"])
        except OSError as error:
            logger.warning("samples %s were not kept: %s", part["samples_sha256"], error)


def require_true(report: Mapping[str, Any], files: Mapping[str, Path]) -> None:
    """Refuse a report that its samples, as far as they were handed in, do not give."""
    for suite, part in parts_of(report):
        source = files.get(part["samples_sha256"])
        if source is None or not source.is_file():
            continue
        try:
            wrong = reports.differences(suite, part, source.read_bytes())
        except SampleError as error:
            wrong = [str(error)]
        if wrong:
            raise Invalid("report_differs", "the samples give another report", field="report", found=wrong[0][:300])


def _path_of(sha256: str) -> Path:
    folder: Path = settings.ARTIFACTS_DIR / "samples"
    return folder / f"{sha256}.jsonl"


def _keep(source: Path, sha256: str) -> None:
    """Copy a file so that it is there whole or not at all, and only if it has this digest."""
    target = _path_of(sha256)
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as copy, source.open("rb") as file:
            os.fchmod(descriptor, 0o644)
            shutil.copyfileobj(file, copy)
        with Path(temporary).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() == sha256:
                Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
