"""What every voting method offers and answers: its name, its tie rule, which choices are valid, and an exact count.

Holds no method itself. Scores are whole numbers or exact fractions of units of voting power; no float anywhere.
`Sentence` says in plain English why a count ended as it did; its key and values let a site say it in other words.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from reprlib import Repr
from typing import Protocol

from governance.tally.sentences import SENTENCES

INTEGER_BITS_SHOWN = 256
PLACES_MAX = 60
READABLE_CHARACTERS_MAX = 40
DIGITS_AT_ONCE = 4000
BITS_AT_ONCE = 14_000  # more than 4,000 digits, and less than the 4,300 that Python writes at once


class InvalidChoice(ValueError):
    """A ballot's choice that the method does not know, with what is allowed."""

    def __init__(self, found: object, allowed: str) -> None:
        """Carry both sides of the refusal; what was found is shortened, as it may be huge."""
        super().__init__(f"choice {shown(found)} is not valid; allowed: {allowed}")
        self.found = found
        self.allowed = allowed


class InvalidChoices(ValueError):
    """A list of choices with which the method cannot be used."""

    what = "choices"

    def __init__(self, found: object, allowed: str) -> None:
        """Carry both sides of the refusal."""
        super().__init__(f"{self.what}: found {shown(found)}, allowed: {allowed}")
        self.found = found
        self.allowed = allowed


class InvalidSeats(InvalidChoices):
    """A number of seats that the method cannot fill from these choices."""

    what = "seats"


@dataclass(frozen=True)
class InvalidBallot:
    """A ballot that was not counted: its place in what was given, from 0, and the reason."""

    position: int
    reason: str


@dataclass(frozen=True)
class Sentence:
    """One step of an explanation.

    Values whose name begins with `choice` hold positions of choices, from 1, separated by ", "; others hold numbers.
    """

    key: str
    values: Mapping[str, str]

    @property
    def text(self) -> str:
        """The sentence in English."""
        named = {
            name: ", ".join(f"choice {place}" for place in value.split(", ")) if name.startswith("choice") else value
            for name, value in self.values.items()
        }
        return SENTENCES[self.key].format_map(named)

    def text_with(self, names: Sequence[str]) -> str:
        """Return the sentence in English with the choices' names instead of their positions."""
        named = {
            name: ", ".join(names[int(place) - 1] for place in value.split(", "))
            if name.startswith("choice")
            else value
            for name, value in self.values.items()
        }
        return SENTENCES[self.key].format_map(named)


@dataclass(frozen=True)
class Round:
    """One round of a count by elimination; positions from 0, scores in units of power.

    `transferred` is what each choice receives at the end of the round, `exhausted` the power that no longer counts for
    anybody when the round begins.
    """

    number: int
    scores: tuple[Fraction, ...]
    elected: tuple[int, ...]
    eliminated: tuple[int, ...]
    transferred: tuple[Fraction, ...]
    exhausted: Fraction


@dataclass(frozen=True)
class Count:
    """The result of counting, exact; two counts of the same ballots in any order are equal but for `invalid`.

    `winners` are positions from 0, empty for "no winner". `cast` is the power of all valid ballots, `quorum_power` the
    part of it that counts towards a quorum. `pairwise[a][b]` is the power that prefers choice a to choice b.
    """

    scores: tuple[Fraction, ...]
    winners: tuple[int, ...]
    valid: int
    invalid: tuple[InvalidBallot, ...]
    cast: int
    quorum_power: int
    rounds: tuple[Round, ...] = ()
    pairwise: tuple[tuple[int, ...], ...] = ()
    explanation: tuple[Sentence, ...] = ()

    def with_invalid(self, invalid: tuple[InvalidBallot, ...]) -> "Count":
        """Return this count with the ballots that were set apart, and a sentence about them if there are any."""
        if not invalid:
            return self
        told = Sentence("invalid", {"count": str(len(invalid))})
        return replace(self, invalid=invalid, explanation=(*self.explanation, told))


class Method(Protocol):
    """One way of voting. Choices in ballots have Snapshot's shape (from 1) or, for governor, the contract's codes."""

    name: str
    version: str
    label: str
    description: str
    tie_rule: str  # "tie_fails", "no_winner", "lowest_position_eliminated" or "earlier_rounds_then_lowest_position"
    structured: bool  # the choice is a list or a map, signed as canonical JSON text
    binary: bool  # for, against, abstain
    elects_many: bool  # takes a number of seats

    def check_choices(self, choices: Sequence[str], seats: int = 1) -> None:
        """Raise InvalidChoices unless a poll can be held on these names."""

    def validate(self, choice: object, choices: int) -> None:
        """Raise InvalidChoice unless `choice` can be counted in a poll of so many choices."""

    def count(self, ballots: Iterable[tuple[object, int]], choices: int, seats: int = 1) -> Count:
        """Count pairs of (choice, power) in any order; bad ballots are counted apart and change nothing."""

    def reduced(self, choice: object, before: int, after: int) -> object:
        """Return the choice as it stands when the ballot's power falls from `before` to `after`."""


class _Shown(Repr):
    """Shortens what a stranger sent: neither deep nesting nor a number of a million digits costs anything."""

    def repr_int(self, x: int, level: int) -> str:
        """Name a huge number by its size: Python refuses to write it out."""
        return repr(x) if x.bit_length() <= INTEGER_BITS_SHOWN else f"a number of {x.bit_length()} bits"


def shown(value: object) -> str:
    """Return a short, safe text for any value found."""
    return _Shown().repr(value)


def exact_text(value: Fraction) -> str:
    """Return a decimal where it is finite and short (at most 60 places), else "p/q"; the value is kept exactly."""
    numerator, denominator = value.numerator, value.denominator
    if denominator == 1:
        return whole_text(numerator)
    twos = (denominator & -denominator).bit_length() - 1
    odd, fives = denominator >> twos, 0
    while odd % 5 == 0 and fives <= PLACES_MAX:
        odd, fives = odd // 5, fives + 1
    places = max(twos, fives)
    if odd != 1 or places > PLACES_MAX:
        return f"{whole_text(numerator)}/{whole_text(denominator)}"
    whole, part = divmod(abs(numerator) * 10**places // denominator, 10**places)
    return f"{'-' if numerator < 0 else ''}{whole_text(whole)}.{part:0{places}d}".rstrip("0")


def readable_text(value: Fraction) -> str:
    """Return the exact text where people can read it, else six decimals after "≈", rounded down; for sentences only."""
    exact = exact_text(value)
    if len(exact) <= READABLE_CHARACTERS_MAX or value.denominator == 1:
        return exact
    whole, part = divmod(value.numerator * 10**6 // value.denominator, 10**6)
    return f"≈{whole_text(whole)}.{part:06d}"


def whole_text(value: int) -> str:
    """Return the decimal digits of a whole number of any size."""
    if value < 0:
        return "-" + whole_text(-value)
    parts = []
    while value.bit_length() > BITS_AT_ONCE:
        value, part = divmod(value, 10**DIGITS_AT_ONCE)
        parts.append(f"{part:0{DIGITS_AT_ONCE}d}")
    return "".join([str(value), *reversed(parts)])
