"""What training a release again shows: the same bytes, other bytes on the same machine, as good on another one."""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from governance.evidence.record import Record
from models_registry.provenance import bundle
from models_registry.provenance.report import SAME_BYTES, WITHIN_TOLERANCES, Status
from models_registry.provenance.report_words import evidence_in_french
from tests.simulators.golden_reviews import duty_body
from training_jobs.rerun.comparison import RATIO_TOLERANCE, RELATIVE_TOLERANCE, Answer, Recorded, compare

ELSEWHERE = {"torch": "2.13.0", "device": "another"}


@dataclass(frozen=True)
class Again:
    """A release, and what a machine made and measured; each method is another machine."""

    recorded: Recorded
    description: dict[str, Any]
    report: dict[str, Any]

    def on(self, **changes: Any) -> "Again":
        return replace(self, description={**self.description, **changes})

    def with_other_bytes(self) -> "Again":
        return self.on(files=[{**file, "sha256": "ab" * 32} for file in self.description["files"]])

    def measuring(self, away: Fraction, unit: str = "share") -> "Again":
        value = self.report["candidate"]["accuracy"]
        found = Fraction(value["numerator"], value["denominator"]) + away
        changed = {**value, "numerator": found.numerator, "denominator": found.denominator, "unit": unit}
        return replace(self, report={**self.report, "candidate": {"accuracy": changed}})

    def compared(self) -> Answer:
        return compare(self.recorded, self.description, self.report)


@pytest.fixture
def again(golden: Path) -> Again:
    """The same in everything."""
    by_kind = {record.kind: record for record in bundle.read(golden).records}
    run, evaluation = by_kind["run"], by_kind["evaluation"]
    description = {name: run.body[name] for name in ("code_digest", "environment")}
    return Again(
        Recorded("water-assistant", run, evaluation, (by_kind["rule"],), approved_at=0),
        {**description, "files": run.body["artifact"]},
        {name: value for name, value in evaluation.body.items() if name != "verdict"},
    )


def test_the_same_bytes_and_the_same_values_pass(again: Again) -> None:
    assert again.compared() == Answer(
        Status.PASSED,
        "trained again: 2 files, 100 bytes, all the same; measured again: 1 values, all the same",
        outcome=SAME_BYTES,
    )


def test_what_passed_has_a_french_form(again: Again) -> None:
    assert evidence_in_french(again.compared().evidence)


def test_other_bytes_on_the_same_class_of_machine_fail_with_the_file(again: Again) -> None:
    found = again.with_other_bytes().compared()
    assert found.status is Status.FAILED
    assert [(problem.code, problem.place) for problem in found.problems] == [
        ("bytes_differ", "config.json"),
        ("bytes_differ", "model.safetensors"),
    ]


def test_a_file_less_is_found(again: Again) -> None:
    assert again.on(files=again.description["files"][1:]).compared().problems[0].place == "config.json"


@pytest.mark.parametrize("changes", [{"environment": ELSEWHERE}, {"code_digest": "cd" * 32}])
def test_other_bytes_on_another_class_of_machine_pass_when_they_are_as_good(
    again: Again, changes: dict[str, Any]
) -> None:
    found = again.with_other_bytes().on(**changes).compared()
    assert found.status is Status.PASSED
    assert "on another class of machine or software" in found.evidence
    assert found.outcome == WITHIN_TOLERANCES


def test_values_that_were_not_measured_are_found_where_the_bytes_are_the_same(again: Again) -> None:
    found = again.measuring(Fraction(1, 1000)).compared()
    assert [(problem.code, problem.place) for problem in found.problems] == [("measure_differs", "candidate accuracy")]
    elsewhere = again.measuring(Fraction(1, 1000)).on(environment=ELSEWHERE).compared()
    assert (elsewhere.status, elsewhere.outcome) == (Status.PASSED, SAME_BYTES)


def test_elsewhere_a_value_may_be_off_by_its_tolerance_and_no_more(again: Again) -> None:
    other = again.with_other_bytes().on(environment=ELSEWHERE)
    recorded = Fraction(9, 10)
    edge = recorded * RELATIVE_TOLERANCE

    assert other.measuring(-edge).compared().status is Status.PASSED
    assert other.measuring(-edge - Fraction(1, 10**9)).compared().status is Status.FAILED
    assert edge > RATIO_TOLERANCE, "ratios are compared as such"


def test_elsewhere_what_the_rules_refuse_fails(again: Again) -> None:
    found = again.with_other_bytes().on(environment=ELSEWHERE).measuring(Fraction(-1, 2)).compared()
    assert {problem.code for problem in found.problems} == {"rule_fails_again", "measure_differs"}


def test_elsewhere_a_value_that_was_not_measured_at_all_fails(again: Again) -> None:
    other = again.with_other_bytes().on(environment=ELSEWHERE)
    found = replace(other, report={**other.report, "candidate": {}}).compared()
    assert found.status is Status.FAILED


def test_elsewhere_nobody_is_asked_to_look_again(again: Again) -> None:
    people = Record.make("rule", "rule:look", duty_body())
    recorded = replace(again.recorded, rules=(*again.recorded.rules, people))
    elsewhere = replace(again, recorded=recorded).on(environment=ELSEWHERE).with_other_bytes().measuring(Fraction(0))
    assert elsewhere.compared().outcome == WITHIN_TOLERANCES
