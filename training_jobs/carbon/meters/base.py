"""What a meter is, and what it answers: energy in joules, how it was got, and what it covers. No Django.

A meter counts for the whole machine: of two runs side by side on one machine each is shown the energy of both. A site
that wants to tell them apart gives each run a machine, or meters one of them alone.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

# The parts of a machine that a meter may cover. What none covers (fans, disks, the power supply's loss) is left to PUE.
Part = Literal["processor", "memory", "gpu"]
How = Literal["metered", "estimated"]

JOULES_MAX = 10**15  # more than a large power plant gives in a week


class MeterFailed(Exception):
    """A meter that cannot be read, is not there, or said what cannot be."""


@dataclass(frozen=True, slots=True)
class Energy:
    """What was used between start and stop.

    `how`: `metered` where counters covered the processors and every GPU that the machine has, from beginning to end;
    else `estimated`. `by`: the meters that it comes from. `note`: why it is not metered, in words; empty where it is.
    """

    joules: int
    how: How
    by: tuple[str, ...]
    covers: tuple[Part, ...]
    seconds: int
    note: str = ""


class Meter(Protocol):
    """One way to count energy. Each method raises MeterFailed; after that the meter is done for."""

    name: str
    covers: tuple[Part, ...]
    # the longest time between two looks after which nothing is lost
    look_seconds: float

    def start(self) -> None:
        """Begin to count."""
        ...

    def look(self) -> None:
        """Read the counters, so that one that ran round is noticed."""
        ...

    def stop(self) -> int:
        """Return the joules since start."""
        ...
