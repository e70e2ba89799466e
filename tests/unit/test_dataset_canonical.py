"""The canonical form on disk: sorted in bounded memory, cut into shards, proven row by row."""

import hashlib
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.evidence import merkle
from governance.evidence.canonical import canonical_bytes
from models_registry.datasets import canonical
from models_registry.datasets.canonical import Canonical, CanonicalRows, Sorter, describe, prove, read_rows, tree_path


def row(number: int, answer: str = "At dawn.") -> dict[str, str]:
    return {"id": str(number), "language": "en", "question": "When?", "answer": answer, "topic": "water"}


def rows(count: int) -> list[bytes]:
    return [canonical_bytes(row(number)) for number in range(count)]


def written(leaves: list[bytes], folder: Path, run_bytes: int = 1_000) -> tuple[Path, Canonical]:
    sorter = Sorter(folder, run_bytes)
    for leaf in leaves:
        sorter.add(leaf)
    path = folder / "rows.jsonl"
    return path, sorter.write(path)


@pytest.mark.parametrize("count", [1, 2, 511, 512, 513, 1024, 1500])
def test_rows_sorted_on_disk_are_the_rows_sorted_in_memory(count: int, tmp_path: Path) -> None:
    leaves = rows(count)
    mixed = leaves + leaves[: count // 3]
    random.Random(7).shuffle(mixed)
    path, found = written(mixed, tmp_path)
    expected = b"".join(leaf + b"\n" for leaf in sorted(leaves))
    assert path.read_bytes() == expected
    assert found.digest == hashlib.sha256(expected).hexdigest()
    assert (found.size, found.records, found.repeated) == (len(expected), count, count // 3)
    assert found.records_root == merkle.root(sorted(leaves))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["rows.jsonl", "rows.tree"]


def test_how_large_the_runs_are_does_not_matter(tmp_path: Path) -> None:
    found = []
    for run_bytes in (1, 500, 10_000_000):
        folder = tmp_path / str(run_bytes)
        folder.mkdir()
        found.append(written(rows(300) * 2, folder, run_bytes)[1])
    assert found[0] == found[1] == found[2]


def test_the_shards_are_the_file_cut_at_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical, "SHARD_BYTES", 10_000)
    path, found = written(rows(700), tmp_path)
    content, position, first = path.read_bytes(), 0, 0
    assert len(found.shards) > 3
    for shard in found.shards:
        part = content[position : position + shard.size]
        assert (shard.first, shard.records) == (first, part.count(b"\n"))
        assert shard.sha256 == hashlib.sha256(part).hexdigest()
        assert part.endswith(b"\n")
        position, first = position + shard.size, first + shard.records
    assert (position, first) == (len(content), 700)
    assert all(shard.size >= 10_000 for shard in found.shards[:-1])


def test_a_small_dataset_is_one_shard_with_the_digest_of_the_dataset(tmp_path: Path) -> None:
    _, found = written(rows(3), tmp_path)
    assert [(shard.first, shard.records, shard.sha256) for shard in found.shards] == [(0, 3, found.digest)]


@pytest.mark.parametrize("count", [1, 2, 3, 511, 512, 513, 1023, 1025, 1537, 2100])
def test_each_row_is_proven_and_the_proof_is_that_of_the_whole_tree(count: int, tmp_path: Path) -> None:
    path, found = written(rows(count), tmp_path)
    leaves = sorted(rows(count))
    for index in sorted({0, 1, count // 2, 511, 512, 1023, count - 2, count - 1} & set(range(count))):
        proof = prove(path, index, count)
        assert proof.row == leaves[index]
        assert list(proof.path) == merkle.inclusion_proof(leaves, index)
        assert proof.root == found.records_root
        assert proof.leaf_hash == merkle.leaf_hash(proof.row).hex()
        assert merkle.verify_inclusion(proof.row, index, count, proof.path, found.records_root)


@settings(max_examples=30)
@given(st.integers(0, 699))
def test_a_proof_shows_its_own_row_alone(index: int) -> None:
    leaves = sorted(rows(700))
    path = merkle.inclusion_proof(leaves, index)
    root = merkle.root(leaves)
    assert merkle.verify_inclusion(leaves[index], index, 700, path, root)
    assert not merkle.verify_inclusion(leaves[index] + b" ", index, 700, path, root)
    assert not merkle.verify_inclusion(leaves[index], (index + 1) % 700, 700, path, root)


@pytest.mark.parametrize("damage", ["gone", "cut", "empty"])
def test_a_lost_index_is_made_again(damage: str, tmp_path: Path) -> None:
    path, found = written(rows(1100), tmp_path)
    index = tree_path(path)
    whole = index.read_bytes()
    if damage == "gone":
        index.unlink()
    else:
        index.write_bytes(whole[:-3] if damage == "cut" else b"")
    assert prove(path, 1000, 1100).root == found.records_root
    assert index.read_bytes() == whole


def test_changed_rows_lead_to_another_root(tmp_path: Path) -> None:
    path, found = written(rows(1100), tmp_path)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"At dawn.", b"At dusk.", 1))
    tree_path(path).unlink()
    assert prove(path, 5, 1100).root != found.records_root


@pytest.mark.parametrize("index", [-1, 10, 10**9])
def test_there_is_no_proof_of_a_row_that_is_not_there(index: int, tmp_path: Path) -> None:
    path, _ = written(rows(10), tmp_path)
    with pytest.raises(IndexError):
        prove(path, index, 10)


def test_a_file_is_described_as_it_was_written(tmp_path: Path) -> None:
    path, found = written(rows(900), tmp_path)
    tree = tree_path(path).read_bytes()
    assert describe(path) == found
    assert tree_path(path).read_bytes() == tree


def test_rows_are_read_again_on_every_pass(tmp_path: Path) -> None:
    path, found = written(rows(20), tmp_path)
    view = CanonicalRows(path, found.records)
    assert len(view) == 20
    assert list(view) == list(view) == list(read_rows(path))
    assert {entry["id"] for entry in view} == {str(number) for number in range(20)}
