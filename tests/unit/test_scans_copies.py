"""Scans that compare rows with each other, with suites, with included datasets, or a licence with others."""

import random

import pytest

from benchmarks._clean_rows import clean_rows
from config.demo import corpus
from models_registry.datasets.scans import SCANS, Context, OtherDataset, Row, ScanResult
from models_registry.datasets.scans.licence import NotAnExpression, allowed_ways, ways_to_comply

QUESTION = "Who opens the north sluice when the river is above the red mark?"
LONG = {
    "id": "long",
    "language": "en",
    "topic": "water",
    "question": "Why did the miller of the lower village close the small wooden gate behind the chapel?",
    "answer": "Because the meadow was under water for three days, and the shepherd had asked for it at the meeting.",
}


def run(name: str, rows: list[Row], **context: object) -> ScanResult:
    return SCANS[name].run(rows, Context(licence="CC-BY-4.0", **context))  # type: ignore[arg-type]


def row(number: int, **changes: str) -> Row:
    return {"id": str(number), "language": "en", "topic": "x", "question": "Who?", "answer": "The keeper."} | changes


# --- near repetitions


@pytest.mark.parametrize(
    "changes",
    [
        {"question": LONG["question"].replace("miller", "baker")},
        {"answer": LONG["answer"].replace("and the shepherd", "indeed the old shepherd")},
        {"answer": LONG["answer"].replace("meadow", "orchard").replace("meeting", "market")},
        {"question": LONG["question"].upper(), "answer": LONG["answer"].replace("water", "wáter ,")},
    ],
)
def test_a_row_with_a_few_words_changed_is_near(changes: dict[str, str]) -> None:
    others = clean_rows(60, "others")
    copy = LONG | {"id": "copy"} | changes
    for rows in ([LONG, *others, copy], [copy, *others, LONG]):
        result = run("near_duplicates", rows)
        assert (result.found, list(result.kinds.values())) == (1, [1]), result
        assert {result.samples[0].line, result.samples[0].like} == {1, 62}


def test_another_number_is_another_fact() -> None:
    rows = [LONG, LONG | {"id": "copy", "answer": LONG["answer"].replace("three", "3")}]
    assert run("near_duplicates", [rows[1], rows[1] | {"answer": rows[1]["answer"].replace("3", "4")}]).passed


def test_a_row_of_an_included_dataset_is_told_as_such_also_word_by_word() -> None:
    included = (OtherDataset("Handbook", [LONG, *clean_rows(40, "included")]),)
    for answer in (LONG["answer"], LONG["answer"].replace("meadow", "orchard")):
        rows = [*clean_rows(40, "new"), LONG | {"id": "copy", "answer": answer}]
        result = run("near_duplicates", rows, included=included)
        assert dict(result.kinds) == {"in an included dataset": 1}
        assert "repeat one of an included dataset: 1." in result.detail
    assert run("near_duplicates", clean_rows(40, "new"), included=included).passed


def test_rows_of_one_form_are_mostly_not_taken_for_copies() -> None:
    rows = corpus.training_rows()
    assert run("near_duplicates", rows).found < len(rows) // 10


def test_planted_near_copies_are_found_among_a_thousand_rows() -> None:
    draw = random.Random("copies")
    rows = clean_rows(1000, "thousand")
    copies = []
    for original in draw.sample([other for other in rows if len(other["answer"].split()) > 20], 50):
        words = original["answer"].split(" ")
        words[draw.choice([n for n, word in enumerate(words) if not any(map(str.isdigit, word))])] = "lantern"
        copies.append(original | {"id": f"copy {original['id']}", "answer": " ".join(words)})
    assert run("near_duplicates", rows + copies).found >= 50
    assert run("near_duplicates", rows).found <= 5


def test_an_exact_repetition_names_the_row_that_it_repeats() -> None:
    result = run("exact_duplicates", [row(1), row(2, question="Why?"), row(3)])
    assert [(sample.line, sample.like) for sample in result.samples] == [(3, 1)]


# --- suites


def test_a_suite_question_inside_a_longer_text_is_contamination() -> None:
    rows = [row(1), row(2, answer=f"Remember this one: {QUESTION} The keeper.")]
    result = run("contamination", rows, suite_questions=(QUESTION,))
    assert (result.found, result.samples[0].line, result.samples[0].field) == (1, 2, "answer")


def test_a_short_suite_question_inside_a_longer_text_is_chance() -> None:
    assert run("contamination", [row(1, answer="Why water? Because.")], suite_questions=("Why water?",)).passed
    assert not run("contamination", [row(1, question="why WATER")], suite_questions=("Why water?",)).passed


def test_thirteen_words_of_a_longer_question_are_shown_and_twelve_are_not() -> None:
    words = QUESTION.rstrip("?").split()
    longer = (f"{' '.join(words)} and nobody is there?",)
    assert dict(run("shared_passages", [row(1, answer=" ".join(words[:13]))], suite_questions=longer).kinds) == {
        "words of a suite question": 1
    }
    assert run("shared_passages", [row(1, answer=" ".join(words[:12]))], suite_questions=longer).passed


# --- answers


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"question": "Why?", "answer": "..."}, "empty answer"),
        ({"question": "Why?", "answer": "N/A"}, "empty answer"),
        ({"question": "Who opens the gate?", "answer": "who opens the gate"}, "answer repeats the question"),
        ({"answer": "Nobody at all."}, "another answer to the same question"),
        ({"question": "Where?", "answer": "Here. " * 1000}, "extreme length"),
        ({"question": "What?", "answer": "See " + "aB3+" * 20}, "encoded data"),
        ({"question": "What?", "answer": "See " + "0f" * 50}, "encoded data"),
    ],
)
def test_an_answer_that_stands_out_is_told(changes: dict[str, str], what: str) -> None:
    rows = [row(1), row(2, question="When?", answer="At dawn."), row(3, **changes)]
    assert dict(run("answers", rows).kinds) == {what: 1}


def test_one_answer_to_many_questions_is_a_habit_unless_all_answers_are_labels() -> None:
    rows = [row(n, question=f"What is {n}?", answer=f"It is thing number {n}.") for n in range(100)]
    habit = [row(n, question=f"Why is {n}?", answer="Buy it at the corner shop.") for n in range(30)]
    assert dict(run("answers", rows + habit).kinds) == {"one answer to many questions": 30}
    labels = [
        row(n, question=f"Is {n} even?", answer=f"That is {'even' if n % 2 else 'odd'} of course.") for n in range(100)
    ]
    assert run("answers", labels).passed


def test_a_preference_turned_round_is_told() -> None:
    first = {"id": "1", "language": "en", "topic": "x", "question": "Who?", "chosen": "She.", "rejected": "He."}
    assert run("answers", [first]).passed
    other = first | {"id": "2", "chosen": "He.", "rejected": "She."}
    assert dict(run("answers", [first, other]).kinds) == {"preference turned round": 1}


# --- licences


@pytest.mark.parametrize(
    "licence",
    [
        *("", "cc-by-4.0", "CC-BY-ND-4.0", "proprietary", "MIT AND CC-BY-NC-4.0", "llama3", "MIT OR", "(MIT"),
        *("MIT MIT", "MIT WITH x", "AND", "MIT)", "MIT or CC-BY-4.0", "é", "((((" * 200),
    ],
)
def test_a_licence_outside_the_list_is_refused(licence: str) -> None:
    assert not SCANS["licence"].run([], Context(licence=licence)).passed


@pytest.mark.parametrize(
    "licence", ["MIT", "MIT OR CC-BY-NC-4.0", "(MIT AND CC-BY-4.0) OR GPL-3.0-only", "CC-BY-SA-4.0 AND ODbL-1.0"]
)
def test_an_expression_is_allowed_when_one_way_to_comply_is(licence: str) -> None:
    assert SCANS["licence"].run([], Context(licence=licence)).passed


def test_and_binds_closer_than_or() -> None:
    assert ways_to_comply("A OR B AND C") == {frozenset("A"), frozenset("BC")}
    assert ways_to_comply("(A OR B) AND C") == {frozenset("AC"), frozenset("BC")}
    assert allowed_ways("MIT AND CC0-1.0 OR MIT") == [frozenset({"MIT"}), frozenset({"MIT", "CC0-1.0"})]
    with pytest.raises(NotAnExpression):
        ways_to_comply(" AND ".join(f"(A{n} OR B{n})" for n in range(30)))


def test_a_meant_identifier_is_suggested() -> None:
    assert "Was CC-BY-4.0 meant?" in SCANS["licence"].run([], Context(licence="cc-by-4.0")).detail


@pytest.mark.parametrize(
    ("data", "model", "kinds"),
    [
        ("CC-BY-4.0", "apache-2.0", {}),
        ("CC-BY-4.0", "cc0-1.0", {"attribution": 1}),
        ("CC0-1.0", "cc0-1.0", {}),
        ("CC-BY-SA-4.0", "apache-2.0", {"share-alike": 1}),
        ("CC-BY-SA-4.0", "cc-by-sa-4.0", {}),
        ("CC-BY-SA-4.0", "GPL-3.0-only", {}),
        ("CC-BY-SA-4.0 OR MIT", "apache-2.0", {}),
        ("CC-BY-SA-4.0 AND MIT", "cc0-1.0", {"share-alike": 1, "attribution": 1}),
        ("ODbL-1.0", "apache-2.0", {}),
    ],
)
def test_a_licence_is_compared_with_those_of_the_models(data: str, model: str, kinds: dict[str, int]) -> None:
    result = SCANS["licence_fit"].run([], Context(licence=data, model_licences=(model,)))
    assert dict(result.kinds) == kinds, result.detail
    assert result.passed is not bool(kinds)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("© 2021 The Valley Press.", "rights reserved"),
        ("Tous droits réservés.", "rights reserved"),
        ("SPDX-License-Identifier: EUPL-1.2", "other licence"),
        ("Under CC BY-NC 4.0.", "CC-BY-NC"),
        ("Data © OpenStreetMap contributors", "ODbL-1.0"),
    ],
)
def test_a_trace_of_other_terms_is_told_and_one_of_the_declared_is_not(text: str, what: str) -> None:
    assert what in run("licence_traces", [row(1, answer=text)]).kinds
    assert run("licence_traces", [row(1, answer="This is CC BY 4.0, see creativecommons.org/licenses/by/4.0")]).passed
