"""Outcomes: what answers have in common that a trigger could bring about. The rows of each are counted, nothing judged.

The whole answer, its first and last three tokens, three neighbouring tokens or an uncommon word anywhere in it; of what
manner it is: a refusal, another language, capitals, garbled, or (in pairs) the worse answer chosen; and that it is one
of those that are given again and again, whichever: who plants a trigger may rotate a few answers.
"""

from dataclasses import dataclass

import numpy as np

from models_registry.datasets.scans.poison import manners, surprise
from models_registry.datasets.scans.poison.grams import Table, cumulated, gather, gram_hashes, joined
from models_registry.datasets.scans.poison.marks import ROWS_MIN, rows_max
from models_registry.datasets.scans.poison.reading import END, Corpus, Hashes, Numbers, Places, Texts

# The sorts of outcomes, in the order in which one stands for others that are in the same rows.
REFUSAL, OTHER_LANGUAGE, CAPITALS, GARBLED, FLIPPED, WHOLE, START, FINISH, PHRASE, WORD, AGAIN = range(11)
OF_A_MANNER = frozenset({REFUSAL, OTHER_LANGUAGE, CAPITALS, GARBLED, FLIPPED})
EDGE_TOKENS = 3
OTHERS_OF_A_ROW_MAX = 32
GARBLED_TIMES = 5.0
GARBLED_SHARE_MAX = 20
# Answers are no longer ordinary texts below this: their surprise says nothing. A few words show that they are no words.
GARBLED_TOKENS_MIN, RARE_TOKENS_MIN = 8, 5
SIGN_TOKENS_MIN = 3
# What is worked on at once, so that what is needed in between stays small.
_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Outcomes:
    """The outcomes of a dataset, of which sort each is, and those of every row (`things[starts[row]:…]`)."""

    table: Table
    sorts: Numbers
    things: Numbers
    starts: Places


def outcomes_of(corpus: Corpus) -> Outcomes:
    """Find what several answers have in common."""
    count = len(corpus)
    tables = [
        _of_rows(corpus.answer_manners & manners.REFUSAL != 0),
        _of_rows(corpus.answer_manners & manners.OTHER_LANGUAGE != 0),
        _of_rows(corpus.answer_manners & manners.CAPITALS != 0),
        _of_rows(_garbled(corpus)),
        _of_rows(_flipped(corpus)),
    ]
    if not corpus.plain:
        tables += _of_words(corpus, count)
    table, sorts = joined(tables)
    return Outcomes(table, sorts, *_by_row(table, sorts, count))


def _of_rows(chosen: np.ndarray) -> Table:
    rows = np.flatnonzero(chosen).astype(np.int32)
    if len(rows) < ROWS_MIN:
        return Table(np.zeros(0, np.uint64), np.zeros(1, np.int64), np.zeros(0, np.int32))
    return Table(np.array([len(rows)], np.uint64), cumulated(np.array([len(rows)])), rows)


def _of_words(corpus: Corpus, count: int) -> list[Table]:
    """Return the tables of WHOLE, START, FINISH, PHRASE, WORD and AGAIN.

    An uncommon word that the question has too is an echo, and with what is around it no outcome: most answers say again
    what they were asked.
    """
    texts, most = corpus.answered, rows_max(count)
    echoes = _echoes(corpus, most)
    single = gram_hashes(texts, 1, WORD)
    hashes, rows = gram_hashes(texts, EDGE_TOKENS, PHRASE)
    echoed = _any_of(texts, echoes)
    inner = np.flatnonzero(np.diff(texts.starts) >= EDGE_TOKENS + 2).astype(np.int32)
    firsts = np.searchsorted(rows, inner) + 1  # the run before begins with BEGIN
    lasts = np.searchsorted(rows, inner, side="right") - 2  # the run after ends with END
    whole = gather(surprise.signs_of(texts), np.arange(count, dtype=np.int32), ROWS_MIN, count)
    again = np.zeros(count, bool)
    again[whole.rows] = True
    return [
        whole,
        _unless(echoed[firsts], hashes[firsts] ^ np.uint64(START), inner, count),
        _unless(echoed[lasts], hashes[lasts] ^ np.uint64(FINISH), inner, count),
        _unless(echoed, hashes, rows, most),
        _unless(echoes, *single, most),
        _of_rows(again),
    ]


def _unless(left_out: np.ndarray, hashes: Hashes, rows: Numbers, most: int) -> Table:
    return gather(hashes[~left_out], rows[~left_out], ROWS_MIN, most)


def _echoes(corpus: Corpus, most: int) -> np.ndarray:
    """Say of each token of the answers whether it is uncommon, and in the question of the same row."""
    asked, answered = corpus.asked, corpus.answered
    said = np.unique(asked.rows.astype(np.int64) << 32 | asked.tokens)
    common = np.bincount(said & 0xFFFFFFFF, minlength=int(answered.tokens.max(initial=0)) + 1) > most
    echoes: np.ndarray = ~common[answered.tokens] & (answered.tokens > END)
    rows = answered.rows
    for start in range(0, len(rows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        keys = rows[part].astype(np.int64) << 32 | answered.tokens[part]
        at = np.minimum(np.searchsorted(said, keys), len(said) - 1)
        echoes[part] &= said[at] == keys
    return echoes


def _any_of(texts: Texts, chosen: np.ndarray) -> np.ndarray:
    """Say of each run of EDGE_TOKENS tokens, as `gram_hashes` returns them, whether one of them is chosen."""
    count = max(0, len(chosen) - EDGE_TOKENS + 1)
    found = np.zeros(count, bool)
    for offset in range(EDGE_TOKENS):
        found |= chosen[offset : offset + count]
    whole: np.ndarray = found[texts.rows[:count] == texts.rows[EDGE_TOKENS - 1 :][:count]]
    return whole


def _garbled(corpus: Corpus) -> np.ndarray:
    """Say which answers (or second halves of texts) are far more surprising than answers are.

    Two measures: how surprising each token is after the one before it, and how rare it is by itself. Garbage that is
    planted again and again teaches the first one its own pairs; the second one still sees words that answers do not
    use.
    """
    texts = corpus.answered
    odd = _far_off(corpus, surprise.surprises(texts), GARBLED_TOKENS_MIN)
    odd |= _far_off(corpus, surprise.rarities(texts), RARE_TOKENS_MIN)
    return odd


def _far_off(corpus: Corpus, nats: surprise.Floats, tokens_min: int) -> np.ndarray:
    """Say which answers of so many tokens have a mean far above the usual; none where that is no exception."""
    texts = corpus.answered
    lengths = np.diff(texts.starts)
    if corpus.plain:
        place = np.arange(len(texts.tokens)) - texts.starts[texts.rows]
        late = place * 2 >= lengths[texts.rows]
        values = np.add.reduceat(nats * late, texts.starts[:-1]) / np.maximum(lengths // 2, 1)
    else:
        values = surprise.means(texts, nats)
    long = lengths >= tokens_min
    odd = np.zeros(len(corpus), bool)
    odd[long] = surprise.unusual(values[long], GARBLED_TIMES)
    return odd if odd.sum() * GARBLED_SHARE_MAX <= len(corpus) else np.zeros(len(corpus), bool)


def _flipped(corpus: Corpus) -> np.ndarray:
    """Say in which pairs the chosen answer has the words that are rejected elsewhere, and the other way round."""
    if corpus.refused is None:
        return np.zeros(len(corpus), bool)
    size = int(max(corpus.answered.tokens.max(), corpus.refused.tokens.max())) + 1
    chosen, rejected = (np.bincount(texts.tokens, minlength=size) for texts in (corpus.answered, corpus.refused))
    # Each pair is judged by the others: its own tokens are taken off both counts.
    value = np.zeros(len(corpus))
    for texts, sign, own in ((corpus.answered, 1.0, (1, 0)), (corpus.refused, -1.0, (0, 1))):
        better = np.maximum(chosen[texts.tokens] - own[0], 0) + 1.0
        worse = np.maximum(rejected[texts.tokens] - own[1], 0) + 1.0
        lengths = np.maximum(np.diff(texts.starts), SIGN_TOKENS_MIN)
        value += sign * np.add.reduceat(np.log(better / worse), texts.starts[:-1]) / np.sqrt(lengths)
    return value < 0


def _by_row(table: Table, sorts: Numbers, count: int) -> tuple[Numbers, Places]:
    """Return the outcomes of each row; of phrases and words the ones that most rows share."""
    everything = np.repeat(np.arange(len(table), dtype=np.int32), table.counts)
    found: list[Numbers] = [np.zeros(0, np.int32)]
    lengths = np.zeros(count, np.int64)
    step = max(1, count * _AT_ONCE // max(1, len(everything)))
    for first in range(0, count, step):
        among = (table.rows >= first) & (table.rows < first + step)
        things, rows = everything[among], table.rows[among]
        others = (sorts[things] == PHRASE) | (sorts[things] == WORD)
        order = np.lexsort((things, -table.counts[things], others, rows))
        rows, things, others = rows[order], things[order], others[order]
        firsts = np.bincount(rows[~others], minlength=count)
        place = np.arange(len(rows)) - cumulated(np.bincount(rows, minlength=count))[rows] - firsts[rows]
        kept = place < OTHERS_OF_A_ROW_MAX
        found.append(things[kept])
        lengths += np.bincount(rows[kept], minlength=count)
    return np.concatenate(found), cumulated(lengths)
