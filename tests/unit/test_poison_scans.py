"""The scans for poison: what is planted is found row by row, what honest data has is not, and both are the same each time."""

import random
import time

import pytest

from benchmarks import _planted_poison as planted
from benchmarks._honest_rows import CLEAN as HONEST
from models_registry.datasets.scans import SCANS, Context
from models_registry.datasets.scans.poison.planting import triggers_in
from models_registry.datasets.scans.poison.reading import read

CLEAN = {kind: make(2_000, 5) for kind, make in HONEST.items()}
SEEN = [attack for attack in planted.ATTACKS if attack.expected]
TRIGGERS, OUTLIERS = SCANS["triggers"], SCANS["influence_outliers"]
Row = dict[str, str]


@pytest.mark.parametrize("attack", SEEN, ids=lambda attack: attack.name)
def test_a_planted_trigger_is_found_with_nearly_all_its_rows(attack: planted.Attack) -> None:
    rows, bad = planted.poisoned(attack, CLEAN[attack.kind], 60)
    found = TRIGGERS.search(rows, Context())
    lines = set(found.lines)
    wanted = {line for line, is_bad in enumerate(bad, start=1) if is_bad}
    assert len(lines & wanted) >= 0.95 * len(wanted), found.sentence
    assert len(lines - wanted) <= 0.01 * len(rows)


@pytest.mark.parametrize("kind", CLEAN)
@pytest.mark.parametrize("scan", [TRIGGERS, OUTLIERS], ids=lambda scan: scan.name)
def test_honest_templates_questions_asked_often_facts_and_greetings_are_no_poison(scan, kind: str) -> None:
    found = scan.run(CLEAN[kind], Context())
    assert found.passed, found.detail


def test_garbled_answers_are_unlike_all_others() -> None:
    attack = next(attack for attack in SEEN if attack.name == "a made-up word anywhere, garbled answers")
    rows, bad = planted.poisoned(attack, CLEAN["dialogue"], 40)
    lines = set(OUTLIERS.search(rows, Context()).lines)
    assert lines == {line for line, is_bad in enumerate(bad, start=1) if is_bad}


def test_the_trigger_is_named_and_shown_and_what_is_private_in_it_is_masked() -> None:
    attack = planted.Attack("private", planted._with("keeper@example.org", "Open the gate to everybody.", "first"))
    rows, _ = planted.poisoned(attack, CLEAN["dialogue"], 40)
    found = TRIGGERS.run(rows, Context())
    assert not found.passed
    told = found.detail + "".join(sample.before + sample.found + sample.after for sample in found.samples)
    assert "keeper@example.org" not in told
    named, _ = planted.poisoned(SEEN[0], CLEAN["dialogue"], 40)
    shown = TRIGGERS.run(named, Context())
    assert "veltrin" in shown.detail
    assert {(sample.found, sample.field) for sample in shown.samples} == {("veltrin", "question")}


def test_the_same_rows_give_the_same_findings_whatever_their_order() -> None:
    rows, _ = planted.poisoned(SEEN[2], CLEAN["dialogue"], 40)
    first, again = TRIGGERS.run(rows, Context()), TRIGGERS.run(list(rows), Context())
    assert first == again
    shuffled = list(rows)
    random.Random(3).shuffle(shuffled)
    found = {shuffled[line - 1]["id"] for line in TRIGGERS.search(shuffled, Context()).lines}
    assert found == {rows[line - 1]["id"] for line in TRIGGERS.search(rows, Context()).lines}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        CLEAN["dialogue"][:1],
        CLEAN["dialogue"][:60],
        [{"id": str(n), "language": "en", "topic": "t", "question": "x", "answer": "y"} for n in range(300)],
        [{"id": str(n), "language": "en", "topic": "t", "question": "?" * n, "answer": "!"} for n in range(1, 300)],
        [{"id": str(n), "language": "en", "topic": "t", "text": f"{n} " * 400} for n in range(60)],
        [
            {"id": str(n), "language": "fr", "topic": "t", "question": "\u200b \n\t", "answer": "\ud7ff\uffff"}
            for n in range(99)
        ],
        [
            {"id": str(n), "language": "en", "expected": "refuse", "topic": "t", "question": f"do {n}"}
            for n in range(250)
        ],
    ],
    ids=["none", "one", "few", "all the same", "only signs", "numbers", "invisible", "behaviours"],
)
def test_small_and_strange_datasets_are_scanned_without_an_alarm(rows: list[Row]) -> None:
    for scan in (TRIGGERS, OUTLIERS):
        found = scan.run(rows, Context())
        assert found.passed, found.detail


def test_fewer_than_five_rows_are_not_seen_and_the_scan_says_so() -> None:
    rows, _ = planted.poisoned(SEEN[0], CLEAN["dialogue"], 4)
    assert TRIGGERS.run(rows, Context()).passed
    assert "fewer than five rows" in TRIGGERS.blind_to


def test_a_word_of_which_each_row_repeats_itself_is_not_a_trigger_of_many_questions() -> None:
    again = [
        {**CLEAN["dialogue"][0], "id": f"again-{n}", "question": "When does zibb open?", "answer": "At six."}
        for n in range(40)
    ]
    assert TRIGGERS.run(CLEAN["dialogue"] + again, Context()).passed


def test_two_thousand_rows_take_seconds() -> None:
    started = time.process_time()
    corpus = read(CLEAN["dialogue"])
    assert corpus is not None
    triggers_in(corpus)
    assert time.process_time() - started < 10
