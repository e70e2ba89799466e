"""Command line: `python -m models_registry.provenance verify PATH`. Needs no Django, network or account.

Exit status: 0 when every offline check holds, 1 when one does not, 2 when there is nothing to check or it
cannot be read.
"""

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from models_registry.provenance.verify import Finding, Report, Status, TrustRoots, Unreadable, check

EXIT_VERIFIED, EXIT_FAILED, EXIT_UNREADABLE = 0, 1, 2
_HEX64 = re.compile(r"[0-9a-fA-F]{64}")
_MARKS = {Status.PASSED: "passed     ", Status.FAILED: "FAILED     ", Status.NOT_CHECKED: "not checked"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m models_registry.provenance", description="Verify a model release.")
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify", help="check a release folder from the weights back to the ballots, offline")
    verify.add_argument("path", type=Path, help="the folder of the release")
    verify.add_argument("--json", action="store_true", help="print the report as JSON")
    verify.add_argument(
        "--community-key",
        type=_hex64,
        metavar="HEX",
        help="the release key that you trust, or its fingerprint",
    )
    verify.add_argument("--community", type=_hex64, metavar="DIGEST", help="the community record that you trust")
    options = parser.parse_args(arguments)
    try:
        report = check(options.path, TrustRoots(release_key=options.community_key, community=options.community))
    except (Unreadable, ValueError, OSError) as error:
        # ValueError: a path that no file can have, such as one with a NUL.
        print(f"cannot be read: {_printable(str(error))}", file=sys.stderr)
        return EXIT_UNREADABLE
    if options.json:
        print(json.dumps(report.to_dict(), indent=2, ensure_ascii=True))
    else:
        _print(report)
    return EXIT_VERIFIED if report.ok else EXIT_FAILED


def _hex64(text: str) -> str:
    if not _HEX64.fullmatch(text):
        raise argparse.ArgumentTypeError("64 hex characters are expected")
    return text.lower()


def _print(report: Report) -> None:
    for finding in report.findings:
        print(f"{finding.number:2}  {_MARKS[finding.status]}  {finding.title}: {_printable(finding.evidence)}")
        if finding.status is Status.FAILED:
            _print_failure(finding)
    print()
    named = f"{report.model} version {report.version}" if report.model else "this folder"
    print(_printable(f"{'Verified' if report.ok else 'NOT verified'}: {named}"))


def _print_failure(finding: Finding) -> None:
    for problem in finding.problems[:3]:
        print(f"      {problem.code} in {_printable(problem.place)}: {_printable(problem.detail)}")
    if finding.hint:
        print(f"      → {finding.hint}" if _can_print_arrow() else f"      -> {finding.hint}")


def _printable(text: str) -> str:
    """Show text from a stranger so that it cannot steer the terminal, in whatever the terminal can encode."""
    encoding = sys.stdout.encoding or "ascii"
    safe = "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)
    return safe.encode(encoding, "backslashreplace").decode(encoding)


def _can_print_arrow() -> bool:
    return (sys.stdout.encoding or "ascii").lower().replace("-", "") == "utf8"


if __name__ == "__main__":
    sys.exit(main())
