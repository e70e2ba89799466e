"""Provenance: a dishonest operator, who holds the release key too, can sign everything but the voters' ballots."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from governance.evidence.record import Record
from models_registry.provenance import bundle
from models_registry.provenance.verify import TrustRoots, check
from tests.simulators import golden_bundle
from tests.simulators.attacks import CONSISTENCY, changing, changing_with, failures, lines, put, told
from tests.simulators.golden_bundle import KeySigner, Story

ATTACKER = KeySigner(66)
EVERYBODY = (*golden_bundle.POWERS, *golden_bundle.TRUSTING_POWERS)


def test_attack_shortened_timelock_in_the_rules_with_everything_built_again(tmp_path: Path) -> None:
    honest = golden_bundle.build(tmp_path / "honest")
    hurried = changing_with("proposal", lambda body: body["rules"].update(timelock_seconds=1))
    report = told(tmp_path / "forged", edit=hurried, signatures=honest.signatures_made())

    assert failures(report) == {3: {"signature_wrong"}, 5: {"rules_changed"}}


def test_attack_shortened_timelock_in_the_decision(tmp_path: Path) -> None:
    report = told(tmp_path, edit=changing_with("decision", lambda body: body.update(eta=body["queued_at"] + 1)))

    assert "timelock_shortened" in failures(report)[6]
    assert "timelock of 300 s" in report.findings[5].evidence


def test_attack_another_community_key_with_everything_built_again(tmp_path: Path) -> None:
    honest = golden_bundle.build(tmp_path / "honest")
    report = told(tmp_path / "forged", release_key=ATTACKER, signatures=honest.signatures_made())

    assert failures(report) == {3: {"signature_wrong"}}


def test_attack_invented_community_with_invented_voters(tmp_path: Path) -> None:
    """Consistent in itself; only a trust root tells it from the true one, and the report says so."""
    golden_bundle.build(tmp_path, Story(release_key=ATTACKER))
    assert "nobody's key was given to compare" in check(tmp_path, CONSISTENCY).findings[9].evidence

    true_key = KeySigner(7).public_key_hex
    assert failures(check(tmp_path, TrustRoots(release_key=true_key))) == {10: {"key_untrusted"}}
    assert failures(check(tmp_path, TrustRoots(community="00" * 32))) == {10: {"community_untrusted"}}


def test_attack_removed_rule(tmp_path: Path) -> None:
    dropped: list[str] = []

    def without_the_second_rule(kind: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        if kind == "spec":
            dropped.append(parents[-1])
        return tuple(p for p in parents if p not in dropped) if kind == "evaluation" else parents

    def one_reason(body: dict[str, Any]) -> None:
        del body["verdict"]["reasons"][1:]

    report = told(
        tmp_path,
        rules=("rule-a", "rule-b"),
        parents_edit=without_the_second_rule,
        edit=changing_with("evaluation", one_reason),
    )
    assert failures(report) == {9: {"rules_differ"}}


def test_attack_policy_without_rules(tmp_path: Path) -> None:
    def none_at_all(kind: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        return parents[:2] if kind == "spec" else parents[:1] if kind == "evaluation" else parents

    assert failures(told(tmp_path, parents_edit=none_at_all)) == {2: {"parents_wrong"}}


def test_attack_spliced_run(tmp_path: Path) -> None:
    """The evaluation of a good run, attached to the weights of another."""
    story = Story()
    release = story.write(tmp_path)
    run = next(record for record in story.records.values() if record.kind == "run")
    evaluation = next(record for record in story.records.values() if record.kind == "evaluation")
    other = story.record("run", "run:2", dict(run.body) | {"run": 2}, run.parents)
    spliced = story.record("release", release.subject, dict(release.body), (other.digest, evaluation.digest))
    golden_bundle.publish(tmp_path, spliced, story)

    assert failures(check(tmp_path, CONSISTENCY)) == {2: {"run_spliced"}}


def test_attack_replayed_ballots_of_another_proposal(tmp_path: Path) -> None:
    honest = golden_bundle.build(tmp_path / "honest").signatures_made()
    replayed = {(number, voter): honest[(1, voter)] for number, voter in honest}

    assert failures(told(tmp_path / "forged", signatures=replayed)) == {3: {"signature_wrong"}}


def test_attack_double_vote(tmp_path: Path) -> None:
    story = golden_bundle.build(tmp_path)
    proposal = story.records[story.ballots[0].parents[0]]
    again = story.ballot(community_of(story), proposal, story.members[0], 2)
    stuffed = [*lines(tmp_path, "ballots.jsonl"), again.canonical() + b"\n"]
    put(tmp_path, "ballots.jsonl", sorted(stuffed, key=voter_and_proposal(tmp_path)))

    assert "voter_twice" in failures(check(tmp_path, CONSISTENCY))[3]


def community_of(story: Story) -> Record:
    return next(record for record in story.records.values() if record.kind == "community")


def voter_and_proposal(folder: Path) -> Callable[[bytes], tuple[int, str]]:
    """Return what the lines of ballots are sorted by."""
    numbers = bundle.proposal_numbers(bundle.read(folder).records)

    def key(line: bytes) -> tuple[int, str]:
        ballot = json.loads(line)
        return numbers[ballot["parents"][0]], ballot["body"]["voter"].lower()

    return key


@pytest.mark.parametrize(
    ("kind", "change", "number", "code"),
    [
        ("ballot", {"cast_at": 1}, 3, "ballot_outside_voting"),
        ("ballot", {"cast_at": 2**40}, 3, "ballot_outside_voting"),
        ("ballot", {"power": str(10**21)}, 3, "power_wrong"),
        ("ballot", {"house_power": "7"}, 3, "power_wrong"),
        ("ballot", {"reason": "I was never asked"}, 3, "signature_wrong"),
        ("ballot", {"nonce": 2}, 3, "signature_wrong"),
        ("ballot", {"signature": "0x"}, 3, "signature_wrong"),
        ("ballot", {"power": "0x10"}, 3, "record_malformed"),
        ("tally", {"totals": {"against": "0", "for": "9", "abstain": "0"}}, 4, "totals_wrong"),
        ("tally", {"ballots_root": "00" * 32}, 4, "ballots_root_wrong"),
        ("tally", {"ballot_count": 4}, 4, "ballot_count_wrong"),
        ("tally", {"method": "approval"}, 4, "method_changed"),
        ("tally", {"closed_at": 5}, 6, "counted_early"),
        ("decision", {"passed": False}, 5, "decision_wrong"),
        ("decision", {"conditions": []}, 5, "decision_wrong"),
        ("decision", {"decided_at": 5}, 6, "decided_early"),
        ("decision", {"queued_at": 5}, 6, "queued_early"),
        ("decision", {"eta": None}, 6, "not_queued"),
        ("decision", {"expires_at": 2**40}, 6, "window_wrong"),
        ("execution", {"executed_at": 5}, 6, "executed_early"),
        ("execution", {"executed_at": 2**40}, 6, "executed_late"),
        ("execution", {"kind": "text_signal"}, 2, "kind_changed"),
        ("run", {"started_at": 5}, 6, "run_early"),
        ("run", {"finished_at": 5}, 6, "run_early"),
        ("release", {"released_at": 5}, 6, "released_early"),
        ("spec", {"seed": 8}, 7, "spec_not_approved"),
        ("spec", {"version": True}, 7, "spec_not_approved"),
        ("spec", {"output": "another-model"}, 7, "model_changed"),
        ("spec", {"datasets": []}, 7, "datasets_spliced"),
        ("dataset", {"digest": "ab" * 32}, 7, "dataset_not_approved"),
        ("dataset", {"license": "proprietary"}, 7, "dataset_not_approved"),
        ("dataset", {"role": "evaluation"}, 7, "dataset_role"),
        ("dataset", {"shards": []}, 7, "shards_wrong"),
        ("dataset", {"shards": [{"first": 1, "records": 3, "size": 7, "sha256": "ab" * 32}]}, 7, "shards_wrong"),
        ("dataset", {"records_root": "0" * 63}, 1, "record_malformed"),
        ("rule", {"bound": {"numerator": 0, "denominator": 1}}, 7, "rule_not_approved"),
        ("release", {"card_sha256": "ab" * 32}, 8, "card_changed"),
        ("run", {"artifact": []}, 8, "artifact_swapped"),
        ("evaluation", {"suite": "ab" * 32}, 9, "suite_changed"),
        ("evaluation", {"candidate": {}}, 9, "verdict_rejects"),
        ("evaluation", {"samples": 0}, 9, "verdict_wrong"),
        ("evaluation", {"verdict": {"accepted": True, "reasons": []}}, 9, "verdict_wrong"),
        ("release", {"model": "no-namespace"}, 1, "record_malformed"),
        ("release", {"extra": 1}, 1, "record_malformed"),
        (
            "community",
            {"release_key": {"algorithm": "ed25519", "public_key": "01" + "00" * 31}},
            1,
            "record_malformed",
        ),
    ],
)
def test_attack_by_the_operator_on_one_fact(
    tmp_path: Path, kind: str, change: dict[str, Any], number: int, code: str
) -> None:
    """Everything else is rebuilt to fit, and signed where a voter would; the false fact is still found."""
    report = told(tmp_path, edit=changing(kind, **change))

    assert code in failures(report).get(number, set()), failures(report)


@pytest.mark.parametrize("made_as", ["model_update", "dataset_inclusion", "ethics_rule"])
def test_attack_effect_of_a_proposal_that_was_put_to_the_vote_as_something_harmless(
    tmp_path: Path, made_as: str
) -> None:
    """The voters sign the payload too; but they were told that nothing is carried out."""

    def harmless(kind: str, body: dict[str, Any]) -> None:
        if kind in {"proposal", "execution"} and body["kind"] == made_as:
            body["kind"] = "text_signal"

    assert failures(told(tmp_path, edit=harmless))[7] == {"kind_changed"}


def test_attack_proposal_that_did_not_pass(tmp_path: Path) -> None:
    report = told(tmp_path, choices=(0, 0, 1))
    assert failures(report) == {5: {"not_passed"}}

    lying = told(tmp_path, choices=(0, 0, 1), edit=changing("decision", passed=True))
    assert "decision_wrong" in failures(lying)[5]


def test_attack_voting_opened_without_the_delay(tmp_path: Path) -> None:
    report = told(tmp_path, edit=changing_with("proposal", lambda body: body.update(opens_at=body["submitted_at"])))

    assert failures(report)[6] >= {"delay_shortened", "period_wrong"}


def test_voting_may_open_later_than_the_delay_demands(tmp_path: Path) -> None:
    def later(body: dict[str, Any]) -> None:
        body.update(opens_at=body["opens_at"] + 50, closes_at=body["closes_at"] + 50)

    assert told(tmp_path, edit=changing_with("proposal", later)).ok


def listing(*powers: int) -> Callable[[str, dict[str, Any]], None]:
    """Return an edit that takes voting power from a list of members."""
    members = {voter.address: str(power) for voter, power in zip(Story().everybody, powers, strict=True)}

    def edit(kind: str, body: dict[str, Any]) -> None:
        if kind == "rules":
            body["power"] = {"source": "fixed_list", "parameters": {"members": members}}
        if kind == "proposal":
            body["snapshot"]["source"] = {"name": "fixed_list", "version": "1", "parameters": {"members": members}}
            body["snapshot"]["total_supply"] = str(sum(EVERYBODY))

    return edit


def test_power_from_a_list_of_members_is_checked_without_a_chain(tmp_path: Path) -> None:
    first, second, *others = EVERYBODY
    assert told(tmp_path / "true", edit=listing(*EVERYBODY)).ok

    forged = told(tmp_path / "forged", edit=listing(first - 1, second + 1, *others))
    assert failures(forged) == {3: {"power_wrong"}}
    more = told(tmp_path / "more", edit=listing(first, second, *others[:-1], others[-1] + 1))
    assert failures(more) == {3: {"power_wrong"}}


def test_attack_model_that_breaks_a_rule_released_all_the_same(tmp_path: Path) -> None:
    def accept(body: dict[str, Any]) -> None:
        body["candidate"]["accuracy"]["numerator"] = 1

    report = told(tmp_path, edit=changing_with("evaluation", accept))
    assert failures(report)[9] >= {"verdict_rejects", "verdict_wrong"}


def test_attack_unknown_voting_method(tmp_path: Path) -> None:
    """A bundle from a newer version is refused with its reason, not counted in some other way."""
    story = golden_bundle.build(tmp_path)
    text = b"".join(lines(tmp_path, "records.jsonl"))
    assert story.records
    put(tmp_path, "records.jsonl", [text.replace(b'"method":"governor"', b'"method":"quadratic"')])

    assert not check(tmp_path, CONSISTENCY).ok


def test_attack_malleated_signature(tmp_path: Path) -> None:
    """The mirrored signature (n - s) recovers to the same voter; only one of the two spellings counts."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    mirrored = {}
    for place, text in golden_bundle.build(tmp_path / "honest").signatures_made().items():
        raw = bytes.fromhex(text[2:])
        s = order - int.from_bytes(raw[32:64], "big")
        mirrored[place] = "0x" + (raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]])).hex()

    assert failures(told(tmp_path / "forged", signatures=mirrored)) == {3: {"signature_wrong"}}
