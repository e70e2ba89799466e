"""What a site claims of a slice against what another machine found: equal, within, different, or not comparable. Pure.

Within one class of machine and software equal steps give equal bytes (as check 12 of a verification has it); anything
else differs. Across classes sums are rounded in another order: then each loss must be within LOSS_TOLERANCE of the
claimed one, and the weights nearer to the claimed ones than WAY_TOLERANCE of the way that they went in the slice, where
that can be told. Without a loss or a way to hold against each other nothing is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any, Final

from training_jobs.rerun.comparison import RELATIVE_TOLERANCE

EQUAL, WITHIN, DIFFERS, NOT_POSSIBLE = "equal", "within", "differs", "not_possible"
LOSS_TOLERANCE: Final = RELATIVE_TOLERANCE
WAY_TOLERANCE: Final = Fraction(1, 5)
SHOWN_MAX = 5
DIGITS_MAX, PLACES_MAX = 40, 100
WAY_HUNDREDTHS_MAX = 900


@dataclass(frozen=True)
class Answer:
    """What the comparison came to, and wherein: a few lines of evidence."""

    outcome: str
    same_class: bool
    evidence: dict[str, Any]


def compare(
    claimed: Mapping[str, Any],
    found: Mapping[str, Any],
    first_step: int,
    sketches: tuple[Sequence[str] | None, Sequence[str] | None] = (None, None),
) -> Answer:
    """Compare what was handed over with what was recomputed; `sketches` are those of the claimed start and end."""
    same_class = all(claimed[name] == found[name] for name in ("code_digest", "environment"))
    losses = _losses(claimed, first_step)
    again = {first_step + 1 + index: loss for index, loss in enumerate(found["losses"])}
    if same_class:
        files = _different_files(claimed["files"], found["files"])
        wrong = [step for step, loss in sorted(losses.items()) if again.get(step) != loss]
        trace = claimed.get("trace_sha256") not in {None, found.get("trace_sha256")}
        if files or wrong or trace:
            return Answer(DIFFERS, True, {**_shown(losses, again, wrong), "files": files[:SHOWN_MAX], "trace": trace})
        return Answer(EQUAL, True, {"steps": len(again), "files": len(claimed["files"])})
    if not losses:
        return Answer(NOT_POSSIBLE, False, {"reason": "another class of machine, and no loss to hold against it"})
    wrong = [step for step, loss in sorted(losses.items()) if not _near(loss, again.get(step))]
    way = _share_of_way(*sketches, found.get("sketch"))
    astray = way is not None and way > WAY_TOLERANCE
    weights = "not compared" if way is None else f"{way.numerator}/{way.denominator} of the way"
    if wrong or astray:
        return Answer(DIFFERS, False, {**_shown(losses, again, wrong), "weights": weights})
    return Answer(WITHIN, False, {"steps": len(losses), "weights": weights})


def _losses(claimed: Mapping[str, Any], first_step: int) -> dict[int, str]:
    if "losses" in claimed:
        return {first_step + 1 + index: loss for index, loss in enumerate(claimed["losses"])}
    return {int(step): loss for step, loss in claimed["losses_by_step"].items()}


def _different_files(claimed: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    one, other = ({each["path"]: each["sha256"] for each in files} for files in (claimed, found))
    return [
        {"path": path, "claimed": one.get(path, ""), "found": other.get(path, "")}
        for path in sorted(one.keys() | other.keys())
        if one.get(path) != other.get(path)
    ]


def _shown(claimed: Mapping[int, str], found: Mapping[int, str], wrong: Sequence[int]) -> dict[str, Any]:
    shown = [
        {"step": step, "claimed": str(claimed[step])[:40], "found": str(found.get(step, ""))[:40]} for step in wrong
    ]
    return {"losses_that_differ": len(wrong), "losses": shown[:SHOWN_MAX]}


def _near(claimed: object, found: object) -> bool:
    one, other = _number(claimed), _number(found)
    return one is not None and other is not None and abs(one - other) <= abs(one) * LOSS_TOLERANCE


def _number(text: object) -> Fraction | None:
    """Return what a decimal text says; a loss that is not finite, or no number, is near nothing."""
    if not isinstance(text, str) or len(text) > DIGITS_MAX:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return Fraction(value) if value.is_finite() and abs(value.adjusted()) < PLACES_MAX else None


def _share_of_way(
    start: Sequence[str] | None, end: Sequence[str] | None, found: Sequence[str] | None
) -> Fraction | None:
    """Return how far the found weights are from the claimed ones, as a share of the way from start to end: rounded.

    None where it cannot be told. Squares, so that no root is taken before the end; at most 9, which is far enough.
    """
    if start is None or end is None or found is None or not len(start) == len(end) == len(found):
        return None
    points = [[_number(each) for each in sketch] for sketch in (start, end, found)]
    if any(each is None for sketch in points for each in sketch):
        return None
    way = sum((a - b) ** 2 for a, b in zip(points[0], points[1], strict=True) if a is not None and b is not None)
    off = sum((a - b) ** 2 for a, b in zip(points[2], points[1], strict=True) if a is not None and b is not None)
    if not off:
        return Fraction(0)
    if not way:
        return Fraction(WAY_HUNDREDTHS_MAX, 100)
    within = (n for n in range(WAY_HUNDREDTHS_MAX) if Fraction(n, 100) ** 2 * way >= off)
    hundredths = next(within, WAY_HUNDREDTHS_MAX)
    return Fraction(hundredths, 100)
