"""Electricity Maps, API v3: average intensity of a zone, life cycle of the plants, grams of CO2e per kWh.

GET /v3/carbon-intensity/{forecast,history,latest}?zone=…, with the key in the header `auth-token`. `history` holds the
last 24 hours; `latest` the hour that runs. Forecasts need a plan that has them. Values that the service has none for
(null) are left out. Of a zone that it does not know the service may
answer for the place of who asks: the zone in the answer is therefore compared.
"""

from typing import Any

from training_jobs.carbon.sources.base import (
    HOUR,
    Reading,
    cut,
    grams_of,
    malformed,
    moment,
    require_interval,
    require_region,
    series_of,
)
from training_jobs.carbon.sources.wire import Wire, listed, named

ENDPOINT = "https://api.electricitymaps.com"


class ElectricityMaps:
    """Asks Electricity Maps, or whoever speaks its form."""

    name = "electricity_maps"

    def __init__(self, endpoint: str, token: str) -> None:
        """Take the address and the key."""
        self._wire = Wire(endpoint or ENDPOINT, {"auth-token": token} if token else {})

    def forecast(self, region: str, now: int) -> Reading:
        """Return the forecast of a zone, hour by hour."""
        answer = self._ask("forecast", region)
        entries = listed(named(answer, "forecast"), "forecast")
        series, filled = series_of(_points(entries), HOUR)
        return Reading(self.name, region, "forecast", "average", series, now, estimated=True, filled=filled)

    def history(self, region: str, since: int, until: int, now: int) -> Reading:
        """Return what is known of the last 24 hours, with the running one."""
        require_interval(since, until)
        entries = listed(named(self._ask("history", region), "history"), "history")
        latest = self._ask("latest", region)
        # the running hour may stand in both, and the later word on it counts
        points = dict(_points(entries)) | dict(_points([latest]))
        series, filled = series_of(points.items(), HOUR)
        estimated = any(entry.get("isEstimated") is True for entry in [*entries, latest])
        return Reading(self.name, region, "actual", "average", cut(series, since, until), now, estimated, filled)

    def _ask(self, what: str, region: str) -> dict[str, Any]:
        answer = self._wire.get(f"/v3/carbon-intensity/{what}", {"zone": require_region(region)})
        if named(answer, "zone") != region:
            raise malformed("it speaks of another zone", answer["zone"])
        return dict(answer)


def _points(entries: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [
        (moment(named(entry, "datetime")), grams_of(named(entry, "carbonIntensity")))
        for entry in entries
        if entry.get("carbonIntensity") is not None
    ]
