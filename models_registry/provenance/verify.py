"""Verification of a release, offline: ten checks from the weights back to the ballots. Believes nobody.

Every check recomputes what it reports. What rests on a check that failed, and what cannot be seen offline, is
reported as *not checked*, never as passed. A bundle is bytes from a stranger: whatever they are, the answer
is a report.

What it does not show: that a member had the power that stands in the census (check 11, needs the chain), that
these weights came from this run (check 12, needs to train again), that the spec names every rule that was in
force, that no counting ballot or revoked delegation was withheld before the tally was signed, that an extended vote
was extended by the very ballot that it names, that the release key has not been revoked since, and
that the community has not paused or withdrawn the release since (`status_check` asks its site).
"""

from collections.abc import Callable
from pathlib import Path

from governance.evidence.signing import fingerprint
from models_registry.provenance import checks
from models_registry.provenance.case import Answer, Case, NoTrustRoot, TrustRoots, Unreadable, load
from models_registry.provenance.manifest import Problem
from models_registry.provenance.report import OFFLINE_CHECKS, POWER_CHECK, RERUN_CHECK, Finding, Report, Status
from models_registry.provenance.summary import summarise


def check(folder: Path, trust_roots: TrustRoots) -> Report:
    """Check the release in `folder` and return the report; raise Unreadable when there is no folder to read.

    Raises NoTrustRoot when `trust_roots` names nothing to compare the signer with and does not say that this is meant.

    1. records are canonical and their digests recompute; none is foreign; they stand in the one right order
    2. parents exist and each kind rests on what it must
    3. ballots, delegations and sponsorships are signed; each ballot is there once, in time, with its census power
    4. tallies recount
    5. decisions follow from the tallies and the rules of the proposal, which are those of its charter
    6. times: delay, voting period, extension and timelock were respected
    7. the run's spec is the one approved, and so is every rule and dataset in it
    8. the manifest matches the files, and the model files are those of the run
    9. the verdict follows from the rules and the report, and accepts, or a vote of the gravest tier overrode it
    10. the statement is signed by the release key that the ballots commit to
    11. and 12. are not made offline and say so.
    """
    try:
        case = load(folder, trust_roots)
        if not (trust_roots.given or trust_roots.consistency_only):
            raise NoTrustRoot(_founding_fingerprint(case))
        return _report(case)
    except OSError as error:
        raise Unreadable(f"{error.filename or folder}: {error.strerror or type(error).__name__}") from error


def _report(case: Case) -> Report:
    """Make the checks in order, each only if those it needs have passed."""
    findings: list[Finding] = []
    statuses: dict[int, Status] = {}
    for number, (title, needs, make) in enumerate(_CHECKS, start=1):
        failed = [str(needed) for needed in needs if statuses[needed] is not Status.PASSED]
        if failed:
            evidence = f"rests on check {' and '.join(failed)}, which did not pass"
            finding = Finding(number, title, Status.NOT_CHECKED, evidence)
        else:
            answer = Answer()
            make(case, answer)
            problems = tuple(answer.problems)
            if problems:
                more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
                finding = Finding(number, title, Status.FAILED, problems[0].detail + more, problems)
            elif answer.blocked:
                finding = Finding(number, title, Status.NOT_CHECKED, answer.blocked)
            else:
                finding = Finding(number, title, Status.PASSED, answer.evidence, outcome=answer.outcome)
        findings.append(finding)
        statuses[number] = finding.status
    findings += [Finding(number, title, Status.NOT_CHECKED, evidence) for number, title, evidence in _NOT_OFFLINE]
    release = case.release
    return Report(
        tuple(findings),
        release.digest if release else None,
        str(release.body["model"]) if release else None,
        int(release.body["version"]) if release else None,
        _founding_fingerprint(case),
        case.trust_roots,
        summarise(case) if statuses[1] is statuses[2] is Status.PASSED else None,
    )


def _founding_fingerprint(case: Case) -> str | None:
    return fingerprint(case.community.body["release_key"]["public_key"]) if case.community else None


_Check = Callable[[Case, Answer], None]
# title, the checks that must have passed before this one means anything, the check
_CHECKS: tuple[tuple[str, tuple[int, ...], _Check], ...] = (
    ("records are canonical, complete and in order", (), checks.check_records),
    ("every record rests on the records that it must", (), checks.check_parents),
    ("ballots are signed by their voters", (1, 2), checks.check_ballots),
    ("tallies recount", (1, 2), checks.check_tallies),
    ("decisions follow from the rules", (1, 2), checks.check_decisions),
    ("delays and timelocks were respected", (1, 2), checks.check_times),
    ("spec, datasets and rules are the approved ones", (1, 2), checks.check_spec),
    ("files match the manifest and the run", (), checks.check_files),
    ("the verdict follows from rules and report", (1, 2), checks.check_verdict),
    ("the release is signed by the community's key", (1, 2, 3), checks.check_signature),
)
_NOT_OFFLINE = (
    (
        POWER_CHECK,
        "voting power matches the chain",
        "offline: the chain was not asked for power at the snapshot blocks",
    ),
    (RERUN_CHECK, "training again gives the same bytes", "the training was not repeated"),
)

__all__ = [
    "OFFLINE_CHECKS",
    "Finding",
    "NoTrustRoot",
    "Problem",
    "Report",
    "Status",
    "TrustRoots",
    "Unreadable",
    "check",
]
