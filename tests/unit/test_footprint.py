"""What a run used: exact ratios from counted seconds and declared numbers; what is not declared is not known."""

from fractions import Fraction

import pytest

from training_jobs.footprint import Footprint


def used(**given):
    values = {"seconds": 3_600, "seconds_voted": 7_200, "watts": 100, "grams_per_kwh": 50, "grams_voted": 10}
    return Footprint(**values | given)


def test_energy_and_carbon_follow_from_time_power_and_grid():
    found = used()
    assert (found.watt_hours, found.grams) == (100, 5)
    assert (found.share_bps, found.carbon_bps) == (5_000, 5_000)
    assert used(seconds=1, watts=7, grams_per_kwh=3).grams == Fraction(7, 3_600) * 3 / 1_000


@pytest.mark.parametrize(
    ("given", "energy", "carbon"),
    [({"watts": None}, None, None), ({"grams_per_kwh": None}, 100, None), ({"seconds": 0}, 0, 0)],
)
def test_what_is_not_declared_is_not_known_and_not_zero(given, energy, carbon):
    found = used(**given)
    assert (found.watt_hours, found.grams) == (energy, carbon)
    assert (found.carbon_bps is None) is (carbon is None)


def test_a_vote_without_a_carbon_budget_has_no_share_of_it():
    assert used(grams_voted=None).carbon_bps is None


def test_more_than_was_voted_fills_the_meter_and_no_more():
    found = used(seconds=9_999_999)
    assert (found.share_bps, found.carbon_bps) == (10_000, 10_000)
    assert used(seconds_voted=0).share_bps == 0
