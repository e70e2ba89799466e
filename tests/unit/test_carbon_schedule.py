"""When a greener start is: the same as trying every second, exact grams, and never outside what was allowed."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import Invalid
from training_jobs.scheduling.carbon import (
    best_offline,
    best_start,
    covers,
    grams,
    grams_of_energy,
    greedy_offline,
    saved,
)
from training_jobs.scheduling.values import Need, Origin, Request, Series, Site

HOUR = 3_600
series_of_anything = st.builds(
    Series,
    since=st.integers(-20, 40),
    step=st.integers(1, 9),
    grams_per_kwh=st.lists(st.integers(0, 6), min_size=1, max_size=12).map(tuple),
)


def at(series, moment):
    """Return the intensity at one second, from the definition."""
    index = (moment - series.since) // series.step
    return series.grams_per_kwh[max(0, min(index, len(series.grams_per_kwh) - 1))]


def request(name="r", slack=0, seconds=HOUR, devices=1, submitted_at=0):
    need = Need(devices=devices, memory_bytes=1, seconds=seconds)
    return Request(name, "gardens", "alice", Origin.VOTED, need, submitted_at, ceiling=10**9, slack=slack)


def site(name="s", region="north", devices=1, watts=1_000):
    return Site(name, region, "FR", devices, 1, watts, price=1)


def test_the_greenest_hour_within_the_slack_is_chosen():
    day = Series(0, HOUR, (300, 200, 50, 60, 400))
    assert best_start(day, 0, 4 * HOUR, HOUR) == 2 * HOUR
    assert best_start(day, 0, 4 * HOUR, 2 * HOUR) == 2 * HOUR
    assert best_start(day, 0, HOUR, HOUR) == HOUR


def test_a_run_of_ninety_minutes_begins_where_its_two_ends_are_balanced():
    assert best_start(Series(0, HOUR, (300, 90, 60, 300)), 0, 4 * HOUR, 5_400) == HOUR + 1_800


def test_what_is_no_better_later_begins_now():
    assert best_start(Series(0, HOUR, (100, 100, 100)), 500, 9_000, HOUR) == 500


def test_without_slack_or_without_work_it_begins_now():
    falling = Series(0, HOUR, (300, 1))
    assert best_start(falling, 50, 50, HOUR) == best_start(falling, 50, 10, HOUR) == 50
    assert best_start(falling, 50, HOUR, 0) == 50


@settings(max_examples=300, deadline=None)
@given(series_of_anything, st.integers(-40, 80), st.integers(-2, 50), st.integers(0, 60))
def test_it_is_the_earliest_of_the_best_of_all_seconds(series, now, slack, seconds):
    latest = now + slack
    cost = {
        start: sum(at(series, moment) for moment in range(start, start + seconds))
        for start in range(now, max(now, latest) + 1)
    }
    assert best_start(series, now, latest, seconds) == min(cost, key=lambda start: (cost[start], start))


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        Series,
        st.integers(0, 10**10),
        st.integers(1, 10**6),
        st.lists(st.integers(0, 10**6), min_size=1, max_size=40).map(tuple),
    ),
    st.integers(0, 10**10),
    st.integers(0, 10**9),
    st.integers(1, 10**9),
)
def test_it_never_leaves_its_window_and_is_never_worse_than_now(series, now, slack, seconds):
    start = best_start(series, now, now + slack, seconds)
    assert now <= start <= now + slack
    assert saved(series, now, start, seconds, 300, 1_200) >= 0


@settings(max_examples=100, deadline=None)
@given(series_of_anything, st.integers(-40, 60), st.integers(0, 40), st.integers(0, 40), st.integers(0, 900))
def test_grams_of_two_parts_are_the_grams_of_the_whole(series, since, first, second, watts):
    middle, until = since + first, since + first + second
    parts = grams(series, since, middle, watts, 1_100) + grams(series, middle, until, watts, 1_100)
    assert parts == grams(series, since, until, watts, 1_100)


def test_a_kilowatt_for_an_hour_at_a_hundred_grams_is_a_hundred_grams():
    assert grams(Series(0, HOUR, (100,)), 0, HOUR, 1_000, 1_000) == 100
    assert grams(Series(0, HOUR, (100,)), 0, HOUR, 1_000, 1_500) == 150
    assert grams(Series(0, HOUR, (1,)), 0, 1, 1, 1_000) == Fraction(1, 3_600_000)


def test_metered_energy_is_spread_evenly_over_its_time():
    assert grams_of_energy(Series(0, HOUR, (100, 300)), 0, 2 * HOUR, 3_600_000, 1_000) == 200
    assert grams_of_energy(Series(0, HOUR, (100, 300)), 0, HOUR, 3_600_000, 1_200) == 120
    with pytest.raises(Invalid, match="interval_empty"):
        grams_of_energy(Series(0, HOUR, (100,)), 5, 5, 1, 1_000)


def test_waiting_for_a_worse_hour_saves_less_than_nothing():
    assert saved(Series(0, HOUR, (100, 300)), 0, HOUR, HOUR, 1_000, 1_000) == -200


def test_what_a_series_does_not_hold_is_known():
    day = Series(HOUR, HOUR, (1, 2))
    assert covers(day, HOUR, 3 * HOUR)
    assert not covers(day, 0, 2 * HOUR)
    assert not covers(day, HOUR, 3 * HOUR + 1)


@pytest.mark.parametrize("bad", [Series(0, HOUR, ()), Series(0, 0, (1,)), Series(0, -5, (1,))])
def test_a_series_that_says_nothing_is_refused(bad):
    for ask in (
        lambda: best_start(bad, 0, 9, 9),
        lambda: best_start(bad, 0, 0, 9),
        lambda: grams(bad, 0, 9, 1, 1),
        lambda: covers(bad, 0, 1),
    ):
        with pytest.raises(Invalid, match="series_empty"):
            ask()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((9, 3, 1, 1), "interval_reversed"), ((0, 3, -1, 1), "energy_negative"), ((0, 3, 1, -1), "energy_negative")],
)
def test_negative_time_and_power_are_refused(arguments, code):
    with pytest.raises(Invalid, match=code):
        grams(Series(0, HOUR, (5,)), *arguments)


# --- schedules made afterwards ----------------------------------------------------------------------------------------

REAL = {"north": Series(0, HOUR, (300, 200, 100, 400)), "south": Series(0, HOUR, (250, 250, 250, 250))}


def test_the_best_afterwards_takes_the_greenest_site_and_hour():
    placed = best_offline([request(slack=3 * HOUR)], [site("a"), site("b", "south")], REAL)
    assert [(each.site, each.start, each.grams) for each in placed] == [("a", 2 * HOUR, 100)]
    at_once = best_offline([request()], [site("a"), site("b", "south")], REAL)
    assert [(each.site, each.grams) for each in at_once] == [("b", 250)]


def test_requests_that_fit_nowhere_are_left_out():
    assert best_offline([request(devices=2)], [site()], REAL) == ()
    assert greedy_offline([request(devices=2)], [site()], REAL) == ()
    assert best_offline([request()], [site(region="nowhere")], REAL) == ()


def test_the_one_that_keeps_to_capacity_puts_two_after_each_other():
    two = [request("x", 3 * HOUR), request("y", 3 * HOUR)]
    placed = greedy_offline(two, [site()], REAL)
    assert sorted((each.start, each.until) for each in placed) == [(HOUR, 2 * HOUR), (2 * HOUR, 3 * HOUR)]
    assert {each.start for each in best_offline(two, [site()], REAL)} == {2 * HOUR}


def test_what_finds_no_room_within_its_slack_begins_when_there_is_room():
    long, short = request("long", 0, 3 * HOUR), request("short", HOUR)
    placed = {each.request: each.start for each in greedy_offline([short, long], [site()], REAL)}
    assert placed == {"long": 0, "short": 3 * HOUR}


requests_of_anything = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 30), st.integers(1, 12), st.integers(1, 3)), min_size=1, max_size=7
)


@settings(max_examples=100, deadline=None)
@given(requests_of_anything, series_of_anything, st.integers(1, 3))
def test_no_schedule_that_keeps_to_capacity_is_below_the_bound_or_above_capacity(wishes, series, devices):
    asked = [
        request(str(number), slack, seconds, min(needed, devices), when)
        for number, (when, slack, seconds, needed) in enumerate(wishes)
    ]
    here = [site(devices=devices)]
    bound = {each.request: each for each in best_offline(asked, here, {"north": series})}
    made = {each.request: each for each in greedy_offline(asked, here, {"north": series})}
    assert bound.keys() == made.keys() == {each.id for each in asked}
    for each in asked:
        assert bound[each.id].start <= each.submitted_at + each.slack
        assert made[each.id].start >= each.submitted_at
        late = made[each.id].start > each.submitted_at + each.slack
        assert late or made[each.id].grams >= bound[each.id].grams
    for moment in {each.start for each in made.values()}:
        busy = sum(each.need.devices for each in asked if made[each.id].start <= moment < made[each.id].until)
        assert busy <= devices


@settings(max_examples=50, deadline=None)
@given(requests_of_anything, series_of_anything)
def test_more_slack_never_saves_less(wishes, series):
    asked = [request(str(number), slack, seconds, 1, when) for number, (when, slack, seconds, _) in enumerate(wishes)]
    more = [replace(each, slack=each.slack + 7) for each in asked]
    total = [sum(each.grams for each in best_offline(some, [site()], {"north": series})) for some in (asked, more)]
    assert total[1] <= total[0]
