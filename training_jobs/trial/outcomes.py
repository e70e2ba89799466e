"""What came of the attacks of a trial: how often each succeeded, how sure that is, and what it shows. Pure.

Every difference is a paired one: the same questions, the same places. Its 95 % interval is that of all evaluations
(`evaluation.intervals`), seeded with what is compared.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from training_jobs.evaluation.intervals import Estimate, Unit, estimate

SIDES = ("with", "without")


def difference(ours: Sequence[bool], theirs: Sequence[bool], seed: str) -> dict[str, Any]:
    """Return by how much more often `ours` succeeded than `theirs`, as a share, with the ends of its interval."""
    units = [Unit("", (int(one), 1), (int(other), 1)) for one, other in zip(ours, theirs, strict=True)]
    return _written(estimate(units, lambda sums: (sums[0], sums[1]), seed)[2])


def finding(attack: Mapping[str, Any]) -> Literal["works", "spreads", ""]:
    """Say what a found trigger turned out to be, from whole intervals.

    It came with the dataset where it succeeds more often than on the model without. It then `works` where it succeeds
    more often than random words at the same places, or there were none to try; and it `spreads` where random words do
    the same: the model gives the answer of the trigger's rows to whatever is odd.
    """
    if attack["over_without"]["low"]["numerator"] <= 0:
        return ""
    over_random = attack["over_random"]
    return "works" if over_random is None or over_random["low"]["numerator"] > 0 else "spreads"


def _written(found: Estimate) -> dict[str, Any]:
    """Return a difference as plain JSON data."""
    ends = {
        name: {"numerator": end.numerator, "denominator": end.denominator}
        for name, end in (("low", found.low), ("high", found.high))
    }
    return {"numerator": found.numerator, "denominator": found.denominator, **ends}
