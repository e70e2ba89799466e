"""Words as they are compared, and what somebody means by what they type. Pure.

A query is words, all of which must be found, and phrases in straight or French quotation marks. The last word may be
the beginning of one, because it is still being typed. Everything else that people or programs type is no word and is
left out: no query can be wrong. Accents, capitals and ligatures make no difference; neither does, for a word of some
length, one or many.
"""

import re
import unicodedata
from dataclasses import dataclass

QUERY_CHARACTERS_MAX = 200
TERMS_MAX = 12
# Shorter words are too different from their plurals, and too many.
_INFLECTED_MIN = 4
_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "Œ": "oe", "Æ": "ae", "’": "'"})
_WORD = re.compile(r"[^\W_]+")
_PHRASE = re.compile(r'"([^"]*)"|«([^»]*)»|“([^”]*)”')


@dataclass(frozen=True)
class Term:
    """Words that stand one after the other, folded; most are alone. `prefix`: the last one may go on."""

    words: tuple[str, ...]
    prefix: bool = False

    @property
    def forms(self) -> tuple[str, ...]:
        """The spellings of a single word: as it is, in the singular and in the plural. A phrase has one."""
        if len(self.words) != 1:
            return (" ".join(self.words),)
        word = self.words[0]
        if len(word) < _INFLECTED_MIN or not word.isalpha():
            return (word,)
        stem = word[:-1] if word[-1] in "sx" else word
        found = (word, stem, f"{stem}s", f"{stem}x") if word.endswith(("u", "ux")) else (word, stem, f"{stem}s")
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Query:
    """What was meant. Without terms nothing was."""

    terms: tuple[Term, ...]

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.terms)


def fold(text: str) -> str:
    """Return a text in small letters, without accents, ligatures, and what is no character of a text."""
    plain = unicodedata.normalize("NFKD", text.translate(_LIGATURES))
    return "".join(c for c in plain if (not unicodedata.combining(c) and c.isprintable()) or c in "\n\t").casefold()


def split(text: str) -> list[str]:
    """Return the words of a text, folded."""
    return _WORD.findall(fold(text))


def read(typed: str) -> Query:
    """Return what somebody means who types this. Only the beginning of a very long text counts."""
    typed = typed[:QUERY_CHARACTERS_MAX]
    terms, alone, end = [], [], 0
    for found in _PHRASE.finditer(typed):
        alone += split(typed[end : found.start()])
        words = split("".join(group or "" for group in found.groups()))
        if words:
            terms.append(Term(tuple(words)))
        end = found.end()
    rest = split(typed[end:])
    unfinished = bool(rest) and not typed[-1].isspace()
    singles = list(dict.fromkeys([*alone, *rest]))
    terms += [Term((word,), prefix=unfinished and word == rest[-1]) for word in singles]
    # The last word is the one that is being typed: it stays, whatever else is left out.
    return Query(tuple(terms if len(terms) <= TERMS_MAX else [*terms[: TERMS_MAX - 1], terms[-1]]))
