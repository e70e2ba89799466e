"""What is kept of a source's answers: asked seldom, stale said plainly, and a damaged file is as good as none."""

import pytest

from governance.errors import Invalid
from training_jobs.carbon.cache import REST_SECONDS, Cache
from training_jobs.carbon.sources.base import Reading, SourceRefusal
from training_jobs.scheduling.values import Series

HOUR = 3_600
NOW = 500_000 * HOUR


class Grid:
    """A source that counts how often it is asked, and refuses when it is told to."""

    name = "grid"

    def __init__(self):
        self.asked = 0
        self.refusal = None
        self.signal = "average"

    def forecast(self, region, now):
        return self.reading(region, "forecast", Series(now // HOUR * HOUR, HOUR, tuple(range(24))), now)

    def history(self, region, since, until, now):
        values = tuple(range(since // HOUR, -(-until // HOUR)))
        return self.reading(
            region, "actual", Series(since // HOUR * HOUR, HOUR, tuple(value % 900 for value in values)), now
        )

    def reading(self, region, kind, series, now):
        self.asked += 1
        if self.refusal:
            raise self.refusal
        return Reading(self.name, region, kind, self.signal, series, now)


@pytest.fixture
def grid():
    return Grid()


@pytest.fixture
def cache(grid, tmp_path):
    return Cache(grid, tmp_path / "kept")


def silence(seconds=0):
    return SourceRefusal("intensity_unreachable", "nobody answers", permanent=False, retry_after_seconds=seconds)


def test_a_new_forecast_is_not_asked_for_again_by_anybody(cache, grid, tmp_path):
    first = cache.forecast("north", NOW)
    assert Cache(grid, tmp_path / "kept").forecast("north", NOW + HOUR - 1) == first
    assert grid.asked == 1
    assert cache.forecast("north", NOW + HOUR).reading.fetched_at == NOW + HOUR
    cache.forecast("south", NOW + HOUR)
    assert grid.asked == 3


def test_a_source_that_does_not_answer_leaves_the_last_forecast_stale(cache, grid):
    cache.forecast("north", NOW)
    grid.refusal = silence()
    kept = cache.forecast("north", NOW + 2 * HOUR)
    assert (kept.stale, kept.why, kept.reading.fetched_at) == (True, "intensity_unreachable", NOW)


def test_a_forecast_that_says_nothing_of_the_future_does_not_stand_in(cache, grid):
    cache.forecast("north", NOW)
    grid.refusal = silence()
    with pytest.raises(SourceRefusal, match="intensity_unreachable"):
        cache.forecast("north", NOW + 24 * HOUR)
    with pytest.raises(SourceRefusal, match="intensity_unreachable"):
        cache.forecast("south", NOW)


def test_a_source_that_refused_is_left_alone_for_a_while(cache, grid):
    grid.refusal = silence()
    for after in (0, 1, REST_SECONDS - 1):
        with pytest.raises(SourceRefusal):
            cache.forecast("north", NOW + after)
    assert grid.asked == 1
    grid.refusal = None
    assert not cache.forecast("north", NOW + REST_SECONDS).stale


def test_a_source_that_says_for_how_long_is_left_alone_for_as_long(cache, grid):
    grid.refusal = silence(1_000)
    for after in (0, 999, 1_000):
        with pytest.raises(SourceRefusal):
            cache.forecast("north", NOW + after)
    assert grid.asked == 2


def test_what_was_is_put_together_and_not_asked_for_twice(cache, grid):
    cache.history("north", NOW, NOW + 2 * HOUR, NOW)
    both = cache.history("north", NOW + HOUR, NOW + 4 * HOUR, NOW + 4 * HOUR)
    assert both.reading.series == Series(NOW + HOUR, HOUR, tuple(value % 900 for value in range(500_001, 500_004)))
    whole = cache.history("north", NOW, NOW + 4 * HOUR, NOW + 4 * HOUR)
    assert whole.reading.series.grams_per_kwh == tuple(value % 900 for value in range(500_000, 500_004))
    assert grid.asked == 2


def test_of_what_was_the_kept_part_stands_in_as_stale(cache, grid):
    cache.history("north", NOW, NOW + 2 * HOUR, NOW)
    grid.refusal = silence()
    kept = cache.history("north", NOW + HOUR, NOW + 9 * HOUR, NOW + 9 * HOUR)
    assert (kept.stale, kept.reading.series.since, len(kept.reading.series.grams_per_kwh)) == (True, NOW + HOUR, 1)
    with pytest.raises(SourceRefusal):
        cache.history("north", NOW + 5 * HOUR, NOW + 9 * HOUR, NOW + 9 * HOUR)


def test_average_and_marginal_are_never_put_together(cache, grid):
    cache.history("north", NOW, NOW + 2 * HOUR, NOW)
    grid.signal = "marginal"
    found = cache.history("north", NOW + HOUR, NOW + 4 * HOUR, NOW + 4 * HOUR)
    assert (found.reading.signal, len(found.reading.series.grams_per_kwh)) == ("marginal", 3)


def test_forecast_and_history_lie_beside_each_other(cache, grid):
    cache.forecast("north", NOW)
    cache.history("north", NOW, NOW + HOUR, NOW)
    cache.forecast("north", NOW)
    cache.history("north", NOW, NOW + HOUR, NOW)
    assert grid.asked == 2


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b'{"format": 2}',
        b'{"format": 1, "forecast": 7}',
        lambda text: text.replace(b'"step":3600', b'"step":0'),
        lambda text: text.replace(b'"step":3600', b'"step":true'),
        lambda text: text.replace(b'"source":"grid"', b'"source":"another"'),
        lambda text: text.replace(b'"signal":"average"', b'"signal":["average"]'),
        lambda text: text.replace(b"[0,1,", b'["0",1,'),
        lambda text: text.replace(b"[0,1,", b"[-1,1,"),
        lambda text: text.replace(b"[0,1,", b"[99999,1,"),
        lambda text: text[:-30],
        lambda text: text + b" " * 3_000_000,
    ],
)
def test_a_damaged_file_is_as_good_as_none(cache, grid, tmp_path, damage):
    cache.forecast("north", NOW)
    path = tmp_path / "kept" / "north.json"
    path.write_bytes(damage(path.read_bytes()) if callable(damage) else damage)
    assert cache.forecast("north", NOW) == Cache(Grid(), tmp_path / "other").forecast("north", NOW)
    assert grid.asked == 2


def test_a_folder_that_cannot_be_written_is_no_reason_to_know_nothing(grid, tmp_path):
    (tmp_path / "kept").write_text("a file, not a folder")
    assert not Cache(grid, tmp_path / "kept").forecast("north", NOW).stale


def test_no_half_written_file_is_left(cache, tmp_path):
    cache.forecast("north", NOW)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["north.json"]


@pytest.mark.parametrize("region", ["../north", "", "a/b", "..", "x" * 65])
def test_attack_a_region_that_would_be_another_file(cache, grid, region):
    with pytest.raises(Invalid, match="region_unusable"):
        cache.forecast(region, NOW)
    assert grid.asked == 0


def test_a_reading_from_the_future_is_asked_for_again(cache, grid):
    cache.forecast("north", NOW)
    cache.forecast("north", NOW - 60)
    assert grid.asked == 2
    assert not cache.forecast("north", NOW - 60).stale
