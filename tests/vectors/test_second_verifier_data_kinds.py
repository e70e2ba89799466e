"""What kinds of data a dataset is, in both verifiers: where it was said it has to be what was voted, and it stays."""

from pathlib import Path
from typing import Any

from models_registry.provenance.verify import TrustRoots, check
from tests.simulators import golden_bundle
from tests.simulators.attacks import changing_with
from tests.simulators.golden_bundle import Edit, Story
from tests.vectors.batch import ask_all

SAID: dict[str, Any] = {"data_kinds": ["health", "personal"], "country": "FR"}


def everywhere(**values: Any) -> Edit:
    """Return an edit of the dataset and of each vote that brought it in."""

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "dataset":
            body.update(values)
        if kind == "proposal" and body["kind"] == "dataset_inclusion":
            body["payload"].update(values)

    return edit


def and_left(name: str) -> Edit:
    """Return the same, but what is left of the dataset has lost one of them."""

    def edit(kind: str, body: dict[str, Any]) -> None:
        everywhere(**SAID)(kind, body)
        if kind == "dataset" and body["replaces"] is not None:
            del body[name]

    return edit


def in_the_vote(**values: Any) -> Edit:
    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "proposal" and body["kind"] == "dataset_inclusion":
            body["payload"].update(values)

    return edit


SOUND = (
    Story(edit=everywhere(**SAID)),
    Story(edit=everywhere(data_kinds=["health"])),
    Story(edit=everywhere(country="FR")),
    Story(removing=True, edit=everywhere(**SAID)),
    Story(taking_back=True, edit=everywhere(**SAID)),
)
WRONG = (
    Story(edit=changing_with("dataset", lambda body: body.update(SAID))),  # the vote did not say it
    Story(edit=in_the_vote(**SAID)),  # the record lost what was voted
    Story(edit=in_the_vote(country="DE")),
    Story(edit=everywhere(data_kinds="health")),
    Story(edit=everywhere(data_kinds=["health", 7])),
    Story(edit=everywhere(country=None)),
    Story(removing=True, edit=and_left("country")),
    Story(removing=True, edit=and_left("data_kinds")),
    Story(taking_back=True, edit=and_left("data_kinds")),
)


def statuses(report: dict[str, Any]) -> dict[int, str]:
    return {finding["number"]: finding["status"] for finding in report["findings"]}


def test_both_verifiers_find_the_same(tmp_path: Path) -> None:
    stories = (*SOUND, *WRONG)
    folders = [tmp_path / str(number) for number in range(len(stories))]
    for folder, story in zip(folders, stories, strict=True):
        golden_bundle.build(folder, story)
    ours = [statuses(check(folder, TrustRoots(consistency_only=True)).to_dict()) for folder in folders]
    asked = [{"op": "check", "folder": str(folder), "consistency_only": True} for folder in folders]
    assert [statuses(found) for found in ask_all("verifier_peer.mjs", asked)] == ours
    assert ["failed" in found.values() for found in ours] == [False] * len(SOUND) + [True] * len(WRONG)
