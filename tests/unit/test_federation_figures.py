"""Figures of simulated years against sums done by hand, and the replay of a history."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.errors import Invalid
from training_jobs.federation.choosers import first_fit
from training_jobs.federation.fairness import entitled, fairness_bps, jain
from training_jobs.federation.figures import figures, percentile, saving, waits
from training_jobs.federation.fitting import spare
from training_jobs.federation.forecasts import HORIZON, ISSUED_EVERY, Forecasts, forecast
from training_jobs.federation.grids import sample_intensity
from training_jobs.federation.replay import history_of, real_waits, replay, side_by_side, world_of
from training_jobs.federation.simulate import simulate
from training_jobs.federation.state import Meter
from training_jobs.federation.values import (
    Asked,
    Community,
    Ended,
    Fate,
    Left,
    Outcome,
    Reserve,
    SiteLife,
    Stay,
    Turn,
    World,
)
from training_jobs.federation.world import Size, make_world
from training_jobs.scheduling.values import BPS, Booking, Need, Origin, Policy, Request, Series, Site, Standing

HOUR = 3_600
DAY = 24 * HOUR
SIZE = Size(sites=10, communities=4, requests=90, days=28)


def ended_of(name, *, start=0, seconds=HOUR, devices=1, community="c", fate=Fate.DONE, ceiling=10_000, **more):
    request = Request(
        id=name,
        community=community,
        member="alice",
        origin=more.pop("origin", Origin.VOTED),
        need=Need(devices, 1, seconds),
        submitted_at=0,
        ceiling=ceiling,
        **more,
    )
    stays = (
        () if fate is Fate.REFUSED else (Stay("s", start, start + seconds, start + seconds, devices, 100, Left.DONE),)
    )
    why = Left.NO_BUDGET if fate is Fate.REFUSED else Left.DONE
    return Ended(Asked(request, seconds * 1_000, 600), fate, why, start + seconds, stays)


def outcome_of(*ended, budget=10**6, policy=None, communities=("c", "d"), **more):
    site = Site("s", "r", "FR", devices=4, memory_bytes=1, watts=1_000, price=1, pue_permille=1_500)
    world = World(
        seed="by hand",
        since=0,
        until=DAY,
        sites=(SiteLife(site, (Turn(0, Standing.OPEN),)),),
        communities=tuple(Community(name, budget) for name in communities),
        asked=tuple(each.asked for each in ended),
        intensity={"r": Series(0, HOUR, (100, 300, 200))},
    )
    return Outcome(
        world=world,
        policy=policy or Policy(),
        ended=ended,
        open_device_seconds=4 * DAY,
        reserve=Reserve(1_000, 900),
        recalls_asked=0,
        recalls_kept=0,
        events=more.get("events", {}),
        decisions=0,
    )


def test_the_figures_of_a_day_done_by_hand():
    found = figures(
        outcome_of(
            ended_of("a", devices=2),
            ended_of("b", start=HOUR, newcomer=True),
            ended_of("c", start=DAY - HOUR, seconds=2 * HOUR, origin=Origin.SANDBOX),
            ended_of("d", fate=Fate.REFUSED),
        )
    )
    assert found.waits["newcomers"].p90 == HOUR
    assert (found.waits["all"].count, found.waits["all"].p50, found.waits["all"].p99) == (3, HOUR, DAY - HOUR)
    assert found.waits["sandbox"].count == 1
    # 2 + 1 + 1 device-hours of 96 lie within the day; an hour of the last one lies after it
    assert found.utilisation_bps == 4 * BPS // 96
    assert found.delivered == 5 * HOUR
    assert found.newcomers_bps == BPS // 5
    assert found.reserve_kept_bps == 9_000
    # kilowatts x PUE: 1.5 kWh for each device-hour; 3 kWh at 100, 1.5 kWh at 300, 3 kWh at 200 g
    assert found.watt_hours == 7_500
    assert found.carbon_grams == 300 + 450 + 600
    assert found.refused == {"no_budget": 1}
    assert (found.spent, found.overruns) == (300, 0)


def test_overruns_of_requests_and_of_communities_are_counted():
    assert figures(outcome_of(ended_of("a", ceiling=99), ended_of("b"))).overruns == 1
    assert figures(outcome_of(ended_of("a"), ended_of("b"), budget=199)).overruns == 1


def test_what_never_began_counts_with_what_it_waited():
    waiting = replace(ended_of("a"), fate=Fate.OPEN, stays=(), at=5 * HOUR)
    assert waits([waiting]).p50 == 5 * HOUR


def test_all_figures_have_a_row():
    flat = figures(outcome_of(ended_of("a"))).flat()
    assert flat["waits.others.p90"] == flat["refused.no_site_fits"] == 0
    assert flat["fates.done"] == 1
    assert all(type(value) is int for value in flat.values())


def test_percentiles_are_of_the_nearest_rank():
    values = list(range(1, 11))
    assert [percentile(values, bps) for bps in (0, 5_000, 9_000, 9_900, BPS)] == [1, 5, 9, 10, 10]
    assert percentile([], 9_000) == 0


def test_jain_is_one_for_equals_and_a_share_where_one_has_all():
    assert jain([Fraction(3)] * 7) == 1
    assert jain([Fraction(1), Fraction(0), Fraction(0), Fraction(0)]) == Fraction(1, 4)
    assert jain([Fraction(1), Fraction(2)]) == Fraction(9, 10)


def test_what_one_does_not_want_is_shared_among_the_others():
    assert entitled(90, {"a": 10, "b": 100, "c": 100}, {"c": 3}) == {"a": 10, "b": 20, "c": 60}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1_000),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 500), min_size=1),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 5)),
)
def test_nobody_is_entitled_to_more_than_wanted_and_nothing_wanted_is_left(total, wanted, shares):
    given_ = entitled(total, wanted, shares)
    assert all(0 <= given_[name] <= wanted[name] for name in wanted)
    assert sum(given_.values()) == min(total, sum(wanted.values()))


def test_one_community_that_gets_all_while_another_waits_is_unfair():
    late = [replace(ended_of(f"d{n}", community="d", start=40 * DAY), at=41 * DAY) for n in range(4)]
    fair = [ended_of("c1"), ended_of("d1", community="d")]
    unfair = outcome_of(*[ended_of(f"c{n}") for n in range(4)], *late)
    assert fairness_bps(outcome_of(*fair)) == BPS
    assert fairness_bps(replace(unfair, world=replace(unfair.world, until=28 * DAY))) == BPS // 2


def test_what_is_saved_is_measured_against_beginning_at_once_and_the_best():
    now, later = outcome_of(ended_of("a", start=HOUR, slack=3 * HOUR)), outcome_of(ended_of("a", start=2 * HOUR))
    later = replace(later, world=now.world)
    found = saving(now, later)
    assert (found.at_once, found.emitted, found.best) == (450, 300, 150)
    assert (found.saved_bps, found.of_best_bps) == (3_333, 5_000)
    assert saving(now, now).of_best_bps == 0
    assert saving(now, later, greedy=True).best == 150


def test_only_what_is_done_in_both_is_compared():
    now = outcome_of(ended_of("a"), ended_of("b", start=HOUR))
    later = replace(now, ended=(now.ended[0], replace(now.ended[1], fate=Fate.STOPPED)))
    assert saving(now, later).at_once == 150


# --- forecasts, room, use ---------------------------------------------------------------------------------------------


def test_forecasts_begin_right_drift_and_are_the_same_again():
    real = sample_intensity()["sample-wind"]
    issue = real.since + 40 * ISSUED_EVERY
    found = forecast(real, "sample-wind", issue, 1_500, "1")
    first = (issue - real.since) // real.step
    truth = real.grams_per_kwh[first : first + HORIZON // real.step]
    assert found.since == issue
    assert found.grams_per_kwh[0] == truth[0]
    assert found.grams_per_kwh != truth
    # a value a day ahead may be off by the whole error, and one more for rounding down
    assert all(abs(f - t) <= t * 1_500 // BPS + 1 for f, t in zip(found.grams_per_kwh, truth, strict=True))
    assert forecast(real, "sample-wind", issue, 1_500, "1") == found
    assert forecast(real, "sample-wind", issue, 1_500, "2") != found
    assert forecast(real, "sample-wind", issue, 0, "1").grams_per_kwh == truth


def test_after_the_last_value_a_forecast_still_says_something():
    real = Series(0, HOUR, (5, 7))
    assert forecast(real, "r", 100 * HOUR, 0, "1").grams_per_kwh == (7,)


def test_a_forecast_holds_until_the_next_is_issued():
    forecasts = Forecasts(sample_intensity(), 1_500, "1")
    since = sample_intensity()["sample-sun"].since
    assert forecasts.at(since + 100) is forecasts.at(since + ISSUED_EVERY - 1)
    assert forecasts.at(since + ISSUED_EVERY) is not forecasts.at(since)


def test_room_counts_known_ends_and_bookings():
    bookings = [Booking("s", 100, 200, 3)]
    assert spare(4, [(100, 2)], bookings, 0, 50) == 2
    assert spare(4, [(100, 2)], bookings, 0, 150) == 1
    assert spare(4, [(101, 2)], bookings, 0, 150) == -1
    assert spare(4, [], bookings, 150, 300) == 1


def test_use_halves_after_a_half_life_and_is_kept_per_member():
    meter = Meter(7 * DAY, 0)
    meter.add(("c", "alice"), 1_000_000, 100)
    meter.add(("c", "bob"), 500_000, 100)
    for days in range(1, 8):
        meter.add(("d", "carol"), 100_000, days * DAY)
    usage = meter.usage(["c"])
    assert usage.at == 7 * DAY
    # weighed by the hour, each rounded down
    assert abs(usage.members["c", "alice"] - 500_000) < 200
    assert abs(usage.communities["c"] - 750_000) < 200
    carol = sum(100_000 * 2 ** (-(7 - days) / 7) for days in range(1, 8))
    assert abs(usage.communities["d"] - carol) < 200
    assert {community for community, _ in usage.members} == {"c"}


# --- replay -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lived():
    world = make_world("history", sample_intensity(), SIZE)
    return simulate(world, first_fit, Policy())


def test_replaying_a_history_under_its_own_policy_gives_its_figures(lived):
    again = simulate(world_of(history_of(lived)), first_fit, lived.policy)
    assert [each.stays for each in again.ended] == [each.stays for each in lived.ended]
    assert replay(history_of(lived), lived.policy, first_fit) == figures(lived)


def test_both_sides_of_a_change_that_changes_nothing_are_the_same(lived):
    rows = side_by_side(history_of(lived), Policy(), Policy())
    assert all(row.before == row.after for row in rows)
    assert {"waits.newcomers.p90", "utilisation_bps", "overruns"} <= {row.name for row in rows}


def test_a_change_of_policy_shows(lived):
    rows = side_by_side(history_of(lived), Policy(), Policy(carbon_aware=False))
    carbon = next(row for row in rows if row.name == "carbon_grams")
    assert carbon.after > carbon.before


def test_real_waits_come_from_the_history_itself(lived):
    assert real_waits(history_of(lived)) == figures(lived).waits


def test_a_history_that_names_what_it_lacks_or_is_too_large_is_refused(lived):
    history = history_of(lived)
    for broken in (
        replace(history, sites=history.sites[:1]),
        replace(history, communities=()),
        replace(history, until=history.since + 10_000 * DAY),
        replace(history, past=history.past * 300),
    ):
        with pytest.raises(Invalid):
            replay(broken, Policy(), first_fit)
