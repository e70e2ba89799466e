"""WattTime, API v3: marginal emissions of a region (signal co2_moer), from pounds of CO2 per MWh to grams per kWh.

GET /login with a name and a password (HTTP Basic, RFC 7617) gives a token for half an hour; GET /v3/forecast and
/v3/historical take it as a bearer (RFC 6750). A pound is 453.59237 grams exactly (the international pound of 1959), so
a pound per MWh is 0.45359237 grams per kWh. Marginal is not average: the two are never compared with each other.
"""

from base64 import b64encode
from fractions import Fraction
from typing import Any

from governance.errors import Invalid
from training_jobs.carbon.sources.base import (
    Reading,
    SourceRefusal,
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
from training_jobs.scheduling.values import Series

ENDPOINT = "https://api.watttime.org"
FACTORS = {"lbs_co2_per_mwh": Fraction(45_359_237, 100_000_000)}
SIGNAL = "co2_moer"
TOKEN_SECONDS = 25 * 60
TOKEN_CHARACTERS_MAX = 4_000
FIVE_MINUTES = 300


class WattTime:
    """Asks WattTime, or whoever speaks its form."""

    name = "watttime"

    def __init__(self, endpoint: str, token: str) -> None:
        """Take the address and NAME:PASSWORD; raise Invalid for a key in another form."""
        name, colon, password = token.partition(":")
        if not (name and colon and password):
            raise Invalid(
                "token_unusable", "WattTime signs in by NAME:PASSWORD", field="CARBON_TOKEN", allowed="NAME:PASSWORD"
            )
        self._basic = {"Authorization": "Basic " + b64encode(token.encode()).decode()}
        self._wire = Wire(endpoint or ENDPOINT)
        self._bearer: dict[str, str] = {}
        self._signed_in_until = 0

    def forecast(self, region: str, now: int) -> Reading:
        """Return the forecast of a region, every five minutes for 24 hours."""
        answer = self._ask("/v3/forecast", {"region": require_region(region)}, now)
        series, filled = _series(answer, region)
        return Reading(self.name, region, "forecast", "marginal", series, now, estimated=True, filled=filled)

    def history(self, region: str, since: int, until: int, now: int) -> Reading:
        """Return what is known of [since, until); marginal emissions are always a model's, never measured."""
        require_interval(since, until)
        query = {"region": require_region(region), "start": text_of(since), "end": text_of(until)}
        series, filled = _series(self._ask("/v3/historical", query, now), region)
        return Reading(self.name, region, "actual", "marginal", cut(series, since, until), now, True, filled)

    def _ask(self, path: str, query: dict[str, str], now: int) -> Any:  # noqa: ANN401 - judged by `_points`
        """Ask with a token; one that is no longer taken is replaced once."""
        if now >= self._signed_in_until:
            self._sign_in(now)
            return self._wire.get(path, {**query, "signal_type": SIGNAL}, self._bearer)
        try:
            return self._wire.get(path, {**query, "signal_type": SIGNAL}, self._bearer)
        except SourceRefusal as refusal:
            if refusal.code != "intensity_key_refused":
                raise
            self._sign_in(now)
            return self._wire.get(path, {**query, "signal_type": SIGNAL}, self._bearer)

    def _sign_in(self, now: int) -> None:
        token = named(self._wire.get("/login", {}, self._basic), "token")
        # it goes into a header: visible ASCII only, so that nothing of the answer becomes a header of its own
        if (
            not isinstance(token, str)
            or not 0 < len(token) <= TOKEN_CHARACTERS_MAX
            or not token.isascii()
            or not token.isprintable()
        ):
            raise malformed("the token is no token")
        self._bearer = {"Authorization": f"Bearer {token}"}
        self._signed_in_until = now + TOKEN_SECONDS


def _series(answer: object, region: str) -> tuple[Series, int]:
    meta = named(answer, "meta")
    unit, about = named(meta, "units"), named(meta, "region")
    if not isinstance(unit, str) or unit not in FACTORS:
        raise malformed("it counts in a unit that is not known here", unit)
    if about != region or named(meta, "signal_type") != SIGNAL:
        raise malformed("it speaks of another region or signal", about)
    entries = listed(named(answer, "data"), "data")
    points = [(moment(named(each, "point_time")), grams_of(named(each, "value"), FACTORS[unit])) for each in entries]
    return series_of(points, FIVE_MINUTES)
