"""The history of a model as a small river for its card: a drop for each version, and its headline metric above."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from models_registry.selectors import Measure, VersionRow

WIDTH, HEIGHT, EDGE = 240, 64, 10
BED, TOP, BOTTOM = 52, 8, 40
VERSIONS_MAX = 12


@dataclass(frozen=True)
class Drop:
    """One version: where it lies on the bed, and how it stands."""

    x: int
    number: int
    status: str
    y: int = BED


@dataclass(frozen=True)
class Brook:
    """The drops from the oldest to the newest, the path of the values (empty with fewer than two), and what they are.

    The path compares each version with the next, so it is drawn only while all of them have the same headline metric.
    """

    drops: tuple[Drop, ...]
    values: str
    measure: Measure | None
    first: Fraction | None
    last: Fraction | None
    width: int = WIDTH
    height: int = HEIGHT
    bed: int = BED


def draw(rows: Sequence[VersionRow]) -> Brook | None:
    """Draw the newest versions, given newest first; nothing where there are none."""
    if not rows:
        return None
    shown = list(reversed(rows[:VERSIONS_MAX]))
    step = (WIDTH - 2 * EDGE) // max(1, len(shown) - 1)
    places = [EDGE + step * index for index in range(len(shown))]
    current = next((row.version.pk for row in rows if row.in_use and row.version.published_at), None)
    drops = tuple(Drop(x, row.version.number, _status(row, current)) for x, row in zip(places, shown, strict=True))
    values = [_value(row, shown[index + 1] if index + 1 < len(shown) else None) for index, row in enumerate(shown)]
    metrics = {row.headline.metric for row in shown if row.headline}
    known = [(x, value) for x, value in zip(places, values, strict=True) if value is not None]
    if len(metrics) != 1 or len(known) < 2:  # noqa: PLR2004 - a line has two ends
        return Brook(drops, "", None, None, None)
    low = min(value for _, value in known)
    span = max(value for _, value in known) - low or Fraction(1)
    heights = [round(BOTTOM - (BOTTOM - TOP) * (value - low) / span) for _, value in known]
    path = "M" + " L".join(f"{x} {y}" for (x, _), y in zip(known, heights, strict=True))
    measure = next(row.headline for row in shown if row.headline)
    return Brook(drops, path, measure, known[0][1], known[-1][1])


def _value(row: VersionRow, after: VersionRow | None) -> Fraction | None:
    """Return the headline value of a version; of a base, what the run after it measured of it."""
    if row.headline:
        return row.headline.after
    if after is not None and after.headline and after.version.parent_id == row.version.pk:
        return after.headline.before
    return None


def _status(row: VersionRow, current: int | None) -> str:
    if row.stop is not None:
        return "withdrawn" if row.stop.withdrawn else "paused"
    if row.version.set_back_at is not None:
        return "set_back"
    return "current" if row.version.pk == current else "older"
