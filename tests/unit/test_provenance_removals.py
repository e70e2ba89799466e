"""Provenance: what an operator with the release key could say wrongly about removed data, and about whose data it is."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models_registry.provenance import bundle
from models_registry.provenance.verify import check
from models_registry.rights.__main__ import main
from models_registry.rights.blast import blast_radius
from models_registry.rights.contributors import shares_of_training
from tests.simulators import golden_bundle
from tests.simulators.attacks import CONSISTENCY, changing, changing_with, failures, told
from tests.simulators.golden_bundle import Story
from tests.simulators.golden_parts import spec

OLD = hashlib.sha256(b"dataset").hexdigest()
LEFT = hashlib.sha256(b"what is left").hexdigest()
Change = Callable[[dict[str, Any]], None]


def test_a_model_that_learnt_from_what_a_removal_left_verifies(tmp_path: Path) -> None:
    report = told(tmp_path, removing=True)
    assert report.ok, report.to_dict()

    records = {record.digest: record for record in bundle.read(tmp_path).records}
    assert [(each.revision, each.through) for each in blast_radius({LEFT}, records).learnt] == [
        (bundle.read(tmp_path).release.body["revision"], ())
    ]
    assert blast_radius({OLD}, records).learnt == (), "the bundle names the old dataset, and its run did not use it"
    assert blast_radius({OLD}, records).unexplained == ("ab" * 20,), "the base has no record here"


@pytest.mark.parametrize(
    ("kind", "changes", "code"),
    [
        ("removal", {"records": ["1" * 64]}, "removal_not_approved"),
        ("removal", {"why": "No reason."}, "removal_not_approved"),
        (
            "removal",
            {"follow_up": {"action": "none", "days": None, "because": "Too much work."}},
            "removal_not_approved",
        ),
        ("removal", {"request": "0123456789abcdef"}, "removal_not_approved"),
        ("removal", {"successor": "f" * 64}, "removal_not_approved"),
        ("removal", {"digest": "f" * 64}, "removal_spliced"),
        ("removal payload", {"records": ["2" * 64, "1" * 64]}, "removal_wrong"),
        ("removal payload", {"records": None}, "removal_wrong"),
        ("left", {"records": 2}, "replaced_wrong"),
        ("left", {"title": "Questions about wine"}, "replaced_wrong"),
        ("left", {"license": "CC0-1.0"}, "replaced_wrong"),
        ("left", {"sources": []}, "replaced_wrong"),
        ("left", {"scans": []}, "replaced_wrong"),
        ("left", {"replaces": None}, "dataset_not_approved"),
        ("left", {"digest": "f" * 64}, "dataset_not_approved"),
    ],
)
def test_attack_a_removal_that_says_something_else_than_its_vote(
    tmp_path: Path, kind: str, changes: dict[str, Any], code: str
) -> None:
    assert code in failures(told(tmp_path, removing=True, edit=changing(kind, **changes)))[7]


def test_attack_rows_moved_to_somebody_else_on_the_occasion_of_a_removal(tmp_path: Path) -> None:
    """The contributor who took their rows back is credited with the row that is left."""

    def credit(body: dict[str, Any]) -> None:
        body["contributors"][0]["contributor"] = golden_bundle.voters()[0].address
        body["contributors"][0]["records"] = {"de": 1}

    report = told(tmp_path, removing=True, edit=changing_with("left", credit))
    assert failures(report)[7] == {"replaced_wrong"}


def test_attack_training_on_removed_data_again(tmp_path: Path) -> None:
    """The old dataset, whose inclusion was voted once, goes into the mixture beside what is left of it."""

    def rest_on_both(kind: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        if kind != "spec":
            return parents
        old = next(
            d for d, record in story.records.items() if record.kind == "dataset" and record.body["digest"] == OLD
        )
        return (*parents, old)

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "proposal" and body["kind"] == "model_update":  # the list is that of the spec, too
            body["payload"]["spec"]["datasets"].append({"digest": OLD, "languages": ["en"]})

    story = Story(removing=True, edit=edit, parents_edit=rest_on_both)
    golden_bundle.build(tmp_path, story)
    assert failures(check(tmp_path, CONSISTENCY)) == {7: {"dataset_removed"}}


def test_attack_a_dataset_that_claims_to_replace_another_without_a_removal(tmp_path: Path) -> None:
    report = told(tmp_path, edit=changing("dataset", replaces="f" * 64))
    assert failures(report)[7] == {"removal_missing"}


def test_attack_a_removal_by_an_ordinary_inclusion(tmp_path: Path) -> None:
    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "proposal" and body["kind"] == "dataset_removal":
            body["kind"] = "dataset_inclusion"
        if kind == "execution" and body["kind"] == "dataset_removal":
            body["kind"] = "dataset_inclusion"

    assert "kind_changed" in failures(told(tmp_path, removing=True, edit=edit))[7]


@pytest.mark.parametrize("name", ["sources", "contributors", "contributions"])
def test_attack_other_rights_than_were_voted_on(tmp_path: Path, name: str) -> None:
    other: dict[str, Any] = {
        "sources": [],
        "contributors": [
            {"contributor": None, "records": {"en": 3}, "share": {"numerator": 1, "denominator": 1}},
        ],
        "contributions": None,
    }
    assert failures(told(tmp_path, edit=changing("dataset", **{name: other[name]})))[7] == {"dataset_not_approved"}


def larger_share(body: dict[str, Any]) -> None:
    body["contributors"][0]["share"] = {"numerator": 5, "denominator": 6}


def unreduced_share(body: dict[str, Any]) -> None:
    body["contributors"][0]["share"] = {"numerator": 4, "denominator": 6}


def more_rows_than_there_are(body: dict[str, Any]) -> None:
    body["contributors"][0]["records"] = {"en": 3, "fr": 1}


def named_twice(body: dict[str, Any]) -> None:
    body["contributors"] = [body["contributors"][1], body["contributors"][1], body["contributors"][0]]


@pytest.mark.parametrize("change", [larger_share, unreduced_share, more_rows_than_there_are, named_twice])
def test_attack_shares_that_do_not_add_up_even_if_a_vote_said_so(tmp_path: Path, change: Change) -> None:
    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "dataset":
            change(body)
        if kind == "proposal" and body["kind"] == "dataset_inclusion":
            change(body["payload"])

    assert "contributors_wrong" in failures(told(tmp_path, edit=edit))[7]


@pytest.mark.parametrize(
    "source",
    [
        {"consent": "taken"},
        {"name": None},
        {"licence": "MIT"},
    ],
)
def test_attack_a_source_in_another_form(tmp_path: Path, source: dict[str, Any]) -> None:
    def edit(body: dict[str, Any]) -> None:
        body["sources"][0] |= source

    assert failures(told(tmp_path, edit=changing_with("dataset", edit)))[1] == {"record_malformed"}


def test_what_part_of_a_training_each_contributor_gave_follows_from_the_mixture() -> None:
    """Of the languages that the spec uses, as often as it repeats a dataset, exactly."""

    def body(*entries: tuple[str | None, dict[str, int]]) -> dict[str, Any]:
        return {"contributors": [{"contributor": who, "records": rows} for who, rows in entries]}

    used = spec("a" * 64)
    used["datasets"] = [
        {"digest": "a" * 64, "languages": ["en"], "weight": 3},
        {"digest": "b" * 64, "languages": ["fr"]},
    ]
    shares = shares_of_training(
        used,
        {
            "a" * 64: body(("alice", {"en": 2, "fr": 50}), (None, {"en": 1})),
            "b" * 64: body(("alice", {"en": 9}), ("bob", {"fr": 3})),
        },
    )
    assert {who: str(part) for who, part in shares.items()} == {"alice": "1/2", None: "1/4", "bob": "1/4"}


def test_a_stranger_asks_bundles_which_release_learnt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    golden_bundle.build(tmp_path / "release", Story(removing=True))
    folder = str(tmp_path / "release")
    assert main(["--dataset", OLD, folder]) == 0
    assert main(["--dataset", OLD, "--dataset", LEFT, folder]) == 1
    assert '"version": 1' in capsys.readouterr().out
    assert main(["--dataset", "pairs", folder]) == 2
    assert main(["--dataset", OLD, str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
