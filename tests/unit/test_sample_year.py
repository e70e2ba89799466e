"""The sample year: the same on every machine, plainly synthetic, and a plausible grid in every shape."""

import hashlib
import math

import pytest

from training_jobs.carbon import sample_year
from training_jobs.carbon.sample_year import GRIDS, HOURS, cosine, lines, sine, year


def days(region):
    values = year(region)
    return [values[first : first + 24] for first in range(0, HOURS, 24)]


def mean(values):
    return sum(values) / len(values)


def test_the_file_is_the_same_on_every_machine(tmp_path, capsys):
    path = tmp_path / "year.csv"
    sample_year.main([str(path)])
    assert "12 made-up grids" in capsys.readouterr().out
    assert (
        hashlib.sha256(path.read_bytes()).hexdigest()
        == "ecdb432bdb49de3ed9a9f55803381de5a188f88ab8098ea12e11f572e394f302"
    )


def test_the_file_says_that_nobody_measured_it():
    head = [line for line in lines() if line.startswith("#")]
    assert head[0].startswith("# Synthetic")
    assert any("never report it" in line for line in head)


def test_a_year_has_every_hour_of_every_grid_once():
    rows = [line.split(",") for line in lines() if not line.startswith("#")][1:]
    assert len(rows) == len(GRIDS) * HOURS
    assert len({(region, hour) for region, hour, _ in rows}) == len(rows)
    assert rows[0][1] == "2025-01-01T00:00Z"
    assert rows[-1][1] == "2025-12-31T23:00Z"


@pytest.mark.parametrize("region", sorted(GRIDS))
def test_no_grid_is_cleaner_than_wind_or_dirtier_than_coal(region):
    assert 11 <= min(year(region)) <= max(year(region)) <= 820


def test_the_shapes_are_what_their_names_say():
    means = {region: mean(year(region)) for region in GRIDS}
    assert sorted(means, key=means.get)[:2] == ["sample-nuclear", "sample-water"]
    assert max(means, key=means.get) == "sample-coal"
    swings = {region: mean([max(day) - min(day) for day in days(region)]) for region in GRIDS}
    assert swings["sample-coal-sun"] > 300
    assert swings["sample-coal"] < 100
    assert swings["sample-water"] < 50


def test_a_sunny_grid_is_greenest_at_its_noon():
    by_hour = [mean(year("sample-sun")[hour::24]) for hour in range(24)]
    noon = GRIDS["sample-sun"].noon
    assert min(range(24), key=lambda hour: by_hour[hour]) in {(noon + shift) % 24 for shift in (-2, -1, 0, 1, 2)}


@pytest.mark.parametrize("period", [24, 8_760, 1_440])
def test_sine_and_cosine_are_near_and_integers(period):
    for at in range(-period, 2 * period):
        for ours, true in ((sine, math.sin), (cosine, math.cos)):
            assert isinstance(ours(at, period), int)
            assert abs(ours(at, period) - 1_000 * true(2 * math.pi * at / period)) < 3


def test_no_float_decides():
    assert all(type(value) is int for value in year("sample-mixed"))
    assert sample_year.BEGIN == 1_735_689_600
