"""Command line: `python -m models_registry.provenance verify PATH`. Needs no Django, network or account.

Installed alone (config/verifier_wheel) it is `commonweights-verify PATH`.

Exit status: 0 when every check that was made holds, 1 when one does not, 2 when there is nothing to check, it cannot
be read, or nobody is trusted; 3 when a check that was asked for could not be made; 4 when all of it holds and the
community's site says that the release is paused or withdrawn.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from governance.evidence.signing import FileSigner, SigningError
from models_registry.provenance.attest import attested
from models_registry.provenance.attestation import Files
from models_registry.provenance.bundle import BundleError, read_manifest
from models_registry.provenance.report import POWER_CHECK, RERUN_CHECK, TOOL, VERSION, Finding, Report, Status
from models_registry.provenance.report_html import LANGUAGES, render
from models_registry.provenance.verify import NoTrustRoot, TrustRoots, Unreadable, check

if TYPE_CHECKING:
    from governance.anchoring.check import Answer
    from models_registry.status_check import Standing

EXIT_VERIFIED, EXIT_FAILED, EXIT_UNREADABLE, EXIT_NOT_MADE, EXIT_STOPPED = 0, 1, 2, 3, 4
STANDARD_OUTPUT: Final = "-"
# Makes checks that take more than the folder: `training_jobs.rerun` trains again.
Further = Callable[[Report, argparse.Namespace], Report]
_HEX64 = re.compile(r"[0-9a-fA-F]{64}")
_MARKS = {Status.PASSED: "passed     ", Status.FAILED: "FAILED     ", Status.NOT_CHECKED: "not checked"}
_COMPARE = """To compare, ask the community for the fingerprint of its release key in a way that the publisher of
these files does not control (its site, a meeting, a member you know). Then say

    --community-key {found}

if it is the one above, else what they told you; or --community with the digest of the community record.
To check only that the files agree with each other, whoever made them: --consistency-only."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of this repository and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m models_registry.provenance", description="Verify a model release.")
    commands = parser.add_subparsers(dest="command", required=True)
    verify = commands.add_parser("verify", help="check a release folder from the weights back to the ballots, offline")
    add_arguments(verify)
    # Not part of the program that installs alone.
    from models_registry.provenance import guardian

    guardian.add_commands(commands)
    options = parser.parse_args(arguments)
    return guardian.run(options) if options.command in guardian.COMMANDS else run(options)


def alone(arguments: Sequence[str] | None = None) -> int:
    """Verify one release and return the exit status: the program that installs alone."""
    parser = argparse.ArgumentParser(prog=TOOL, description="Check a release of a model back to the votes, offline.")
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what the command takes."""
    parser.add_argument("path", type=Path, help="the folder of the release")
    parser.add_argument("--version", action="version", version=f"{TOOL} {VERSION}")
    trust = parser.add_argument_group("whom you trust (one is needed)")
    trust.add_argument(
        "--community-key", type=_hex64, metavar="HEX", help="the release key that you trust, or its fingerprint"
    )
    trust.add_argument("--community", type=_hex64, metavar="DIGEST", help="the community record that you trust")
    trust.add_argument(
        "--consistency-only", action="store_true", help="nobody: check only that everything agrees with itself"
    )
    shown = parser.add_argument_group("how the report is given")
    shown.add_argument("--json", action="store_true", help="print the report as JSON")
    shown.add_argument(
        "--html",
        nargs="?",
        const=STANDARD_OUTPUT,
        metavar="FILE",
        help="write the report as a page to print, into a file, or instead of the text",
    )
    shown.add_argument("--language", choices=LANGUAGES, default=LANGUAGES[0], help="of the page (default: both)")
    signed = parser.add_argument_group("the report signed, for others")
    signed.add_argument("--attest", type=Path, metavar="FILE", help="write it there as an in-toto attestation")
    signed.add_argument("--attest-key", type=Path, metavar="PEM", help="your own Ed25519 key, readable by you alone")
    online = parser.add_argument_group("beyond the offline checks")
    online.add_argument(
        "--rpc", metavar="URL", help="also ask this node of the chain for the power of everybody who could vote"
    )
    online.add_argument(
        "--anchor",
        metavar="ADDRESS",
        help="also ask that node whether the release and the ballots were written down in this anchor contract",
    )
    online.add_argument("--anchor-rpc", metavar="URL", help="a node of the anchor's chain, if that is another one")
    online.add_argument(
        "--status", metavar="URL", help="also ask this site whether the release is paused or withdrawn by now"
    )


def run(options: argparse.Namespace, further: Further | None = None) -> int:
    """Make the checks and `further` ones, print the report and return the exit status.

    `further` gets the report and the options, and raises ValueError for options that it cannot use.
    """
    try:
        signer = _signer(options)
        report = _checked(options, further)
        standing = _standing(options, report)
        anchored = _anchored(options, report)
    except NoTrustRoot as error:
        print(_printable(str(error)), file=sys.stderr)
        if error.found:
            print(_COMPARE.format(found=error.found), file=sys.stderr)
        return EXIT_UNREADABLE
    except (Unreadable, SigningError, ValueError, OSError) as error:
        # ValueError: a path that no file can have, such as one with a NUL, or an address that no node can have.
        print(f"cannot be read: {_printable(str(error))}", file=sys.stderr)
        return EXIT_UNREADABLE
    try:
        if signer is not None:
            options.attest.write_bytes(attested(report, _files(options.path), signer))
        _give(report, standing, anchored, options)
    except OSError as error:
        print(f"cannot be written: {error.filename}: {error.strerror}", file=sys.stderr)
        return EXIT_UNREADABLE
    except BundleError as error:
        print(f"there is no release to attest: {error}", file=sys.stderr)
        return EXIT_UNREADABLE
    asked = {POWER_CHECK: options.rpc is not None, RERUN_CHECK: further is not None}
    return _exit_status(report, standing, anchored, asked)


def _exit_status(
    report: Report, standing: "Standing | None", anchored: "Answer | None", asked: Mapping[int, bool]
) -> int:
    """Return the worst that is true. `asked` says which checks beyond the offline ones were asked for."""
    if not report.ok or (anchored is not None and anchored.asked and not anchored.holds):
        return EXIT_FAILED
    if standing is not None and standing.stopped:
        return EXIT_STOPPED
    open_ = any(asked[number] and report.findings[number - 1].status is Status.NOT_CHECKED for number in asked)
    not_asked = any(answer is not None and not answer.asked for answer in (standing, anchored))
    return EXIT_NOT_MADE if open_ or not_asked else EXIT_VERIFIED


def _checked(options: argparse.Namespace, further: Further | None) -> Report:
    trust_roots = TrustRoots(options.community_key, options.community, options.consistency_only)
    report = check(options.path, trust_roots)
    if options.rpc is not None:
        # Loaded only when asked for: nothing else here can open a connection.
        from models_registry.chain_check import check_powers

        report = check_powers(report, options.path, options.rpc)
    return report if further is None else further(report, options)


def _standing(options: argparse.Namespace, report: Report) -> "Standing | None":
    """Return how the release stands today, if that was asked for."""
    if options.status is None:
        return None
    # Loaded only when asked for, as `chain_check` is: nothing else here can open a connection.
    from models_registry.status_check import ask_standing

    return ask_standing(report, options.path, options.status)


def _anchored(options: argparse.Namespace, report: Report) -> "Answer | None":
    """Return what the chain says was written down of the release, if that was asked for and all of it holds."""
    if options.anchor is None or not report.ok:
        return None
    node = options.anchor_rpc or options.rpc
    if node is None:
        raise ValueError("--anchor needs a node of its chain beside it: --rpc URL, or --anchor-rpc URL")
    from models_registry.anchor_check import ask_release

    return ask_release(report, options.path, node, options.anchor)


def _signer(options: argparse.Namespace) -> FileSigner | None:
    """Return who signs the report, if anybody does."""
    if (options.attest is None) != (options.attest_key is None):
        raise ValueError("--attest and --attest-key belong together")
    return None if options.attest_key is None else FileSigner(options.attest_key)


def _files(folder: Path) -> Files:
    """Return what the manifest lists, which is what an attestation is about."""
    loaded, _ = read_manifest(folder)
    return tuple((file["path"], file["sha256"]) for file in loaded["files"])


def _give(report: Report, standing: "Standing | None", anchored: "Answer | None", options: argparse.Namespace) -> None:
    beside = [*([_of_standing(standing)] if standing else []), *map(_printable, anchored.lines() if anchored else ())]
    page = render(report, options.language, anchored) if options.html is not None else ""
    if options.html not in {None, STANDARD_OUTPUT}:
        Path(options.html).write_text(page, encoding="utf-8")
    if options.json:
        told = {"status": standing.to_dict()} if standing is not None else {}
        told |= {"anchor": anchored.to_dict()} if anchored is not None else {}
        print(json.dumps(report.to_dict() | told, indent=2, ensure_ascii=True))
    elif options.html == STANDARD_OUTPUT:
        sys.stdout.buffer.write(page.encode("utf-8"))
        for line in beside:
            print(line, file=sys.stderr)
    else:
        _print(report)
        for line in beside:
            print(line)


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
    print(_printable(f"{_outcome(report)}: {named}"))
    if report.overridden:
        rules, vote, reason = (report.overridden[name] for name in ("rules", "vote", "reason"))
        print(_printable(f"OVERRIDDEN: it breaks {', '.join(rules)}; vote {vote} released it all the same: {reason}"))


def _of_standing(standing: "Standing") -> str:
    """Say how the release stands today; an answer that did not come is never read as a good one."""
    proof = f", proved in the log of {standing.log_size} entries" if standing.proved else ""
    said = _printable(f"Status: {standing.standing.replace('_', ' ')}: {standing.says}{proof}")
    return f"{said}\nSince the release: {_printable(standing.measured.says)}" if standing.measured else said


def _outcome(report: Report) -> str:
    if not report.ok:
        return "NOT verified"
    return "Verified" if report.verified else "Consistent; nobody's key was given to compare"


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
