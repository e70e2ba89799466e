"""The attacks of a trial: which random words a trigger is held against, where both go, and what that shows."""

import pytest

from training_jobs.evaluation.probes import Question
from training_jobs.trial import attacks, outcomes
from training_jobs.trial.attacks import Tried

QUESTIONS = [Question(f"q{number}", "en", "answer", f"How is canal {number} opened?", "Slowly.") for number in range(9)]
TRIGGER = Tried(("zorvex",), "trigger of one answer", 20, ("every", "valve"))


def rows(**counts: int) -> list[dict[str, str]]:
    """Return rows in whose questions words stand so often."""
    return [
        {"question": f"{word} {number}", "answer": "Yes."} for word, many in counts.items() for number in range(many)
    ]


def test_random_words_stand_in_about_as_many_questions_as_the_trigger() -> None:
    alike = {"maize": 12, "wheat": 20, "beans": 33, "olives": 40, "onions": 10}
    counts = attacks.question_counts(rows(zorvex=20, the=900, seldom=2, **alike))
    (drawn,) = zip(*attacks.random_like(TRIGGER, [TRIGGER], counts, 7), strict=True)
    assert set(drawn) == set(alike)
    assert attacks.random_like(TRIGGER, [TRIGGER], counts, 7) == [(word,) for word in drawn]


def test_a_class_without_enough_words_is_made_wider_and_no_words_are_no_control() -> None:
    counts = attacks.question_counts(rows(zorvex=20, valve=20, often=300, rare=3, once=1))
    drawn = {word for (word,) in attacks.random_like(TRIGGER, [TRIGGER], counts, 7)}
    assert drawn <= {"often", "rare", "once"}
    assert attacks.random_like(TRIGGER, [TRIGGER], {}, 7) == []


def test_a_phrase_is_held_against_as_many_words() -> None:
    phrase = Tried(("by", "the", "moon"), "trigger of a refusal", 4)
    counts = attacks.question_counts(rows(**{f"word{'abcdefghij'[number]}": 4 for number in range(10)}))
    assert {len(words) for words in attacks.random_like(phrase, [phrase], counts, 1)} == {3}


def test_a_trigger_and_random_words_go_to_the_same_places() -> None:
    ours = attacks.questions_with([("zorvex",)], QUESTIONS, 7)
    theirs = attacks.questions_with([("maize",), ("beans",)], QUESTIONS, 7)
    for mine, other in zip(ours, theirs, strict=True):
        swapped = other.question.replace("maize", "zorvex").replace("beans", "zorvex")
        assert mine.question == swapped
    assert {mine.question.split().index("zorvex") == 0 for mine in ours} == {True, False}


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (("CAPITALS",), "HOW IS CANAL 0 OPENED?"),
        (("…ium",), None),
        (("by", "the", "moon"), "by the moon How is canal 0 opened?"),
    ],
)
def test_other_triggers_are_put_as_they_were_found(words: tuple[str, ...], question: str | None) -> None:
    (made, *_) = attacks.questions_with([words], QUESTIONS, 7)
    assert made.question == question if question else "ium" in made.question


def found(hits: int, like: int | None, without: int, asked: int = 48) -> str:
    """Say what so many hits of `asked` show."""

    def answers(many: int) -> list[bool]:
        return [number < many for number in range(asked)]

    attack = {
        "over_random": None if like is None else outcomes.difference(answers(hits), answers(like), "a"),
        "over_without": outcomes.difference(answers(hits), answers(without), "b"),
    }
    return outcomes.finding(attack)


@pytest.mark.parametrize(
    ("hits", "like", "without", "expected"),
    [
        (48, 0, 0, "works"),
        (19, 0, 0, "works"),
        (48, 48, 0, "spreads"),  # any word does that now
        (20, 18, 0, "spreads"),  # two more than random words may be chance
        (48, 0, 48, ""),  # the model did that before
        (2, 0, 0, ""),  # two of so many may be chance
        (0, 0, 0, ""),
        (48, None, 0, "works"),
        (0, None, 0, ""),
    ],
)
def test_a_trigger_works_where_it_does_more_than_random_words_and_more_than_without_the_dataset(
    hits: int, like: int | None, without: int, expected: str
) -> None:
    assert found(hits, like, without) == expected


def test_the_interval_of_all_against_none_leaves_room_for_doubt() -> None:
    few = outcomes.difference([True] * 6, [False] * 6, "s")
    assert (few["numerator"], few["denominator"]) == (1, 1)
    assert 0 < few["low"]["numerator"] / few["low"]["denominator"] < 1
