"""What differs between two texts, word by word, as pieces in reading order. Pure, and bounded whatever the texts are.

The shortest script of E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), first over lines, then
over the words of the lines that changed. Texts with too little in common are shown as one taken out and one put in.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

# As many insertions and deletions as are looked for; the work grows with its square.
LINE_STEPS_MAX: Final = 400
WORD_STEPS_MAX: Final = 500
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


class How(StrEnum):
    """What became of a piece."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True)
class Piece:
    """A piece of text, and what became of it."""

    how: How
    text: str


_END = Piece(How.SAME, "")


def difference(before: str, after: str) -> tuple[Piece, ...]:
    """Return the pieces: all that is not added make up `before`, all that is not removed make up `after`."""
    pieces: list[Piece] = []
    removed: list[str] = []
    added: list[str] = []
    for how, line in script(before.splitlines(keepends=True), after.splitlines(keepends=True), LINE_STEPS_MAX):
        if how is How.SAME:
            pieces += _words("".join(removed), "".join(added))
            removed, added = [], []
            pieces.append(Piece(How.SAME, line))
        else:
            (removed if how is How.REMOVED else added).append(line)
    pieces += _words("".join(removed), "".join(added))
    return _joined(pieces)


def script(before: Sequence[str], after: Sequence[str], steps_max: int) -> list[tuple[How, str]]:
    """Return how to come from one sequence to the other in the fewest steps, or all out and all in beyond the bound."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    middle = _shortest(before[start : len(before) - end], after[start : len(after) - end], steps_max)
    same_before = [(How.SAME, each) for each in before[:start]]
    return same_before + middle + [(How.SAME, each) for each in before[len(before) - end :]]


def _words(before: str, after: str) -> list[Piece]:
    if not before or not after:
        return [Piece(How.REMOVED, before)] * bool(before) + [Piece(How.ADDED, after)] * bool(after)
    return [Piece(how, each) for how, each in script(_WORDS.findall(before), _WORDS.findall(after), WORD_STEPS_MAX)]


def _shortest(before: Sequence[str], after: Sequence[str], steps_max: int) -> list[tuple[How, str]]:
    """Walk diagonals: `reached[k]` is how far `before` was read on diagonal k; each step adds one change."""
    reached = {1: 0}
    trace: list[dict[int, int]] = []
    for steps in range(min(len(before) + len(after), steps_max) + 1):
        trace.append(dict(reached))
        for diagonal in range(-steps, steps + 1, 2):
            down = diagonal == -steps or (diagonal != steps and reached[diagonal - 1] < reached[diagonal + 1])
            x = reached[diagonal + 1] if down else reached[diagonal - 1] + 1
            while x < len(before) and x - diagonal < len(after) and before[x] == after[x - diagonal]:
                x += 1
            reached[diagonal] = x
            if x >= len(before) and x - diagonal >= len(after):
                return _walked_back(before, after, trace)
    return [(How.REMOVED, each) for each in before] + [(How.ADDED, each) for each in after]


def _walked_back(before: Sequence[str], after: Sequence[str], trace: list[dict[int, int]]) -> list[tuple[How, str]]:
    found: list[tuple[How, str]] = []
    x, y = len(before), len(after)
    for steps in range(len(trace) - 1, -1, -1):
        reached, diagonal = trace[steps], x - y
        down = diagonal == -steps or (diagonal != steps and reached[diagonal - 1] < reached[diagonal + 1])
        earlier = diagonal + 1 if down else diagonal - 1
        from_x = reached[earlier]
        from_y = from_x - earlier
        while x > max(from_x, 0) and y > max(from_y, 0):
            x, y = x - 1, y - 1
            found.append((How.SAME, before[x]))
        if steps:
            found.append((How.ADDED, after[from_y]) if down else (How.REMOVED, before[from_x]))
            x, y = from_x, from_y
    return found[::-1]


def _joined(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return the pieces with neighbours of one kind as one, and what was removed before what was added in its place.

    A space between two changes belongs to both, so that words that follow each other are read as one change.
    """
    found: list[Piece] = []
    removed = added = ""
    for piece, after in pairwise((*pieces, _END, _END)):
        if piece.how is How.REMOVED:
            removed += piece.text
            continue
        if piece.how is How.ADDED:
            added += piece.text
            continue
        if piece.text.isspace() and removed and added and after.how is not How.SAME and "\n" not in piece.text:
            removed, added = removed + piece.text, added + piece.text
            continue
        found += [Piece(how, text) for how, text in ((How.REMOVED, removed), (How.ADDED, added)) if text]
        removed = added = ""
        if piece.text and found and found[-1].how is How.SAME:
            found[-1] = Piece(How.SAME, found[-1].text + piece.text)
        elif piece.text:
            found.append(piece)
    return tuple(found)
