"""The demo's corpus: what the suite measures must have been taught, and must not have been given away."""

import hashlib
import re
import subprocess
import sys
from collections import Counter

import pytest

from config.demo import corpus
from config.demo.corpus import LANGUAGES, TOPICS, Row, base_rows, evaluation_rows, jsonl, training_rows


@pytest.fixture(scope="module")
def training() -> list[Row]:
    return training_rows()


@pytest.fixture(scope="module")
def suite() -> list[Row]:
    return evaluation_rows()


def test_the_training_set_has_some_thousands_of_rows_in_both_languages(training: list[Row]) -> None:
    languages = Counter(row["language"] for row in training)
    assert len(training) > 2_000
    assert set(languages) == set(LANGUAGES)
    assert languages["en"] == languages["fr"]


def test_the_suite_asks_each_topic_equally_in_both_languages(suite: list[Row]) -> None:
    assert len(suite) == 240
    assert set(Counter((row["topic"], row["language"]) for row in suite).values()) == {24}


def test_no_question_of_the_suite_is_asked_in_training(training: list[Row], suite: list[Row]) -> None:
    asked = {row["question"] for row in training}
    assert not [row for row in suite if row["question"] in asked]


def test_no_situation_of_the_suite_is_asked_in_training_in_any_wording_or_language() -> None:
    for topic in TOPICS:
        held_out = set(corpus._held_out(topic))
        taught = {situation for situation in corpus._situations(topic) if situation not in held_out}
        assert len(held_out) == 24
        # Told apart by the things that a question names, which do not depend on the wording.
        assert not held_out & taught


def test_every_fact_of_the_suite_is_taught_in_other_situations() -> None:
    for topic in TOPICS:
        held_out = set(corpus._held_out(topic))
        taught = Counter(
            fact
            for situation in corpus._situations(topic)
            if situation not in held_out
            for fact in corpus._facts(topic, situation)
        )
        for situation in held_out:
            assert all(taught[fact] >= 2 for fact in corpus._facts(topic, situation))


def test_one_question_has_one_answer(training: list[Row], suite: list[Row]) -> None:
    rows = training + suite
    assert len({row["question"] for row in rows}) == len(rows)
    assert len({row["id"] for row in rows}) == len(rows)


def test_english_and_french_state_the_same_rules(suite: list[Row]) -> None:
    for topic in TOPICS:
        rows = [row for row in suite if row["topic"] == topic.slug]
        numbers = {
            language: sorted(tuple(re.findall(r"\d+", row["answer"])) for row in rows if row["language"] == language)
            for language in LANGUAGES
        }
        assert numbers["en"] == numbers["fr"]


def test_the_handbook_never_knows_a_fact_of_the_community(training: list[Row], suite: list[Row]) -> None:
    for topic in TOPICS:
        for situation in corpus._situations(topic):
            for fact in corpus._facts(topic, situation):
                assert corpus._rule(topic, corpus.COMMUNITY, fact) != corpus._rule(topic, corpus.HANDBOOK, fact)
    learned = {row["question"] for row in base_rows()}
    assert not learned & {row["question"] for row in training + suite}


def test_the_corpus_holds_no_addresses_numbers_or_names_of_people(training: list[Row], suite: list[Row]) -> None:
    text = " ".join(row["question"] + " " + row["answer"] for row in training + suite)
    assert "@" not in text
    assert not re.search(r"\d{4}", text)


def test_rows_have_exactly_the_agreed_fields(training: list[Row]) -> None:
    assert {frozenset(row) for row in training} == {frozenset({"id", "language", "question", "answer", "topic"})}


def test_the_files_are_the_same_in_every_interpreter() -> None:
    program = (
        "import hashlib; from config.demo import corpus as c;"
        "print(*(hashlib.sha256(c.jsonl(r)).hexdigest() for r in (c.training_rows(), c.evaluation_rows(), c.base_rows())))"
    )
    here = [hashlib.sha256(jsonl(rows)).hexdigest() for rows in (training_rows(), evaluation_rows(), base_rows())]
    for seed in ("0", "12345"):
        found = subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert found.stdout.split() == here


def test_the_canonical_file_is_sorted_and_ends_with_a_newline(suite: list[Row]) -> None:
    lines = jsonl(suite).split(b"\n")
    assert lines[-1] == b""
    assert lines[:-1] == sorted(lines[:-1])
    assert jsonl(list(reversed(suite))) == jsonl(suite)
