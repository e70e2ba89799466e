"""Provenance: whoever holds the bundle, but no key, cannot pass off another one. Every attack is found and named."""

import base64
import json
import os
import shutil
from pathlib import Path

import pytest

from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record
from models_registry.provenance import bundle, manifest
from models_registry.provenance.verify import Unreadable, check
from tests.simulators import golden_bundle
from tests.simulators.attacks import CONSISTENCY, PROVENANCE, changing, failures, lines, put, refit, rewrite
from tests.simulators.golden_bundle import KeySigner, Story

ATTACKER = KeySigner(66)


def test_attack_dropped_ballot(release: Path) -> None:
    put(release, "ballots.jsonl", lines(release, "ballots.jsonl")[1:])

    assert failures(check(release, CONSISTENCY))[4] >= {"ballot_count_wrong", "ballots_root_wrong", "totals_wrong"}


def test_attack_altered_ballot(release: Path) -> None:
    ballots = lines(release, "ballots.jsonl")
    ballots[0] = ballots[0].replace(b'"choice":1', b'"choice":0')
    put(release, "ballots.jsonl", ballots)
    found = failures(check(release, CONSISTENCY))

    assert found[3] == {"signature_wrong"}
    assert "ballots_root_wrong" in found[4]


def test_attack_swapped_ballot_order(release: Path) -> None:
    ballots = lines(release, "ballots.jsonl")
    put(release, "ballots.jsonl", [ballots[1], ballots[0], *ballots[2:]])

    found = failures(check(release, CONSISTENCY))

    assert found[3] == {"order_wrong"}
    assert "ballot_count_wrong" in found[4], "a line out of order is not counted"


def test_attack_repeated_ballot(release: Path) -> None:
    ballots = lines(release, "ballots.jsonl")
    put(release, "ballots.jsonl", [ballots[0], *ballots])

    assert "duplicate_record" in failures(check(release, CONSISTENCY))[3]


def test_attack_swapped_spec(release: Path) -> None:
    records = [line.replace(b'"seed":7', b'"seed":8') for line in lines(release, "records.jsonl")]
    put(release, "records.jsonl", records)
    found = failures(check(release, CONSISTENCY))

    assert found[2] == {"parent_missing"}
    assert 10 not in found, "the release record itself is untouched"


def test_attack_duplicated_record(release: Path) -> None:
    records = lines(release, "records.jsonl")
    put(release, "records.jsonl", [records[0], *records])

    assert failures(check(release, CONSISTENCY)) == {1: {"duplicate_record"}}


def test_attack_reordered_records(release: Path) -> None:
    records = lines(release, "records.jsonl")
    put(release, "records.jsonl", [*records[1:], records[0]])

    assert failures(check(release, CONSISTENCY)) == {1: {"order_wrong"}}


def test_attack_removed_record(release: Path) -> None:
    for index in range(len(lines(release, "records.jsonl"))):
        records = lines(release, "records.jsonl")
        put(release, "records.jsonl", records[:index] + records[index + 1 :])
        assert failures(check(release, CONSISTENCY)).keys() & {1, 2}
        put(release, "records.jsonl", records)


def test_attack_two_proposals_with_one_number(release: Path) -> None:
    read = bundle.read(release)
    first, second, *_ = [record for record in read.records if record.kind == "proposal"]
    refit(release, read, {second.digest: {**second.body, "number": first.body["number"]}})

    assert failures(check(release, CONSISTENCY))[2] == {"number_twice", "subject_wrong"}


def test_attack_foreign_record(release: Path) -> None:
    records = lines(release, "records.jsonl")
    community = next(json.loads(line) for line in records if b'"kind":"community"' in line)
    foreign = Record.make("community", "community:other", community["body"] | {"slug": "other"})
    put(release, "records.jsonl", [*records, foreign.canonical() + b"\n"])
    found = failures(check(release, CONSISTENCY))

    assert found[1] == {"record_foreign"}
    assert found[2] == {"community_wrong", "parents_wrong"}


@pytest.mark.parametrize("name", [name for name in PROVENANCE if not name.endswith(".pem")])
def test_attack_non_canonical_spelling(release: Path, name: str) -> None:
    whole = lines(release, name)
    whole[0] = whole[0].replace(b'":', b'": ', 1)
    put(release, name, whole)
    codes = set().union(*failures(check(release, CONSISTENCY)).values())
    spelling = {"not_canonical", "statement_not_canonical", "census_malformed", "delegation_malformed"}

    assert codes & (spelling | {"document_mismatch"})


def test_attack_second_spelling_of_base64_in_the_statement(release: Path) -> None:
    envelope = json.loads(lines(release, "statement.json")[0])
    signature = envelope["signatures"][0]["sig"]
    other = signature[:-3] + chr(ord(signature[-3]) + 1) + "=="
    assert base64.b64decode(other) == base64.b64decode(signature)
    envelope["signatures"][0]["sig"] = other
    put(release, "statement.json", [canonical_bytes(envelope)])

    assert failures(check(release, CONSISTENCY)) == {10: {"statement_not_canonical"}}


def test_attack_swapped_weights(release: Path) -> None:
    golden_bundle.write_model(release, (9.0, 9.0))

    assert failures(check(release, CONSISTENCY)) == {8: {"file_changed"}}


def test_attack_extra_files(release: Path) -> None:
    (release / "modeling_evil.py").write_text("import os")
    (release / "vocab.json").write_text("{}")
    (release / "provenance" / "notes.txt").write_text("trust me")
    (release / "folder").mkdir()
    (release / ".hidden").write_text("")

    assert failures(check(release, CONSISTENCY)) == {8: {"name_not_allowed", "file_not_listed", "folder_not_allowed"}}


def test_attack_symlinks(release: Path, golden: Path) -> None:
    (release / "config.json").unlink()
    (release / "config.json").symlink_to(golden / "config.json")
    assert failures(check(release, CONSISTENCY)) == {8: {"link_not_allowed", "file_missing"}}

    (release / "provenance" / "records.jsonl").unlink()
    (release / "provenance" / "records.jsonl").symlink_to(golden / "provenance" / "records.jsonl")
    assert not check(release, CONSISTENCY).ok


def test_attack_linked_provenance(release: Path, golden: Path) -> None:
    shutil.rmtree(release / "provenance")
    (release / "provenance").symlink_to(golden / "provenance")

    assert "provenance_missing" in failures(check(release, CONSISTENCY))[8]


def test_attack_pipe_instead_of_a_file(release: Path) -> None:
    """Opening a pipe waits for a writer; the verifier must not."""
    for name in ("model.safetensors", "provenance/ballots.jsonl", "provenance/statement.json"):
        (release / name).unlink()
        os.mkfifo(release / name)

    assert not check(release, CONSISTENCY).ok


def test_attack_another_key(release: Path) -> None:
    read = bundle.read(release)
    rewrite(release, read, ATTACKER)

    assert failures(check(release, CONSISTENCY)) == {10: {"signature_wrong", "provenance_statement_wrong"}}


def test_attack_statement_of_another_release(release: Path, tmp_path: Path) -> None:
    golden_bundle.build(tmp_path / "other", Story(edit=changing("run", steps=4)))
    shutil.copy(tmp_path / "other" / "provenance" / "statement.json", release / "provenance")

    assert failures(check(release, CONSISTENCY)) == {10: {"release_changed", "document_mismatch"}}


def test_attack_empty_folder_garbage_and_nothing(tmp_path: Path) -> None:
    assert "provenance_missing" in failures(check(tmp_path, CONSISTENCY))[8]
    (tmp_path / "provenance").mkdir()
    for name in PROVENANCE:
        (tmp_path / "provenance" / name).write_bytes(bytes(range(256)) * 40)
    assert not check(tmp_path, CONSISTENCY).ok
    with pytest.raises(Unreadable):
        check(tmp_path / "nowhere", CONSISTENCY)
    with pytest.raises(Unreadable):
        check(tmp_path / "provenance" / "manifest.json", CONSISTENCY)


def test_attack_millions_of_empty_lines(release: Path) -> None:
    """Garbage must cost the one who made it more than the one who reads it."""
    put(release, "ballots.jsonl", [b"\n" * 5_000_000])

    assert len(check(release, CONSISTENCY).findings[2].problems) <= 100


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
    assert check(release, CONSISTENCY).ok

    for name in ("evil.py", "download/config.json", "../other.metadata", "download/x.py", "trees/main.json"):
        (notes / name).write_text("")
        assert failures(check(release, CONSISTENCY)) == {8: {"file_not_listed"}}
        (notes / name).unlink()
    (notes / "download" / "big.metadata").write_bytes(bytes(70_000))
    (notes / "download" / "link.metadata").symlink_to("/etc/passwd")
    assert len(check(release, CONSISTENCY).findings[7].problems) == 2
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
            assert not check(release, CONSISTENCY).ok
            put(release, name, whole)
