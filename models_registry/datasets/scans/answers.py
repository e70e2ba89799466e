"""Answers that cannot be right as they stand, or that somebody pasted in: the slips and tricks of labelling.

Almost empty answers, answers that repeat the question, one answer to very many questions, two different answers to one
question, preferences turned round, texts of extreme length, and blocks of encoded data. Of rows that hold no answers
only length and encoded data are judged.
"""

import re
from collections import Counter
from collections.abc import Iterator

from models_registry.datasets.kinds import KINDS, kind_of, texts_of
from models_registry.datasets.scans.base import Context, Findings, Row, Rows, Scan, normalised
from models_registry.datasets.scans.gathering import Gathering
from models_registry.datasets.scans.groups import Groups
from models_registry.datasets.scans.lines import Lines
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


EMPTY, ECHO = "empty answer", "answer repeats the question"
MANY, OTHER = "one answer to many questions", "another answer to the same question"
TURNED = "preference turned round"


def search(rows: Rows, _context: Context) -> Findings:
    """Find what an attentive reader would stumble over. The first pass learns what is usual, the second tells."""
    learnt = _Learnt(len(rows))
    for line, row in enumerate(rows, start=1):
        learnt.add(line, row)
    marked = learnt.marked()
    characters_max = max(TIMES_MEDIAN * _median(learnt.lengths), LONG_CHARACTERS_MIN)
    gathered = Gathering()
    for line, row in enumerate(rows, start=1):
        names, texts = KINDS[str(kind_of(row))], texts_of(row)
        for name, text in zip(names, texts, strict=True):
            if len(text) > characters_max:
                gathered.add(line, "extreme length", text, field=name)
            run = _encoded(text)
            if run:
                gathered.add(line, "encoded data", text, run.start(), run.end(), field=name)
        for (what, place), lines in marked.items():
            if line in lines:
                gathered.add(line, what, texts[place], field=names[place])
    return gathered.findings("no_odd_answer")


class _Learnt:
    """What a pass over all rows notes: lengths, lines with odd answers, who answers what. `place`: which text it is."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.lengths: Counter[int] = Counter()
        self.odd = {(what, place): Lines() for place in (1, 2) for what in (EMPTY, ECHO)}
        # By the answer: is it long enough to be a habit? By the question: the answer. By the question and both answers
        # in one order: which of the two is the chosen one?
        self.answers, self.questions, self.preferences = Groups(rows), Groups(rows), Groups(rows)

    def add(self, line: int, row: Row) -> None:
        """Note one row."""
        texts = texts_of(row)
        self.lengths[max(map(len, texts))] += 1
        if {"answer", "chosen"}.isdisjoint(row):
            return
        question, *answers = map(normalised, texts)
        for place, answer in enumerate(answers, start=1):
            if answer in _NOTHING:
                self.odd[EMPTY, place].add(line)
            elif answer == question:
                self.odd[ECHO, place].add(line)
        given = number_of(f"{row['language']}\0{answers[0]}")
        self.answers.add(given, line, len(answers[0].split()) >= SAME_ANSWER_WORDS_MIN)
        if len(answers) == 1:
            self.questions.add(number_of(f"{row['language']}\0{question}"), line, given)
        else:
            both = "\0".join(sorted(answers))
            self.preferences.add(number_of(f"{row['language']}\0{question}\0{both}"), line, answers[0] < answers[1])

    def marked(self) -> dict[tuple[str, int], Lines]:
        """Return the lines of each kind of finding, and which text is meant."""
        many, other, turned = Lines(), Lines(), Lines()
        for lines in self._habits():
            many.update(lines)
        for lines, _first, given, of_first in self.questions.repeats():
            other.update(lines[given != of_first].tolist())
        for keys, lines, values in self.preferences.parts():
            turned.update(_turned(keys.tolist(), lines.tolist(), values.tolist()))
        return {**self.odd, (MANY, 1): many, (OTHER, 1): other, (TURNED, 1): turned}

    def _habits(self) -> Iterator[list[int]]:
        """Yield the lines of answers that answer far more questions than answers do."""
        import numpy as np

        served: Counter[int] = Counter()
        for keys, _lines, _values in self.answers.parts():
            served.update(np.unique(keys, return_counts=True)[1].tolist())
        most = max(SAME_ANSWER_MIN, self.rows // SAME_ANSWER_PART, TIMES_USUAL * _median(served))
        for keys, lines, long in self.answers.parts():
            _, which, counts = np.unique(keys, return_inverse=True, return_counts=True)
            yield lines[(counts[which] > most) & (long > 0)].tolist()


def _turned(keys: list[int], lines: list[int], values: list[int]) -> Iterator[int]:
    """Yield the lines (sorted by key) before which the same two answers were preferred the other way round."""
    seen: tuple[int, int] = (-1, 0)
    for key, line, value in zip(keys, lines, values, strict=True):
        before = seen[1] if seen[0] == key else 0
        if before & (2 >> value):
            yield line
        seen = (key, before | 1 << value)


def _median(counted: Counter[int]) -> float:
    """Return the median of numbers that were counted; 0 of none."""
    total = counted.total()
    middle: list[int] = []
    passed = 0
    for number in sorted(counted):
        passed += counted[number]
        while len(middle) < 2 and passed > (total - 1 + len(middle)) // 2:  # noqa: PLR2004 - the two in the middle
            middle.append(number)
    return sum(middle) / 2


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
    version=2,
    label="Answers",
    description="No answer is empty, repeats its question, contradicts another, is far too long or holds encoded data.",
    blind_to="Whether an answer is true, and contradictions between differently worded questions.",
    blocks=False,
    search=search,
)
