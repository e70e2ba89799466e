"""Scans in bounded memory: what is parted onto disk, looked at in pieces, or drawn, is judged as it would be at once."""

import random

import pytest

from benchmarks import _planted_poison as planted
from benchmarks._clean_rows import clean_rows
from benchmarks._honest_rows import CLEAN as HONEST
from models_registry.datasets import scanning
from models_registry.datasets.canonical import CanonicalRows, Sorter
from models_registry.datasets.scans import SCANS, Context, Findings, Row, groups, minhash
from models_registry.datasets.scans.drawing import Drawn
from models_registry.datasets.scans.groups import Groups
from models_registry.datasets.scans.lines import Lines
from models_registry.datasets.scans.poison import grams, outcomes, placement, reading, surprise

COPIED = ("schema_and_languages", "exact_duplicates", "near_duplicates", "answers")
ATTACK = planted.ATTACKS[1]


def with_copies() -> list[Row]:
    """Return clean rows with copies, near copies, shared ids and a habit among them."""
    draw = random.Random("copies")
    rows: list[Row] = list(clean_rows(700, "bounds"))
    rows += [row | {"id": f"again {row['id']}"} for row in draw.sample(rows, 20)]
    rows += [row | {"answer": row["answer"] + " indeed"} for row in draw.sample(rows, 20)]
    rows += [row | {"id": f"habit {row['id']}", "answer": "Buy it at the shop."} for row in draw.sample(rows, 60)]
    draw.shuffle(rows)
    return rows


def found(name: str, rows: list[Row]) -> Findings:
    return SCANS[name].search(rows, Context(seed="d" * 64))


def test_lines_are_a_set_in_order() -> None:
    draw = random.Random(3)
    numbers = [draw.randint(1, 200_000) for _ in range(3_000)]
    lines = Lines(numbers)
    assert list(lines) == sorted(set(numbers))
    assert len(lines) == len(set(numbers))
    assert lines.first(4) == tuple(sorted(set(numbers))[:4])
    assert all(number in lines for number in numbers)
    assert 200_001 not in lines
    assert 10**9 not in lines
    assert Lines() == Lines([]) != lines


def test_entries_with_one_key_meet_also_when_they_are_parted_onto_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(5)
    entries = [(minhash.number_of(str(draw.randint(1, 400))), line, draw.randint(0, 9)) for line in range(1, 1_500)]

    def repeats() -> list[tuple[int, int, int, int]]:
        made = Groups(len(entries))
        for entry in entries:
            made.add(*entry)
        twice = [
            sorted(tuple(map(int, row)) for part in made.repeats() for row in zip(*part, strict=True)) for _ in range(2)
        ]
        assert twice[0] == twice[1]
        return twice[0]

    expected, first = [], {}
    for key, line, value in entries:
        begun = first.setdefault(key, (line, value))
        if begun[0] != line:
            expected.append((line, begun[0], value, begun[1]))
    assert repeats() == sorted(expected)
    monkeypatch.setattr(groups, "PART_ROWS", 100)
    monkeypatch.setattr(groups, "_BUFFERED", 64)
    assert repeats() == sorted(expected)
    assert list(Groups(0).repeats()) == [] or all(not len(part[0]) for part in Groups(0).repeats())


def test_scans_of_copies_find_the_same_in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = with_copies()
    whole = {name: found(name, rows) for name in COPIED}
    assert all(result.count for result in whole.values())
    monkeypatch.setattr(groups, "PART_ROWS", 50)
    monkeypatch.setattr(groups, "_BUFFERED", 64)
    for constant, value in (("_KEYS_AT_ONCE", 100), ("_READ_AT_ONCE", 64), ("_PAIRS_AT_ONCE", 16)):
        monkeypatch.setattr(minhash, constant, value)
    for name, result in whole.items():
        parted = found(name, rows)
        if name != "near_duplicates":
            assert parted == result
        else:  # In parts other neighbours are compared; what was edited is found all the same.
            assert len(set(result.lines) & set(parted.lines)) >= 0.95 * len(result.lines)


@pytest.mark.parametrize("kind", HONEST)
def test_scans_for_poison_find_the_same_in_small_parts(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    attack = next(attack for attack in planted.ATTACKS if attack.kind == kind and attack.expected)
    rows, _ = planted.poisoned(attack, HONEST[kind](1_200, 5), 40)
    whole = [found(name, rows) for name in ("triggers", "influence_outliers")]
    assert whole[0].count >= 38
    for module in (grams, outcomes, placement, surprise):
        monkeypatch.setattr(module, "_AT_ONCE", 777)
    assert [found(name, rows) for name in ("triggers", "influence_outliers")] == whole


def test_rows_are_drawn_evenly_and_the_same_for_one_dataset() -> None:
    rows = clean_rows(4_000, "drawn")
    some = Drawn(rows, "a" * 64, 1_000)
    assert list(some) == list(Drawn(rows, "a" * 64, 1_000))
    assert 900 < len(some) == len(list(some)) < 1_100
    assert [rows[line - 1] for line, _row in some.numbered()] == list(some)
    assert some.looked_at == (len(some), 4_000)
    other = {line for line, _row in Drawn(rows, "b" * 64, 1_000).numbered()}
    assert 150 < len(other & {line for line, _row in some.numbered()}) < 350
    everything = Drawn(rows, "a" * 64, 4_000)
    assert (everything.looked_at, len(everything), list(everything)) == (None, 4_000, rows)


def test_a_scan_that_looks_at_some_rows_says_of_how_many_and_names_lines_of_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, bad = planted.poisoned(ATTACK, HONEST["dialogue"](3_000, 5), 150)
    monkeypatch.setattr(reading, "READ_ROWS_MAX", 1_500)
    result = found("triggers", rows)
    assert result.looked_at is not None
    assert result.looked_at.of == 3_150
    assert 30 < result.count < 120
    assert all(bad[line - 1] for line in result.lines)
    told = (
        f"Looked at {result.looked_at.rows} of 3150 rows, drawn by the dataset’s digest; the others were not looked at."
    )
    assert result.sentence.endswith(told)
    clean = SCANS["influence_outliers"].run(HONEST["dialogue"](3_000, 5), Context(seed="x"))
    assert clean.passed
    assert "of 3000 rows" in clean.detail


def test_of_very_large_suites_some_questions_are_drawn_and_both_numbers_are_told(tmp_path, monkeypatch) -> None:
    from governance.evidence.canonical import canonical_bytes

    sorter = Sorter(tmp_path)
    for row in clean_rows(300, "suite"):
        sorter.add(canonical_bytes(row))
    suite = tmp_path / "suite.jsonl"
    sorter.write(suite)
    told = {"suites": [suite], "licence": "MIT", "model_licences": [], "role": "training", "included": []}
    whole = scanning.context_of(told, "dialogue", "d" * 64)
    assert (len(whole.suite_questions), whole.suite_questions_of) == (300, 300)
    monkeypatch.setattr(scanning, "QUESTIONS_CHARACTERS_MAX", sum(map(len, whole.suite_questions)) // 3)
    some = scanning.context_of(told, "dialogue", "d" * 64)
    assert 60 < len(some.suite_questions) < 140
    assert set(some.suite_questions) < set(whole.suite_questions)
    detail = SCANS["contamination"].run(CanonicalRows(suite, 300), some).detail
    assert detail.endswith(f"Compared with {len(some.suite_questions)} of 300 questions.")
