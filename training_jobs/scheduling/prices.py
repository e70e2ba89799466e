"""What a device-hour costs, from public inputs alone, and what a run will cost, with an interval from past runs.

    price = energy + amortisation + operations share
    energy = watts/1000 x PUE x tariff
    amortisation = purchase price / (lifetime hours x expected utilisation)
    operations share = what people, room and network cost, as a share on top of the two

Money is micro-units (a millionth of the currency's minor unit). Everything is exact until the one rounding at the end,
which is upwards: against the commons' own purse. What a ceiling still pays for is rounded down, so that no cost ends
above it.

Intervals are those of split conformal prediction (Vovk, Gammerman, Shafer, "Algorithmic Learning in a Random World",
2005; Lei et al., "Distribution-Free Predictive Inference for Regression", 2018) on the ratio metered/estimated: if runs
come in exchangeable order, the share of runs inside is at least the level, whatever the ratios look like. If what is
trained changes, it is not; that is why `coverage` says how often the interval held.
"""

import unicodedata
from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from fractions import Fraction
from typing import Any, Final

from training_jobs.scheduling.values import BPS

HOUR: Final = 3_600
# The largest integer that JSON carries unharmed (RFC 8259, section 6): about 90 million of a currency with cents.
MONEY_MAX: Final = 2**53 - 1
DEVICES_MAX: Final = 1_000_000
SECONDS_MAX: Final = 100 * 366 * 24 * HOUR  # what a free device is paid for: a bound, not a promise
SOURCE_LENGTH_MAX: Final = 300
PASTS_MAX: Final = 1_000  # the newest ones count
LEVEL: Final = 8_000  # basis points of runs that are to end inside their interval

# What each input may be: unit, least, most. A PUE below one would be a building that makes energy.
BOUNDS: Final[Mapping[str, tuple[str, int, int]]] = {
    "watts": ("watts of one device at work, with its share of the machine", 0, 100_000),
    "pue_permille": ("thousandths: energy of the building by energy of its machines", 1_000, 10_000),
    "tariff": ("micro-units of money per kWh", 0, 10**12),
    "purchase": ("micro-units of money for one device, with its share of the machine", 0, 10**15),
    "lifetime_hours": ("hours until the device is written off", 1, 300_000),
    "utilisation_bps": ("basis points of these hours in which it is expected to work", 1, BPS),
    "operations_bps": ("basis points on top of energy and amortisation for people, room and network", 0, 10 * BPS),
}


class PriceError(ValueError):
    """An input that no price is made of. `code` is stable; `field` names the input, where there is one."""

    def __init__(
        self, code: str, detail: str, *, field: str = "", found: object = None, allowed: object = None
    ) -> None:
        """Keep everything that a clear answer needs."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.field = field
        self.found = found
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Given:
    """One input: its value in the unit of `BOUNDS`, the day on which it was true, and where it is from."""

    value: int
    dated: date
    source: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that a price is made of. Raises PriceError for what is out of bounds or says no source."""

    watts: Given
    pue_permille: Given
    tariff: Given
    purchase: Given
    lifetime_hours: Given
    utilisation_bps: Given
    operations_bps: Given

    def __post_init__(self) -> None:
        """Refuse what no price may be made of."""
        for name, (unit, least, most) in BOUNDS.items():
            given = getattr(self, name)
            if type(given) is not Given:
                raise PriceError("malformed_input", "a value with its date and source", field=name, found=given)
            _require_whole(f"{name}.value", given.value, least, most, unit)
            if type(given.dated) is not date:
                raise PriceError("malformed_date", "a day", field=f"{name}.dated", found=given.dated)
            _require_source(f"{name}.source", given.source)

    def to_body(self) -> dict[str, dict[str, Any]]:
        """Return them as JSON has them: {input: {"value", "dated" (ISO 8601), "source"}}."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: {"value": each.value, "dated": each.dated.isoformat(), "source": each.source}
            for name, each in given.items()
        }


def read(body: object) -> Inputs:
    """Return the inputs that JSON describes as `to_body` writes them; raise PriceError that names the field."""
    if not isinstance(body, Mapping):
        raise PriceError("malformed_input", "an object of inputs", found=type(body).__name__, allowed=list(BOUNDS))
    _require_names("", body, BOUNDS)
    given = {}
    for name in BOUNDS:
        each = body[name]
        if not isinstance(each, Mapping):
            raise PriceError("malformed_input", "a value with its date and source", field=name, found=each)
        _require_names(f"{name}.", each, ("value", "dated", "source"))
        given[name] = Given(each["value"], _day(f"{name}.dated", each["dated"]), each["source"])
    return Inputs(**given)


@dataclass(frozen=True, slots=True)
class Parts:
    """A price as the page shows it: exact parts, and their sum rounded up once. Micro-units per device-hour."""

    energy: Fraction
    amortisation: Fraction
    operations: Fraction
    total: int


def parts(inputs: Inputs) -> Parts:
    """Return what a device-hour costs, part by part; raise PriceError where the sum is beyond all measure."""
    energy = Fraction(inputs.watts.value * inputs.pue_permille.value * inputs.tariff.value, 1_000 * 1_000)
    worked = Fraction(inputs.lifetime_hours.value * inputs.utilisation_bps.value, BPS)
    amortisation = inputs.purchase.value / worked
    operations = (energy + amortisation) * Fraction(inputs.operations_bps.value, BPS)
    total = _up(energy + amortisation + operations)
    if total > MONEY_MAX:
        detail = "these inputs together make a price that nobody pays; look at lifetime and utilisation"
        raise PriceError("price_out_of_range", detail, found=total, allowed=f"at most {MONEY_MAX}")
    return Parts(energy, amortisation, operations, total)


def price(inputs: Inputs) -> int:
    """Return micro-units of money per device-hour."""
    return parts(inputs).total


def cost(price: int, devices: int, seconds: int) -> int:
    """Return what so many devices cost for so many seconds each, in micro-units, rounded up."""
    _require_whole("price", price, 0, MONEY_MAX, "micro-units per device-hour")
    _require_whole("devices", devices, 0, DEVICES_MAX, "devices")
    _require_whole("seconds", seconds, 0, SECONDS_MAX, "seconds")
    return -(price * devices * seconds // -HOUR)


def seconds_payable(price: int, devices: int, ceiling_left: int) -> int:
    """Return for how many whole seconds what is left of a ceiling pays: one more would cost more than it.

    At most SECONDS_MAX, which is also the answer where the devices cost nothing.
    """
    _require_whole("price", price, 0, MONEY_MAX, "micro-units per device-hour")
    _require_whole("devices", devices, 1, DEVICES_MAX, "devices")
    _require_whole("ceiling_left", ceiling_left, 0, MONEY_MAX, "micro-units")
    if price == 0:
        return SECONDS_MAX
    return min(SECONDS_MAX, ceiling_left * HOUR // (price * devices))


@dataclass(frozen=True, slots=True)
class Past:
    """One run that ended: what was estimated before its vote and what was metered, both in one unit."""

    estimated: int
    metered: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will cost: about `expected`, between `low` and `high`, in the unit that was estimated in.

    `calibrated`: the interval comes from `runs` past runs, of which `level_bps` are to end inside; otherwise they were
    fewer than `runs_needed`, and `high` is just the most that it may cost.
    """

    expected: int
    low: int
    high: int
    level_bps: int
    calibrated: bool
    runs: int
    runs_needed: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often an interval held: of `tried` runs, each judged by those before it alone, `held` ended inside."""

    held: int
    tried: int
    level_bps: int


def estimate(planned: int, ceiling: int, pasts: Sequence[Past], level_bps: int = LEVEL) -> Estimate:
    """Return the interval for a run that was planned to cost so much and may never cost more than its ceiling."""
    _require_whole("planned", planned, 0, MONEY_MAX, "as estimated")
    _require_whole("ceiling", ceiling, 0, MONEY_MAX, "as estimated")
    needed = runs_needed(level_bps)
    ratios = sorted(_ratios(pasts))
    if len(ratios) < needed:
        return Estimate(min(planned, ceiling), 0, ceiling, level_bps, False, len(ratios), needed)
    low, high = _quantiles(ratios, level_bps)
    middle = (ratios[(len(ratios) - 1) // 2] + ratios[len(ratios) // 2]) / 2
    most = min(_up(planned * high), ceiling)
    return Estimate(
        expected=min(_up(planned * middle), most),
        low=min(int(planned * low), most),
        high=most,
        level_bps=level_bps,
        calibrated=True,
        runs=len(ratios),
        runs_needed=needed,
    )


def coverage(pasts: Sequence[Past], level_bps: int = LEVEL) -> Coverage:
    """Return how often the interval held, over past runs in the order in which they ended.

    Each is judged by those before it, as it would have been at its vote; those with too few before them are not tried.
    """
    needed, known, held, tried = runs_needed(level_bps), list[Fraction](), 0, 0
    for ratio in _ratios(pasts):
        if len(known) >= needed:
            low, high = _quantiles(known, level_bps)
            tried += 1
            held += low <= ratio <= high
        insort(known, ratio)
    return Coverage(held, tried, level_bps)


def runs_needed(level_bps: int) -> int:
    """Return how many past runs the interval of a level needs: with fewer, no order statistic reaches so far."""
    _require_whole("level_bps", level_bps, 1, BPS - 1, "basis points")
    return -(-2 * BPS // (BPS - level_bps)) - 1


def _quantiles(ratios: Sequence[Fraction], level_bps: int) -> tuple[Fraction, Fraction]:
    """Return the order statistics between which the next ratio lies with at least this probability."""
    tail = (len(ratios) + 1) * (BPS - level_bps) // (2 * BPS)
    return ratios[tail - 1], ratios[len(ratios) - tail]


def _ratios(pasts: Sequence[Past]) -> list[Fraction]:
    for past in pasts[-PASTS_MAX:]:
        _require_whole("pasts.estimated", past.estimated, 1, MONEY_MAX, "as estimated")
        _require_whole("pasts.metered", past.metered, 0, MONEY_MAX, "as metered")
    return [Fraction(past.metered, past.estimated) for past in pasts[-PASTS_MAX:]]


def _up(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


def _require_whole(field: str, value: object, least: int, most: int, unit: str) -> None:
    # `type`, because True is an int too
    if type(value) is not int:
        raise PriceError("not_a_whole_number", f"whole {unit}", field=field, found=type(value).__name__)
    if not least <= value <= most:
        found = value if -MONEY_MAX <= value <= MONEY_MAX else "a number of too many digits"
        raise PriceError("out_of_range", unit, field=field, found=found, allowed=f"{least} to {most}")


def _require_source(field: str, source: object) -> None:
    if not isinstance(source, str) or not 1 <= len(source.strip()) <= len(source) <= SOURCE_LENGTH_MAX:
        detail = "say where the value is from"
        raise PriceError("source_missing", detail, field=field, allowed=f"1 to {SOURCE_LENGTH_MAX} characters")
    if any(unicodedata.category(each) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for each in source):
        raise PriceError("malformed_text", "one line of characters that can be seen", field=field)


def _require_names(prefix: str, body: Mapping[str, object], names: Iterable[str]) -> None:
    wanted = list(names)
    missing = [name for name in wanted if name not in body]
    if missing:
        detail = "every input is said, with its date and source"
        raise PriceError("input_missing", detail, field=f"{prefix}{missing[0]}", allowed=wanted)
    if len(body) != len(wanted):
        unknown = sorted(str(name)[:40] for name in set(body) - set(wanted))
        raise PriceError("input_unknown", "no price is made of it", field=f"{prefix}{unknown[0]}", allowed=wanted)


def _day(field: str, text: object) -> date:
    try:
        day = date.fromisoformat(text)  # type: ignore[arg-type]  # any JSON; what is no text is refused here
    except (TypeError, ValueError) as error:
        raise PriceError("malformed_date", "a day as YYYY-MM-DD", field=field, found=str(text)[:40]) from error
    if day.isoformat() != text:
        raise PriceError("malformed_date", "a day as YYYY-MM-DD", field=field, found=str(text)[:40])
    return day
