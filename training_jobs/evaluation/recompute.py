"""Command line: `python -m training_jobs.evaluation.recompute RELEASE SAMPLES…` computes a report's values again.

RELEASE is the folder of a release, or a report (report.json). SAMPLES are files of samples, in any order: each is
known by the SHA-256 that the report names. Needs neither torch nor Django nor the network. Exit status: 0 every value
and interval of every suite agrees, 1 one differs, 2 a file is missing or cannot be read.
"""

import argparse
import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from governance.evidence.canonical import CanonicalError, strict_loads
from governance.evidence.record import Record
from models_registry.provenance import bundle
from models_registry.provenance.bundle import BundleError
from training_jobs.evaluation import report
from training_jobs.evaluation.samples import SampleError

REPORT_BYTES_MAX = 10_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, print one line per suite and per difference, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training_jobs.evaluation.recompute", description=__doc__)
    parser.add_argument("release", type=Path, help="the folder of a release, or a report.json")
    parser.add_argument("samples", type=Path, nargs="+", help="files of samples")
    options = parser.parse_args(arguments)
    try:
        body = _report(options.release)
        files = {hashlib.sha256(data).hexdigest(): data for data in (path.read_bytes() for path in options.samples)}
        return _compare(body, files)
    except (BundleError, CanonicalError, SampleError, OSError, KeyError, TypeError, ValueError) as error:
        sys.stderr.write(f"cannot be read: {error}\n")
        return 2


def _compare(body: Mapping[str, Any], files: Mapping[str, bytes]) -> int:
    status = 0
    for suite, part in {body["suite"]: body, **body["further"]}.items():
        data = files.get(part["samples_sha256"])
        if data is None:
            sys.stdout.write(f"suite {suite}: no file given has the SHA-256 {part['samples_sha256']}\n")
            status = max(status, 2)
            continue
        wrong = report.differences(suite, part, data)
        agreed = f"{len(part['candidate'])} metrics from {part['samples']} samples agree, intervals included"
        sys.stdout.write(f"suite {suite}: {'; '.join(wrong) or agreed}\n")
        status = max(status, 1 if wrong else 0)
    return status


def _report(path: Path) -> Mapping[str, Any]:
    """Return the body of the evaluation of a release, or a report as the evaluator writes it."""
    if not path.is_dir():
        found: Any = strict_loads(path.read_bytes(), max_bytes=REPORT_BYTES_MAX)
        if not isinstance(found, dict):
            raise ValueError(f"{path} is not a report")
        return found
    records = bundle.strict(bundle.read_lines(path, bundle.RECORDS, Record.from_bytes))
    evaluations = [record for record in records if record.kind == "evaluation"]
    release = bundle.read(path).release
    for record in evaluations:
        if record.digest in release.parents:
            return record.body
    raise ValueError(f"{path} holds no evaluation of this release")


if __name__ == "__main__":
    sys.exit(main())
