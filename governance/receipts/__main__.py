"""Command line: `python -m governance.receipts FILE --community-key HEX`. Needs no Django, network or account.

Exit status: 0 when everything that the receipt claims is shown, 1 when it is not, 2 when it cannot be read.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from governance.evidence.canonical import CanonicalError, strict_loads
from governance.evidence.terminal import hex64, printable
from governance.receipts import Finding, Report, Status, verify_receipt

EXIT_SHOWN, EXIT_INVALID, EXIT_UNREADABLE = 0, 1, 2
BYTES_MAX = 4_000_000
DEPTH_MAX = 32
_MARKS = {True: "passed     ", False: "FAILED     ", None: "not checked"}
_SENTENCES = {
    Status.COUNTED: "Counted: this ballot is in the tally, and both are in the signed log.",
    Status.SEEN: "Seen: this ballot is in the signed log. The vote is not counted yet.",
    Status.REPLACED: "Replaced: the voter signed a newer ballot, which counts instead.",
    Status.INVALID: "NOT shown: keep this file, and ask the community.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify one receipt and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m governance.receipts", description="Verify the receipt of a ballot."
    )
    parser.add_argument("path", type=Path, metavar="FILE", help="the receipt (JSON)")
    parser.add_argument(
        "--community-key",
        type=hex64,
        required=True,
        metavar="HEX",
        help="the release key of the community that you trust, or its SHA-256 fingerprint",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args(arguments)
    try:
        document = strict_loads(_read(options.path), max_bytes=BYTES_MAX, max_depth=DEPTH_MAX)
    except (CanonicalError, OSError, ValueError) as error:
        # ValueError: a path that no file can have, such as one with a NUL.
        print(f"cannot be read: {printable(str(error), sys.stderr.encoding)}", file=sys.stderr)
        return EXIT_UNREADABLE
    report = verify_receipt(document, options.community_key)
    if options.json:
        print(json.dumps(report.to_dict(), indent=2))
    else:
        _print(report)
    return EXIT_SHOWN if report.ok else EXIT_INVALID


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(BYTES_MAX + 1)


def _print(report: Report) -> None:
    for finding in report.findings:
        _show(f"{finding.number}  {_MARKS[finding.holds]}  {finding.title}: {_said(finding)}")
    print()
    print(_SENTENCES[report.status])


def _said(finding: Finding) -> str:
    return f"{finding.code} in {finding.place}: {finding.evidence}" if finding.code else finding.evidence


def _show(text: str) -> None:
    print(printable(text, sys.stdout.encoding))


if __name__ == "__main__":
    sys.exit(main())
