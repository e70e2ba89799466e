"""What every voting method offers: which choices are valid, and an exact count. Holds no method itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


class InvalidChoice(ValueError):
    """A choice that the method does not know, with what is allowed."""

    def __init__(self, found: object, allowed: str) -> None:
        """Carry both sides of the refusal."""
        super().__init__(f"choice {found!r} is not valid; allowed: {allowed}")
        self.found = found
        self.allowed = allowed


@dataclass(frozen=True)
class Count:
    """The result of counting: votes per named option, in units of voting power."""

    totals: Mapping[str, int]
    ballot_count: int

    @property
    def cast(self) -> int:
        """All voting power that was used."""
        return sum(self.totals.values())


class Method(Protocol):
    """One way of voting. `options` gives the option names by choice number."""

    @property
    def name(self) -> str:
        """The name in the table and in proposals."""

    @property
    def label(self) -> str:
        """What people read."""

    @property
    def options(self) -> tuple[str, ...]:
        """The options, by choice number."""

    def validate(self, choice: int) -> None:
        """Raise InvalidChoice unless `choice` can be counted."""

    def count(self, ballots: Iterable[tuple[int, int]]) -> Count:
        """Count pairs of (choice, power); power is a positive integer. The order of ballots is irrelevant."""

    def quorum_votes(self, count: Count) -> int:
        """Return the power that counts towards the quorum."""

    def support(self, count: Count) -> tuple[int, int]:
        """Return (power for, power that decides): the majority is judged between these two."""
