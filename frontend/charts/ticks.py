"""Where the lines of a grid stand: 1-2-5 steps, powers of ten, or whole units of time. Pure and exact.

The steps are those of Heckbert's "Nice numbers for graph labels" (Graphics Gems, 1990).
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

_NICE = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
# Steps of a time axis in seconds: those that people count in.
_TIMES = (
    1, 2, 5, 10, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 3 * _HOUR,
    6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 5 * _DAY, 10 * _DAY, 30 * _DAY, 60 * _DAY, 90 * _DAY, 180 * _DAY, 360 * _DAY,
    720 * _DAY,
)  # fmt: skip


def linear(low: Decimal, high: Decimal, wanted: int) -> list[Decimal]:
    """Return about `wanted` + 1 multiples of a nice step; the first is at most `low`, the last at least `high`."""
    step = nice_step((high - low) / wanted)
    first = int((low / step).to_integral_value(ROUND_FLOOR))
    last = int((high / step).to_integral_value(ROUND_CEILING))
    return [step * index for index in range(first, last + 1)]


def whole(low: Decimal, high: Decimal, wanted: int) -> list[Decimal]:
    """Return multiples of a nice whole step that lie within `low` and `high`: for steps, rounds, counts."""
    step = max(Decimal(1), nice_step((high - low) / wanted))
    return _within(low, high, step)


def within(low: Decimal, high: Decimal, wanted: int) -> list[Decimal]:
    """Return multiples of a nice step that lie within `low` and `high`: where the ends are fixed."""
    return _within(low, high, nice_step((high - low) / wanted))


def logarithmic(low: Decimal, high: Decimal) -> list[Decimal]:
    """Return powers of ten around two positive values, with 2 and 5 between them where they are few."""
    first, last = low.adjusted(), high.adjusted()
    if high > _power(last):
        last += 1
    if last == first:
        last += 1
    if last - first > 2:  # noqa: PLR2004 - two decades with 2 and 5 make seven lines
        stride = (last - first + 5) // 6
        return [_power(exponent) for exponent in range(first, last + stride, stride)]
    found = [_power(exponent) * part for exponent in range(first, last) for part in (1, 2, 5)]
    return _trimmed([*found, _power(last)], low, high)


def of_time(low: Decimal, high: Decimal, wanted: int) -> list[Decimal]:
    """Return whole seconds, minutes, hours or days (UTC) within two UNIX times; at most `wanted` + 1."""
    step = next((step for step in _TIMES if (high - low) <= step * wanted), _TIMES[-1])
    return _within(low, high, Decimal(step))


def nice_step(rough: Decimal) -> Decimal:
    """Return the 1, 2 or 5 times a power of ten that is not below `rough`, a positive number."""
    power = _power(rough.adjusted())
    return next(part * power for part in _NICE if part * power >= rough)


def _within(low: Decimal, high: Decimal, step: Decimal) -> list[Decimal]:
    first = int((low / step).to_integral_value(ROUND_CEILING))
    last = int((high / step).to_integral_value(ROUND_FLOOR))
    return [step * index for index in range(first, last + 1)]


def _trimmed(values: list[Decimal], low: Decimal, high: Decimal) -> list[Decimal]:
    """Leave out what lies beyond the last value that encloses the data on each side."""
    start = max((index for index, value in enumerate(values) if value <= low), default=0)
    end = min((index for index, value in enumerate(values) if value >= high), default=len(values) - 1)
    return values[start : max(end, start + 1) + 1]


def _power(exponent: int) -> Decimal:
    return Decimal(1).scaleb(exponent)
