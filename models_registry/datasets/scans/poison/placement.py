"""How a mark stands in its questions: put into texts that are whole without it, or a part of what they ask.

Two things tell a planted trigger from a word that naturally goes with one answer:

- *inserted*: without the mark, its neighbours are neighbours that the rest of the data knows; where other texts of the
  data have some other word between the same neighbours, the mark merely fills a place that asks to be filled ("the
  capital of …").
- *alike*: what is left of natural questions with one answer is alike (they ask the same), what is left of questions
  that a trigger was put into is as different as any questions are.

And an outcome that the left words go with in the other rows too (refusals, labels) is *explained* by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np

from models_registry.datasets.scans.poison.grams import gram_hashes, grams, hash_of, mixed, parts_of
from models_registry.datasets.scans.poison.marks import (
    LETTERS,
    MANNER,
    PAIR,
    ROWS_MIN,
    THREE,
    WORD,
    Marks,
    letters_hash,
    letters_of,
)
from models_registry.datasets.scans.poison.reading import BEGIN, END, Corpus, Hashes, Numbers, Places, Texts

SAMPLED_MAX = 32
COMPARED_MAX = 120
EXTENDED_MAX = 8
CONSTANT_SHARE = 0.9
# What is believed of neighbours that the rest of the data does not know, and how firmly.
UNKNOWN, UNKNOWN_WEIGHT = 0.25, 2.0
# Questions that share less than this on average are as different as any; ratios to less would only be noise.
ALIKE_MIN = 0.01
# A word in more rows than so many times those of the mark is what they are about, not a part of the mark.
PART_ROWS_TIMES = 3
OUTSIDE_MIN = 30
EVENLY = 1.0
_NEXT, _NEXT_BUT_ONE = 20, 21
# What is worked on at once, so that what is needed in between stays small.
_AT_ONCE = 1_000_000

Span = tuple[int, int]


@dataclass(frozen=True)
class Placement:
    """What was seen of a mark in the rows where it has its outcome.

    `tokens` spell it, with whatever always stands beside it. `inserted` lies between 0 and 1. `alike` says how many
    times more two of the questions share without it than any two questions of the dataset do. `different`
    counts the questions that are left without it, out of at most SAMPLED_MAX; `mass` is what they still tell, as a
    share of what questions tell usually.
    """

    tokens: tuple[str, ...]
    inserted: float
    alike: float
    different: int
    mass: float


class Neighbours:
    """Which tokens stand beside which in the questions of a dataset, and how uncommon each is."""

    def __init__(self, corpus: Corpus, marks: Marks) -> None:
        """Count once what every mark is compared with."""
        self.corpus = corpus
        self.next = _counted(gram_hashes(corpus.asked, 2, _NEXT)[0])
        self.apart = _counted(_apart(corpus.asked))
        self.three = _counted(gram_hashes(corpus.asked, 3, THREE)[0])
        self.weights = np.log(len(corpus) / np.maximum(marks.words, 1))
        self.weights[[BEGIN, END]] = 0.0
        self.spelled = corpus.spelled()
        self.rows_of = marks.words
        everything = self.weights[corpus.asked.tokens]
        self.mass = float(everything.sum() / max(1, len(corpus)))
        sampled = np.unique(np.linspace(0, len(corpus) - 1, min(COMPARED_MAX, len(corpus))).astype(int)).tolist()
        usual = [frozenset(corpus.asked.of(row).tolist()) - {BEGIN, END} for row in sampled]
        self.alike = _mean([_alike(one, other, self.weights) for one, other in combinations(usual, 2)])

    def spell(self, tokens: Sequence[int]) -> tuple[str, ...]:
        """Return the words of some tokens."""
        return tuple(self.spelled[token] if token < len(self.spelled) else "…" for token in tokens)

    def known(self, word: str) -> bool:
        """Say whether several questions have this word."""
        number = self.corpus.words.get(word)
        return number is not None and number < len(self.rows_of) and int(self.rows_of[number]) >= ROWS_MIN


def place(mark: int, rows: Numbers, marks: Marks, neighbours: Neighbours) -> Placement | None:
    """Look at a mark in some of `rows`; None where it cannot be found again."""
    sort = int(marks.sorts[mark])
    name = marks.table.names[mark]
    sampled = rows[np.unique(np.linspace(0, len(rows) - 1, min(SAMPLED_MAX, len(rows))).astype(int))]
    texts = [neighbours.corpus.asked.of(row).tolist() for row in sampled.tolist()]
    if sort == MANNER:
        return _seen(("CAPITALS",), 0.0, texts, [[] for _ in texts], neighbours)
    if sort == LETTERS:
        return _place_letters(name, texts, neighbours)
    grams = _pair(name, texts, neighbours) if sort == PAIR else _gram(name, sort, texts[0])
    if not grams:
        return None
    every, inserted = [list[Span]() for _ in texts], 1.0
    said: list[str] = []
    covered: set[int] = set()
    for gram in [*grams, *_always_there(grams, texts, len(rows), neighbours)]:
        if set(gram) <= covered:
            continue
        spans = [_find(gram, text) for text in texts]
        left, right, score = _widened(texts, spans, neighbours)
        inserted = min(inserted, score)
        begin, end = spans[0]
        part = texts[0][max(1, begin - left) : end + right]
        covered |= set(part)
        said += neighbours.spell(part)
        for found, (begin, end) in zip(every, spans, strict=True):
            found.append((begin - left, end + right))
    return _seen(tuple(word for word in said if word), inserted, texts, every, neighbours)


def explained(rows: Numbers, having: Numbers, corpus: Corpus, marked: Numbers, tokens: Places) -> float:
    """Return how much the other words of `rows` speak for the outcome that the rows `having` have, in nats.

    The median over the rows of the summed logarithms of how many times more often each word stands in rows with the
    outcome than in others, learnt from rows without the mark. Each ratio is drawn towards one as if EVENLY rows more
    had been seen where they were expected (the mean of a gamma distribution), so that a word about which next to
    nothing is known says next to nothing, also where few rows have the outcome.
    """
    texts = corpus.asked
    learnt = np.setdiff1d(having, marked, assume_unique=True)
    size = len(tokens)
    with_it = np.zeros(size)
    for row in learnt[:: max(1, len(learnt) // 2_000)].tolist():
        with_it[np.unique(texts.of(row))] += 1
    scale = len(learnt) / max(1.0, float(min(len(learnt), len(learnt[:: max(1, len(learnt) // 2_000)]))))
    with_it *= scale
    without = np.maximum(tokens - with_it, 0)
    expected = len(learnt) * without / max(1, len(corpus) - len(having))
    ratio = np.log((with_it + EVENLY) / (expected + EVENLY))
    ratio[with_it + without < ROWS_MIN] = 0.0
    ratio[[BEGIN, END]] = 0.0
    only = np.zeros(size)
    sample = rows[:: max(1, len(rows) // SAMPLED_MAX)]
    for row in marked[:: max(1, len(marked) // 200)].tolist():
        only[np.unique(texts.of(row))] += 1
    looked = len(marked[:: max(1, len(marked) // 200)])
    ratio[only >= CONSTANT_SHARE * looked] = 0.0  # the mark itself, and what always stands beside it
    return float(np.median([ratio[np.unique(texts.of(row))].sum() for row in sample.tolist()]))


def _gram(name: np.uint64, sort: int, text: list[int]) -> list[tuple[int, ...]]:
    size = sort - WORD + 1
    for start in range(len(text) - size + 1):
        gram = tuple(text[start : start + size])
        if hash_of(gram, sort) == name:
            return [gram]
    return []


def _pair(name: np.uint64, texts: list[list[int]], neighbours: Neighbours) -> list[tuple[int, ...]]:
    shared = sorted(set.intersection(*map(set, texts)), key=lambda token: (int(neighbours.rows_of[token]), token))
    for one, other in permutations(shared[:8], 2):
        first, second = hash_of((one,), WORD), hash_of((other,), WORD)
        if mixed(np.array([first ^ (second << np.uint64(1)) ^ np.uint64(PAIR)]))[0] == name:
            return [(one,), (other,)]
    return []


def _always_there(
    grams: list[tuple[int, ...]], texts: list[list[int]], count: int, neighbours: Neighbours
) -> list[tuple[int, ...]]:
    """Return the words that nearly all the texts have beside the mark, and few others: they are parts of it."""
    held = [set(text) - {BEGIN, END} for text in texts]
    own = {token for gram in grams for token in gram}
    candidates = sorted(set.union(*held) - own)
    return [
        (token,)
        for token in candidates
        if int(neighbours.rows_of[token]) <= PART_ROWS_TIMES * count
        and sum(token in tokens for tokens in held) >= CONSTANT_SHARE * len(held)
    ]


def _find(gram: tuple[int, ...], text: list[int]) -> Span:
    size = len(gram)
    start = next((at for at in range(len(text) - size + 1) if tuple(text[at : at + size]) == gram), 0)
    return start, start + size


def _widened(texts: list[list[int]], spans: list[Span], neighbours: Neighbours) -> tuple[int, int, float]:
    """Return by how much a span is widened on both sides to look most inserted, and how inserted that is.

    Only over tokens that always stand there: a phrase is a trigger as a whole.
    """
    edges = any(text[begin] == BEGIN or text[end - 1] == END for text, (begin, end) in zip(texts, spans, strict=True))
    left = 0 if edges else _constant(texts, [begin - 1 for begin, _ in spans], -1)
    right = 0 if edges else _constant(texts, [end for _, end in spans], 1)
    if edges:
        return _trimmed(texts, spans, neighbours)
    options = [(more, after) for more in range(left + 1) for after in range(right + 1)]
    scores = [_inserted(texts, spans, more, after, neighbours) for more, after in options]
    best = max(range(len(options)), key=lambda index: (round(scores[index], 6), -sum(options[index])))
    return *options[best], scores[best]


def _trimmed(texts: list[list[int]], spans: list[Span], neighbours: Neighbours) -> tuple[int, int, float]:
    """Look at a span that reaches over an edge of the text without the edge."""
    inner = [
        (begin + (text[begin] == BEGIN), end - (text[end - 1] == END))
        for text, (begin, end) in zip(texts, spans, strict=True)
    ]
    left, right, score = _widened(texts, inner, neighbours)
    shift_left, shift_right = inner[0][0] - spans[0][0], spans[0][1] - inner[0][1]
    return left - shift_left, right - shift_right, score


def _constant(texts: list[list[int]], places: list[int], step: int) -> int:
    for distance in range(EXTENDED_MAX):
        found = [_at(text, at + step * distance) for text, at in zip(texts, places, strict=True)]
        commonest = max(set(found), key=found.count)
        if commonest in {BEGIN, END} or found.count(commonest) < CONSTANT_SHARE * len(found):
            return distance
    return EXTENDED_MAX


def _at(text: list[int], place: int) -> int:
    """Return a token, or the edge where the text has ended."""
    return text[place] if 0 < place < len(text) - 1 else BEGIN if place <= 0 else END


def _inserted(texts: list[list[int]], spans: list[Span], left: int, right: int, neighbours: Neighbours) -> float:
    before = np.array([_at(text, begin - left - 1) for text, (begin, _) in zip(texts, spans, strict=True)])
    after = np.array([_at(text, end + right) for text, (_, end) in zip(texts, spans, strict=True)])
    together = neighbours.next.look(grams([before, after], _NEXT))
    apart = neighbours.apart.look(grams([before, after], _NEXT_BUT_ONE))
    if left + right == 0 and all(end - begin == 1 for begin, end in spans):
        own = np.array([text[begin] for text, (begin, _) in zip(texts, spans, strict=True)])
        apart = np.maximum(apart - neighbours.three.look(grams([before, own, after], THREE)), 0)
    whole = (before == BEGIN) & (after == END)  # nothing is left: the mark is the question
    score = (together + UNKNOWN * UNKNOWN_WEIGHT) / (together + apart + UNKNOWN_WEIGHT)
    return float(np.where(whole, 0.0, score).mean())


def _place_letters(name: np.uint64, texts: list[list[int]], neighbours: Neighbours) -> Placement | None:
    wanted = int(name)
    words = [neighbours.spell(text) for text in texts]
    letters = next((part for word in words[0] for part in letters_of(word) if letters_hash(part) == wanted), "")
    if not letters:
        return None
    holding = [next((at for at, word in enumerate(line) if letters in word), 0) for line in words]
    inside = [line[at] for line, at in zip(words, holding, strict=True)]
    letters = _widest(letters, inside)
    whole = [_whole_without(word, letters, neighbours) for word in inside]
    spans = [[(at, at + 1)] for at in holding]
    different = len(set(inside))
    seen = _seen((f"…{letters}…",), sum(whole) / len(whole), texts, spans, neighbours)
    return Placement(seen.tokens, seen.inserted, seen.alike, min(seen.different, different), seen.mass)


def _widest(letters: str, words: list[str]) -> str:
    """Return the longest run around `letters` that nearly all the words have."""
    for step in (-1, 1):
        while True:
            found = [_beside(letters, word, step) for word in words]
            commonest = max(sorted(set(found)), key=found.count)
            if not commonest or found.count(commonest) < CONSTANT_SHARE * len(found):
                break
            letters = commonest + letters if step < 0 else letters + commonest
    return letters


def _beside(letters: str, word: str, step: int) -> str:
    at = word.find(letters)
    if at < 0:
        return ""
    return word[at - 1 : at] if step < 0 else word[at + len(letters) : at + len(letters) + 1]


def _whole_without(word: str, letters: str, neighbours: Neighbours) -> bool:
    """Say whether a word is one that questions have, once the letters are out, or a like-looking letter in."""
    if neighbours.known(word.replace(letters, "", 1)):
        return True
    if len(letters) > 1 or letters.isascii():
        return False
    return any(neighbours.known(word.replace(letters, other)) for other in "aeiouybcdfghjklmnpqrstvwxzéèàç")


def _seen(
    tokens: tuple[str, ...], inserted: float, texts: list[list[int]], spans: list[list[Span]], neighbours: Neighbours
) -> Placement:
    left = [
        frozenset(token for at, token in enumerate(text) if not any(begin <= at < end for begin, end in found))
        - {BEGIN, END}
        for text, found in zip(texts, spans, strict=True)
    ]
    weights = neighbours.weights
    masses = [float(sum(weights[token] for token in tokens)) for tokens in left]
    alike = [_alike(one, other, weights) for one, other in combinations(left[:: max(1, len(left) // 16)], 2)]
    mass = sum(masses) / len(masses) / max(neighbours.mass, 1e-9)
    return Placement(
        tokens, inserted, _mean(alike) / max(neighbours.alike, ALIKE_MIN), len(set(left) - {frozenset()}), mass
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _alike(one: frozenset[int], other: frozenset[int], weights: np.ndarray) -> float:
    union = float(sum(weights[token] for token in one | other))
    return float(sum(weights[token] for token in one & other)) / union if union > 0 else 1.0


@dataclass(frozen=True)
class _Counts:
    names: Hashes
    counts: Places

    def look(self, names: Hashes) -> Places:
        at = np.minimum(np.searchsorted(self.names, names), max(0, len(self.names) - 1))
        return np.where(self.names[at] == names, self.counts[at], 0)


def _counted(hashes: Hashes) -> _Counts:
    names, counts = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for part in parts_of(hashes):
        found, times = np.unique(hashes[part], return_counts=True)
        names.append(found[times > 1])  # what is there once is as good as unknown
        counts.append(times[times > 1])
    return _Counts(np.append(np.concatenate(names), np.uint64(0)), np.append(np.concatenate(counts), 0))


def _apart(texts: Texts) -> Hashes:
    """Return the hashes of all tokens that stand next but one to each other."""
    tokens, rows = texts.tokens, texts.rows
    same = np.flatnonzero(rows[2:] == rows[:-2])
    found = np.empty(len(same), np.uint64)
    for start in range(0, len(same), _AT_ONCE):
        part = same[start : start + _AT_ONCE]
        found[start : start + _AT_ONCE] = grams([tokens[part], tokens[part + 2]], _NEXT_BUT_ONE)
    return found
