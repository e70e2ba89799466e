"""Rows as numbers: what is asked and what is answered, each text a run of tokens, each token a number.

A token is a word, a run of signs, or white space other than one plain space, in lower case; letter case stays in
`manners`. Memory stays bounded whatever the rows are: of very many some are drawn, and long texts are cut in the
middle (see `READ_TOKENS_MAX`).
"""

import re
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models_registry.datasets.kinds import kind_of
from models_registry.datasets.scans.base import Context, Row, Rows
from models_registry.datasets.scans.drawing import Drawn
from models_registry.datasets.scans.poison import manners

Numbers = NDArray[np.int32]
Places = NDArray[np.int64]
Hashes = NDArray[np.uint64]

BEGIN, END = 0, 1
# At most so many rows are read, and of each of its sides so many tokens in all.
READ_ROWS_MAX, READ_TOKENS_MAX = 60_000, 4_000_000
TEXT_TOKENS_MIN, TEXT_TOKENS_MAX = 48, 480
WORDS_MAX = 500_000
BUCKETS = 1 << 20
TOKEN_CHARACTERS_MAX = 40
TOKEN = re.compile(r"\w+|[^\w\s]+|[^\S ]+| {2,}")


@dataclass(frozen=True)
class Texts:
    """One text of every row. Text r is `tokens[starts[r] : starts[r + 1]]`, BEGIN and END included."""

    tokens: Numbers
    starts: Places

    def of(self, row: int) -> Numbers:
        """Return the tokens of one row."""
        return self.tokens[self.starts[row] : self.starts[row + 1]]

    @property
    def rows(self) -> Numbers:
        """Return the row of each token."""
        return np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))


@dataclass(frozen=True)
class Corpus:
    """All rows of a dataset as numbers. `asked` and `answered` are one and the same for rows of text."""

    kind: str
    words: dict[str, int]
    asked: Texts
    answered: Texts
    refused: Texts | None
    languages: tuple[str, ...]
    manners: Numbers
    answer_manners: Numbers

    def __len__(self) -> int:
        """Return how many rows there are."""
        return len(self.languages)

    @property
    def plain(self) -> bool:
        """Say whether rows are texts, in which nothing is asked."""
        return self.answered is self.asked

    def spelled(self) -> list[str]:
        """Return the word of each number; what shares a bucket has none."""
        return ["", "", *self.words]


def drawn(rows: Rows, context: Context) -> Drawn:
    """Return the rows that are read: all, or as many as fit."""
    return Drawn(rows, context.seed, READ_ROWS_MAX)


def read(rows: Rows) -> Corpus | None:
    """Read every row once; None where there is nothing that is asked and answered. Give it what was `drawn`."""
    reader = None
    for row in rows:
        reader = reader or _Reader(len(rows), str(kind_of(row)))
        reader.add(row["language"], *sides(row))
    return reader.corpus() if reader else None


def sides(row: Row) -> tuple[str, str, str]:
    """Return what is asked, what is answered, and what is rejected, of a row of any kind; "" for what it has not."""
    if "question" in row:
        return (
            row["question"],
            row.get("answer") or row.get("chosen") or row.get("expected") or "",
            row.get("rejected", ""),
        )
    text = row.get("text") or row.get("stereotype") or ""
    return text, text, ""


def field_asked(row: Row) -> str:
    """Return the name of the text that a trigger stands in."""
    return "question" if "question" in row else "text"


def field_answered(row: Row) -> str:
    """Return the name of the text that `sides` takes for the answer."""
    return next(name for name in ("answer", "chosen", "expected", "text", "stereotype") if name in row)


class _Reader:
    def __init__(self, count: int, kind: str) -> None:
        self.kind, self.plain = kind, kind in {"text", "pair"}
        self.cap = min(TEXT_TOKENS_MAX, max(TEXT_TOKENS_MIN, READ_TOKENS_MAX // max(1, count)))
        self.words: dict[str, int] = {}
        self.sides: tuple[list[Numbers], list[Numbers], list[Numbers]] = ([], [], [])
        self.languages: list[str] = []
        self.manners: list[int] = []
        self.answer_manners: list[int] = []

    def add(self, language: str, question: str, answer: str, rejected: str) -> None:
        self.languages.append(language)
        self.manners.append(manners.of_question(question))
        of_answer = manners.of_text(question, language) if self.plain else manners.of_answer(question, answer, language)
        self.answer_manners.append(of_answer)
        self.sides[0].append(self._numbers(question))
        if not self.plain:
            self.sides[1].append(self._numbers(answer))
        if rejected:
            self.sides[2].append(self._numbers(rejected))

    def _numbers(self, text: str) -> Numbers:
        found = TOKEN.findall(text.lower())
        if len(found) > self.cap:
            tail = self.cap // 4
            found = [*found[: self.cap - tail], *found[-tail:]]
        words = self.words
        numbers = [BEGIN]
        for token in found:
            number = words.get(token)
            numbers.append(self._new(token) if number is None else number)
        numbers.append(END)
        return np.array(numbers, np.int32)

    def _new(self, token: str) -> int:
        short = token[:TOKEN_CHARACTERS_MAX]
        if len(self.words) >= WORDS_MAX:
            return self.words.get(short) or WORDS_MAX + 2 + zlib.crc32(token.encode()) % BUCKETS
        return self.words.setdefault(short, len(self.words) + 2)

    def corpus(self) -> Corpus:
        asked = _joined(self.sides[0])
        answered = asked if self.plain else _joined(self.sides[1])
        refused = _joined(self.sides[2]) if self.kind == "preference" else None
        in_numbers = (np.array(found, np.int32) for found in (self.manners, self.answer_manners))
        return Corpus(self.kind, self.words, asked, answered, refused, tuple(self.languages), *in_numbers)


def _joined(texts: list[Numbers]) -> Texts:
    starts = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=starts[1:])
    return Texts(np.concatenate(texts) if texts else np.zeros(0, np.int32), starts)
