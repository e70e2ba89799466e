"""Attestations of reviewers in both verifiers: the same draw, the same verdict, and the same forgeries found."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models_registry.duties.tasks import NOTHING, OBJECTS
from models_registry.provenance.verify import TrustRoots, check
from tests.simulators import golden_bundle
from tests.simulators.attacks import changing
from tests.simulators.golden_bundle import Story, reviewed_story
from tests.simulators.golden_reviews import ATTESTED, DUTY
from tests.vectors.batch import ask_all

PEER = "verifier_peer.mjs"
FINISHED = golden_bundle.START + 90_060
STORIES = 24
ASKED = {"block_hash": "0x" + "ab" * 32, "block_number": 1, "kind": "erc1271"}
Edit = Callable[[str, dict[str, Any]], None]


def after_signing(change: Callable[[dict[str, Any]], None]) -> Edit:
    """Return an edit of what the record says was attested, made after the members signed."""

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "review":
            change(body)

    return edit


def first(**changes: Any) -> Edit:
    return after_signing(lambda review: review["attestations"][0].update(changes))


def of_duty(**changes: Any) -> Edit:
    """Return an edit of what the rule asks, as it is voted on."""

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "rule payload" and body["duty"]:
            body["duty"].update(changes)

    return edit


def signed_for_another(folder: Path, other: Story) -> Edit:
    """Return an edit that takes the signatures over from another telling."""
    golden_bundle.build(folder, other)
    evaluation = next(record for record in other.records.values() if record.kind == "evaluation")
    signatures = [said["signature"] for said in evaluation.body["review"]["attestations"]]

    def change(review: dict[str, Any]) -> None:
        for said, signature in zip(review["attestations"], signatures, strict=True):
            said["signature"] = signature

    return after_signing(change)


def warned(kind: str, body: dict[str, Any]) -> None:
    if kind == "rule payload" and body["duty"]:
        body.update(severity="warn")


def where_no_chain_is_read(kind: str, body: dict[str, Any]) -> None:
    first(signature="0x", wallet=ASKED)(kind, body)
    if kind == "proposal":
        body["snapshot"]["source"]["name"] = "contribution_credits"


def cases(folder: Path) -> dict[str, tuple[Story, set[str]]]:
    """Return stories with the codes that check 9 has to find in each."""
    looked, twice = NOTHING, (ATTESTED[0], ATTESTED[0])
    edited: dict[str, tuple[Edit, set[str]]] = {
        "a contract wallet stood by one": (first(signature="0x", wallet=ASKED), set()),
        "a contract wallet where no chain is read": (where_no_chain_is_read, {"source_changed", "wallet_wrong"}),
        "a reason changed afterwards": (first(reason="Never mind."), {"signature_wrong"}),
        "a time changed afterwards": (first(at=FINISHED + 21), {"signature_wrong"}),
        "an address without its checksum": (
            after_signing(lambda r: r["attestations"][0].update(reviewer=r["attestations"][0]["reviewer"].lower())),
            {"signature_wrong"},
        ),
        "no signature at all": (first(signature="0x00"), {"signature_wrong"}),
        "people asked before the run ended": (
            after_signing(lambda r: r.update(opened_at=FINISHED - 1)),
            {"review_early"},
        ),
        "signed before people were asked": (
            after_signing(lambda r: r.update(opened_at=FINISHED + 30)),
            {"attestation_late"},
        ),
        "signed when the time was over": (
            after_signing(lambda r: r.update(opened_at=FINISHED + 20 - 7 * 86_400)),
            {"attestation_late", "review_early"},
        ),
        "signed after the release": (changing("release", released_at=FINISHED + 15), {"attestation_late"}),
        "one who ran it": (
            after_signing(lambda r: r.update(executors=[r["attestations"][1]["reviewer"]])),
            {"reviewer_is_executor"},
        ),
        "one attestation left out": (after_signing(lambda r: r["attestations"].pop()), {"verdict_rejects"}),
        "out of order": (after_signing(lambda r: r["attestations"].reverse()), {"attestation_twice"}),
        "under a rule that asks nobody": (first(rule="answers-stay-right"), {"attestation_foreign", "verdict_rejects"}),
        "under no rule": (first(rule="a-rule"), {"attestation_foreign", "verdict_rejects"}),
        "all samples": (of_duty(samples=10), set()),
    }
    other = {
        "another model": reviewed_story(weights=(9.5, 2.5)),
        "another report": reviewed_story(right=8),
        "other samples": reviewed_story(edit=changing("report", samples_sha256="ab" * 32)),
        "another rule": reviewed_story(edit=of_duty(days=8)),
        "other lines drawn": reviewed_story(edit=of_duty(samples=5)),
    }
    objecting = ((1, OBJECTS, "It insults."), ATTESTED[1])
    found: dict[str, tuple[Story, set[str]]] = {
        "as it should be": (reviewed_story(), set()),
        "by the author": (reviewed_story(attested=((0, looked, ""), ATTESTED[0])), {"reviewer_is_author"}),
        "by a stranger": (reviewed_story(attested=(ATTESTED[0], (7, looked, ""))), {"reviewer_without_power"}),
        "by one member twice": (reviewed_story(attested=twice), {"attestation_twice", "verdict_rejects"}),
        "by too few": (reviewed_story(attested=ATTESTED[:1]), {"verdict_rejects"}),
        "by nobody": (reviewed_story(attested=()), {"verdict_rejects"}),
        "by nobody, where it only warns": (reviewed_story(attested=(), edit=warned), set()),
        "with an objection": (reviewed_story(attested=objecting), {"verdict_rejects"}),
        "with an objection that the rule bears": (
            reviewed_story(attested=objecting, edit=of_duty(objections=1, people=1)),
            set(),
        ),
        "of more samples than there are": (reviewed_story(attested=(), edit=of_duty(samples=11)), {"verdict_rejects"}),
        "of a report alone": (reviewed_story(edit=of_duty(task="read_report", samples=0)), set()),
    }
    found |= {name: (reviewed_story(edit=edit), codes) for name, (edit, codes) in edited.items()}
    found["an objection turned into none"] = (
        reviewed_story(attested=objecting, edit=first(finding=looked, rule=DUTY)),
        {"signature_wrong"},
    )
    for number, (name, story) in enumerate(other.items()):
        edit = signed_for_another(folder / f"other-{number}", story)
        found[f"signed for {name}"] = (reviewed_story(edit=edit), {"signature_wrong"})
    return found


def test_both_find_every_forged_attestation_and_no_other(tmp_path: Path) -> None:
    told = cases(tmp_path)
    folders = {name: tmp_path / str(number) for number, name in enumerate(told)}
    for name, (story, _codes) in told.items():
        golden_bundle.build(folders[name], story)
    asked = [{"op": "check", "folder": str(folder), "consistency_only": True} for folder in folders.values()]
    for (name, folder), theirs in zip(folders.items(), ask_all(PEER, asked), strict=True):
        ours = check(folder, TrustRoots(consistency_only=True)).to_dict()
        codes = told[name][1]
        for report in (ours, theirs):
            failed = {p["code"] for finding in report["findings"] for p in finding["problems"]}
            assert failed == codes, (name, report["findings"])
            assert report["consistent"] is not bool(codes), name


def drawn(source: random.Random) -> Edit:
    """Return an edit with another duty and another number of samples, of which it may draw all."""
    there = source.randint(1, 40)
    samples = source.randint(1, there)

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "report":
            body.update(samples=there, samples_sha256=f"{source.getrandbits(256):064x}")
            for name in ("candidate", "parent", "difference"):
                body[name]["accuracy"]["samples"] = there
        if kind == "rule payload" and body["duty"]:
            body["duty"].update(samples=samples, people=source.randint(1, 2), days=source.randint(1, 90))

    return edit


def test_both_draw_the_same_samples(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(STORIES)]
    for number, folder in enumerate(folders):
        golden_bundle.build(folder, reviewed_story(edit=drawn(random.Random(number))))
    answers = ask_all(PEER, [{"op": "check", "folder": str(folder), "consistency_only": True} for folder in folders])
    for folder, theirs in zip(folders, answers, strict=True):
        assert check(folder, TrustRoots(consistency_only=True)).to_dict()["consistent"], folder.name
        assert theirs["consistent"], (folder.name, theirs["findings"][8])
