"""From ballots to a profile: how much power, and how many ballots, stand behind each different choice.

Every method counts from a profile, so a million ballots cost a method no more than their different choices. Also holds
`ProfileMethod`, what the methods share. Holds no rule of any method.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from governance.tally.base import Count, InvalidBallot, InvalidChoice, InvalidChoices, InvalidSeats, Sentence, shown

CHOICES_MAX = 1000


@dataclass(slots=True)
class Group:
    """The ballots of one and the same choice."""

    power: int
    ballots: int


Profile = Mapping[Any, Group]


class ProfileMethod(ABC):
    """A method that counts from a profile. Subclasses say what a choice may be and how a profile is counted."""

    name: str
    label: str
    description: str
    version = "1"
    tie_rule = "no_winner"
    structured = False
    binary = False
    elects_many = False

    def check_choices(self, choices: Sequence[str], seats: int = 1) -> None:
        """Raise InvalidChoices unless there are two or more different names, and one seat."""
        check_names(choices)
        if not self.elects_many and (type(seats) is not int or seats != 1):
            raise InvalidSeats(seats, f"1, as {self.name} fills one seat")

    def validate(self, choice: object, choices: int) -> None:
        """Raise InvalidChoice unless `choice` can be counted."""
        self.canonical(choice, choices)

    @abstractmethod
    def canonical(self, choice: object, choices: int) -> Hashable:
        """Return the one hashable form of this choice (positions from 0), or raise InvalidChoice."""

    def placed(self, choice: object, power: int, choices: int) -> Hashable:
        """Return under which key a ballot of this power is grouped; most methods group by the choice alone."""
        return self.canonical(choice, choices)

    @abstractmethod
    def count_profile(self, profile: Profile, choices: int, seats: int = 1) -> Count:
        """Count a profile of valid ballots."""

    def count(self, ballots: Iterable[tuple[object, int]], choices: int, seats: int = 1) -> Count:
        """Count pairs of (choice, power): 1. group them, bad ones apart; 2. count the groups."""
        profile, invalid = grouped(self, ballots, choices)
        return self.count_profile(profile, choices, seats).with_invalid(invalid)

    def reduced(self, choice: object, before: int, after: int) -> object:
        """Return the choice unchanged: only amounts depend on the power of a ballot."""
        return choice


def grouped(
    method: ProfileMethod, ballots: Iterable[tuple[object, int]], choices: int
) -> tuple[dict[Hashable, Group], tuple[InvalidBallot, ...]]:
    """Return the profile of the valid ballots, and the others with their reasons."""
    profile: dict[Hashable, Group] = {}
    invalid = []
    placed = method.placed
    for position, (choice, power) in enumerate(ballots):
        try:
            if type(power) is not int or power <= 0:
                raise InvalidPower(power)
            key = placed(choice, power, choices)
        except (InvalidChoice, InvalidPower) as error:
            invalid.append(InvalidBallot(position, str(error)))
            continue
        group = profile.get(key)
        if group is None:
            profile[key] = Group(power, 1)
        else:
            group.power += power
            group.ballots += 1
    return profile, tuple(invalid)


class InvalidPower(ValueError):
    """A ballot whose power cannot be counted."""

    def __init__(self, found: object) -> None:
        """Say what was found and what is allowed."""
        super().__init__(f"power is a positive integer, found {shown(found)}")


def check_names(choices: Sequence[str], least: int = 2, most: int = CHOICES_MAX) -> None:
    """Raise InvalidChoices unless there are between `least` and `most` different names that are not empty."""
    if not least <= len(choices) <= most:
        raise InvalidChoices(len(choices), f"{least} to {most} names")
    for name in choices:
        if not isinstance(name, str) or not name.strip():
            raise InvalidChoices(name, "names that are not empty")
    if len(set(choices)) != len(choices):
        raise InvalidChoices(list(choices), "names that are all different")


def totals(profile: Profile) -> tuple[int, int]:
    """Return the power and the number of all ballots of a profile."""
    return sum(group.power for group in profile.values()), sum(group.ballots for group in profile.values())


def nothing_cast() -> tuple[Sentence, ...]:
    """Explain an empty count."""
    return (Sentence("nothing_cast", {}),)
