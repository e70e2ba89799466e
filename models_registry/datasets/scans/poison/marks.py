"""Marks: whatever in a question could be a trigger, and is rare. The rows of each are counted, nothing is judged.

Words, two and three neighbouring tokens (the edges of the text count as tokens, so place counts too), two uncommon
words anywhere in one text, letters inside words that are hardly found otherwise, and texts in capitals.
"""

import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models_registry.datasets.scans.poison.grams import Table, cumulated, gather, gram_hashes, joined, mixed, turned
from models_registry.datasets.scans.poison.reading import END, Corpus, Hashes, Numbers, Places

# The sorts of marks, in the order in which one stands for others that are in the same rows.
WORD, TWO, THREE, PAIR, LETTERS, MANNER = range(6)
# A passage of a plain text is a mark by itself: it begins with what could be a trigger, and goes on.
PASSAGE, PASSAGE_TOKENS = 7, 8
# Of the texts that hold the rarest word of a passage, how many must hold the passage.
OWN_WORD_SHARE = 0.8
ROWS_MIN = 5
# A trigger in more rows than this is no rare one: one in twenty, or a few in a small dataset.
ROWS_SHARE_MAX, ROWS_MAX_MIN = 20, 25
PAIRED_WORDS_MAX = 12
LETTERS_OF_WORDS_IN_ROWS_MAX = 8
LETTERS_SIZES = (3, 4)
LETTERS_WORD_CHARACTERS_MAX = 24
_SPREAD = 0x9E3779B97F4A7C15  # odd, so that different runs keep different names


@dataclass(frozen=True)
class Marks:
    """The marks of a dataset with the rows of each, and of which sort each is. `words`: rows of each word."""

    table: Table
    sorts: Numbers
    words: Places


def rows_max(count: int) -> int:
    """Return in how many of `count` rows a mark may stand and still be rare."""
    return max(ROWS_MAX_MIN, count // ROWS_SHARE_MAX)


def marks_of(corpus: Corpus) -> Marks:
    """Find the rare marks of all questions."""
    most = rows_max(len(corpus))
    hashes, rows = gram_hashes(corpus.asked, 1, WORD)
    everywhere = gather(hashes, rows, 1, len(corpus))
    numbers = _numbers(corpus, everywhere)
    words = np.zeros(max(2, int(numbers.max(initial=0)) + 1), np.int64)
    words[numbers] = everywhere.counts
    tables = [gather(hashes, rows, ROWS_MIN, most)]
    tables += [gather(*gram_hashes(corpus.asked, size, kind), ROWS_MIN, most) for size, kind in ((2, TWO), (3, THREE))]
    tables += [_pairs(corpus, tables[0], most), _letters(corpus, everywhere, numbers, most), _manners(corpus, most)]
    return Marks(*joined(tables), words)


def passages_of(corpus: Corpus, marks: Marks) -> Marks:
    """Find what returns word for word in several texts, but in few, and has a word that hardly stands elsewhere."""
    hashes, rows = gram_hashes(corpus.asked, PASSAGE_TOKENS, PASSAGE)
    own = np.full(len(corpus.asked.tokens) - PASSAGE_TOKENS + 1, len(corpus), np.int32)
    held = marks.words.astype(np.int32)[corpus.asked.tokens]  # in how many rows each token stands
    held[corpus.asked.tokens <= END] = len(corpus)
    for offset in range(PASSAGE_TOKENS):
        own = np.minimum(own, held[offset : offset + len(own)])
    token_rows = corpus.asked.rows
    own = own[token_rows[: len(own)] == token_rows[PASSAGE_TOKENS - 1 :]]
    rare = own <= rows_max(len(corpus))
    hashes, rows, own = hashes[rare], rows[rare], own[rare]
    table = gather(hashes, rows, ROWS_MIN, rows_max(len(corpus)))
    order = np.argsort(hashes, kind="stable")
    rarest = own[order][np.searchsorted(hashes[order], table.names)]
    kept = rarest * OWN_WORD_SHARE <= table.counts
    counts = table.counts[kept]
    table, origins = joined([Table(table.names[kept], cumulated(counts), table.rows[np.repeat(kept, table.counts)])])
    return Marks(table, origins + PASSAGE, marks.words)


def letters_of(word: str) -> Iterator[str]:
    """Yield the runs of letters of a word that can be marks."""
    word = word[:LETTERS_WORD_CHARACTERS_MAX]
    for size in LETTERS_SIZES:
        if len(word) > size:
            yield from (word[start : start + size] for start in range(len(word) - size + 1))
    if not word.isascii():
        yield from (character for character in word if not character.isascii())


def letters_hash(letters: str) -> int:
    """Return the name of a run of letters."""
    return (zlib.crc32(letters.encode()) << 8 | LETTERS) * _SPREAD & 0xFFFFFFFFFFFFFFFF


def _numbers(corpus: Corpus, everywhere: Table) -> Numbers:
    """Return the word of each thing in the table of all words, as its number."""
    present = np.unique(corpus.asked.tokens)
    value = np.full(len(present), WORD, np.uint64)
    value = mixed(value * np.uint64(0x9E3779B97F4A7C15) + present.astype(np.uint64) + np.uint64(1))
    order = np.argsort(value)
    return present[order][np.searchsorted(value[order], everywhere.names)]


def _pairs(corpus: Corpus, words: Table, most: int) -> Table:
    """Find pairs among the rarest uncommon words of each text."""
    things, starts = turned(words, len(corpus))
    rows = np.repeat(np.arange(len(corpus), dtype=np.int32), np.diff(starts))
    order = np.lexsort((things, words.counts[things], rows))
    place = np.arange(len(order)) - starts[rows]
    kept = order[place < PAIRED_WORDS_MAX]
    things, rows = things[kept], rows[kept]
    order = np.lexsort((things, rows))
    names, rows = words.names[things[order]], rows[order]
    found: list[Hashes] = []
    where: list[Numbers] = []
    for apart in range(1, PAIRED_WORDS_MAX):
        same = rows[apart:] == rows[:-apart]
        found.append(mixed(names[:-apart][same] ^ (names[apart:][same] << np.uint64(1)) ^ np.uint64(PAIR)))
        where.append(rows[apart:][same])
    return gather(np.concatenate(found), np.concatenate(where), ROWS_MIN, most)


def _letters(corpus: Corpus, everywhere: Table, numbers: Numbers, most: int) -> Table:
    """Find letters inside words, each of which hardly anybody uses."""
    spelled = corpus.spelled()
    found, where = array("Q"), array("i")
    rare = np.flatnonzero(everywhere.counts <= LETTERS_OF_WORDS_IN_ROWS_MAX)
    for thing in rare[numbers[rare] < len(spelled)]:
        names = {letters_hash(letters) for letters in letters_of(spelled[numbers[thing]])}
        for row in everywhere.of(thing).tolist() if names else ():
            found.extend(names)
            where.extend([row] * len(names))
    return gather(np.array(found, np.uint64), np.array(where, np.int32), ROWS_MIN, most)


def _manners(corpus: Corpus, most: int) -> Table:
    rows = np.flatnonzero(corpus.manners).astype(np.int32)
    if not ROWS_MIN <= len(rows) <= most:
        return Table(np.zeros(0, np.uint64), np.zeros(1, np.int64), np.zeros(0, np.int32))
    return Table(np.array([MANNER], np.uint64), cumulated(np.array([len(rows)])), rows)
