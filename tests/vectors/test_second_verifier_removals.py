"""Removed data and whose data it is, in both verifiers: whatever is wrong, each numbered check has the same status."""

from pathlib import Path
from typing import Any

from models_registry.provenance.verify import TrustRoots, check
from tests.simulators import golden_bundle
from tests.simulators.attacks import changing, changing_with
from tests.simulators.golden_bundle import Edit, Story
from tests.vectors.batch import ask_all


def share(body: dict[str, Any]) -> None:
    body["contributors"][0]["share"] = {"numerator": 4, "denominator": 6}


def order(body: dict[str, Any]) -> None:
    body["contributors"].reverse()


def more_rows(body: dict[str, Any]) -> None:
    body["contributors"][0]["records"] = {"en": 3, "fr": 1}


def everywhere(change: Any) -> Edit:
    """Return an edit of the dataset and of the vote that brought it in."""

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "dataset":
            change(body)
        if kind == "proposal" and body["kind"] == "dataset_inclusion":
            change(body["payload"])

    return edit


EDITS: tuple[tuple[bool, Edit], ...] = (
    (True, changing("removal", records=["1" * 64])),
    (True, changing("removal", follow_up={"action": "none", "days": None, "because": "No."})),
    (True, changing("removal", digest="f" * 64)),
    (True, changing("removal payload", records=["2" * 64, "1" * 64])),
    (True, changing("removal payload", records=None)),
    (True, changing("removal payload", records=["x"])),
    (True, changing("removal payload", follow_up={"action": "hope", "days": None, "because": ""})),
    (True, changing("left", records=2)),
    (True, changing("left", sources=[])),
    (True, changing("left", replaces=None)),
    (False, changing("dataset", replaces="f" * 64)),
    (False, changing("dataset", contributions=None)),
    (False, everywhere(share)),
    (False, everywhere(order)),
    (False, everywhere(more_rows)),
    (False, changing_with("dataset", lambda body: body["sources"][0].update(consent="taken"))),
)


def later(body: dict[str, Any]) -> None:
    body["taken_back"]["at"] += 1_000_000


def of_nobody(body: dict[str, Any]) -> None:
    body["taken_back"]["by"] = golden_bundle.voters()[1].address


TAKEN_BACK: tuple[Edit, ...] = (
    lambda _kind, _body: None,
    changing("taking_back payload", allowed=False, days=None),
    changing("taking_back", days=30),
    changing("taking_back", days="30"),
    changing("removal", follow_up={"action": "none", "days": None, "because": "Work."}),
    changing("removal", records=["1" * 64]),
    changing("removal", records=None, successor=None),
    changing("removal", taken_back=None),
    changing("removal", taken_back={"by": "Alice", "at": 1}),
    changing_with("removal", later),
    changing_with("removal", of_nobody),
    changing("left", replaces=None),
    changing("left", records=2),
)


def statuses(report: dict[str, Any]) -> dict[int, str]:
    return {finding["number"]: finding["status"] for finding in report["findings"]}


def test_both_verifiers_find_the_same(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(len(EDITS))]
    for folder, (removing, edit) in zip(folders, EDITS, strict=True):
        golden_bundle.build(folder, Story(removing=removing, edit=edit))
    ours = [statuses(check(folder, TrustRoots(consistency_only=True)).to_dict()) for folder in folders]
    asked = [{"op": "check", "folder": str(folder), "consistency_only": True} for folder in folders]
    assert [statuses(found) for found in ask_all("verifier_peer.mjs", asked)] == ours
    assert all("failed" in found.values() for found in ours)


def test_both_verifiers_find_the_same_about_rows_that_were_taken_back(tmp_path: Path) -> None:
    """The first is the story as it is; it verifies."""
    folders = [tmp_path / str(number) for number in range(len(TAKEN_BACK))]
    for folder, edit in zip(folders, TAKEN_BACK, strict=True):
        golden_bundle.build(folder, Story(taking_back=True, edit=edit))
    ours = [statuses(check(folder, TrustRoots(consistency_only=True)).to_dict()) for folder in folders]
    asked = [{"op": "check", "folder": str(folder), "consistency_only": True} for folder in folders]
    assert [statuses(found) for found in ask_all("verifier_peer.mjs", asked)] == ours
    assert ["failed" in found.values() for found in ours] == [False, *[True] * (len(TAKEN_BACK) - 1)]
