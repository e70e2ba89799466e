"""Hateful and harmful words of English and French, found also in their usual disguises. Pure.

The lists stand in `harmful_words.txt`, turned by 13 letters (ROT13), so that no search engine, editor or page shows
them by chance; nothing here ever gives them out unmasked. One line holds a category and a word, or several words in a
row. A list sees words, not meaning: it finds a slur in a complaint about that slur, and no contempt in polite words.
"""

import codecs
import re
import unicodedata
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path

from models_registry.datasets.scans.base import Span
from models_registry.datasets.scans.lookalikes import LATIN

WORDS_FILE = Path(__file__).with_name("harmful_words.txt")
# What people write in place of a letter, inside a word.
_SIGNS = str.maketrans("013457@$!|", "oieastasil")
_TOKEN = re.compile(r"[^\W_]+")
# A word with signs for letters, a word with letters drawn out, or letters set apart by spaces or points.
_SIGNED = re.compile(r"(?<![^\s\"'(«“])(?=[\w@$!|*#]{0,29}[^\W\d_])(?=[\w@$!|*#]{0,29}[0-9@$!|*#])[\w@$!|*#]{3,30}")
_DRAWN_OUT = re.compile(r"[^\W\d_]*([^\W\d_])\1\1[^\W\d_]*")
_APART = re.compile(r"(?<!\w)[^\W\d_](?:[ .\-_*]{1,2}[^\W\d_]){2,20}(?!\w)")
_REPEATED = re.compile(r"(.)\1+")
_DRAWN = re.compile(r"(.)\1\1+")
_STARS = re.compile(r"[*#]+")
_LETTERS_SHOWN_MIN = 3


def spans(plain: str) -> Iterator[Span]:
    """Yield the words and phrases of the lists in `plain` (without invisible characters), by their category."""
    text = folded(plain)
    words, phrases = _lists()
    tokens = set(_TOKEN.findall(text))
    if not tokens.isdisjoint(words):
        for match in _TOKEN.finditer(text):
            if match.group() in words:
                yield Span(match.start(), match.end(), words[match.group()])
    for first in tokens & phrases.keys():
        for pattern, category in phrases[first]:
            for match in pattern.finditer(text):
                yield Span(match.start(), match.end(), category)
    yield from _disguised(text, words)


def listed_words() -> list[str]:
    """Return the single words of the lists in order, for whoever measures this; never to be shown."""
    return sorted(_lists()[0])


def folded(text: str) -> str:
    """Return `text` in small letters without accents and foreign look-alikes, letter by letter: as long as before."""
    return text.lower() if text.isascii() else "".join(map(_base, text))


@lru_cache(maxsize=8192)
def _base(character: str) -> str:
    letter = LATIN.get(character, character)
    lowered = unicodedata.normalize("NFKD", letter)[0].lower()
    return lowered if len(lowered) == 1 else character


def _disguised(text: str, words: dict[str, str]) -> Iterator[Span]:
    for pattern, undo in ((_SIGNED, _without_signs), (_DRAWN_OUT, _drawn_together), (_APART, _joined)):
        for match in pattern.finditer(text):
            if match.group() in words:
                continue
            category = next((words[word] for word in undo(match.group()) if word in words), None)
            if category:
                yield Span(match.start(), match.end(), category)


def _without_signs(token: str) -> Iterator[str]:
    """Yield what a word with signs may stand for. A star stands for one letter, or for several."""
    bare = token.strip("!|*#")
    yield bare.translate(_SIGNS)
    yield token.translate(_SIGNS)
    if _STARS.search(bare):
        parts = [re.escape(part.translate(_SIGNS)) for part in _STARS.split(bare)]
        pattern = re.compile(r"[a-z]{1,4}".join(parts))
        # Two letters shown are too few to know a word by.
        if sum(map(len, parts)) >= _LETTERS_SHOWN_MIN:
            yield from (word for word in _lists()[0] if pattern.fullmatch(word))


def _drawn_together(token: str) -> Iterator[str]:
    yield _REPEATED.sub(r"\1", token)
    yield _REPEATED.sub(r"\1\1", token)
    yield _DRAWN.sub(r"\1", token)
    yield _DRAWN.sub(r"\1\1", token)


def _joined(letters: str) -> Iterator[str]:
    """Yield the word of letters set apart, also when a word of one letter stands before or behind it."""
    word = "".join(_TOKEN.findall(letters.replace("_", " ")))
    yield from (word, word[1:], word[:-1])


@cache
def _lists() -> tuple[dict[str, str], dict[str, list[tuple[re.Pattern[str], str]]]]:
    """Read the file once: single words with their category, and phrases by their first word."""
    words: dict[str, str] = {}
    phrases: dict[str, list[tuple[re.Pattern[str], str]]] = {}
    for line in codecs.decode(WORDS_FILE.read_text("utf-8"), "rot13").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        category, _colon, text = line.partition(": ")
        parts = text.split()
        if len(parts) == 1:
            words[parts[0]] = category
        else:
            pattern = re.compile(r"(?<!\w)" + r"[\W_]{1,3}".join(map(re.escape, parts)) + r"(?!\w)")
            phrases.setdefault(parts[0], []).append((pattern, category))
    return words, phrases
