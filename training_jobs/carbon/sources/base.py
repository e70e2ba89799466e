"""What every source of carbon intensity answers, and how strictly its answer is read.

A source says how many grams of CO2e the grid of a region emits for a kilowatt-hour: what it was, and what it will be.
What it sends is a stranger's text: sizes, digits, times and gaps are bounded here, once for all forms. Values are
rounded to whole grams, halves up; units are converted exactly before that.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Literal, Protocol

from governance.errors import Invalid, Unavailable
from training_jobs.scheduling.values import Series

HOUR = 3_600
POINTS_MAX = 20_000
GRAMS_PER_KWH_MAX = 5_000
STEP_SECONDS_MAX = 24 * HOUR
# A missing value is bridged by the one before it for as long as this; a longer hole is no series.
HOLE_SECONDS_MAX = 3 * HOUR
HISTORY_SECONDS_MAX = 14 * 24 * HOUR
TIME_CHARACTERS_MAX = 40
DIGITS_MAX = 30
# What names of regions look like in every form, and what is safe as a file's name and in an address.
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

# average: of all that was generated; marginal: of the plant that answers to one more kilowatt-hour. Never compared.
Kind = Literal["forecast", "actual"]
Signal = Literal["average", "marginal"]


class SourceRefusal(Unavailable):
    """A source that gave no usable answer. `permanent`: asking again the same way cannot help."""

    def __init__(
        self, code: str, detail: str, *, permanent: bool, retry_after_seconds: int = 0, found: object = None
    ) -> None:
        """Keep whether and when asking again can help."""
        super().__init__(code, detail, found=found)
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Reading:
    """What a source said of one region.

    `estimated`: the source says that it did not measure (a forecast never is). `filled`: how many values of the series
    are a repetition of the one before, because the source had none.
    """

    source: str
    region: str
    kind: Kind
    signal: Signal
    series: Series
    fetched_at: int
    estimated: bool = False
    filled: int = 0


class Source(Protocol):
    """One way to know the intensity. Both raise SourceRefusal; Invalid for a region or an interval that is none."""

    name: str

    def forecast(self, region: str, now: int) -> Reading:
        """Return what the grid will be from about `now` on, as far as the source looks ahead."""
        ...

    def history(self, region: str, since: int, until: int, now: int) -> Reading:
        """Return what the grid was, for as much of [since, until) as the source knows."""
        ...


def require_region(region: str) -> str:
    """Return a region's name; raise Invalid for what cannot be one."""
    if not _REGION.fullmatch(region):
        allowed = "1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or a digit"
        raise Invalid(
            "region_unusable", "this is no name of a region", field="region", found=region[:64], allowed=allowed
        )
    return region


def require_interval(since: int, until: int) -> None:
    """Raise Invalid for an interval that is empty, or longer than a source is asked for at once."""
    if not 0 < until - since <= HISTORY_SECONDS_MAX:
        allowed = f"1 to {HISTORY_SECONDS_MAX} seconds"
        raise Invalid("interval_unusable", "ask in pieces of at most 14 days", found=until - since, allowed=allowed)


def malformed(detail: str, found: object = None) -> SourceRefusal:
    """Return the refusal of an answer that is not in the promised form."""
    text = None if found is None else repr(found)[:80]
    return SourceRefusal(
        "intensity_malformed", f"the source's answer cannot be read: {detail}", permanent=False, found=text
    )


def moment(value: object) -> int:
    """Return UNIX seconds of an ISO 8601 time with its zone; fractions of a second are dropped."""
    if not isinstance(value, str) or len(value) > TIME_CHARACTERS_MAX or not value.isascii():
        raise malformed("a time is text in ISO 8601", value)
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None or not _FIRST <= found < _LAST:
            raise malformed("a time has a zone and lies between 2000 and 2200", value)
    except (ValueError, OverflowError) as error:
        raise malformed("a time is text in ISO 8601", value) from error
    return (found - _EPOCH) // timedelta(seconds=1)


def text_of(at: int) -> str:
    """Return UNIX seconds as sources want to be asked: 2025-01-31T23:00Z, to the minute."""
    return (_EPOCH + timedelta(seconds=at)).strftime("%Y-%m-%dT%H:%MZ")


def exact(value: object) -> Fraction:
    """Return a number of an answer exactly; raise SourceRefusal for anything else, also for absurd digits."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise malformed("an intensity is a number", value)
    number = Decimal(value)
    if not number.is_finite() or len(number.as_tuple().digits) > DIGITS_MAX or abs(number.adjusted()) > DIGITS_MAX:
        raise malformed("an intensity is a number of sensible size", value)
    return Fraction(number)


def grams_of(value: object, factor: Fraction = Fraction(1)) -> int:
    """Return whole grams per kWh of a number in a unit that is `factor` grams per kWh; halves up."""
    found = exact(value) * factor
    if not 0 <= found <= GRAMS_PER_KWH_MAX:
        raise malformed(f"an intensity lies between 0 and {GRAMS_PER_KWH_MAX} grams per kWh", str(value)[:DIGITS_MAX])
    return int(found + Fraction(1, 2))


def series_of(points: Iterable[tuple[int, int]], step: int | None = None) -> tuple[Series, int]:
    """Return a series of (begin, grams) in any order, and how many values were bridged.

    Every distance of two points is a multiple of the step; where it is not known, it is the smallest of them. Raises
    SourceRefusal for no points, too many, two values for one moment, and holes longer than HOLE_SECONDS_MAX.
    """
    found: dict[int, int] = {}
    for at, grams in points:
        if found.setdefault(at, grams) != grams:
            raise malformed("it says two values for one moment", text_of(at))
        if len(found) > POINTS_MAX:
            raise malformed(f"it has more than {POINTS_MAX} values")
    if not found:
        raise SourceRefusal("intensity_none", "the source knows nothing for this region and time", permanent=False)
    moments = sorted(found)
    gaps = [after - before for before, after in pairwise(moments)]
    step = step or min(gaps, default=HOUR)
    if step > STEP_SECONDS_MAX or any(gap % step or gap > max(step, HOLE_SECONDS_MAX) for gap in gaps):
        raise malformed("its values do not follow each other in equal steps")
    count = (moments[-1] - moments[0]) // step + 1
    if count > POINTS_MAX:
        raise malformed(f"it has more than {POINTS_MAX} values")
    values = [found[moments[0]]]
    for at in range(moments[0] + step, moments[-1] + 1, step):
        values.append(found.get(at, values[-1]))
    return Series(moments[0], step, tuple(values)), count - len(moments)


def cut(series: Series, since: int, until: int) -> Series:
    """Return the part of a series that touches [since, until); raise SourceRefusal where there is none."""
    first = max((since - series.since) // series.step, 0)
    last = min(-((series.since - until) // series.step), len(series.grams_per_kwh))
    if first >= last:
        raise SourceRefusal("intensity_none", "the source knows nothing for this region and time", permanent=False)
    return Series(series.since + first * series.step, series.step, series.grams_per_kwh[first:last])


def exact_text(text: str) -> Decimal:
    """Return a number that stands as text in a file: digits, at most one point; no sign, no exponent."""
    if len(text) > DIGITS_MAX or not _NUMBER.fullmatch(text):
        raise malformed("an intensity is a number", text[:DIGITS_MAX])
    return Decimal(text)
