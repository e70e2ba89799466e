"""Two answers without names: which is which is hidden until a reader has picked. Pure; nothing is kept anywhere.

The order of each pair follows from a seed in the address, and so do the picks ("a", "b", "e" for equal), so that a page
can be loaded again, shared and gone back to. A pair whose answers are the same tells nothing and is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

PICKS = ("a", "b", "e")
SEED_MAX = 16


@dataclass(frozen=True)
class Pair:
    """One question with two answers. `a_is_after`: the first is the proposed one's."""

    number: int
    question: str
    language: str
    expected: str
    a: str
    b: str
    a_is_after: bool
    pick: str = ""

    @property
    def picked_after(self) -> bool | None:
        """Whether the reader preferred the proposed one's answer; None: no difference, or not picked yet."""
        return None if self.pick not in {"a", "b"} else (self.pick == "a") == self.a_is_after


@dataclass(frozen=True)
class Blind:
    """How far a reader is: the pairs that were picked, the next one, and what was preferred so far."""

    seed: str
    picks: str
    done: tuple[Pair, ...]
    following: Pair | None
    total: int
    same: int

    @property
    def after(self) -> int:
        """How often the proposed one's answer was preferred."""
        return sum(pair.picked_after is True for pair in self.done)

    @property
    def before(self) -> int:
        """How often the other one's was."""
        return sum(pair.picked_after is False for pair in self.done)

    @property
    def equal(self) -> int:
        """How often there was no difference."""
        return sum(pair.picked_after is None for pair in self.done)

    @property
    def last(self) -> Pair | None:
        """The pair that was picked last."""
        return self.done[-1] if self.done else None


def taken(picks: str, pick: str) -> str:
    """Return the picks so far with the one that was just made; nonsense is none."""
    return picks + (pick if pick in PICKS else "")


def blind(rows: Sequence[Mapping[str, Any]], before: str, after: str, seed: str, picks: str) -> Blind | None:
    """Return the comparison, or None where no two answers differ. `before` and `after` name the answers in each row."""
    differ = [row for row in rows if str(row.get(before) or "") != str(row.get(after) or "")]
    if not differ:
        return None
    seed = "".join(letter for letter in seed.lower() if letter.isascii() and letter.isalnum())[:SEED_MAX]
    picks = "".join(pick for pick in picks if pick in PICKS)[: len(differ)]
    ordered = sorted(range(len(differ)), key=lambda at: _draw(seed, "order", at))
    pairs = [_pair(place, differ[at], before, after, seed) for place, at in enumerate(ordered, 1)]
    done = tuple(Pair(**{**vars(pair), "pick": pick}) for pair, pick in zip(pairs, picks, strict=False))
    following = pairs[len(done)] if len(done) < len(pairs) else None
    return Blind(seed, picks, done, following, len(pairs), len(rows) - len(differ))


def _pair(number: int, row: Mapping[str, Any], before: str, after: str, seed: str) -> Pair:
    a_is_after = bool(_draw(seed, "sides", number)[0] & 1)
    one, other = (after, before) if a_is_after else (before, after)
    return Pair(
        number, str(row.get("question", "")), str(row.get("language", "")), str(row.get("expected") or ""),
        str(row.get(one) or ""), str(row.get(other) or ""), a_is_after,
    )  # fmt: skip


def _draw(seed: str, what: str, number: int) -> bytes:
    return sha256(f"{seed}:{what}:{number}".encode()).digest()
