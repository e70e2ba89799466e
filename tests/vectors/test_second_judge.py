"""Check 9 in both verifiers: the same verdict, word for word, whatever rules and reports say; the same forged overrides."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from models_registry import gates
from models_registry.provenance.verify import TrustRoots, check
from tests.simulators import golden_bundle
from tests.simulators.attacks import changing, changing_with
from tests.simulators.golden_bundle import Story
from tests.vectors.batch import ask_all

PEER = "verifier_peer.mjs"
JUDGED = 60
OWN = "ab" * 32
METRICS = ("accuracy", "gap", f"toxicity_classifier:{'ab' * 32}:toxic:0.5")
APPROVED_AT = golden_bundle.START + 30_972  # when the vote on the training of a plain story with two rules takes effect


def ratio(source: random.Random) -> dict[str, Any]:
    return {"numerator": source.randint(-6, 6), "denominator": source.choice((1, 2, 3, 4, 6, 0))}


def value(source: random.Random) -> dict[str, Any]:
    """Return a measured value that may lack anything."""
    found = {**ratio(source), "unit": "share", "samples": source.choice((10, 10, 10, 0))}
    for end in ("low", "high"):
        if source.random() < 0.8:
            found[end] = ratio(source)
    return found


def on_suite(source: random.Random) -> dict[str, Any]:
    values = {
        name: {metric: value(source) for metric in METRICS if source.random() < 0.9}
        for name in ("candidate", "parent", "difference")
    }
    return {**values, "samples": source.choice((10, 10, 10, 0)), "samples_sha256": "cd" * 32}


def drawn(source: random.Random) -> Callable[[str, dict[str, Any]], None]:
    """Return an edit that draws rules and report; the first rule always binds, so that there is a verdict."""

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "report":
            body.update(on_suite(source), further={OWN: on_suite(source)} if source.random() < 0.8 else {})
        if kind != "rule payload":
            return
        binds = body["slug"] == "binding"
        comparator = source.choice(sorted(gates.COMPARATORS))
        bound = {"numerator": source.randint(0, 6), "denominator": source.choice((1, 2, 3))}
        body.update(
            metric=source.choice(METRICS),
            comparator=comparator,
            bound=bound,
            judged=source.choice(gates.JUDGED),
            suite=OWN if binds else source.choice((None, OWN)),
            severity="block" if binds else source.choice(gates.SEVERITIES),
            sunset=None if binds else source.choice((None, 1, APPROVED_AT, 2**40)),
        )

    return edit


def test_both_give_the_same_verdict_word_for_word(tmp_path: Path) -> None:
    folders = []
    for number in range(JUDGED):
        folders.append(tmp_path / str(number))
        edit = drawn(random.Random(number))
        told = replace(golden_bundle.plain_story(), rules=("binding", "other"), edit=edit)
        golden_bundle.build(folders[-1], told)
    answers = ask_all(PEER, [{"op": "check", "folder": str(folder), "consistency_only": True} for folder in folders])
    codes = []
    for folder, theirs in zip(folders, answers, strict=True):
        ours = check(folder, TrustRoots(consistency_only=True)).to_dict()["findings"][8]
        found = [problem["code"] for problem in theirs["findings"][8]["problems"]]
        assert found == [problem["code"] for problem in ours["problems"]], folder.name
        codes.append(tuple(found))
    assert set(codes) == {(), ("verdict_rejects",)}, "the verdicts of both kinds, and none that one of them calls wrong"


def forgeries() -> list[Story]:
    """Return stories of overrides that no verifier may accept, and one that both do."""
    edits = [
        changing("override payload", run=2),
        changing("override payload", evaluation="ab" * 32),
        changing("override payload", rules=["first"]),
        changing("override", reason="Because."),
        changing_with("rules", lambda body: body["tiers"]["gravest"].update(quorum_bps=1_999)),
        changing_with("rules", lambda body: body["tiers"]["gravest"].update(objection_bps=0)),
        changing_with("rules", lambda body: body["kinds"].update(verdict_override="standard")),
        changing("release", released_at=golden_bundle.START + 90_100),
    ]
    rules = ("first", "second")
    return [
        golden_bundle.overridden_story(rules=rules),
        golden_bundle.overridden_story(rules=rules, right=9),
        Story(right=3),
        Story(rules=("twice", "twice")),
        Story(rule_changed=True, parents_edit=lambda kind, parents: parents[:1] if kind == "rule" else parents),
        *(golden_bundle.overridden_story(rules=rules, edit=edit) for edit in edits),
    ]


def test_both_refuse_the_same_forged_overrides_and_rules(tmp_path: Path) -> None:
    folders = []
    for number, story in enumerate(forgeries()):
        folders.append(tmp_path / str(number))
        golden_bundle.build(folders[-1], story)
    answers = ask_all(PEER, [{"op": "check", "folder": str(folder), "consistency_only": True} for folder in folders])
    good = 0
    for folder, theirs in zip(folders, answers, strict=True):
        ours = check(folder, TrustRoots(consistency_only=True)).to_dict()
        for one, other in zip(ours["findings"], theirs["findings"], strict=True):
            assert {p["code"] for p in one["problems"]} == {p["code"] for p in other["problems"]}, (folder.name, one)
        good += ours["consistent"]
    assert good == 1
