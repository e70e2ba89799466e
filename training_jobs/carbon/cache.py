"""Keeps what sources said, so that they are asked seldom and their silence does not stop anybody.

One JSON file for each region, below the site's data folder, replaced at once (rename(2)): whoever reads meanwhile
reads the old one or the new one. Two processes that fetch at the same time both write; the later one stays, and what
the other learned is asked for again. A file that cannot be read is as good as none. What is answered says when it was
fetched, and plainly that it is stale when the source did not answer since. What was kept of another source is not used.
"""

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

from governance.evidence.canonical import CanonicalError, strict_loads
from training_jobs.carbon.sources.base import (
    GRAMS_PER_KWH_MAX,
    HOUR,
    POINTS_MAX,
    STEP_SECONDS_MAX,
    Kind,
    Reading,
    Signal,
    Source,
    SourceRefusal,
    cut,
    require_interval,
    require_region,
    series_of,
)
from training_jobs.scheduling.carbon import covers
from training_jobs.scheduling.values import Series

FORMAT = 1
SIGNALS = get_args(Signal)
WHOLE_MAX = 1 << 40
FILE_BYTES_MAX = 2_000_000
FRESH_SECONDS = HOUR
# After a refusal the source is left alone for as long, or for as long as it says.
REST_SECONDS = 300
REST_SECONDS_MAX = 24 * HOUR
KEPT_SECONDS = 60 * 24 * HOUR


@dataclass(frozen=True, slots=True)
class Kept:
    """A reading, and whether it is what the source says today. `why`: the code of the refusal, where it is stale."""

    reading: Reading
    stale: bool = False
    why: str = ""


class Cache:
    """Asks a source through what is kept of its answers."""

    def __init__(self, source: Source, folder: Path, fresh_seconds: int = FRESH_SECONDS) -> None:
        """Take the source, the folder (made when it is needed), and for how long a forecast is new."""
        self.source = source
        self._folder = folder
        self._fresh_seconds = fresh_seconds
        self._rest: dict[str, tuple[int, SourceRefusal]] = {}

    def forecast(self, region: str, now: int) -> Kept:
        """Return what comes in a region from `now` on.

        A new forecast is not asked for again. Where the source refuses, the last one stands in, marked as stale, as
        long as it still says anything about the time after `now`; then its refusal is raised. Invalid for a region
        that is none.
        """
        kept = self._load(region, "forecast")
        ahead = kept is not None and _end(kept.series) > now
        if kept is not None and ahead and 0 <= now - kept.fetched_at < self._fresh_seconds:
            return Kept(kept)
        try:
            reading = self._ask(region, now, lambda: self.source.forecast(region, now))
        except SourceRefusal as refusal:
            if kept is None or not ahead:
                raise
            return Kept(kept, stale=True, why=refusal.code)
        self._save(reading)
        return Kept(reading)

    def kept(self, region: str, now: int) -> Reading | None:
        """Return the forecast that is kept, asking nobody; None where it says nothing any more about what comes."""
        kept = self._load(region, "forecast")
        return kept if kept is not None and _end(kept.series) > now else None

    def history(self, region: str, since: int, until: int, now: int) -> Kept:
        """Return what was in [since, until) of a region: what is kept, together with what the source adds to it.

        Where the source refuses and not all is kept, what is kept is returned as stale; nothing kept, its refusal.
        """
        require_interval(since, until)
        kept = self._load(region, "actual")
        if kept is not None and covers(kept.series, since, until):
            return Kept(replace(kept, series=cut(kept.series, since, until)))
        try:
            reading = self._ask(region, now, lambda: self.source.history(region, since, until, now))
        except SourceRefusal as refusal:
            if kept is None or kept.series.since >= until or _end(kept.series) <= since:
                raise
            return Kept(replace(kept, series=cut(kept.series, since, until)), stale=True, why=refusal.code)
        whole = reading if kept is None else _joined(kept, reading)
        self._save(whole)
        return Kept(replace(whole, series=cut(whole.series, since, until)))

    def _ask(self, region: str, now: int, call: Callable[[], Reading]) -> Reading:
        """Ask, unless the source refused a moment ago or wants to be left alone."""
        until, refusal = self._rest.get(region, (0, None))
        if refusal is not None and now < until:
            raise refusal
        try:
            reading = call()
        except SourceRefusal as found:
            rest = min(max(found.retry_after_seconds, REST_SECONDS), REST_SECONDS_MAX)
            self._rest[region] = (now + rest, found)
            raise
        self._rest.pop(region, None)
        return reading

    # --- the files ----------------------------------------------------------------------------------------------------

    def _path(self, region: str) -> Path:
        return self._folder / f"{require_region(region)}.json"

    def _load(self, region: str, kind: Kind) -> Reading | None:
        """Return what is kept of a region and of this source; None for nothing, and for a file that was damaged."""
        return _reading(self._contents(region).get(kind), self.source.name, region, kind)

    def _contents(self, region: str) -> dict[str, Any]:
        try:
            with self._path(region).open("rb") as file:
                found = strict_loads(file.read(FILE_BYTES_MAX + 1), max_bytes=FILE_BYTES_MAX)
        except (OSError, CanonicalError):
            return {}
        is_ours = isinstance(found, dict) and found.get("format") == FORMAT
        return found if is_ours else {}

    def _save(self, reading: Reading) -> None:
        """Write one kind of reading beside the other one; a folder that cannot be written is no reason to fail."""
        contents = self._contents(reading.region) | {"format": FORMAT, reading.kind: _written(reading)}
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".part")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(contents, file, separators=(",", ":"))
                Path(name).replace(self._path(reading.region))
            except OSError:
                Path(name).unlink(missing_ok=True)


def _written(reading: Reading) -> dict[str, Any]:
    return {
        "source": reading.source,
        "signal": reading.signal,
        "since": reading.series.since,
        "step": reading.series.step,
        "grams_per_kwh": list(reading.series.grams_per_kwh),
        "fetched_at": reading.fetched_at,
        "estimated": reading.estimated,
        "filled": reading.filled,
    }


def _reading(found: object, source: str, region: str, kind: Kind) -> Reading | None:
    """Return a reading from what stands in a file, as strictly as from a stranger: a file may be half of one."""
    if not isinstance(found, dict) or found.get("source") != source or found.get("signal") not in SIGNALS:
        return None
    numbers: list[Any] = [found.get(name) for name in ("since", "step", "fetched_at", "filled")]
    values = found.get("grams_per_kwh")
    if not all(map(_whole, numbers)) or not isinstance(values, list) or not 0 < len(values) <= POINTS_MAX:
        return None
    since, step, fetched_at, filled = numbers
    if not 0 < step <= STEP_SECONDS_MAX or not all(_whole(value) and value <= GRAMS_PER_KWH_MAX for value in values):
        return None
    series = Series(since, step, tuple(values))
    return Reading(source, region, kind, found["signal"], series, fetched_at, found.get("estimated") is True, filled)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= WHOLE_MAX


def _joined(kept: Reading, new: Reading) -> Reading:
    """Return both as one reading, the newer word first; what does not fit together, or is old, is let go."""
    if kept.series.step != new.series.step or kept.signal != new.signal:
        return new
    oldest = new.fetched_at - KEPT_SECONDS
    points = {at: grams for at, grams in _points(kept.series) if at >= oldest} | dict(_points(new.series))
    try:
        series, bridged = series_of(points.items(), new.series.step)
    except SourceRefusal:  # a hole between the two
        return new
    estimated, filled = kept.estimated or new.estimated, kept.filled + new.filled + bridged
    return replace(new, series=series, estimated=estimated, filled=filled)


def _points(series: Series) -> list[tuple[int, int]]:
    return [(series.since + index * series.step, grams) for index, grams in enumerate(series.grams_per_kwh)]


def _end(series: Series) -> int:
    return series.since + series.step * len(series.grams_per_kwh)
