"""Which proposals say nearly the same as a draft: by the words that they share, the rare ones counting more. Pure.

Integers throughout: a word counts the more, the fewer of the proposals have it (64 divided by how many do, rounded
up); a title counts twice. What is found is a hint for whoever writes; nothing is refused because of it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

WORD_WEIGHT: Final = 64
SHARED_BPS_MIN: Final = 4_500
FOUND_MAX: Final = 5
TEXT_WORDS_MAX: Final = 400
LENGTH_MIN: Final = 3
TITLE_TIMES: Final = 2


@dataclass(frozen=True)
class Words:
    """A proposal by its number: the words of its title, and of the beginning of its text."""

    number: int
    title: frozenset[str]
    text: frozenset[str]


@dataclass(frozen=True)
class Similar:
    """A proposal that is like the draft: which share of the weight of its words both have, in basis points."""

    number: int
    shared_bps: int


def words_of(number: int, title: str, text: str) -> Words:
    """Return the words of a proposal whose texts were folded (no accents, no capitals)."""
    return Words(number, _words(title.split()), _words(text.split()[:TEXT_WORDS_MAX]))


def similar(draft: Words, others: Sequence[Words]) -> tuple[Similar, ...]:
    """Return the proposals that share most with a draft, the nearest first, then the newest."""
    seen = Counter(word for each in (draft, *others) for word in each.title | each.text)
    weight = {word: -(-WORD_WEIGHT // count) for word, count in seen.items()}

    def weigh(title: Iterable[str], text: Iterable[str]) -> int:
        return TITLE_TIMES * sum(weight[word] for word in title) + sum(weight[word] for word in text)

    found = []
    for other in others:
        shared = weigh(draft.title & other.title, draft.text & other.text)
        both = weigh(draft.title | other.title, draft.text | other.text)
        bps = shared * 10_000 // both if both else 0
        if bps >= SHARED_BPS_MIN:
            found.append(Similar(other.number, bps))
    return tuple(sorted(found, key=lambda each: (-each.shared_bps, -each.number))[:FOUND_MAX])


def _words(found: Iterable[str]) -> frozenset[str]:
    return frozenset(word for word in found if len(word) >= LENGTH_MIN)
