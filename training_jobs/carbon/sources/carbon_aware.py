"""The WebApi of the Green Software Foundation's Carbon Aware SDK, which an operator runs themselves: grams per kWh.

GET /emissions/forecasts/current?location=… answers one forecast per location, its `forecastData` with `timestamp`,
`duration` (minutes) and `value`; GET /emissions/bylocations?location=…&time=…&toTime=… a list of `time` and `rating`.
Which signal lies behind it, the operator chose in the SDK: its data sources are marginal but for Electricity Maps. It
is reported as marginal, as the SDK's documentation calls it. An empty answer (204) is no answer.
"""

from typing import Any

from training_jobs.carbon.sources.base import (
    Reading,
    cut,
    grams_of,
    malformed,
    moment,
    require_interval,
    require_region,
    series_of,
    text_of,
)
from training_jobs.carbon.sources.wire import Wire, listed, named

ENDPOINT = "http://127.0.0.1:8080"
MINUTE = 60
DAY_MINUTES = 24 * 60


class CarbonAware:
    """Asks a Carbon Aware WebApi."""

    name = "carbon_aware"

    def __init__(self, endpoint: str, token: str) -> None:
        """Take the address, and a bearer token where a gateway stands before it."""
        self._wire = Wire(endpoint or ENDPOINT, {"Authorization": f"Bearer {token}"} if token else {})

    def forecast(self, region: str, now: int) -> Reading:
        """Return the newest forecast of a location."""
        answer = listed(
            self._wire.get("/emissions/forecasts/current", {"location": require_region(region)}), "forecasts"
        )
        # the points name the place as the data source behind does, so only the forecast's own name is judged
        if len(answer) != 1 or named(answer[0], "location") != region:
            raise malformed("it holds no one forecast of this location")
        entries = listed(named(answer[0], "forecastData"), "forecastData")
        points = [(moment(named(each, "timestamp")), grams_of(named(each, "value"))) for each in entries]
        series, filled = series_of(points, _step(entries))
        return Reading(self.name, region, "forecast", "marginal", series, now, estimated=True, filled=filled)

    def history(self, region: str, since: int, until: int, now: int) -> Reading:
        """Return what was observed in [since, until)."""
        require_interval(since, until)
        query = {"location": require_region(region), "time": text_of(since), "toTime": text_of(until)}
        entries = listed(self._wire.get("/emissions/bylocations", query), "emissions")
        points = [(moment(named(each, "time")), grams_of(named(each, "rating"))) for each in entries]
        series, filled = series_of(points)
        return Reading(self.name, region, "actual", "marginal", cut(series, since, until), now, True, filled)


def _step(entries: list[dict[str, Any]]) -> int:
    """Return for how many seconds a value holds, as the first one says."""
    minutes = named(entries[0], "duration") if entries else 1
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 0 < minutes <= DAY_MINUTES:
        raise malformed("a duration is a number of minutes", minutes)
    return minutes * MINUTE
