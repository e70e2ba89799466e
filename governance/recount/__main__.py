"""Command line: `python -m governance.recount BUNDLE`. Needs no Django, network or account.

Exit status: 0 when everything holds, 1 when something does not (the first bad line is named), 2 when there is nothing
that can be read, 3 when a node was to be asked (--rpc) and did not answer.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import TYPE_CHECKING

from governance.evidence.terminal import hex64, printable
from governance.recount import Report, TrustRoots, Unreadable, recount
from governance.recount.lines import LIMIT_BYTES

if TYPE_CHECKING:
    from governance.anchoring.check import Answer

EXIT_HOLDS, EXIT_BAD, EXIT_UNREADABLE, EXIT_NOT_MADE = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Recount one bundle and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m governance.recount", description="Recount a vote, offline.")
    parser.add_argument("path", type=Path, metavar="BUNDLE", help="the audit bundle (JSON lines, may be gzip)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--community-key",
        type=hex64,
        metavar="HEX",
        help="the release key of the community that you trust, or its SHA-256 fingerprint",
    )
    parser.add_argument("--community", type=hex64, metavar="DIGEST", help="the community record that you trust")
    parser.add_argument(
        "--limit",
        type=int,
        default=LIMIT_BYTES,
        metavar="BYTES",
        help=f"the most bytes to read, after decompression (default: {LIMIT_BYTES})",
    )
    parser.add_argument("--rpc", metavar="URL", help="also ask this node of the chain what only the chain can confirm")
    parser.add_argument(
        "--anchor", metavar="ADDRESS", help="also ask it whether the ballots were written down in this anchor contract"
    )
    parser.add_argument("--anchor-rpc", metavar="URL", help="a node of the anchor's chain, if that is another one")
    options = parser.parse_args(arguments)
    trust = TrustRoots(options.community_key, options.community)
    try:
        with _opened(options.path) as stream:
            report = recount(stream, trust, options.limit)
        report, answered = _asked(report, options.rpc)
        anchored = _anchored(report, options.anchor_rpc or options.rpc, options.anchor)
    except (Unreadable, OSError, ValueError) as error:
        print(f"cannot be read: {printable(str(error), sys.stderr.encoding)}", file=sys.stderr)
        return EXIT_UNREADABLE
    if options.json:
        told = {"anchor": anchored.to_dict()} if anchored else {}
        print(json.dumps(report.to_dict() | told, indent=2))
    else:
        for line in [*_lines(report), *(anchored.lines() if anchored else ())]:
            print(printable(line, sys.stdout.encoding))
    if not report.ok or (anchored and anchored.asked and not anchored.holds):
        return EXIT_BAD
    return EXIT_HOLDS if answered and (not anchored or anchored.asked) else EXIT_NOT_MADE


def _asked(report: Report, url: str | None) -> tuple[Report, bool]:
    if url is None:
        return report, True
    # Loaded only when asked for: nothing else here can open a connection.
    from governance.recount.chain import asked_of_chain

    return asked_of_chain(report, url)


def _anchored(report: Report, url: str | None, contract: str | None) -> "Answer | None":
    """Return what the chain says of the ballots' root, if that was asked for and the vote holds."""
    if contract is None or not report.ok:
        return None
    if url is None:
        raise ValueError("--anchor needs a node of its chain beside it: --rpc URL, or --anchor-rpc URL")
    from governance.anchoring.check import Wanted, ask_anchor
    from governance.anchoring.kinds import BALLOTS

    voted = report.ballots_root is not None and report.voters
    wanted = [Wanted("the ballots of this vote", BALLOTS, str(report.ballots_root), report.closed_at)] if voted else []
    return ask_anchor(url, contract, wanted)


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except ValueError as error:  # a path that no file can have, such as one with a NUL
        raise Unreadable(str(error)) from error


def _lines(report: Report) -> list[str]:
    """Return the report as people read it: the vote, the count, what holds, what was not checked, the verdict."""
    said = [f"Proposal {report.proposal or '?'}: {report.title}"]
    said.append(f"{report.ballots} ballots of {report.voters} voters; {report.census} in the census")
    if report.ok and report.totals is None and report.ballots:
        said.append("The ballots are sealed: nobody can count them yet.")
    elif report.ok and report.totals is None:
        said.append("Voting has not begun: there is no census yet.")
    if report.totals is not None:
        said.append("" if report.closed else "The vote is not counted yet. The count so far:")
        said += [f"  {name}: {total}" for name, total in report.totals.items()]
        said += report.explanation
        said += [
            f"  {'holds' if condition.holds else 'FAILS'}  {condition.condition}: {condition.found} found, "
            f"{condition.needed} needed"
            for condition in report.conditions
        ]
        said.append(f"{'Passed' if report.passed else 'Did not pass'}{'' if report.closed else ', as it stands'}.")
    said.append("")
    said += [f"checked      {sentence}" for sentence in report.checked]
    said += [f"not checked  {sentence}" for sentence in report.not_checked]
    said.append("")
    said.append(_verdict(report))
    return said


def _verdict(report: Report) -> str:
    if report.bad is None:
        return f"Holds: all {report.lines} lines."
    bad = report.bad
    return f"Does NOT hold. Line {bad.line}: {bad.code}: found {bad.found}; needed: {bad.needed}"


if __name__ == "__main__":
    sys.exit(main())
