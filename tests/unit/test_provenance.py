"""Provenance: a true release verifies, and no change of any byte, value or file goes unnoticed."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.evidence import signing
from governance.evidence.record import Record
from models_registry.provenance import bundle
from models_registry.provenance.verify import Status, TrustRoots, check
from tests.simulators import golden_bundle
from tests.simulators.attacks import CONSISTENCY, PROVENANCE, lines, refit, told
from tests.simulators.golden_bundle import VOTE, KeySigner


def test_a_true_release_verifies_from_the_weights_back_to_the_ballots(golden: Path) -> None:
    report = check(golden, CONSISTENCY)

    assert report.ok
    assert [finding.status for finding in report.findings] == [Status.PASSED] * 10 + [Status.NOT_CHECKED] * 2
    assert "nobody's key was given to compare" in report.findings[9].evidence
    assert not report.verified, "consistent is not yet verified"


def test_a_release_of_many_rules_and_one_voter_verifies(tmp_path: Path) -> None:
    members = golden_bundle.voters((900 * VOTE,))
    facts: dict[str, Any] = {"members": members, "choices": (1,), "trusts": ((1, 0, 10_000),)}

    assert told(tmp_path, rules=("rule-a", "rule-b", "rule-c"), **facts).ok


def test_a_release_decided_by_the_plainest_votes_verifies(tmp_path: Path) -> None:
    golden_bundle.build(tmp_path, golden_bundle.plain_story())

    assert check(tmp_path, CONSISTENCY).ok


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


# --- every byte ---


def test_a_flipped_bit_in_any_part_of_any_file_is_detected(release: Path) -> None:
    """A sample of all bytes; `tests/faults/test_every_byte.py` goes through all of them."""
    chance = random.Random(2)
    for path in sorted(path for path in release.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        for place in sorted(chance.sample(range(len(whole)), min(len(whole), 60))):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << chance.randrange(8)
            path.write_bytes(flipped)
            assert not check(release, CONSISTENCY).ok, f"{path.name} byte {place}"
        path.write_bytes(whole)
    assert check(release, CONSISTENCY).ok


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
        assert not check(release, CONSISTENCY).ok
    path.unlink()
    assert not check(release, CONSISTENCY).ok


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(PROVENANCE), data=st.binary(max_size=300))
def test_whatever_the_bytes_are_the_answer_is_a_report(release: Path, name: str, data: bytes) -> None:
    path = release / "provenance" / name
    whole = path.read_bytes()
    path.write_bytes(data)
    try:
        assert not check(release, CONSISTENCY).ok
    finally:
        path.write_bytes(whole)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
        assert check(release, CONSISTENCY).ok is (canonical_same(before, target[name]))
    finally:
        path.write_bytes(whole)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
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

    assert check(folder, CONSISTENCY).ok is canonical_same(record.body[name], value)


CANONICAL_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text("ab0 -/", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=5), inner, max_size=3),
    max_leaves=6,
)


def canonical_same(left: object, right: object) -> bool:
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
