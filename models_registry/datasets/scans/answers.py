"""Answers that cannot be right as they stand, or that somebody pasted in: the slips and tricks of labelling.

Almost empty answers, answers that repeat the question, one answer to very many questions, two different answers to one
question, preferences turned round, texts of extreme length, and blocks of encoded data. Of rows that hold no answers
only length and encoded data are judged.
"""

import re
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from models_registry.datasets.kinds import KINDS, kind_of, texts_of
from models_registry.datasets.scans.base import Context, Findings, Row, Rows, Scan, normalised
from models_registry.datasets.scans.gathering import Gathering
from models_registry.datasets.scans.minhash import number_of

# A text is extreme when it is so many times as long as the median, and longer than any ordinary answer.
TIMES_MEDIAN = 20
LONG_CHARACTERS_MIN = 2_000
# One answer to so many questions is rather a habit than an answer: when it is also one row in so many, and answers ten
# times as many questions as an answer of this collection usually does (where few answers serve all, they are labels).
SAME_ANSWER_MIN, SAME_ANSWER_PART, TIMES_USUAL = 20, 500, 10
SAME_ANSWER_WORDS_MIN = 4
_RUN = re.compile(r"[A-Za-z0-9+/]{64,}={0,2}")
_HEX = re.compile(r"[0-9a-fA-F]{96,}")
_NOTHING = frozenset({"", "n a", "na", "nan", "null", "undefined", "todo", "tbd", "xxx", "lorem ipsum"})


@dataclass(frozen=True)
class _Habits:
    """What is usual in the collection: the longest ordinary text, and how many questions each answer answers."""

    characters_max: float
    questions: Counter[int]
    questions_max: float


def search(rows: Rows, _context: Context) -> Findings:
    """Find what an attentive reader would stumble over. The first pass learns what is usual, the second tells."""
    habits = _habits(rows)
    gathered = Gathering()
    seen = _Seen()
    for line, row in enumerate(rows, start=1):
        names = KINDS[str(kind_of(row))]
        texts = texts_of(row)
        for name, text in zip(names, texts, strict=True):
            if len(text) > habits.characters_max:
                gathered.add(line, "extreme length", text, field=name)
            run = _encoded(text)
            if run:
                gathered.add(line, "encoded data", text, run.start(), run.end(), field=name)
        if _has_answers(names):
            for what, name, text in _of_answers(row, names, texts, habits, seen):
                gathered.add(line, what, text, field=name)
    return gathered.findings("No answer stands out.")


class _Seen:
    """What earlier rows answered: the answer to each question, and the preferences."""

    def __init__(self) -> None:
        self.answers: dict[int, int] = {}
        self.preferred: set[int] = set()


def _habits(rows: Rows) -> _Habits:
    lengths = array("L")
    questions: Counter[int] = Counter()
    for row in rows:
        texts = texts_of(row)
        lengths.append(max(map(len, texts)))
        if _has_answers(KINDS[str(kind_of(row))]):
            questions[_answer(row, texts)] += 1
    usual = median(lengths) if lengths else 0
    served = median(questions.values()) if questions else 0
    return _Habits(
        max(TIMES_MEDIAN * usual, LONG_CHARACTERS_MIN),
        questions,
        max(SAME_ANSWER_MIN, len(lengths) // SAME_ANSWER_PART, TIMES_USUAL * served),
    )


def _has_answers(names: tuple[str, ...]) -> bool:
    return not {"answer", "chosen"}.isdisjoint(names)


def _answer(row: Row, texts: tuple[str, ...]) -> int:
    return number_of(f"{row['language']}\0{normalised(texts[1])}")


def _of_answers(
    row: Row, names: tuple[str, ...], texts: tuple[str, ...], habits: _Habits, seen: _Seen
) -> Iterator[tuple[str, str, str]]:
    """Yield (what, field, text) for one row with a question and one or two answers."""
    question, *answers = map(normalised, texts)
    for name, text, answer in zip(names[1:], texts[1:], answers, strict=True):
        if answer in _NOTHING:
            yield "empty answer", name, text
        elif answer == question:
            yield "answer repeats the question", name, text
    key = _answer(row, texts)
    many = habits.questions[key] > habits.questions_max and len(answers[0].split()) >= SAME_ANSWER_WORDS_MIN
    if many:
        yield "one answer to many questions", names[1], texts[1]
    asked = f"{row['language']}\0{question}"
    if len(answers) == 1:
        if seen.answers.setdefault(number_of(asked), key) != key:
            yield "another answer to the same question", names[1], texts[1]
    else:
        if number_of(f"{asked}\0{answers[1]}\0{answers[0]}") in seen.preferred:
            yield "preference turned round", names[1], texts[1]
        seen.preferred.add(number_of(f"{asked}\0{answers[0]}\0{answers[1]}"))


def _encoded(text: str) -> re.Match[str] | None:
    """Return the first block of Base64 or hexadecimal digits that is too long to be a digest or a word."""
    for match in _RUN.finditer(text):
        run = match.group()
        mixed = any(map(str.isupper, run)) and any(map(str.islower, run)) and any(map(str.isdigit, run))
        if mixed or _HEX.fullmatch(run):
            return match
    return None


SCAN = Scan(
    name="answers",
    version=1,
    label="Answers",
    description="No answer is empty, repeats its question, contradicts another, is far too long or holds encoded data.",
    blind_to="Whether an answer is true, and contradictions between differently worded questions.",
    blocks=False,
    search=search,
)
