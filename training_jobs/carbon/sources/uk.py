"""The Carbon Intensity API of Great Britain's system operator (NESO): half-hours, grams of CO2 per kWh, no key.

GET /regional/intensity/{from}/fw48h/regionid/{id} for what comes, /regional/intensity/{from}/{to}/regionid/{id} for
what was; a region is a number from 1 to 17. Of regions the service publishes only forecasts, also for the past: they
are marked as estimated. It counts CO2 of generation alone, not the life cycle. Its data are under CC BY 4.0.
"""

from governance.errors import Invalid
from training_jobs.carbon.sources.base import (
    Reading,
    cut,
    grams_of,
    malformed,
    moment,
    require_interval,
    series_of,
    text_of,
)
from training_jobs.carbon.sources.wire import Wire, listed, named
from training_jobs.scheduling.values import Series

ENDPOINT = "https://api.carbonintensity.org.uk"
HALF_HOUR = 1_800
REGIONS = frozenset(str(number) for number in range(1, 18))


class CarbonIntensityGB:
    """Asks the Carbon Intensity API."""

    name = "uk"

    def __init__(self, endpoint: str, token: str) -> None:
        """Take the address; the service knows no keys, and is sent none."""
        self._wire = Wire(endpoint or ENDPOINT)

    def forecast(self, region: str, now: int) -> Reading:
        """Return the 48 hours from `now` on."""
        series, filled = self._ask(f"{text_of(now)}/fw48h", region)
        return Reading(self.name, region, "forecast", "average", series, now, estimated=True, filled=filled)

    def history(self, region: str, since: int, until: int, now: int) -> Reading:
        """Return [since, until) as it was foreseen last."""
        require_interval(since, until)
        series, filled = self._ask(f"{text_of(since)}/{text_of(until)}", region)
        return Reading(self.name, region, "actual", "average", cut(series, since, until), now, True, filled)

    def _ask(self, when: str, region: str) -> tuple[Series, int]:
        if region not in REGIONS:
            raise Invalid(
                "region_unusable", "a region here is a number", field="region", found=region[:64], allowed="1 to 17"
            )
        about = named(self._wire.get(f"/regional/intensity/{when}/regionid/{region}", {}), "data")
        if str(named(about, "regionid")) != region:
            raise malformed("it speaks of another region", about["regionid"])
        points = []
        for each in listed(named(about, "data"), "data"):
            begin, end = moment(named(each, "from")), moment(named(each, "to"))
            if end - begin != HALF_HOUR:
                raise malformed("its values do not hold for half an hour each")
            points.append((begin, grams_of(named(named(each, "intensity"), "forecast"))))
        return series_of(points, HALF_HOUR)
