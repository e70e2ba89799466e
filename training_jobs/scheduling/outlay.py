"""What work will take of energy, carbon and money, from device-seconds and what is known of where it may land. Pure.

    energy = device-seconds x watts of one device
    carbon = energy x overhead of the building (PUE) x intensity of the grid
    money = the price of a device-hour x device-seconds (`prices.cost`)

These are the sums of a run's footprint (`attempt_energy`, `commons.emitted`), so that both can be compared. Where
places differ, or the hours ahead, the least is the low end of the interval of device-seconds at the least rate, and the
most that is likely its high end at the highest. What a place does not declare is not zero: it is left out, and `places`
beside each span says so. A voted ceiling in money cuts off what goes above it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from training_jobs.scheduling import prices

_JOULES_PER_KWH: Final = 3_600_000  # a thousandth of PUE makes milligrams of grams


@dataclass(frozen=True, slots=True)
class Place:
    """Where work may land. None: not declared. `site` is its slug, empty for this installation's own machines."""

    site: str
    watts: int | None = None  # of one device
    metered: int = 0  # of how many attempts these watts are the median; 0: they are declared
    grams_per_kwh: tuple[int, int] | None = None  # the least and the most of the hours that are known
    grid: str = ""  # the source of the intensity
    price: int | None = None  # micro-units of money per device-hour
    currency: str = ""
    pue_permille: int = 1_000  # 1,000 where nothing is declared


@dataclass(frozen=True, slots=True)
class Span:
    """Between what and what the work is likely to end, and what the approved budget takes at most.

    `low` and `high` are None where no interval of device-seconds is known. `places`: of how many it is known.
    """

    low: int | None
    high: int | None
    most: int
    places: int


@dataclass(frozen=True, slots=True)
class Outlay:
    """The estimate of one piece of work. None: of no place is it known. `money` is micro-units by currency."""

    places: tuple[Place, ...]
    joules: Span | None
    milligrams: Span | None  # of CO2e
    money: tuple[tuple[str, Span], ...]

    @property
    def carbon_unknown(self) -> str:
        """Why no carbon is known: "no_power", "no_intensity", or nothing where it is."""
        if self.milligrams is not None:
            return ""
        return "no_power" if self.joules is None else "no_intensity"


def outlay(
    likely: tuple[int, int] | None, most: int, places: Sequence[Place], ceilings: Mapping[str, int] | None = None
) -> Outlay:
    """Return what device-seconds take where they may land; amounts are rounded up.

    `likely`: between how many the work is likely to end, None where that is not known; `most`: how many are approved.
    `ceilings`: the most that may be spent, in micro-units by currency.
    """
    watts = [place.watts for place in places if place.watts is not None]
    powered = []
    for place in places:
        if place.watts is not None and place.grams_per_kwh is not None:
            rate = place.watts * place.pue_permille
            powered.append((rate * place.grams_per_kwh[0], rate * place.grams_per_kwh[1]))
    currencies = sorted({place.currency for place in places if place.price is not None})
    money = ((each, _money(likely, most, places, each, (ceilings or {}).get(each))) for each in currencies)
    return Outlay(
        tuple(places),
        _span(likely, most, [(each, each) for each in watts], 1),
        _span(likely, most, powered, _JOULES_PER_KWH),
        tuple(money),
    )


def _span(likely: tuple[int, int] | None, most: int, rates: Sequence[tuple[int, int]], parts: int) -> Span | None:
    """Return the span of an amount that grows by one of the rates in each device-second, in `parts` of its unit."""
    if not rates:
        return None
    low, high = min(least for least, _ in rates), max(greatest for _, greatest in rates)
    if likely is None:
        return Span(None, None, -(-most * high // parts), len(rates))
    return Span(-(-likely[0] * low // parts), -(-likely[1] * high // parts), -(-most * high // parts), len(rates))


def _money(
    likely: tuple[int, int] | None, most: int, places: Iterable[Place], currency: str, ceiling: int | None
) -> Span:
    found = [place.price for place in places if place.price is not None and place.currency == currency]

    def costs(price: int, seconds: int) -> int:
        whole = prices.cost(price, 1, seconds)
        return whole if ceiling is None else min(whole, ceiling)

    low, high = min(found), max(found)
    if likely is None:
        return Span(None, None, costs(high, most), len(found))
    return Span(costs(low, likely[0]), costs(high, likely[1]), costs(high, most), len(found))
