"""When a site is suspended without anybody asking: by what was found, and how often. Pure.

    computed again      two machines, of two owners, found another result than the site, and not each its own
    hand-overs          DOUBTS_MAX attempts within DOUBTS_WITHIN whose files are not those that they were said to be,
                        that were faster than the site's devices can be, or that, as a checker, stood alone against two

One bad checker cannot condemn a site, and what could not be computed again never does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

DOUBTS_MAX: Final = 3
DOUBTS_WITHIN: Final = timedelta(days=7)
# A machine may learn from so many times the tokens that it measured of itself, before it is not believed.
SPEED_TIMES_MAX: Final = 3
STEPS_MIN: Final = 20  # over fewer, starting and sending weigh too much
WITNESSES: Final = 2
CHECKS_MAX: Final = 4  # of one slice, those that were not possible among them


@dataclass(frozen=True)
class Found:
    """What one check came to. `result` names what was computed; machines of one class should agree on it."""

    outcome: str  # as `models.spot_checks.OUTCOMES`
    checker: str
    environment: str  # digest of the class of machine
    result: str


@dataclass(frozen=True)
class Verdict:
    """What all checks of a slice amount to: what is still to do, and who is wrong."""

    again: bool = False  # another machine is to look
    site_lies: bool = False
    alone: str = ""  # the checker whose result stands alone against the site's and another checker's


def verdict(found: Sequence[Found]) -> Verdict:
    """Return what the finished checks of one slice amount to."""
    differing = [each for each in found if each.outcome == "differs"]
    agreeing = [each for each in found if each.outcome in {"equal", "within"}]
    if agreeing and len(differing) == 1:
        return Verdict(alone=differing[0].checker)
    if agreeing:  # also where two differ after one agreed: a slice that machines do not agree on condemns nobody
        return Verdict()
    if len(differing) < WITNESSES:
        return Verdict(again=bool(differing) and len(found) < CHECKS_MAX)
    return Verdict(site_lies=_agree(differing), again=not _agree(differing) and len(found) < CHECKS_MAX)


def is_enough(doubts: Sequence[datetime], now: datetime) -> bool:
    """Say whether doubts about a site, each of another attempt, are enough to suspend it."""
    return sum(1 for at in doubts if now - at < DOUBTS_WITHIN) >= DOUBTS_MAX


def speed_max(tokens_per_second: int, devices: int, operations_per_token: int, operations_of_reference: int) -> int:
    """Return how many tokens per second are believed of a machine that measured so many of one device.

    The reference is a small network: a larger model learns from fewer tokens in that time, a smaller one from more, in
    proportion. Rounded up.
    """
    smaller = max(operations_of_reference, operations_per_token)
    return -(-SPEED_TIMES_MAX * tokens_per_second * devices * smaller // max(1, operations_per_token))


def is_too_fast(tokens: int, seconds: int, steps: int, allowed: int) -> bool:
    """Say whether so many tokens in so many seconds, over so many steps, are more than a machine is believed."""
    return steps >= STEPS_MIN and tokens > allowed * max(1, seconds)


def _agree(differing: Sequence[Found]) -> bool:
    """Say whether no two checkers of one class of machine found different things."""
    by_class: dict[str, set[str]] = {}
    for each in differing:
        by_class.setdefault(each.environment, set()).add(each.result)
    return all(len(results) == 1 for results in by_class.values())
