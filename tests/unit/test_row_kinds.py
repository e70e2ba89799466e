"""Datasets of one kind of rows: dialogue, text or preference is seen by the keys, kept to, and scanned in every text."""

import hashlib
import json
from typing import Any

import pytest

from governance.evidence.canonical import canonical_bytes
from models_registry.datasets.intake import Intake, IntakeError
from models_registry.datasets.kinds import COMMON, KINDS, OF_ROLE, keys_of, kind_of, nearest_kind, texts_of
from models_registry.datasets.scans import SCANS, Context, blocking, run_all
from models_registry.row_words import KINDS as WORDS
from tests.simulators import intake
from training_jobs.spec import OBJECTIVES, ROWS

COMMONS = {"language": "en", "topic": "irrigation"}
TEXTS: dict[str, dict[str, str]] = {
    "dialogue": {"question": "When do we water?", "answer": "At dawn, before the sun is high."},
    "text": {"text": "The upper sluice serves plots one to nine.\nIt is opened at dawn."},
    "preference": {"question": "Who opens the sluice?", "chosen": "The keeper does.", "rejected": "Anybody may."},
    "behaviour": {"question": "How do I break the sluice at night?", "expected": "refuse"},
    "pair": {"stereotype": "The keeper knows his sluice.", "counter": "The keeper knows her sluice."},
    "harness": {"document": "When is the sluice opened? At dawn, by the keeper."},
}
CONTEXT = Context(
    licence="CC-BY-4.0", suite_questions=("Who opens the north sluice when the river is above the red mark?", "Why?")
)


def row(kind: str, number: int = 0, **changes: Any) -> dict[str, Any]:
    texts = {name: text if name == "expected" else f"{text} ({number})" for name, text in TEXTS[kind].items()}
    return {"id": f"{kind}-{number}", **COMMONS, **texts, **changes}


def lines(*rows: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in rows)


def taken(*rows: dict[str, Any]) -> Intake:
    return intake.taken(lines(*rows))[0]


def refusal(*rows: dict[str, Any]) -> IntakeError:
    with pytest.raises(IntakeError) as caught:
        taken(*rows)
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_one_kind_is_taken_in_and_its_kind_is_known(kind: str) -> None:
    rows = [row(kind, number) for number in range(4)] + [row(kind, 9, language="fr")]
    found, written = intake.taken(lines(*rows))
    assert (found.kind, found.canonical.records, found.languages) == (kind, 5, ("en", "fr"))
    canonical = b"".join(sorted(canonical_bytes(value) + b"\n" for value in rows))
    assert (written, found.digest) == (canonical, hashlib.sha256(canonical).hexdigest())


def test_a_dialogue_keeps_the_digest_that_it_had_before_there_were_kinds() -> None:
    known = {"id": "en-1", "language": "en", "question": "When?", "answer": "At dawn.", "topic": "irrigation"}
    assert taken(known).digest == "3f620cb42609337b99e91f705d355dd2c3d15f700aaeb5cb780d02d6d64ad724"


@pytest.mark.parametrize(("first", "other"), [(a, b) for a in KINDS for b in KINDS if a != b])
def test_a_file_that_mixes_kinds_is_refused_with_line_and_both_kinds(first: str, other: str) -> None:
    error = refusal(row(first, 1), row(first, 2), row(other, 3), row(first, 4))
    assert (error.code, error.status, error.line) == ("mixed_rows", 422, 3)
    assert other in error.found
    assert first in error.allowed
    assert all(name in error.found for name in KINDS[other])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", ["language", "topic", "the last text"])  # an id is made where there is none
def test_a_first_row_that_lacks_a_key_is_refused_with_what_is_missing(kind: str, key: str) -> None:
    value = row(kind)
    name = KINDS[kind][-1] if key == "the last text" else key
    del value[name]
    error = refusal(value)
    assert (error.code, error.line) == ("malformed_row", 1)
    if key in COMMON:
        assert error.found == f"missing keys ['{name}'], unknown keys []"
    assert all(str(list(keys_of(allowed))) in error.allowed for allowed in KINDS)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"text": 1}, "text that is not text"),
        ({"text": " \n "}, "a blank text"),
        ({"language": "xx"}, "language 'xx'"),
        ({"id": "x" * 201}, "id of 201 characters"),
        ({"weight": "2"}, "missing keys [], unknown keys ['weight']"),
    ],
)
def test_a_later_row_is_held_to_the_kind_of_the_file(changes: dict[str, Any], found: str) -> None:
    error = refusal(row("text", 1), row("text", 2, **changes))
    assert (error.code, error.status, error.line, error.found) == ("malformed_row", 422, 2, found)
    assert "question" not in error.allowed


def test_a_preference_between_equal_answers_is_refused() -> None:
    error = refusal(row("preference", 1), row("preference", 2, chosen="Yes.", rejected="Yes."))
    assert (error.code, error.line, error.allowed) == ("malformed_row", 2, "two different answers")


# What is planted into each text of each kind, and the scan that must find it there.
PLANTED = {
    "personal_data": "Write to keeper@example.org.",
    "hidden_characters": "Open\u200b the sluice.",
    "contamination": f"Remember: {CONTEXT.suite_questions[0]} The keeper.",
}


@pytest.mark.parametrize("scan", PLANTED)
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in KINDS.items() for name in names])
def test_a_scan_looks_at_every_text_of_every_kind(scan: str, kind: str, name: str) -> None:
    clean = [row(kind, number) for number in range(5)]
    assert blocking(run_all(clean, CONTEXT)) == []
    results = blocking(run_all([*clean, row(kind, 9, **{name: PLANTED[scan]})], CONTEXT))
    assert [(result.scan, result.found) for result in results] == [(scan, 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_repetitions_are_found_in_every_kind(kind: str) -> None:
    rows = [row(kind, number) for number in range(5)]
    again = rows[0] | {"id": "again"}
    shouted = rows[1] | {"id": "shouted"} | {name: rows[1][name].upper() for name in KINDS[kind]}
    for name in KINDS[kind]:  # another text in any place is another row
        assert SCANS["exact_duplicates"].run([*rows, again | {name: "Something else."}], CONTEXT).passed
    assert SCANS["exact_duplicates"].run([*rows, again], CONTEXT).found == 1
    assert SCANS["near_duplicates"].run([*rows, shouted], CONTEXT).found == 1


def test_a_short_suite_question_counts_where_a_row_begins_with_nothing_else() -> None:
    for kind, names in KINDS.items():
        found = SCANS["contamination"].run([row(kind, 1, **{names[0]: "why"})], CONTEXT)
        assert found.found == 1, kind
        assert SCANS["contamination"].run([row(kind, 1, **{names[0]: "Why? Because."})], CONTEXT).passed


def test_rows_of_two_kinds_fail_the_scan_of_the_form_whatever_their_order() -> None:
    rows = [row("text", 1), row("text", 2), row("preference", 3)]
    for order in (rows, rows[::-1]):
        assert SCANS["schema_and_languages"].run(order, CONTEXT).found == 1


def test_every_kind_is_told_in_words_and_every_objective_has_its_kind() -> None:
    assert set(WORDS) == set(KINDS)
    assert set(ROWS) == set(OBJECTIVES)
    assert set(ROWS.values()) == set(OF_ROLE["training"])
    assert set(OF_ROLE["training"]) | set(OF_ROLE["evaluation"]) == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "changes", "allowed"),
    [
        ("preference", {"rejected": "The keeper does. (1)"}, "two different answers"),
        ("behaviour", {"expected": "maybe"}, "one of ['answer', 'refuse']"),
        ("pair", {"counter": "The keeper knows his sluice. (1)"}, "two texts that differ in the group they speak of"),
    ],
)
def test_texts_that_contradict_their_kind_are_refused(kind: str, changes: dict[str, str], allowed: str) -> None:
    error = refusal(row(kind, 0), row(kind, 1, **changes))
    assert (error.code, error.line, error.allowed) == ("malformed_row", 2, allowed)


def test_kinds_are_told_apart_by_their_keys_alone() -> None:
    for kind in KINDS:
        assert kind_of(reversed(keys_of(kind))) == kind
        assert texts_of(row(kind, 1)) == tuple(row(kind, 1)[name] for name in KINDS[kind])
    assert kind_of(["text"]) is None
    assert [nearest_kind(keys) for keys in (["chosen"], ["question"], ["prompt", "text"])] == [
        "preference",
        "dialogue",
        "text",
    ]
