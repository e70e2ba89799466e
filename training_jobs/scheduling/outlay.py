"""What work will take of energy, carbon and money, from device-seconds and what is declared of where it may land. Pure.

    energy = device-seconds x watts of one device
    carbon = energy x overhead of the building (PUE) x intensity of the grid
    money = the price of a device-hour x device-seconds (`prices.cost`)

These are the sums of a run's footprint (`attempt_energy`, `commons.emitted`), so that both can be compared. Where
places differ, or the hours ahead, the answer is the span between the least and the most. What a place does not declare
is not zero: it is left out, and `places` beside each span says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from training_jobs.scheduling import prices

_JOULES_PER_KWH: Final = 3_600_000  # a thousandth of PUE makes milligrams of grams


@dataclass(frozen=True, slots=True)
class Place:
    """Where work may land. None: not declared. `site` is its slug, empty for this installation's own machines."""

    site: str
    watts: int | None = None  # of one device
    grams_per_kwh: tuple[int, int] | None = None  # the least and the most of the hours that are known
    grid: str = ""  # the source of the intensity
    price: int | None = None  # micro-units of money per device-hour
    currency: str = ""
    pue_permille: int = 1_000  # 1,000 where nothing is declared


@dataclass(frozen=True, slots=True)
class Span:
    """From the least to the most that the estimated work takes, and what the approved budget takes at most.

    `least` and `about` are None where the work itself is not estimated. `places`: of how many it is known.
    """

    least: int | None
    about: int | None
    most: int
    places: int


@dataclass(frozen=True, slots=True)
class Outlay:
    """The estimate of one piece of work. None: of no place is it known. `money` is micro-units by currency."""

    seconds_about: int | None  # device-seconds that are estimated
    seconds_most: int  # device-seconds that are approved
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


def outlay(seconds_about: int | None, seconds_most: int, places: Sequence[Place]) -> Outlay:
    """Return what so many device-seconds take where they may land; amounts are rounded up."""
    watts = [place.watts for place in places if place.watts is not None]
    powered = []
    for place in places:
        if place.watts is not None and place.grams_per_kwh is not None:
            rate = place.watts * place.pue_permille
            powered.append((rate * place.grams_per_kwh[0], rate * place.grams_per_kwh[1]))
    currencies = sorted({place.currency for place in places if place.price is not None})
    return Outlay(
        seconds_about,
        seconds_most,
        tuple(places),
        _span(seconds_about, seconds_most, [(each, each) for each in watts], 1),
        _span(seconds_about, seconds_most, powered, _JOULES_PER_KWH),
        tuple((currency, _money(seconds_about, seconds_most, places, currency)) for currency in currencies),
    )


def _span(about: int | None, most: int, rates: Sequence[tuple[int, int]], parts: int) -> Span | None:
    """Return the span of an amount that grows by one of the rates in each device-second, in `parts` of its unit."""
    if not rates:
        return None
    low, high = min(least for least, _ in rates), max(greatest for _, greatest in rates)
    if about is None:
        return Span(None, None, -(-most * high // parts), len(rates))
    return Span(-(-about * low // parts), -(-about * high // parts), -(-most * high // parts), len(rates))


def _money(about: int | None, most: int, places: Iterable[Place], currency: str) -> Span:
    found = [place.price for place in places if place.price is not None and place.currency == currency]
    low, high = min(found), max(found)
    least = None if about is None else prices.cost(low, 1, about)
    return Span(least, None if about is None else prices.cost(high, 1, about), prices.cost(high, 1, most), len(found))
