"""The source that this site's settings name, through its cache; None where they name none.

CARBON_SOURCE, CARBON_FILE, CARBON_ENDPOINT and CARBON_TOKEN choose it; its answers are kept in DATA_DIR/carbon.
"""

import logging
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from governance.errors import Refusal
from training_jobs.carbon.cache import Cache, Kept
from training_jobs.carbon.sources import open_source

logger = logging.getLogger(__name__)
_said: dict[str, str] = {}  # by region: the code of the refusal that was logged last


def intensity() -> Cache | None:
    """Return how this site knows carbon intensity; raise Invalid for settings that cannot be used."""
    folder = settings.DATA_DIR / "carbon"
    name, file = settings.CARBON_SOURCE, settings.CARBON_FILE
    return _opened(name, file, settings.CARBON_ENDPOINT, settings.CARBON_TOKEN, folder)


def forecasts(regions: Iterable[str], now: int) -> tuple[dict[str, Kept], dict[str, Refusal]]:
    """Return what is foreseen of each region that the source knows, and why not of the others; both empty without one.

    It may ask over the network: never call it within a transaction. All are of one source, hence of one signal.
    """
    cache = intensity()
    known: dict[str, Kept] = {}
    refused: dict[str, Refusal] = {}
    if cache is not None:
        for region in dict.fromkeys(regions):
            try:
                known[region] = cache.forecast(region, now)
                _log(region, known[region].why)
            except Refusal as refusal:
                refused[region] = refusal
                _log(region, refusal.code)
    return known, refused


def kept(regions: Iterable[str], now: int) -> dict[str, tuple[int, int]]:
    """Return the least and the most intensity that is foreseen from `now` on, by region, in grams per kWh.

    Only what is kept is read: nobody is asked over the network, so pages may call it. Regions without it are left out.
    """
    found = {}
    for region in regions:
        try:
            cache = intensity()
            reading = None if cache is None else cache.kept(region, now)
        except Refusal as refusal:
            _log(region, refusal.code)
            continue
        if reading is not None:
            series = reading.series
            ahead = series.grams_per_kwh[max(0, (now - series.since) // series.step) :]
            found[region] = (min(ahead), max(ahead))
    return found


def _log(region: str, code: str) -> None:
    """Log that a source does not answer for a region, and that it answers again: once each, not at every sweep."""
    if _said.get(region, "") != code:
        _said[region] = code
        answer = f"the last one stands in, if it is not over: {code}" if code else "the source answers again"
        logger.warning("region %s: forecast of carbon intensity: %s", region, answer)


@lru_cache(maxsize=4)
def _opened(name: str, file: Path | None, endpoint: str, token: str, folder: Path) -> Cache | None:
    """Open a source once in a process: it keeps a session and how long it is to be left alone."""
    source = open_source(name, file, endpoint, token)
    return None if source is None else Cache(source, folder / name)
