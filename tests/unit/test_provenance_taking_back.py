"""Provenance: what an operator with the release key could say wrongly about rows that a contributor took back."""

from pathlib import Path
from typing import Any

import pytest

from models_registry.provenance import bundle
from tests.simulators import golden_bundle
from tests.simulators.attacks import changing, changing_with, failures, told

OTHER = golden_bundle.voters()[1].address


def test_a_release_says_by_which_rule_its_dataset_lost_rows(tmp_path: Path) -> None:
    report = told(tmp_path, taking_back=True)
    assert report.ok, report.to_dict()
    (removal,) = [record for record in bundle.read(tmp_path).records if record.kind == "removal"]
    assert removal.body["taken_back"]["by"] == golden_bundle.voters()[0].address
    kinds = {record.digest: record.kind for record in bundle.read(tmp_path).records}
    assert sorted(kinds[parent] for parent in removal.parents) == ["dataset", "taking_back"]


@pytest.mark.parametrize(
    ("kind", "changes", "code"),
    [
        ("taking_back payload", {"allowed": False, "days": None}, "removal_not_allowed"),
        ("taking_back payload", {"days": 30}, "removal_not_allowed"),
        ("taking_back", {"days": 30}, "taking_back_not_approved"),
        ("removal", {"follow_up": {"action": "none", "days": None, "because": "Work."}}, "removal_not_allowed"),
        ("removal", {"records": ["1" * 64]}, "removal_not_own"),
        ("removal", {"records": None, "successor": None}, "removal_not_own"),
        ("removal", {"records": ["2" * 64, "1" * 64]}, "removal_wrong"),
        ("removal", {"digest": "f" * 64}, "removal_spliced"),
        ("removal", {"successor": "f" * 64}, "dataset_not_approved"),
        ("left", {"replaces": None}, "dataset_not_approved"),
        ("left", {"title": "Questions about wine"}, "replaced_wrong"),
        ("left", {"records": 2}, "replaced_wrong"),
    ],
)
def test_attack_a_removal_that_the_rule_does_not_explain(
    tmp_path: Path, kind: str, changes: dict[str, Any], code: str
) -> None:
    assert code in failures(told(tmp_path, taking_back=True, edit=changing(kind, **changes)))[7]


def test_attack_rows_of_another_contributor_taken_out_without_a_vote(tmp_path: Path) -> None:
    """The operator names somebody who gave nothing."""

    def edit(body: dict[str, Any]) -> None:
        body["taken_back"]["by"] = OTHER

    found = failures(told(tmp_path, taking_back=True, edit=changing_with("removal", edit)))[7]
    assert found == {"removal_not_own", "replaced_wrong"}


def test_attack_what_is_left_credits_the_one_who_took_their_rows_back(tmp_path: Path) -> None:
    def credit(body: dict[str, Any]) -> None:
        body["contributors"][0]["contributor"] = golden_bundle.voters()[0].address

    assert "replaced_wrong" in failures(told(tmp_path, taking_back=True, edit=changing_with("left", credit)))[7]


def test_attack_rows_taken_back_before_there_was_a_rule_or_a_dataset(tmp_path: Path) -> None:
    def edit(body: dict[str, Any]) -> None:
        body["taken_back"]["at"] = golden_bundle.START

    found = failures(told(tmp_path, taking_back=True, edit=changing_with("removal", edit)))
    assert found[6] == {"adopted_late"}


def test_attack_rows_taken_back_after_what_is_left_was_included(tmp_path: Path) -> None:
    def edit(body: dict[str, Any]) -> None:
        body["taken_back"]["at"] += 1_000_000

    assert failures(told(tmp_path, taking_back=True, edit=changing_with("removal", edit)))[6] == {"adopted_late"}


def without_rule(kind: str, parents: tuple[str, ...]) -> tuple[str, ...]:
    return parents[1:] if kind == "removal" else parents


@pytest.mark.parametrize(
    "facts",
    [
        {"taking_back": True, "parents_edit": without_rule},
        {"taking_back": True, "edit": changing("removal", taken_back=None)},
        {"removing": True, "edit": changing("removal", taken_back={"by": OTHER, "at": 1})},
    ],
)
def test_attack_a_removal_that_rests_on_neither_a_vote_nor_a_rule(tmp_path: Path, facts: dict[str, Any]) -> None:
    assert failures(told(tmp_path, **facts))[2] == {"parents_wrong"}


@pytest.mark.parametrize(
    "taken_back",
    [{"by": OTHER}, {"by": "Alice", "at": 1}, {"by": OTHER, "at": -1}, {"by": OTHER, "at": 1, "salt": "x"}, [], True],
)
def test_attack_a_taking_back_in_another_form(tmp_path: Path, taken_back: object) -> None:
    report = told(tmp_path, taking_back=True, edit=changing("removal", taken_back=taken_back))
    assert failures(report)[1] == {"record_malformed"}


def test_a_source_in_a_record_never_says_how_to_reach_somebody(tmp_path: Path) -> None:
    def edit(body: dict[str, Any]) -> None:
        body["sources"][0]["contact"] = "zoe@example.org"

    assert failures(told(tmp_path, edit=changing_with("dataset", edit)))[1] == {"record_malformed"}
