"""Provenance of rules that changed and of verdicts that were overridden: what a dishonest operator cannot make of them."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governance.evidence.record import Record
from models_registry.provenance.report import Report
from models_registry.provenance.verify import check
from tests.simulators import golden_bundle
from tests.simulators.attacks import CONSISTENCY, changing, changing_with, failures
from tests.simulators.golden_bundle import Story

ROOT = Path(__file__).resolve().parents[2]
REASON = "The wells are poisoned, and no other model is there."


def checked(folder: Path, story: Story) -> Report:
    golden_bundle.build(folder, story)
    return check(folder, CONSISTENCY)


def overridden(folder: Path, **facts: Any) -> Report:
    return checked(folder, golden_bundle.overridden_story(**facts))


def gravest(**changes: Any) -> Callable[[str, dict[str, Any]], None]:
    """Return an edit of the tier in which overrides are decided, in every charter."""
    return changing_with("rules", lambda body: body["tiers"]["gravest"].update(changes))


# --- overrides ----------------------------------------------------------------------------------------------------


def test_an_override_lets_a_release_verify_and_marks_it(tmp_path: Path) -> None:
    report = overridden(tmp_path, rules=("answers-stay-right", "be-kind"))

    assert report.ok
    assert report.findings[8].code == "overridden"
    assert report.findings[8].evidence.startswith("OVERRIDDEN: the model breaks answers-stay-right, be-kind; vote 12")
    assert report.to_dict()["overridden"] == {"rules": ["answers-stay-right", "be-kind"], "vote": 12, "reason": REASON}


def test_the_command_prints_that_a_verdict_was_overridden(tmp_path: Path) -> None:
    golden_bundle.build(tmp_path, golden_bundle.overridden_story())
    command = [sys.executable, "-m", "models_registry.provenance", "verify", str(tmp_path), "--consistency-only"]
    said = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    page = subprocess.run([*command, "--html", "--language", "fr"], cwd=ROOT, check=False, capture_output=True)

    assert said.returncode == 0
    assert f"OVERRIDDEN: it breaks answers-stay-right; vote 12 released it all the same: {REASON}" in said.stdout
    assert "RÈGLES OUTREPASSÉES" in page.stdout.decode()


def test_a_release_that_nobody_overrode_says_nothing_of_it(tmp_path: Path) -> None:
    assert checked(tmp_path, Story()).to_dict()["overridden"] is None


def test_attack_release_of_a_rejected_model_without_an_override(tmp_path: Path) -> None:
    assert failures(checked(tmp_path, Story(right=3))) == {9: {"verdict_rejects"}}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("run", 2, "override_of_another_run"),
        ("evaluation", "ab" * 32, "override_of_another_run"),
        ("rules", ["answers-stay-right"], "override_incomplete"),
        ("rules", [], "override_incomplete"),
        ("rules", ["be-kind", "answers-stay-right"], "override_incomplete"),
        ("rules", ["answers-stay-right", "be-kind", "be-kind"], "override_incomplete"),
    ],
)
def test_attack_vote_about_another_run_or_fewer_rules(tmp_path: Path, field: str, value: Any, code: str) -> None:
    """The voters really voted for this, so their proposal and the record agree."""
    edit = changing("override payload", **{field: value})
    report = overridden(tmp_path, rules=("answers-stay-right", "be-kind"), edit=edit)
    assert failures(report) == {9: {code}}


@pytest.mark.parametrize(("field", "value"), [("rules", ["be-kind"]), ("reason", "Because."), ("run", 2)])
def test_attack_override_that_says_otherwise_than_its_vote(tmp_path: Path, field: str, value: Any) -> None:
    report = overridden(tmp_path, edit=changing("override", **{field: value}))
    assert failures(report)[7] == {"override_not_approved"}


def test_attack_vote_on_something_harmless_taken_as_an_override(tmp_path: Path) -> None:
    def harmless(kind: str, body: dict[str, Any]) -> None:
        if kind in {"proposal", "execution"} and body["kind"] == "verdict_override":
            body["kind"] = "text_signal"

    assert "kind_changed" in failures(overridden(tmp_path, edit=harmless))[7]


def test_attack_override_without_its_execution(tmp_path: Path) -> None:
    def unexecuted(kind: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        return parents[1:] if kind == "override" else parents

    assert failures(overridden(tmp_path, parents_edit=unexecuted))[2] == {"parents_wrong"}


def test_attack_override_whose_vote_was_lost(tmp_path: Path) -> None:
    story = golden_bundle.overridden_story()
    honest = story.cast

    def against(community: Record, proposal: Record) -> list[Record]:
        if proposal.body["kind"] != "verdict_override":
            return honest(community, proposal)
        return [story.ballot(community, proposal, voter, 0) for voter in story.members]

    story.cast = against  # type: ignore[method-assign]
    assert failures(checked(tmp_path, story))[5] == {"not_passed"}


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold_bps": 5_000, "timelock_seconds": 300},
        {"quorum_bps": 1_999},
        {"timelock_seconds": 299},
        {"objection_bps": 0},
        {"quorum_basis": "delegated"},
        {"rejection_bps": 5_000},
    ],
)
def test_attack_override_in_a_tier_that_demands_less_than_another(tmp_path: Path, changes: dict[str, Any]) -> None:
    report = overridden(tmp_path, edit=gravest(**changes))
    assert failures(report)[9] == {"override_tier_low"}


@pytest.mark.parametrize("tier", ["standard", None])
def test_attack_override_in_the_tier_of_training(tmp_path: Path, tier: str | None) -> None:
    def plain(body: dict[str, Any]) -> None:
        body["tiers"].pop("gravest")
        body["kinds"].pop("verdict_override")
        if tier:
            body["kinds"]["verdict_override"] = tier

    assert failures(overridden(tmp_path, edit=changing_with("rules", plain)))[9] == {"override_tier_low"}


def test_attack_override_that_was_voted_before_there_was_a_cause(tmp_path: Path) -> None:
    assert failures(overridden(tmp_path, right=9))[9] >= {"override_without_cause"}


def test_attack_release_before_the_override_was_carried_out(tmp_path: Path) -> None:
    early = changing("release", released_at=golden_bundle.START + 90_100)
    assert failures(overridden(tmp_path, edit=early)) == {6: {"adopted_late"}}


# --- rules that changed -------------------------------------------------------------------------------------------


def test_a_changed_rule_rests_on_the_one_whose_place_it_took(tmp_path: Path) -> None:
    story = Story(rule_changed=True, rules=("answers-stay-right", "be-kind"))
    report = checked(tmp_path, story)
    assert report.ok
    assert report.summary is not None
    assert sorted(number for _title, number in report.summary.rules) == [3, 4]


@pytest.mark.parametrize("change", [{"bound": {"numerator": 1, "denominator": 2}}, {"slug": "another"}, {"why": ""}])
def test_attack_change_that_says_otherwise_than_its_vote(tmp_path: Path, change: dict[str, Any]) -> None:
    def forge(kind: str, body: dict[str, Any]) -> None:
        if kind == "rule" and body["why"]:
            body.update(change)

    assert "rule_not_approved" in failures(checked(tmp_path, Story(rule_changed=True, edit=forge)))[7]


def test_attack_change_taken_for_a_rule_of_its_own(tmp_path: Path) -> None:
    """Without the rule whose place it takes, a change would bind beside it, or hide it."""

    def alone(kind: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        return parents[:1] if kind == "rule" else parents

    found = failures(checked(tmp_path, Story(rule_changed=True, parents_edit=alone)))
    assert found[7] == {"kind_changed", "rule_not_approved"}


def test_attack_two_rules_of_one_name(tmp_path: Path) -> None:
    assert failures(checked(tmp_path, Story(rules=("twice", "twice"))))[7] == {"rule_twice"}


@pytest.mark.parametrize("change", [{"severity": "warn"}, {"sunset": 1}])
def test_attack_release_judged_by_warnings_or_ended_rules_alone(tmp_path: Path, change: dict[str, Any]) -> None:
    """The rule that binds is dropped from what spec and evaluation rest on; what is left could reject nothing."""

    def toothless(kind: str, body: dict[str, Any]) -> None:
        if kind == "rule payload" and body["slug"] == "toothless":
            body.update(change)

    def without_the_other(kind: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        dropped = {r.digest for r in story.records.values() if r.kind == "rule" and r.body["slug"] == "binding"}
        return tuple(p for p in parents if p not in dropped) if kind in {"spec", "evaluation"} else parents

    story = Story(rules=("toothless", "binding"), edit=toothless, parents_edit=without_the_other)
    assert failures(checked(tmp_path, story)) == {9: {"empty_policy"}}


def test_attack_suite_that_no_rule_names(tmp_path: Path) -> None:
    measured = {name: {} for name in ("candidate", "parent", "difference")}
    further = {"ab" * 32: {**measured, "samples": 1, "samples_sha256": "cd" * 32}}
    report = checked(tmp_path, Story(edit=changing("report", further=further)))
    assert failures(report) == {9: {"suite_changed"}}


def test_attack_interval_that_was_narrowed_after_the_verdict(tmp_path: Path) -> None:
    def cautious(kind: str, body: dict[str, Any]) -> None:
        if kind == "rule payload":
            body.update(judged="cautious")
        if kind == "evaluation":
            body["candidate"]["accuracy"]["low"] = {"numerator": 1, "denominator": 10}

    found = failures(checked(tmp_path, Story(edit=cautious)))
    assert found[9] == {"verdict_wrong", "verdict_rejects"}
