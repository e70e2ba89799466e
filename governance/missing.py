"""What would have to change for an open vote to end otherwise: the least power that is missing, exactly. Pure.

Nothing is decided here: the conditions come from `outcome.decide`. Each answer changes one thing and leaves the rest as
it is; whoever moves several things at once asks `decide`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from governance.outcome import BASIS_POINTS, Condition

# Power that is missing for what does not hold yet, or that would end what holds now.
LIMITS = frozenset({"rejection", "objection"})


@dataclass(frozen=True)
class Missing:
    """One condition: the least `power` (in units) that would turn it, and whether so much has not voted yet.

    Where it does not hold, so much more has to take part (quorum) or be in favour; of a limit that is passed, so much
    has to turn away from against. Where it holds, so much more against would turn it.
    """

    condition: str
    holds: bool
    power: int
    is_left: bool


def missing(
    conditions: Sequence[Condition], threshold_bps: int, in_favour: int, against: int, left: int
) -> list[Missing]:
    """Return what would turn each condition that power can turn; `left` is the power that has not voted."""
    found = []
    for condition in conditions:
        power = _power(condition, threshold_bps, in_favour, against)
        if power > 0:
            found.append(Missing(condition.condition, condition.holds, power, power <= left))
    return found


def _power(condition: Condition, threshold_bps: int, in_favour: int, against: int) -> int:
    """Return the least power, or 0 where none turns it."""
    if condition.condition == "majority":
        return (
            _against_majority(threshold_bps, in_favour, against)
            if condition.holds
            else _for_majority(threshold_bps, in_favour, against)
        )
    if condition.condition in {"quorum", "support"}:
        return 0 if condition.holds else condition.needed - condition.found
    if condition.condition == "rejection":  # it must not be passed
        return abs(condition.needed - condition.found) + (1 if condition.holds else 0)
    if condition.condition == "objection":  # it must not be reached
        return condition.needed - condition.found if condition.holds else condition.found - condition.needed + 1
    return 0


def _for_majority(threshold_bps: int, in_favour: int, against: int) -> int:
    """Return the least power for that makes a majority: (for + x) of (for + x + against) is more than the threshold."""
    return against * threshold_bps // (BASIS_POINTS - threshold_bps) - in_favour + 1


def _against_majority(threshold_bps: int, in_favour: int, against: int) -> int:
    """Return the least power against that ends a majority."""
    return -(-in_favour * (BASIS_POINTS - threshold_bps) // threshold_bps) - against
