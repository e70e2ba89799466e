"""What training again shows about a release: the same bytes, or on another kind of machine measures as good. Pure.

Within one class of machine and software (the run record's `environment`, and the digest of the trainer's code) equal
specifications give equal bytes; anything else is a failure. Across classes sums are rounded in another order, so bytes
differ, and what counts is that the rules accept and that every measured value is within TOLERANCES of the recorded one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from governance.evidence.record import Record
from models_registry import gates
from models_registry.provenance.manifest import Problem
from models_registry.provenance.report import SAME_BYTES, WITHIN_TOLERANCES, Status

# By unit: how far a value may be from the recorded one. A ratio is compared as such, other units relative to it.
RATIO_TOLERANCE: Final = Fraction(1, 50)
RELATIVE_TOLERANCE: Final = Fraction(1, 20)
_RATIO: Final = "ratio"


@dataclass(frozen=True)
class Recorded:
    """The records that a release rests on."""

    model: str
    run: Record
    evaluation: Record
    rules: tuple[Record, ...]
    approved_at: int  # UNIX seconds
    # by the names of hidden suites the digests of their rows
    opened: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """The answer to check 12; `outcome` says in which of the two ways it passed."""

    status: Status
    evidence: str
    problems: tuple[Problem, ...] = ()
    outcome: str = ""


def compare(recorded: Recorded, description: Mapping[str, Any], report: Mapping[str, Any]) -> Answer:
    """Compare what was trained and measured again with the records.

    1. the same files: the measures must be the same, too; 2. other files in the same class: a failure; 3. other files
    in another class: the rules judge again, and the values are compared within tolerances.
    """
    different = sorted(_different_files(recorded.run.body["artifact"], description["files"]))
    apart = tuple(_apart(recorded.run.body, description))
    if not different:
        return _measured_alike(recorded, report, apart)  # 1
    if not apart:
        problems = tuple(
            Problem("bytes_differ", name, "trained again from the approved inputs it is another file")
            for name in different
        )
        return _failed("on the same class of machine and software, training again gives other bytes", problems)  # 2
    return _as_good(recorded, report, apart)  # 3


def _measured_alike(recorded: Recorded, report: Mapping[str, Any], apart: tuple[str, ...]) -> Answer:
    size = sum(file["size"] for file in recorded.run.body["artifact"])
    trained = f"trained again: {len(recorded.run.body['artifact'])} files, {size} bytes, all the same"
    body = recorded.evaluation.body
    wrong = tuple(
        Problem("measure_differs", f"{who} {name}", f"measured again {_shown(found)}, recorded {_shown(value)}")
        for part, again in _parts(body, report)
        for who in ("candidate", "parent", "difference")
        for name, value in part[who].items()
        if (found := again.get(who, {}).get(name)) != value
    )
    if wrong and not apart:
        return _failed(f"{trained}; but the recorded report is not what is measured here", wrong)
    if wrong:
        return _passed(f"{trained}; measured on another class of machine ({', '.join(apart)})", SAME_BYTES)
    count = sum(len(part["candidate"]) for part, _ in _parts(body, report))
    return _passed(f"{trained}; measured again: {count} values, all the same", SAME_BYTES)


def _as_good(recorded: Recorded, report: Mapping[str, Any], apart: tuple[str, ...]) -> Answer:
    where = f"on another class of machine or software ({', '.join(apart)}), so bytes may differ"
    verdict = gates.decide(
        [gates.Rule.from_record(rule.body) for rule in recorded.rules],
        gates.Report.from_record(report, recorded.model, recorded.opened),
        recorded.approved_at,
    )
    # A release whose verdict was overridden breaks rules by a vote; it must not break others here.
    broken = {reason["rule"] for reason in recorded.evaluation.body["verdict"]["reasons"] if _rejects(reason)}
    # Nobody is asked to look at what was trained here.
    broken |= {rule.body["slug"] for rule in recorded.rules if rule.body["duty"] is not None}
    problems = [
        Problem("rule_fails_again", reason.rule, "judged by this rule, what was trained here is not accepted")
        for reason in verdict.reasons
        if reason.rejects and reason.rule not in broken
    ]
    for part, again in _parts(recorded.evaluation.body, report):
        for name, value in part["candidate"].items():
            found = again.get("candidate", {}).get(name)
            if found is None or not _near(value, found):
                problems.append(
                    Problem("measure_differs", f"candidate {name}", f"{_shown(found)}, recorded {_shown(value)}")
                )
    if problems:
        return _failed(f"{where}; but what was trained here is not as good", tuple(problems))
    count = sum(len(part["candidate"]) for part, _ in _parts(recorded.evaluation.body, report))
    allowed = f"{RATIO_TOLERANCE} for ratios, {RELATIVE_TOLERANCE} of the value for others"
    evidence = f"{where}; the rules accept, and {count} values are as recorded within {allowed}"
    return _passed(evidence, WITHIN_TOLERANCES)


def _rejects(reason: Mapping[str, Any]) -> bool:
    return bool(reason["binds"] and not reason["holds"])


def _parts(body: Mapping[str, Any], report: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return for each suite what is recorded and what was measured here; what was not measured is empty."""
    measured = report.get("further", {})
    return [(body, report), *((part, measured.get(suite, {})) for suite, part in body["further"].items())]


def _passed(evidence: str, outcome: str) -> Answer:
    return Answer(Status.PASSED, evidence, outcome=outcome)


def _failed(evidence: str, problems: tuple[Problem, ...]) -> Answer:
    return Answer(Status.FAILED, evidence, problems)


def _different_files(recorded: list[dict[str, Any]], made: list[dict[str, Any]]) -> set[str]:
    one, other = ({file["path"]: file["sha256"] for file in files} for files in (recorded, made))
    return {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}


def _apart(recorded: Mapping[str, Any], description: Mapping[str, Any]) -> Iterator[str]:
    """Yield in what this machine's class is another than that of the record."""
    if recorded["code_digest"] != description["code_digest"]:
        yield "the trainer's code"
    there, here = recorded["environment"], description["environment"]
    for name in sorted(there.keys() | here.keys()):
        if there.get(name) != here.get(name):
            yield f"{name}: {there.get(name)} there, {here.get(name)} here"


def _near(recorded: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    one, other = (Fraction(value["numerator"], value["denominator"]) for value in (recorded, found))
    allowed = RATIO_TOLERANCE if recorded.get("unit") == _RATIO else abs(one) * RELATIVE_TOLERANCE
    return abs(one - other) <= allowed


def _shown(value: Mapping[str, Any] | None) -> str:
    return "nothing" if value is None else f"{value['numerator']}/{value['denominator']}"
