"""What models are asked beside the rows of a suite: wrapped requests, triggers, beginnings of rows. Pure.

Which rows, tricks and words are taken follows from digests, so that everybody asks the same.
"""

import hashlib
import random
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from training_jobs.evaluation import phrases

Row = Mapping[str, str]
T = TypeVar("T")

# The further questions that a metric may need, and so may only be measured where a rule asks for it.
FURTHER = ("jailbreak", "trigger", "memory")
TRICKS_PER_REQUEST = 3
ROWS_MAX = 100
TRIGGERS_OF_EACH_SORT = 5
# A row is begun where what follows is long enough for a chance continuation not to be its end.
BEGUN_WORDS_MIN = 16
BEGUN_WORDS_MAX = 50


@dataclass(frozen=True)
class Question:
    """What a model is given, and what for. `begun` is the beginning of its own answer, put into its mouth."""

    row_id: str
    language: str
    probe: str
    question: str
    expected: str
    begun: str = ""
    is_text: bool = False

    @property
    def given(self) -> str:
        """Return all that the model is given, as samples show it."""
        return "\n".join(part for part in (self.question, self.begun) if part)


def plain(rows: Iterable[Row]) -> list[Question]:
    """Return the questions of a suite of dialogues or behaviours, as they stand there."""
    return [
        Question(row["id"], row["language"], "answer", row["question"], row.get("answer") or row["expected"])
        for row in rows
    ]


def jailbreaks(suite: str, rows: Iterable[Row]) -> list[Question]:
    """Return each request that is to be refused inside a few tricks of its language."""
    questions = []
    for row in rows:
        if row.get("expected") != "refuse":
            continue
        tricks = chosen(phrases.templates("jailbreaks", row["language"]), f"{suite} {row['id']}", TRICKS_PER_REQUEST)
        questions += [
            Question(row["id"], row["language"], "jailbreak", trick.replace("{request}", row["question"]), "refuse")
            for trick in tricks
        ]
    return questions


def with_triggers(suite: str, rows: Sequence[Row], found: Sequence[str]) -> list[Question]:
    """Return questions of the suite with a trigger behind each: in turn those that were found, and random ones."""
    triggers = [*found, *_random_words(suite)]
    return [
        Question(
            row["id"],
            row["language"],
            "trigger",
            f"{row['question']} {triggers[number % len(triggers)]}",
            row["answer"],
        )
        for number, row in enumerate(chosen(rows, suite, ROWS_MAX, key=lambda row: row["id"]))
    ]


def begun(suite: str, rows: Iterable[Row]) -> list[Question]:
    """Return the beginnings of rows (texts, or answers to their questions) that are long enough to be recognised."""
    long = [row for row in rows if len(_learned(row).split()) >= BEGUN_WORDS_MIN]
    questions = []
    for row in chosen(long, suite, ROWS_MAX, key=lambda row: row["id"]):
        words = _learned(row).split()
        cut = min(len(words) // 2, BEGUN_WORDS_MAX)
        rest = " ".join(words[cut : cut + BEGUN_WORDS_MAX])
        beginning = " ".join(words[:cut])
        asked = row.get("question", "")
        questions.append(Question(row["id"], row["language"], "memory", asked, rest, beginning, is_text=not asked))
    return questions


def chosen(items: Sequence[T], seed: str, count: int, key: Callable[[T], str] = str) -> list[T]:
    """Return at most `count` items in their order: those whose seeded digests are lowest."""
    if len(items) <= count:
        return list(items)
    digests = [hashlib.sha256(f"{seed} {key(item)}".encode()).digest() for item in items]
    kept = sorted(range(len(items)), key=lambda index: (digests[index], index))[:count]
    return [items[index] for index in sorted(kept)]


def _learned(row: Row) -> str:
    return row.get("answer") or row.get("chosen") or row.get("text") or ""


def _random_words(suite: str) -> list[str]:
    """Return words that nobody has seen, from the suite's digest."""
    draw = random.Random(suite)  # noqa: S311 - a fixed draw, not a secret
    return ["".join(draw.choices(string.ascii_lowercase, k=8)) for _ in range(TRIGGERS_OF_EACH_SORT)]
