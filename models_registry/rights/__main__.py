"""`python -m models_registry.rights --dataset DIGEST RELEASE...`: which of these releases learnt from a dataset.

Reads the bundles of downloaded releases and nothing else: no Django, no network. It does not verify them; do that first
(`python -m models_registry.provenance verify`). Exit code: 0 when none learnt, 1 when some did, 2 for input that cannot
be used.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from governance.evidence.record import Record
from models_registry.provenance import bundle
from models_registry.provenance.bundle import BundleError
from models_registry.rights.blast import blast_radius
from models_registry.rights.leaves import LEAF


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer on standard output, as JSON; what cannot be used is said on standard error."""
    parser = argparse.ArgumentParser(prog="python -m models_registry.rights", description=__doc__)
    parser.add_argument("--dataset", action="append", required=True, help="SHA-256 of its canonical rows; may repeat")
    parser.add_argument("releases", nargs="+", type=Path, metavar="RELEASE", help="folder of a downloaded release")
    given = parser.parse_args(arguments)
    strange = [digest for digest in given.dataset if not LEAF.fullmatch(digest)]
    if strange:
        sys.stderr.write(f"{strange[0][:80]!r} is no digest: 64 lower-case hex digits are needed\n")
        return 2
    records: dict[str, Record] = {}
    for folder in given.releases:
        try:
            records |= {record.digest: record for record in bundle.read(folder).records}
        except (BundleError, OSError) as error:
            sys.stderr.write(f"{folder}: {error}\n")
            return 2
    found = blast_radius(given.dataset, records)
    answer = {"learnt": [asdict(each) for each in found.learnt], "unexplained": list(found.unexplained)}
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")
    return 1 if found.learnt else 0


if __name__ == "__main__":
    raise SystemExit(main())
