"""A CSV file that the operator keeps: one region's grams per kWh in one hour (UTC) a line. And the sample year.

    # lines like this one are the file's own words, and are kept with what is read
    region,hour,grams
    north,2025-01-01T00:00Z,212

With `# repeats: yearly` above it a file that holds one whole year stands for every year: hour 8,760 of a leap year and
those after it are read from the beginning. Such a file is typical, not true, and marked as estimated. The file is read
again when it has changed.
"""

import csv
import io
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from governance.errors import Invalid
from training_jobs.carbon import sample_year
from training_jobs.carbon.sources.base import (
    HOUR,
    Kind,
    Reading,
    SourceRefusal,
    cut,
    exact_text,
    grams_of,
    malformed,
    moment,
    require_interval,
    require_region,
    series_of,
)
from training_jobs.scheduling.values import Series

BYTES_MAX = 64_000_000
FORECAST_HOURS = 96
YEAR_HOURS = 8_760
COLUMNS = ["region", "hour", "grams"]
REPEATS = "# repeats: yearly"


class CsvFile:
    """Reads intensities from a file."""

    name = "file"

    def __init__(self, path: Path) -> None:
        """Take the path; it is read when it is first asked."""
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._regions: dict[str, tuple[Series, int]] = {}
        self._repeats = False

    def forecast(self, region: str, now: int) -> Reading:
        """Return the next 96 hours, as far as the file holds them."""
        return self._reading(region, now, now + FORECAST_HOURS * HOUR, now, is_forecast=True)

    def history(self, region: str, since: int, until: int, now: int) -> Reading:
        """Return what the file holds of [since, until)."""
        require_interval(since, until)
        return self._reading(region, since, until, now, is_forecast=False)

    def _reading(self, region: str, since: int, until: int, now: int, *, is_forecast: bool) -> Reading:
        self._read()
        if require_region(region) not in self._regions:
            allowed = ", ".join(sorted(self._regions)[:20])
            raise Invalid(
                "region_unknown", "the file has no such region", field="region", found=region, allowed=allowed
            )
        series, filled = self._regions[region]
        found = repeated(series, since, until) if self._repeats else cut(series, since, until)
        kind: Kind = "forecast" if is_forecast else "actual"
        return Reading(self.name, region, kind, "average", found, now, is_forecast or self._repeats, filled)

    def _read(self) -> None:
        """Read the file unless it is the one that was read last."""
        try:
            seen = self._path.stat()
            if (seen.st_mtime_ns, seen.st_size) == self._seen:
                return
            if seen.st_size > BYTES_MAX:
                detail = f"the file has more than {BYTES_MAX} bytes"
                raise SourceRefusal("intensity_too_large", detail, permanent=True, found=seen.st_size)
            text = self._path.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise malformed("the file is not UTF-8") from error
        except OSError as error:
            reason = error.strerror or "unreadable"
            raise SourceRefusal("intensity_no_file", f"the file cannot be read ({reason})", permanent=False) from error
        self._regions, self._repeats = parse(text)
        self._seen = (seen.st_mtime_ns, seen.st_size)


class SampleYear:
    """The sample year, made when it is asked for: synthetic, for trying things out and for tests."""

    name = "sample"

    def forecast(self, region: str, now: int) -> Reading:
        """Return the next 96 hours of a sample region."""
        return self._reading(region, now, now + FORECAST_HOURS * HOUR, now, is_forecast=True)

    def history(self, region: str, since: int, until: int, now: int) -> Reading:
        """Return [since, until) of a sample region."""
        require_interval(since, until)
        return self._reading(region, since, until, now, is_forecast=False)

    def _reading(self, region: str, since: int, until: int, now: int, *, is_forecast: bool) -> Reading:
        if require_region(region) not in sample_year.GRIDS:
            allowed = ", ".join(sorted(sample_year.GRIDS))
            raise Invalid(
                "region_unknown", "the sample year has no such region", field="region", found=region, allowed=allowed
            )
        series = Series(sample_year.BEGIN, HOUR, sample_year.year(region))
        kind: Kind = "forecast" if is_forecast else "actual"
        return Reading(self.name, region, kind, "average", repeated(series, since, until), now, estimated=True)


def parse(text: str) -> tuple[dict[str, tuple[Series, int]], bool]:
    """Return each region's series with the number of bridged values, and whether the year repeats."""
    lines = text.splitlines()
    says = [line for line in lines if line.startswith("#")]
    rows = csv.reader(io.StringIO("\n".join(line for line in lines if line and not line.startswith("#"))))
    try:
        if next(rows, None) != COLUMNS:
            raise malformed(f"the file's first line names {','.join(COLUMNS)}")
        # a file says each hour for every region, and few different values
        moment_of, value_of = cache(moment), cache(lambda text: grams_of(exact_text(text)))
        points: dict[str, list[tuple[int, int]]] = {}
        for row in rows:
            if len(row) != len(COLUMNS):
                raise malformed("a line has not three values", ",".join(row))
            points.setdefault(row[0], []).append((moment_of(row[1]), value_of(row[2])))
    except csv.Error as error:
        raise malformed("the file is not CSV") from error
    found = {require_region(region): series_of(each) for region, each in points.items()}
    repeats = REPEATS in says
    if repeats and any(not _is_year(series) for series, _ in found.values()):
        raise malformed("a file that repeats holds one whole year, hour by hour, from its first hour on")
    return found, repeats


def repeated(series: Series, since: int, until: int) -> Series:
    """Return [since, until) of a year that stands for every year."""
    first = since // HOUR
    values = series.grams_per_kwh
    hours = range(first, -(-until // HOUR))
    return Series(first * HOUR, HOUR, tuple(values[_hour_of_year(hour * HOUR) % YEAR_HOURS] for hour in hours))


def _hour_of_year(at: int) -> int:
    found = datetime.fromtimestamp(at, UTC)
    return (found.timetuple().tm_yday - 1) * 24 + found.hour


def _is_year(series: Series) -> bool:
    return series.step == HOUR and len(series.grams_per_kwh) == YEAR_HOURS and _hour_of_year(series.since) == 0
