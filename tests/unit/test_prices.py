"""What a device-hour costs: examples worked out by hand, and laws that hold whatever the inputs."""

import random
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training_jobs.scheduling.prices import (
    BOUNDS,
    MONEY_MAX,
    PASTS_MAX,
    SECONDS_MAX,
    Given,
    Inputs,
    Past,
    PriceError,
    cost,
    coverage,
    estimate,
    parts,
    price,
    read,
    runs_needed,
    seconds_payable,
)

DAY = date(2026, 3, 1)
EURO = 100_000_000  # micro-units
# 400 W, PUE 1.5, 0.25 euro per kWh, 12,000 euro over 40,000 hours at 60 %, a fifth for operations
PLAIN = {
    "watts": 400,
    "pue_permille": 1_500,
    "tariff": EURO // 4,
    "purchase": 12_000 * EURO,
    "lifetime_hours": 40_000,
    "utilisation_bps": 6_000,
    "operations_bps": 2_000,
}


def inputs(**changes):
    return Inputs(**{name: Given(value, DAY, "invoice 12") for name, value in {**PLAIN, **changes}.items()})


def test_a_price_is_energy_and_amortisation_and_operations():
    shown = parts(inputs())
    # 0.4 kW x 1.5 x 0.25 = 0.15 euro; 12,000 / (40,000 x 0.6) = 0.50 euro; a fifth of both is 0.13 euro
    assert (shown.energy, shown.amortisation, shown.operations) == (15_000_000, 50_000_000, 13_000_000)
    assert shown.total == price(inputs()) == 78_000_000


def test_the_one_rounding_is_upwards_and_at_the_end():
    # 1 W x 1.001 x 1 micro-unit is about a thousandth, 1 / 3 a third: with a fifth on top less than one; one is paid
    small = inputs(watts=1, pue_permille=1_001, tariff=1, purchase=1, lifetime_hours=3, utilisation_bps=10_000)
    shown = parts(small)
    assert shown.energy == Fraction(1_001, 1_000_000)
    assert shown.amortisation == Fraction(1, 3)
    assert shown.operations == (shown.energy + shown.amortisation) / 5
    assert shown.total == 1
    nothing = inputs(watts=0, purchase=0)
    assert parts(nothing).total == 0


def test_a_cost_is_worked_out_by_the_second_and_rounded_up():
    assert cost(75_000_000, 4, 3_600) == 300_000_000
    assert cost(1, 1, 1) == 1
    assert cost(3_601, 1, 1) == 2
    assert cost(0, 8, 3_600) == cost(75_000_000, 8, 0) == 0


def test_a_free_device_is_paid_for_as_long_as_anybody_may_ask():
    assert seconds_payable(0, 8, 0) == SECONDS_MAX
    assert seconds_payable(75_000_000, 1, 0) == 0
    assert seconds_payable(75_000_000, 4, 300_000_000) == 3_600
    assert seconds_payable(75_000_000, 4, 299_999_999) == 3_599


@settings(max_examples=200, deadline=None)
@given(st.integers(1, MONEY_MAX), st.integers(1, 10_000), st.integers(0, MONEY_MAX))
def test_what_a_ceiling_pays_for_never_costs_more_than_it(per_hour, devices, ceiling):
    seconds = seconds_payable(per_hour, devices, ceiling)
    assert cost(per_hour, devices, seconds) <= ceiling
    assert seconds == SECONDS_MAX or cost(per_hour, devices, seconds + 1) > ceiling


@settings(max_examples=200, deadline=None)
@given(st.integers(0, MONEY_MAX), st.integers(0, 10_000), st.lists(st.integers(0, 100_000), min_size=2, max_size=6))
def test_paying_in_pieces_never_costs_less_and_each_piece_at_most_one_more(per_hour, devices, pieces):
    together, apart = cost(per_hour, devices, sum(pieces)), sum(cost(per_hour, devices, each) for each in pieces)
    assert together <= apart < together + len(pieces)


VALUES = {
    name: st.integers(low, min(most, 10**9)) for name, (_unit, low, most) in BOUNDS.items() if name != "lifetime_hours"
}


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries({**VALUES, "lifetime_hours": st.integers(1_000, 300_000)}), st.sampled_from(list(BOUNDS)))
def test_dearer_inputs_never_make_a_cheaper_price(values, name):
    before = price(inputs(**values))
    if values[name] == BOUNDS[name][2]:
        return
    after = price(inputs(**{**values, name: values[name] + 1}))
    assert after <= before if name in {"lifetime_hours", "utilisation_bps"} else after >= before


def test_inputs_are_read_back_as_they_were_written():
    assert read(inputs().to_body()) == inputs()
    assert inputs().to_body()["tariff"] == {"value": 25_000_000, "dated": "2026-03-01", "source": "invoice 12"}


BROKEN = [
    ("watts", {"value": -1}, "out_of_range", "watts.value"),
    ("watts", {"value": True}, "not_a_whole_number", "watts.value"),
    ("watts", {"value": 1.5}, "not_a_whole_number", "watts.value"),
    ("watts", {"value": float("nan")}, "not_a_whole_number", "watts.value"),
    ("watts", {"value": 10**5_000}, "out_of_range", "watts.value"),
    ("pue_permille", {"value": 999}, "out_of_range", "pue_permille.value"),
    ("lifetime_hours", {"value": 0}, "out_of_range", "lifetime_hours.value"),
    ("utilisation_bps", {"value": 0}, "out_of_range", "utilisation_bps.value"),
    ("tariff", {"dated": "2026-02-30"}, "malformed_date", "tariff.dated"),
    ("tariff", {"dated": "20260301"}, "malformed_date", "tariff.dated"),
    ("tariff", {"dated": 20_260_301}, "malformed_date", "tariff.dated"),
    ("tariff", {"source": "  "}, "source_missing", "tariff.source"),
    ("tariff", {"source": "x" * 301}, "source_missing", "tariff.source"),
    ("tariff", {"source": "a\nb"}, "malformed_text", "tariff.source"),
    ("tariff", {"source": "a\u202eb"}, "malformed_text", "tariff.source"),
    ("tariff", {"source": "\ud800"}, "malformed_text", "tariff.source"),
    ("tariff", {"currency": "EUR"}, "input_unknown", "tariff.currency"),
]


@pytest.mark.parametrize(("name", "change", "code", "field"), BROKEN)
def test_an_input_that_makes_no_price_is_refused_by_name(name, change, code, field):
    body = inputs().to_body()
    body[name] = {**body[name], **change}
    with pytest.raises(PriceError) as refused:
        read(body)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert len(str(refused.value)) < 200


def test_what_is_missing_or_unknown_or_no_object_is_refused():
    whole = inputs().to_body()
    for body, field in [
        ([], ""),
        (None, ""),
        ({**whole, "discount": whole["tariff"]}, "discount"),
        ({**whole, "watts": 400}, "watts"),
        ({name: each for name, each in whole.items() if name != "tariff"}, "tariff"),
        ({**whole, "watts": {"value": 400, "dated": "2026-03-01"}}, "watts.source"),
    ]:
        with pytest.raises(PriceError) as refused:
            read(body)
        assert refused.value.field == field


def test_inputs_cannot_be_made_without_their_day():
    with pytest.raises(PriceError):
        replace(inputs(), watts=Given(400, datetime(2026, 3, 1, 12), "meter"))  # noqa: DTZ001 - refused for its time
    with pytest.raises(PriceError):
        replace(inputs(), watts=400)


def test_a_price_beyond_all_measure_is_refused():
    with pytest.raises(PriceError) as refused:
        price(inputs(purchase=10**15, lifetime_hours=1, utilisation_bps=1))
    assert refused.value.code == "price_out_of_range"


def test_with_too_few_past_runs_the_estimate_says_so_and_the_ceiling_is_the_bound():
    few = estimate(1_000, 1_500, [Past(100, 120)] * 8)
    assert (few.calibrated, few.low, few.expected, few.high) == (False, 0, 1_000, 1_500)
    assert (few.runs, few.runs_needed) == (8, 9)


def test_the_interval_is_made_of_past_ratios():
    # Ratios 0.6, 0.7, ... 1.4: at a level of 80 % nine runs give the smallest and the largest.
    past = [Past(100, 100 + 10 * step) for step in range(-4, 5)]
    made = estimate(1_000, 10_000, past[::-1])
    assert (made.calibrated, made.low, made.expected, made.high) == (True, 600, 1_000, 1_400)
    # Nineteen: at 80 % the second from each end, which is 0.2 and 1.8.
    wide = estimate(1_000, 10_000, [Past(10, each) for each in range(1, 20)])
    assert (wide.low, wide.expected, wide.high) == (200, 1_000, 1_800)


def test_an_estimate_never_goes_above_the_ceiling():
    made = estimate(1_000, 900, [Past(100, 300)] * 20)
    assert made.low == made.expected == made.high == 900


def test_how_many_past_runs_a_level_needs():
    assert [runs_needed(level) for level in (5_000, 8_000, 9_000, 9_500)] == [3, 9, 19, 39]
    for level in (0, 10_000, True, -1):
        with pytest.raises(PriceError):
            runs_needed(level)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(0, 10**6)), max_size=60),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.sampled_from([5_000, 8_000, 9_500]),
)
def test_an_interval_holds_its_expected_value_whatever_the_past(past, planned, ceiling, level):
    made = estimate(planned, ceiling, [Past(*each) for each in past], level)
    assert 0 <= made.low <= made.expected <= made.high <= ceiling


def test_the_interval_holds_as_often_as_it_says_when_runs_come_in_no_order():
    draw = random.Random(3)
    past = [Past(1_000, max(0, round(draw.lognormvariate(0, 0.5) * 1_000))) for _ in range(600)]
    said = coverage(past)
    assert said.tried == 600 - runs_needed(said.level_bps)
    # 80 % are promised; four standard deviations of 591 draws are about 7 %.
    assert 0.73 <= said.held / said.tried <= 0.90


def test_coverage_judges_each_run_by_those_before_it():
    same = [Past(100, 100)] * 9
    assert coverage(same).tried == 0
    assert coverage([*same, Past(100, 100), Past(100, 101)]).held == 1
    assert coverage([*same, Past(100, 100), Past(100, 101)]).tried == 2


def test_only_the_newest_past_runs_count():
    old, new = [Past(1, 9)] * 50, [Past(1, 1)] * PASTS_MAX
    assert estimate(100, 10_000, [*old, *new]).high == 100


@pytest.mark.parametrize("past", [Past(0, 1), Past(1, -1), Past(1, True), Past(10**400, 1)])
def test_a_past_run_without_an_estimate_is_refused(past):
    with pytest.raises(PriceError):
        estimate(1, 1, [past])
