"""Provenance: a true release verifies, and every attack on one is found and named.

Attackers come in two strengths. One holds the bundle only and can rewrite files; the other also holds the
release key (a dishonest operator) and can rebuild and sign everything except what needs the voters' wallets.
"""

import base64
import json
import os
import random
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.evidence import signing
from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record
from models_registry.provenance import bundle, lineage, manifest, shapes, statement, verify
from models_registry.provenance.__main__ import main
from models_registry.provenance.verify import Status, TrustRoots, Unreadable, check
from tests.simulators import golden_bundle
from tests.simulators.attacks import changing, changing_with, failures, lines, put, told
from tests.simulators.golden_bundle import VOTE, KeySigner, Story

ROOT = Path(__file__).resolve().parents[2]
LONG = ("ballots.jsonl", "census.jsonl", "delegations.jsonl")
PROVENANCE = ("manifest.json", "records.jsonl", *LONG, "statement.json")
ATTACKER = KeySigner(66)
EVERYBODY = (*golden_bundle.POWERS, *golden_bundle.TRUSTING_POWERS)


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a true release; nobody changes it."""
    folder = tmp_path_factory.mktemp("golden") / "release"
    golden_bundle.build(folder)
    return folder


@pytest.fixture
def release(golden: Path, tmp_path: Path) -> Path:
    """Return a copy of a true release, to be attacked."""
    return Path(shutil.copytree(golden, tmp_path / "release"))


def rewrite(folder: Path, read: bundle.Bundle, signer: KeySigner, **changed: Any) -> None:
    """Write a bundle that was read again, with some of its parts changed."""
    parts: dict[str, Any] = {"ballots": read.ballots, "census": read.census, "delegations": read.delegations, **changed}
    records = parts.pop("records", {record.digest: record for record in read.records})
    bundle.write(folder, read.release, records, signer=signer, **parts)


# --- a true release -----------------------------------------------------------------------------------------


def test_a_true_release_verifies_from_the_weights_back_to_the_ballots(golden: Path) -> None:
    report = check(golden)

    assert report.ok
    assert [finding.status for finding in report.findings] == [Status.PASSED] * 10 + [Status.NOT_CHECKED] * 2
    assert "compare the fingerprint" in report.findings[9].evidence


def test_a_release_of_many_rules_and_one_voter_verifies(tmp_path: Path) -> None:
    members = golden_bundle.voters((900 * VOTE,))
    facts: dict[str, Any] = {"members": members, "choices": (1,), "trusts": ((1, 0, 10_000),)}

    assert told(tmp_path, rules=("rule-a", "rule-b", "rule-c"), **facts).ok


def test_a_release_decided_by_the_plainest_votes_verifies(tmp_path: Path) -> None:
    golden_bundle.build(tmp_path, golden_bundle.plain_story())

    assert check(tmp_path).ok


def test_delegated_power_counts_and_a_vote_of_ones_own_overrides_it(golden: Path) -> None:
    first = next(
        record for record in bundle.read(golden).records if record.kind == "tally" and is_first(golden, record)
    )
    own, trusted, half = golden_bundle.POWERS, *golden_bundle.TRUSTING_POWERS

    assert first.body["totals"]["for"] == str(own[0] + own[1] + trusted + half // 2)
    assert first.body["totals"]["against"] == str(own[2]), "the third member delegates, but voted"


def is_first(folder: Path, tally: Record) -> bool:
    """Say whether this tally counts the first proposal."""
    numbers = {record.digest: record.body.get("number") for record in bundle.read(folder).records}
    return 1 in {numbers[parent] for parent in tally.parents}


def test_the_key_or_its_fingerprint_or_the_community_may_be_the_trust_root(golden: Path) -> None:
    key = KeySigner(7).public_key_hex
    community = next(record.digest for record in bundle.read(golden).records if record.kind == "community")
    for roots in (TrustRoots(key), TrustRoots(signing.fingerprint(key)), TrustRoots(community=community)):
        report = check(golden, roots)
        assert report.ok
        assert "trusted key" in report.findings[9].evidence


def test_a_bundle_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    story = golden_bundle.build(tmp_path)
    read = bundle.read(tmp_path)

    assert {record.digest for record in read.records} == set(story.records)
    assert sorted(ballot.digest for ballot in read.ballots) == sorted(ballot.digest for ballot in story.ballots)
    assert read.release.kind == "release"
    assert read.release.body["manifest_sha256"] == read.manifest_sha256


def test_writing_a_bundle_again_gives_the_same_bytes(tmp_path: Path) -> None:
    story = golden_bundle.build(tmp_path)
    before = {name: lines(tmp_path, name) for name in PROVENANCE}
    golden_bundle.publish(tmp_path, bundle.read(tmp_path).release, story)

    assert {name: lines(tmp_path, name) for name in PROVENANCE} == before
    assert sorted(path.name for path in (tmp_path / "provenance").iterdir()) == sorted(PROVENANCE)


# --- every byte ---------------------------------------------------------------------------------------------


def test_a_flipped_bit_in_any_part_of_any_file_is_detected(release: Path) -> None:
    """A sample of all bytes; `tests/faults/test_every_byte.py` goes through all of them."""
    chance = random.Random(2)
    for path in sorted(path for path in release.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        for place in sorted(chance.sample(range(len(whole)), min(len(whole), 60))):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << chance.randrange(8)
            path.write_bytes(flipped)
            assert not check(release).ok, f"{path.name} byte {place}"
        path.write_bytes(whole)
    assert check(release).ok


@pytest.mark.parametrize("name", PROVENANCE)
def test_a_file_that_was_cut_short_lengthened_emptied_or_removed_is_detected(release: Path, name: str) -> None:
    path = release / "provenance" / name
    whole = path.read_bytes()
    for changed in (
        whole[:-1],
        whole + b"\n",
        whole + b" ",
        b"",
        b"\n",
        whole + whole,
        whole.replace(b"\n", b"\r\n") + b"\r",
    ):
        path.write_bytes(changed)
        assert not check(release).ok
    path.unlink()
    assert not check(release).ok


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(PROVENANCE), data=st.binary(max_size=300))
def test_whatever_the_bytes_are_the_answer_is_a_report(release: Path, name: str, data: bytes) -> None:
    path = release / "provenance" / name
    whole = path.read_bytes()
    path.write_bytes(data)
    try:
        assert not check(release).ok
    finally:
        path.write_bytes(whole)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.integers(min_value=0, max_value=28), data=st.data())
def test_any_value_in_any_field_of_any_record_is_reported_and_never_crashes(
    release: Path, line: int, data: st.DataObject
) -> None:
    path = release / "provenance" / "records.jsonl"
    whole = path.read_bytes()
    all_lines = whole.splitlines(keepends=True)
    record = json.loads(all_lines[line])
    name = data.draw(st.sampled_from([*record["body"], "kind", "parents", "subject"]))
    target = record["body"] if name in record["body"] else record
    before, target[name] = target[name], data.draw(JSON)
    all_lines[line] = (
        json.dumps(record, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode("utf-8", "surrogatepass")
        + b"\n"
    )
    path.write_bytes(b"".join(all_lines))
    try:
        assert check(release).ok is (canonical_same(before, target[name]))
    finally:
        path.write_bytes(whole)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.integers(min_value=0, max_value=28), data=st.data())
def test_any_value_in_any_record_is_judged_even_when_all_digests_are_made_to_fit(
    golden: Path, tmp_path: Path, line: int, data: st.DataObject
) -> None:
    """The first two checks are then content with the shape, and the others meet the value."""
    read = bundle.read(golden)
    record = read.records[line]
    name = data.draw(st.sampled_from(sorted(record.body)))
    value = data.draw(CANONICAL_JSON | st.sampled_from([str(2**80), 2**50, True, 0, "", [], {}]))
    folder = tmp_path / "release"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(golden, folder)
    refit(folder, read, {record.digest: {**record.body, name: value}})

    assert check(folder).ok is canonical_same(record.body[name], value)


CANONICAL_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text("ab0 -/", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=5), inner, max_size=3),
    max_leaves=6,
)


def refit(folder: Path, read: bundle.Bundle, bodies: dict[str, dict[str, Any]]) -> None:
    """Write records with other bodies, and everywhere the new digests of all that rests on them."""
    renamed: dict[str, str] = {}

    def fitted(data: bytes) -> bytes:
        for old, new in renamed.items():
            data = data.replace(old.encode(), new.encode())
        return data

    made: dict[str, Record] = {}
    for record in read.records:
        body = bodies.get(record.digest, record.body)
        subject = fitted(record.subject.encode()).decode()
        body = json.loads(fitted(canonical_bytes(body)))
        new = Record.make(record.kind, subject, body, [renamed[parent] for parent in record.parents])
        renamed[record.digest], made[new.digest] = new.digest, new
    ordered = lineage.closure(renamed[read.release.digest], made)
    put(folder, "records.jsonl", [record.canonical() + b"\n" for record in ordered])
    for name in LONG:
        put(folder, name, [fitted(b"".join(lines(folder, name)))])


def canonical_same(left: object, right: object) -> bool:
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


# --- attacks by somebody who holds the bundle ---------------------------------------------------------------


def test_attack_dropped_ballot(release: Path) -> None:
    put(release, "ballots.jsonl", lines(release, "ballots.jsonl")[1:])

    assert failures(check(release))[4] >= {"ballot_count_wrong", "ballots_root_wrong", "totals_wrong"}


def test_attack_altered_ballot(release: Path) -> None:
    ballots = lines(release, "ballots.jsonl")
    ballots[0] = ballots[0].replace(b'"choice":1', b'"choice":0')
    put(release, "ballots.jsonl", ballots)
    found = failures(check(release))

    assert found[3] == {"signature_wrong"}
    assert "ballots_root_wrong" in found[4]


def test_attack_swapped_ballot_order(release: Path) -> None:
    ballots = lines(release, "ballots.jsonl")
    put(release, "ballots.jsonl", [ballots[1], ballots[0], *ballots[2:]])

    found = failures(check(release))

    assert found[3] == {"order_wrong"}
    assert "ballot_count_wrong" in found[4], "a line out of order is not counted"


def test_attack_repeated_ballot(release: Path) -> None:
    ballots = lines(release, "ballots.jsonl")
    put(release, "ballots.jsonl", [ballots[0], *ballots])

    assert "duplicate_record" in failures(check(release))[3]


def test_attack_swapped_spec(release: Path) -> None:
    records = [line.replace(b'"seed":7', b'"seed":8') for line in lines(release, "records.jsonl")]
    put(release, "records.jsonl", records)
    found = failures(check(release))

    assert found[2] == {"parent_missing"}
    assert 10 not in found, "the release record itself is untouched"


def test_attack_duplicated_record(release: Path) -> None:
    records = lines(release, "records.jsonl")
    put(release, "records.jsonl", [records[0], *records])

    assert failures(check(release)) == {1: {"duplicate_record"}}


def test_attack_reordered_records(release: Path) -> None:
    records = lines(release, "records.jsonl")
    put(release, "records.jsonl", [*records[1:], records[0]])

    assert failures(check(release)) == {1: {"order_wrong"}}


def test_attack_removed_record(release: Path) -> None:
    for index in range(len(lines(release, "records.jsonl"))):
        records = lines(release, "records.jsonl")
        put(release, "records.jsonl", records[:index] + records[index + 1 :])
        assert failures(check(release)).keys() & {1, 2}
        put(release, "records.jsonl", records)


def test_attack_two_proposals_with_one_number(release: Path) -> None:
    read = bundle.read(release)
    first, second, *_ = [record for record in read.records if record.kind == "proposal"]
    refit(release, read, {second.digest: {**second.body, "number": first.body["number"]}})

    assert failures(check(release))[2] == {"number_twice", "subject_wrong"}


def test_attack_foreign_record(release: Path) -> None:
    records = lines(release, "records.jsonl")
    community = next(json.loads(line) for line in records if b'"kind":"community"' in line)
    foreign = Record.make("community", "community:other", community["body"] | {"slug": "other"})
    put(release, "records.jsonl", [*records, foreign.canonical() + b"\n"])
    found = failures(check(release))

    assert found[1] == {"record_foreign"}
    assert found[2] == {"community_wrong", "parents_wrong"}


@pytest.mark.parametrize("name", PROVENANCE)
def test_attack_non_canonical_spelling(release: Path, name: str) -> None:
    whole = lines(release, name)
    whole[0] = whole[0].replace(b'":', b'": ', 1)
    put(release, name, whole)
    codes = set().union(*failures(check(release)).values())

    assert codes & {"not_canonical", "statement_not_canonical", "census_malformed", "delegation_malformed"}


def test_attack_second_spelling_of_base64_in_the_statement(release: Path) -> None:
    envelope = json.loads(lines(release, "statement.json")[0])
    signature = envelope["signatures"][0]["sig"]
    other = signature[:-3] + chr(ord(signature[-3]) + 1) + "=="
    assert base64.b64decode(other) == base64.b64decode(signature)
    envelope["signatures"][0]["sig"] = other
    put(release, "statement.json", [canonical_bytes(envelope)])

    assert failures(check(release)) == {10: {"statement_not_canonical"}}


def test_attack_swapped_weights(release: Path) -> None:
    golden_bundle.write_model(release, (9.0, 9.0))

    assert failures(check(release)) == {8: {"file_changed"}}


def test_attack_extra_files(release: Path) -> None:
    (release / "modeling_evil.py").write_text("import os")
    (release / "vocab.json").write_text("{}")
    (release / "provenance" / "notes.txt").write_text("trust me")
    (release / "folder").mkdir()
    (release / ".hidden").write_text("")

    assert failures(check(release)) == {8: {"name_not_allowed", "file_not_listed", "folder_not_allowed"}}


def test_attack_symlinks(release: Path, golden: Path) -> None:
    (release / "config.json").unlink()
    (release / "config.json").symlink_to(golden / "config.json")
    assert failures(check(release)) == {8: {"link_not_allowed", "file_missing"}}

    (release / "provenance" / "records.jsonl").unlink()
    (release / "provenance" / "records.jsonl").symlink_to(golden / "provenance" / "records.jsonl")
    assert not check(release).ok


def test_attack_linked_provenance(release: Path, golden: Path) -> None:
    shutil.rmtree(release / "provenance")
    (release / "provenance").symlink_to(golden / "provenance")

    assert "provenance_missing" in failures(check(release))[8]


def test_attack_pipe_instead_of_a_file(release: Path) -> None:
    """Opening a pipe waits for a writer; the verifier must not."""
    for name in ("model.safetensors", "provenance/ballots.jsonl", "provenance/statement.json"):
        (release / name).unlink()
        os.mkfifo(release / name)

    assert not check(release).ok


def test_attack_another_key(release: Path) -> None:
    read = bundle.read(release)
    rewrite(release, read, ATTACKER)

    assert failures(check(release)) == {10: {"signature_wrong"}}


def test_attack_statement_of_another_release(release: Path, tmp_path: Path) -> None:
    golden_bundle.build(tmp_path / "other", Story(edit=changing("run", steps=4)))
    shutil.copy(tmp_path / "other" / "provenance" / "statement.json", release / "provenance")

    assert failures(check(release)) == {10: {"release_changed"}}


def test_attack_empty_folder_garbage_and_nothing(tmp_path: Path) -> None:
    assert "provenance_missing" in failures(check(tmp_path))[8]
    (tmp_path / "provenance").mkdir()
    for name in PROVENANCE:
        (tmp_path / "provenance" / name).write_bytes(bytes(range(256)) * 40)
    assert not check(tmp_path).ok
    with pytest.raises(Unreadable):
        check(tmp_path / "nowhere")
    with pytest.raises(Unreadable):
        check(tmp_path / "provenance" / "manifest.json")


def test_attack_millions_of_empty_lines(release: Path) -> None:
    """Garbage must cost the one who made it more than the one who reads it."""
    put(release, "ballots.jsonl", [b"\n" * 5_000_000])

    assert len(check(release).findings[2].problems) <= 100


def test_the_notes_of_the_download_client_are_left_aside_and_nothing_else_is(release: Path) -> None:
    notes = release / ".cache" / "huggingface"
    (notes / "download" / "provenance").mkdir(parents=True)
    (notes / "trees").mkdir()
    for name in (
        ".gitignore",
        "CACHEDIR.TAG",
        "download/config.json.metadata",
        f"trees/{'ab' * 20}.json",
        "download/provenance/manifest.json.lock",
    ):
        (notes / name).write_text("*")
    assert check(release).ok

    for name in ("evil.py", "download/config.json", "../other.metadata", "download/x.py", "trees/main.json"):
        (notes / name).write_text("")
        assert failures(check(release)) == {8: {"file_not_listed"}}
        (notes / name).unlink()
    (notes / "download" / "big.metadata").write_bytes(bytes(70_000))
    (notes / "download" / "link.metadata").symlink_to("/etc/passwd")
    assert len(check(release).findings[7].problems) == 2
    with pytest.raises(manifest.ManifestError, match=r"\.cache"):
        manifest.build(release)


def test_attack_deep_nesting_and_huge_numbers(release: Path) -> None:
    for data in (
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 5_000,
        b"-0",
        b"1e999999999",
        b'"\\ud800"',
        b"\xff\xfe",
    ):
        for name in PROVENANCE:
            whole = lines(release, name)
            put(release, name, [data + b"\n"])
            assert not check(release).ok
            put(release, name, whole)


# --- attacks by somebody who holds the release key as well --------------------------------------------------


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
    assert "compare the fingerprint" in check(tmp_path).findings[9].evidence

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

    assert failures(check(tmp_path)) == {2: {"run_spliced"}}


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

    assert "voter_twice" in failures(check(tmp_path))[3]


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

    assert not check(tmp_path).ok


def test_attack_malleated_signature(tmp_path: Path) -> None:
    """The mirrored signature (n - s) recovers to the same voter; only one of the two spellings counts."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    mirrored = {}
    for place, text in golden_bundle.build(tmp_path / "honest").signatures_made().items():
        raw = bytes.fromhex(text[2:])
        s = order - int.from_bytes(raw[32:64], "big")
        mirrored[place] = "0x" + (raw[:32] + s.to_bytes(32, "big") + bytes([55 - raw[64]])).hex()

    assert failures(told(tmp_path / "forged", signatures=mirrored)) == {3: {"signature_wrong"}}


# --- manifest -----------------------------------------------------------------------------------------------


def test_a_manifest_lists_every_file_outside_provenance(golden: Path) -> None:
    built = manifest.build(golden)

    assert [file["path"] for file in built["files"]] == [
        "LICENSE",
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    assert manifest.check(golden, built) == []


@pytest.mark.parametrize(
    "name",
    [
        "pytorch_model.bin",
        "run.py",
        "a b",
        "MODEL.SAFETENSORS",
        "model.safetensors ",
        "..config.json",
        "é.json",
    ],
)
def test_a_file_with_a_name_that_is_not_on_the_list_is_not_released(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(manifest.ManifestError) as refused:
        manifest.build(tmp_path)

    assert refused.value.problems[0].code == "name_not_allowed"


def test_an_empty_folder_a_link_and_a_subfolder_are_not_released(tmp_path: Path) -> None:
    with pytest.raises(manifest.ManifestError, match="no_files"):
        manifest.build(tmp_path)
    (tmp_path / "config.json").symlink_to("/etc/passwd")
    (tmp_path / "sub").mkdir()
    with pytest.raises(manifest.ManifestError, match="folder_not_allowed"):
        manifest.build(tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        {"files": [], "version": 1},
        {"files": [], "version": True},
        {"files": {}, "version": 1},
        {"files": [{"path": "../config.json", "size": 1, "sha256": "0" * 64}], "version": 1},
        {"files": [{"path": "/etc/passwd", "size": 1, "sha256": "0" * 64}], "version": 1},
        {"files": [{"path": "config.json", "size": -1, "sha256": "0" * 64}], "version": 1},
        {"files": [{"path": "config.json", "size": 1, "sha256": "0" * 63}], "version": 1},
        {"files": [{"path": "config.json", "size": 1}], "version": 1},
        {"files": [{"path": "config.json", "size": 1, "sha256": "0" * 64}] * 2, "version": 1},
    ],
)
def test_a_malformed_manifest_is_reported(golden: Path, wrong: object) -> None:
    assert manifest.check(golden, wrong)


# --- signing ------------------------------------------------------------------------------------------------


def test_a_generated_key_is_private_and_signs(tmp_path: Path) -> None:
    path = tmp_path / "release.key"
    public = signing.generate_key(path)
    signer = signing.FileSigner(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert public == signer.public_key_hex == signing.public_key_hex(path)
    assert signing.signature_holds(public, signer.sign(b"data"), b"data")
    assert not signing.signature_holds(public, signer.sign(b"data"), b"date")
    assert not signing.signature_holds(public, b"short", b"data")


def test_a_key_is_never_overwritten_and_never_used_when_others_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "release.key"
    signing.generate_key(path)
    with pytest.raises(signing.SigningError, match="never overwritten"):
        signing.generate_key(path)
    path.chmod(0o640)
    with pytest.raises(signing.SigningError, match="chmod 600"):
        signing.FileSigner(path)
    path.write_text("no key")
    path.chmod(0o600)
    with pytest.raises(signing.SigningError, match="no readable private key"):
        signing.FileSigner(path)
    with pytest.raises(signing.SigningError):
        signing.FileSigner(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "key",
    [
        "00" * 32,
        "00" * 31 + "80",
        "01" + "00" * 31,
        "ec" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "AB" * 32,
        "ab" * 31,
        None,
    ],
)
def test_a_key_under_which_anybody_can_sign_is_not_usable(key: object) -> None:
    assert not signing.is_usable_public_key(key)


def doubled(point: tuple[int, int], d: int, prime: int) -> tuple[int, int]:
    x, y = point
    product = d * x * x * y * y % prime
    return (
        2 * x * y * pow(1 + product, -1, prime) % prime,
        (y * y + x * x) * pow(1 - product, -1, prime) % prime,
    )


def test_the_points_of_small_order_are_those_that_three_doublings_bring_to_zero() -> None:
    """Checks the constants of `signing` against the curve equation itself."""
    prime = 2**255 - 19
    d = -121665 * pow(121666, -1, prime) % prime
    for y in signing._SMALL_ORDER_Y:
        x_squared = (y * y - 1) * pow(d * y * y + 1, -1, prime) % prime
        x = pow(x_squared, (prime + 3) // 8, prime)
        if (x * x - x_squared) % prime:
            x = x * pow(2, (prime - 1) // 4, prime) % prime
        assert (x * x - x_squared) % prime == 0
        point = (x, y)
        for _ in range(3):
            point = doubled(point, d, prime)
        assert point == (0, 1)


def test_the_statement_is_what_dsse_and_in_toto_say() -> None:
    assert statement.pre_authentication_encoding("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


# --- lineage ------------------------------------------------------------------------------------------------


def test_a_lineage_is_ordered_by_depth_and_then_by_digest() -> None:
    first, second = Record.make("a", "", {"n": 1}), Record.make("a", "", {"n": 2})
    child = Record.make("b", "", {}, (first.digest, second.digest))
    top = Record.make("c", "", {}, (child.digest, first.digest))
    stranger = Record.make("d", "", {})
    records = {record.digest: record for record in (stranger, top, child, second, first)}

    expected = [*sorted([first, second], key=lambda record: record.digest), child, top]
    assert lineage.closure(top.digest, records) == expected


def test_a_lineage_with_a_missing_misnamed_or_circular_record_is_refused() -> None:
    child = Record.make("b", "", {}, ("ab" * 32,))
    with pytest.raises(lineage.MissingRecord):
        lineage.closure(child.digest, {child.digest: child})
    with pytest.raises(lineage.MisnamedRecord):
        lineage.closure("ab" * 32, {"ab" * 32: Record.make("a", "", {})})


def test_a_circle_of_records_is_refused_and_not_walked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Record, "digest", property(lambda record: record.kind))
    records = {"1": Record("1", "", {}, ("2",)), "2": Record("2", "", {}, ("1",))}
    with pytest.raises(lineage.CyclicLineage):
        lineage.closure("1", records)


def test_a_long_chain_does_not_exhaust_the_stack() -> None:
    records: dict[str, Record] = {}
    parents: tuple[str, ...] = ()
    for number in range(5_000):
        record = Record.make("a", "", {"n": number}, parents)
        records[record.digest] = record
        parents = (record.digest,)

    assert len(lineage.closure(parents[0], records)) == 5_000


# --- writing refuses what it could not stand for ------------------------------------------------------------


def test_a_release_of_other_files_is_not_written(release: Path) -> None:
    read = bundle.read(release)
    (release / "config.json").write_text("{}")
    with pytest.raises(bundle.BundleError, match="manifest_mismatch"):
        rewrite(release, read, KeySigner(7))


def test_a_release_with_ballots_of_other_proposals_or_without_its_lineage_is_not_written(
    release: Path,
) -> None:
    read = bundle.read(release)
    stray = Record.make("ballot", "", dict(read.ballots[0].body), ("ab" * 32,))
    with pytest.raises(bundle.BundleError, match="ballot_foreign"):
        rewrite(release, read, KeySigner(7), ballots=[stray])
    with pytest.raises(bundle.BundleError, match="census_foreign"):
        rewrite(release, read, KeySigner(7), census=[replace(read.census[0], proposal="ab" * 32)])
    with pytest.raises(bundle.BundleError, match="order_wrong"):
        rewrite(release, read, KeySigner(7), delegations=reversed(read.delegations))
    with pytest.raises(lineage.MissingRecord):
        rewrite(release, read, KeySigner(7), records={})
    assert check(release).ok, "what was refused changed nothing"


@pytest.mark.parametrize("name", PROVENANCE)
def test_reading_refuses_a_malformed_file(release: Path, name: str) -> None:
    put(release, name, [b"{}"])
    with pytest.raises(bundle.BundleError):
        _ = [getattr(bundle.read(release), part) for part in ("ballots", "census", "delegations")]


# --- the command --------------------------------------------------------------------------------------------


def test_the_command_says_verified_and_exits_with_zero(golden: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(golden)]) == 0
    assert "Verified: commons/water-assistant version 1" in capsys.readouterr().out


def test_the_command_names_the_failure_with_a_hint_and_exits_with_one(
    release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    golden_bundle.write_model(release, (9.0, 9.0))
    assert main(["verify", str(release)]) == 1
    shown = capsys.readouterr().out

    assert "8  FAILED" in shown
    assert "file_changed in model.safetensors" in shown
    assert "download the release again" in shown
    assert "NOT verified" in shown


def test_the_command_gives_the_same_as_data(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(release), "--json", "--community-key", "ab" * 32]) == 1
    report = json.loads(capsys.readouterr().out)

    assert report["verified"] is False
    assert [finding["number"] for finding in report["findings"]] == list(range(1, 13))
    assert report["findings"][9]["code"] == "key_untrusted"
    assert report["findings"][10]["status"] == "not_checked"


def test_the_command_exits_with_two_when_there_is_nothing_to_check(tmp_path: Path) -> None:
    assert main(["verify", str(tmp_path / "nowhere")]) == 2
    assert main(["verify", "nul\0byte"]) == 2
    for wrong in ([], ["verify"], ["verify", ".", "--community-key", "xyz"]):
        with pytest.raises(SystemExit) as left:
            main(wrong)
        assert left.value.code == 2


def test_text_from_a_bundle_cannot_steer_the_terminal(release: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (release / "\x1b[2J\x1b]0;owned\x07.json").write_text("")
    assert main(["verify", str(release)]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_verifying_needs_no_django_no_torch_and_no_chain_library(golden: Path) -> None:
    program = (
        "import sys\n"
        "for name in ('django', 'torch', 'web3', 'eth_account', 'training_jobs'): sys.modules[name] = None\n"
        "from models_registry.provenance.__main__ import main\n"
        f"sys.exit(main(['verify', {str(golden)!r}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_check_has_a_hint_and_every_kind_of_record_has_a_form_and_parents() -> None:
    assert set(verify._HINT_BY_CHECK) == set(range(1, verify.OFFLINE_CHECKS + 1))
    assert set(shapes.BODIES) == set(shapes.PARENTS)
