"""Who begins where: what fits, who goes first, the reserve and its lending, held places, carbon; and laws of all worlds."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.scheduler_worlds import HOUR, NOW, PLAIN, World, outside, request, running, site, worlds
from training_jobs.scheduling import carbon
from training_jobs.scheduling.choose import choose
from training_jobs.scheduling.fitting import affordable, could_run, price_at, seconds_at
from training_jobs.scheduling.prepared import Prepared
from training_jobs.scheduling.values import (
    Booking,
    Calendar,
    Decision,
    Origin,
    Policy,
    Recall,
    Request,
    Running,
    Series,
    Site,
    Standing,
    Start,
    Usage,
    Why,
)

RESERVED = replace(PLAIN, reserved_bps=2_500)
GREEN = replace(PLAIN, carbon_aware=True)


def begun(*queue: Request, at: tuple[Site, ...] = (), policy: Policy = PLAIN, **calendar: object) -> dict[str, Start]:
    decision = choose(queue, at or (site(),), Calendar(**calendar), policy, NOW)
    return {start.request: start for start in decision.starts}


def test_a_request_begins_at_a_site_that_fits_with_its_latest_end_and_its_price():
    slow = site(speed_permille=500, price=7)
    assert choose([request(devices=2, hours=3)], [slow], Calendar(), PLAIN, NOW).starts == (
        Start("r", "a", NOW + 6 * HOUR, 84, Why.STARTS),
    )


def test_the_price_of_the_whole_run_is_rounded_up_once():
    assert begun(request(devices=3, seconds=1), at=(site(price=1),))["r"].price == 1
    assert not begun(request(devices=3, seconds=1, ceiling=0), at=(site(price=1),))


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        (request(devices=5), site()),
        (request(memory_bytes=81), site()),
        (request(hours=3), site(hours_max=2)),
        (request(hours=2), site(hours_max=2, speed_permille=999)),
        (request(data=frozenset({"health"})), site(data=frozenset({"public"}))),
        (request(), site(serves=frozenset({"others"}))),
        (request(not_at=frozenset({"a"})), site()),
        (request(ceiling=3_599), site()),
        (request(), site(standing=Standing.DRAINING)),
        (request(), site(standing=Standing.SILENT)),
        (request(), site(standing=Standing.SUSPENDED)),
        (request(devices=0), site()),
        (request(seconds=0), site()),
        (request(), site(speed_permille=0)),
    ],
)
def test_nothing_begins_where_it_does_not_fit(asked: Request, place: Site):
    assert not begun(asked, at=(place,))
    assert "r" in begun(replace(asked, not_at=frozenset(), ceiling=10**9, need=request().need), at=(site(),))


def test_a_site_that_takes_any_data_takes_what_one_with_rules_refuses():
    asked = request(data=frozenset({"health"}))
    assert begun(asked, at=(site("a", data=frozenset({"public"})), site("b")))["r"].site == "b"


def test_without_carbon_the_cheapest_site_for_the_whole_work_is_taken_then_the_smaller_id():
    fast_and_dear = site("fast", price=5_000, speed_permille=2_000)
    assert begun(request(), at=(site("slow"), fast_and_dear))["r"].site == "fast"
    assert begun(request(), at=(site("b"), site("a")))["r"].site == "a"


def test_a_busy_cheap_site_is_passed_for_a_free_dear_one_within_the_ceiling():
    sites = (site("cheap", 1), site("dear", 1, price=9_000))
    runs = (running("x", "cheap"),)
    assert begun(request(ceiling=9_000), at=sites, running=runs)["r"].site == "dear"
    assert not begun(request(ceiling=8_999), at=sites, running=runs)


# --- the order ----------------------------------------------------------------------------------------------------------


def test_what_was_voted_goes_before_a_sandbox_request_of_a_higher_tier():
    queue = (request("s", 4, origin=Origin.SANDBOX, tier=9), request("v", 4, tier=0))
    assert list(begun(*queue)) == ["v"]


def test_a_higher_tier_goes_first_and_then_who_came_first_and_then_the_smaller_id():
    assert list(begun(request("a", 4), request("b", 4, tier=1))) == ["b"]
    assert list(begun(request("a", 4), request("b", 4, submitted_at=NOW - 11))) == ["b"]
    assert list(begun(request("b", 4), request("a", 4))) == ["a"]


def test_who_used_less_of_its_share_goes_first():
    policy = replace(PLAIN, weight_fair=1_000)
    usage = Usage(NOW, {"much": 900, "little": 100}, {("much", "m"): 900, ("little", "m"): 100})
    queue = (request("a", 4, community="much"), request("b", 4, community="little"))
    assert list(begun(*queue, policy=policy, usage=usage)) == ["b"]
    assert list(begun(*queue, policy=replace(policy, shares={"much": 99}), usage=usage)) == ["a"]


def test_an_overdue_request_goes_before_all_others_even_from_the_sandbox():
    old = request("old", 4, origin=Origin.SANDBOX, submitted_at=NOW - PLAIN.wait_max)
    started = begun(request("new", 4, tier=9), old)
    assert (list(started), started["old"].why) == (["old"], Why.STARTS_OVERDUE)


# --- held places --------------------------------------------------------------------------------------------------------


def test_a_short_run_is_backfilled_before_a_held_place_and_a_long_one_is_not():
    runs = (running("x", "a", 2, hours=2),)
    wide = request("wide", 4, tier=1)
    started = begun(wide, request("short", 2, hours=2), running=runs)
    assert (list(started), started["short"].why) == (["short"], Why.STARTS_BACKFILLED)
    assert not begun(wide, request("long", 2, hours=3), running=runs)


def test_a_long_run_is_backfilled_on_devices_that_the_held_place_leaves():
    runs = (running("x", "a", 2, hours=2),)
    assert list(begun(request("wide", 3, tier=1), request("long", 1, hours=99), running=runs)) == ["long"]
    assert not begun(request("wide", 3, tier=1), request("long", 2, hours=99), running=runs)


def test_no_backfill_where_policy_has_none_but_at_sites_where_the_first_could_not_run():
    policy = replace(PLAIN, backfill=False)
    runs = (running("x", "a", 2, hours=2),)
    sites = (site("a"), site("b", 2))
    started = begun(
        request("wide", 4, tier=1), request("short", 2), request("shorter", 2), at=sites, policy=policy, running=runs
    )
    assert {name: start.site for name, start in started.items()} == {"short": "b"}


def test_a_request_that_no_site_could_ever_run_holds_up_nobody():
    for policy in (PLAIN, replace(PLAIN, backfill=False)):
        assert list(begun(request("never", 9, tier=1), request("r"), policy=policy)) == ["r"]


def test_each_group_of_sites_holds_a_place_for_its_own_first():
    sites = (site("a", data=frozenset({"x"})), site("b", data=frozenset({"y"})))
    runs = (running("1", "a", 2, hours=2), running("2", "b", 2, hours=2))
    wide = [request(kind, 4, tier=1, data=frozenset({kind})) for kind in "xy"]
    long = [request(f"long {kind}", 2, hours=3, data=frozenset({kind})) for kind in "xy"]
    assert not begun(*wide, *long, at=sites, running=runs)


def test_a_run_that_is_late_still_holds_its_devices():
    late = replace(running("x", "a", 4), until=NOW - 5)
    assert not begun(request(), running=(late,))


# --- bookings -----------------------------------------------------------------------------------------------------------


def test_a_booking_is_kept_free_for_all_of_its_time():
    booked = (Booking("a", NOW + HOUR, NOW + 2 * HOUR, 3),)
    assert begun(request(devices=4, hours=1), bookings=booked)
    assert not begun(request(devices=2, hours=2), bookings=booked)
    assert begun(request(devices=1, hours=9), bookings=booked)
    assert not begun(request(devices=2), bookings=(Booking("a", NOW, NOW + 1, 3),))
    assert begun(request(devices=4), bookings=(Booking("a", NOW - 9, NOW, 4),))


def test_a_run_that_ends_before_the_booking_begins_leaves_room_for_both():
    booked = (Booking("a", NOW + HOUR, NOW + 2 * HOUR, 2),)
    assert begun(request(devices=2, hours=2), bookings=booked, running=(running("x", "a", 2, hours=1),))
    assert not begun(request(devices=2, hours=2), bookings=booked, running=(running("x", "a", 2, hours=2),))


# --- the reserve --------------------------------------------------------------------------------------------------------


def test_the_reserve_is_for_newcomers_alone():
    started = begun(request("old", 3), request("r"), policy=RESERVED)
    assert list(started) == ["old"]
    assert list(begun(request("old", 4), policy=RESERVED)) == []
    started = begun(request("old", 3, tier=1), request("new", newcomer=True), policy=RESERVED)
    assert started["new"].why is Why.STARTS_IN_RESERVE


def test_the_reserve_counts_all_sites_together_and_newcomers_anywhere():
    sites = (site("a", 2), site("b", 2))
    started = begun(*(request(f"r{number}") for number in range(4)), at=sites, policy=RESERVED)
    assert len(started) == 3
    newcomers = [request(f"n{number}", newcomer=True) for number in range(4)]
    assert len(begun(*newcomers, at=sites, policy=RESERVED)) == 4


def test_the_reserve_is_kept_of_each_kind_so_that_newcomers_are_not_left_the_devices_nobody_wants():
    pool = (site("new", 4, kind="large"), site("old", 8, kind="small", price=7_200))
    started = begun(*(request(f"r{number}") for number in range(12)), at=pool, policy=RESERVED)
    assert Counter(start.site for start in started.values()) == {"new": 3, "old": 6}
    newcomer = begun(request("n", 1, newcomer=True), at=pool, policy=RESERVED, running=(running("x", "new", 3),))["n"]
    assert (newcomer.site, newcomer.why) == ("new", Why.STARTS_IN_RESERVE)
    # rounded down, of all together, three would be reserved, and all four of the large ones might be taken
    assert not begun(request(devices=4), at=pool[:1], policy=replace(PLAIN, reserved_bps=1))


def test_who_finds_one_kind_reserved_takes_another_that_fits_and_borrows_nothing():
    pool = (site("new", 4, kind="large"), site("old", 8, kind="small", price=7_200))
    runs = (running("x", "new", 3),)
    started = begun(request(checkpoints=True), at=pool, policy=RESERVED, running=runs)["r"]
    assert (started.site, started.lent) == ("old", False)
    small = request(devices=1, checkpoints=True, ceiling=3_600)
    assert begun(small, at=pool, policy=RESERVED, running=runs)["r"].lent


def test_without_backfill_who_waits_for_the_share_of_one_kind_stops_nobody_at_another():
    policy = replace(RESERVED, backfill=False)
    pool = (site("new", 4, kind="large"), site("old", 8, kind="small"))
    wide = request("wide", 3, tier=1, data=frozenset({"x"}))
    sites = (pool[0], replace(pool[1], data=frozenset({"y"})))
    queue = (wide, request("long", data=frozenset({"x"})), request("other", data=frozenset({"y"})))
    started = begun(*queue, at=sites, policy=policy, running=(running("x", "new", 1),))
    assert set(started) == {"other"}


def test_an_overdue_request_holds_a_place_of_the_kind_that_has_enough_outside_its_reserve():
    pool = (site("new", 4, kind="large"), site("old", 8, kind="small", price=7_200))
    overdue = request("overdue", 4, hours=3, submitted_at=NOW - PLAIN.wait_max)
    queue = (overdue, request("wide", 3, hours=9, not_at=frozenset({"new"})), request("elsewhere", 3, hours=9))
    started = begun(*queue, at=pool, policy=RESERVED, running=(running("x", "old", 3, hours=2),))
    assert {name: start.site for name, start in started.items()} == {"elsewhere": "new"}
    narrow = replace(queue[1], need=request(devices=2, hours=9).need)
    started = begun(overdue, narrow, at=pool, policy=RESERVED, running=(running("x", "old", 3, hours=2),))
    assert started[narrow.id].why is Why.STARTS_BACKFILLED


def test_an_idle_reserve_is_lent_to_work_that_checkpoints_unless_policy_says_no():
    old = request("old", 3, tier=1)
    started = begun(old, request("r", checkpoints=True), policy=RESERVED)
    assert (started["r"].lent, started["r"].why) == (True, Why.STARTS_ON_LENT)
    assert not started["old"].lent
    assert list(begun(old, request("r", checkpoints=True), policy=replace(RESERVED, reserved_lent=False))) == ["old"]


@pytest.mark.parametrize("devices", [10, 9, 4])
def test_an_overdue_request_that_needs_part_of_the_reserve_is_not_put_off_by_small_ones_for_ever(devices):
    """Every hour somebody asks for one device for two hours: there would be never so many free at once."""
    pool, policy = (site("a", 10),), replace(RESERVED, reserved_bps=1_000, wait_max=4 * HOUR)
    waiting = {"big": request("big", devices, hours=3, checkpoints=True, submitted_at=NOW)}
    runs: list[Running] = []
    for hour in range(24):
        now = NOW + hour * HOUR
        runs = [run for run in runs if run.until > now]
        waiting[f"r{hour}"] = request(f"r{hour}", hours=2, submitted_at=now)
        for start in choose(waiting.values(), pool, Calendar(tuple(runs)), policy, now).starts:
            runs.append(Running(waiting.pop(start.request), start.site, now, start.until, start.lent, now + HOUR))
            assert sum(run.request.need.devices for run in runs) <= 10
        if "big" not in waiting:
            break
    assert hour <= 4 + 2, "the bound, and the longest run that was at work then"
    assert next(run for run in runs if run.request.id == "big").lent is (devices == 10)


def test_a_newcomer_goes_before_what_an_overdue_request_would_borrow_and_calls_back_what_it_borrowed():
    big = request("big", 4, checkpoints=True, submitted_at=NOW - 10 * HOUR)
    policy = replace(RESERVED, wait_max=HOUR)
    assert begun(big, policy=policy)["big"].lent
    lent = Running(big, "a", NOW - HOUR, NOW + HOUR, lent=True, checkpoint_at=NOW + 60)
    asked = choose((request("new", newcomer=True),), (site("a", 4),), Calendar((lent,)), policy, NOW)
    assert [(recall.request, recall.at) for recall in asked.recalls] == [("big", NOW + 60)]


def test_a_newcomer_who_waits_has_the_reserve_before_work_that_would_borrow_it():
    queue = (request("old", 3, tier=2), request("r", checkpoints=True, tier=1), request("new", newcomer=True))
    assert set(begun(*queue, policy=RESERVED)) == {"old", "new"}


def test_nothing_is_lent_over_the_place_of_the_newcomer_who_waits_first():
    runs = (running("x", "a", 3, hours=2),)
    waits = request("new", 4, newcomer=True)
    assert not begun(
        waits, request("r", hours=3, checkpoints=True), policy=replace(PLAIN, reserved_bps=7_500), running=runs
    )
    assert begun(
        waits, request("r", hours=2, checkpoints=True), policy=replace(PLAIN, reserved_bps=7_500), running=runs
    )


def test_a_newcomer_calls_back_the_fewest_lent_runs_at_their_next_checkpoint():
    runs = (
        running("own", "a", 3, hours=9),
        running("x", "a", 1, hours=9, lent=True, checkpoint=NOW + 60),
        running("y", "a", 1, hours=9, lent=True, checkpoint=NOW + 50),
        running("z", "a", 2, hours=9, lent=True, checkpoint=NOW + 90),
    )
    big = site("a", 7)
    policy = replace(PLAIN, reserved_bps=5_000)

    def recalled(devices: int) -> tuple[Recall, ...]:
        return choose([request("new", devices, newcomer=True)], [big], Calendar(runs), policy, NOW).recalls

    assert recalled(1) == (Recall("y", "a", NOW + 50, "new"),)
    assert recalled(2) == (Recall("z", "a", NOW + 90, "new"),)
    assert recalled(3) == (Recall("z", "a", NOW + 90, "new"), Recall("y", "a", NOW + 50, "new"))
    assert recalled(5) == ()
    policy = replace(policy, backfill=False)
    assert recalled(1) == (Recall("y", "a", NOW + 50, "new"),)


def test_nothing_is_called_back_for_those_who_are_no_newcomers_or_have_the_reserve_already():
    lent = running("x", "a", 1, hours=9, lent=True, checkpoint=NOW + 60)
    full = (running("own", "a", 3, hours=9), lent)
    assert not choose([request()], [site()], Calendar(full), RESERVED, NOW).recalls
    theirs = (running("own", "a", 2, hours=9), running("new", "a", 1, hours=9, newcomer=True), lent)
    assert not choose([request("n", newcomer=True)], [site()], Calendar(theirs), RESERVED, NOW).recalls


def test_lent_work_is_called_back_on_a_kind_of_which_newcomers_lack_their_reserve():
    pool = (site("new", 4, kind="large"), site("old", 4, kind="small"))
    policy = replace(RESERVED, reserved_bps=2_500)
    runs = (
        running("own", "new", 2, hours=9),
        running("theirs", "new", 1, hours=9, newcomer=True),
        running("x", "new", 1, hours=9, lent=True, checkpoint=NOW + 60),
        running("their own", "old", 3, hours=9),
        running("y", "old", 1, hours=9, lent=True, checkpoint=NOW + 90),
    )
    asked = choose([request("n", newcomer=True)], pool, Calendar(runs), policy, NOW)
    assert asked.recalls == (Recall("y", "old", NOW + 90, "n"),)
    assert not choose([request("n", newcomer=True)], pool[:1], Calendar(runs[:3]), policy, NOW).recalls


def test_nothing_is_called_back_when_devices_come_free_before_the_checkpoint():
    runs = (running("own", "a", 3, hours=1), running("x", "a", 1, hours=9, lent=True, checkpoint=NOW + 2 * HOUR))
    assert not choose([request("n", newcomer=True)], [site()], Calendar(runs), RESERVED, NOW).recalls


def test_a_run_without_a_checkpoint_ahead_is_never_called_back():
    runs = (running("own", "a", 3, hours=9), running("x", "a", 1, hours=9, lent=True, checkpoint=0))
    assert not choose([request("n", newcomer=True)], [site()], Calendar(runs), RESERVED, NOW).recalls


# --- carbon -------------------------------------------------------------------------------------------------------------


def grid(**regions: tuple[int, ...]) -> dict[str, Series]:
    return {name: Series(NOW, HOUR, values) for name, values in regions.items()}


def test_the_site_that_emits_least_over_the_run_is_taken():
    sites = (site("n", region="north"), site("s", region="south"))
    forecast = grid(north=(100, 100, 900), south=(200,))
    assert begun(request(hours=2), at=sites, policy=GREEN, forecast=forecast)["r"].site == "n"
    assert begun(request(hours=3), at=sites, policy=GREEN, forecast=forecast)["r"].site == "s"
    thirsty = (site("n", region="north", watts=1_000, pue_permille=1_200), sites[1])
    assert begun(request(hours=2), at=thirsty, policy=GREEN, forecast=forecast)["r"].site == "s"


def test_a_region_without_a_forecast_comes_last():
    sites = (site("a", region="unknown", watts=1), site("b", region="north"))
    assert begun(request(), at=sites, policy=GREEN, forecast=grid(north=(900,)))["r"].site == "b"
    assert begun(request(), at=sites[:1], policy=GREEN)["r"].site == "a"


def test_a_request_with_slack_waits_for_a_greener_hour_and_never_beyond_it():
    forecast = grid(north=(300, 300, 100, 300))
    asked = request(slack=2 * HOUR + 10)
    assert not begun(asked, policy=GREEN, forecast=forecast)
    assert begun(request(slack=0), policy=GREEN, forecast=forecast)
    assert begun(replace(asked, slack=10), policy=GREEN, forecast=forecast)
    assert begun(asked, policy=PLAIN, forecast=forecast)
    overdue = replace(GREEN, wait_max=10)
    assert begun(asked, policy=overdue, forecast=forecast)["r"].why is Why.STARTS_OVERDUE
    later = choose([asked], [site()], Calendar(forecast=forecast), GREEN, NOW + 2 * HOUR)
    assert [start.request for start in later.starts] == ["r"]


def test_the_hours_that_count_are_those_that_the_run_takes_at_the_site():
    forecast = grid(north=(100, 300, 190, 190, 300))
    asked = request(hours=1, slack=2 * HOUR)
    assert begun(asked, policy=GREEN, forecast=forecast)["r"].until == NOW + HOUR
    slow = site(speed_permille=500)  # two hours there, and the third and fourth emit less than the first two
    assert not begun(asked, at=(slow,), policy=GREEN, forecast=forecast)
    later = choose([asked], [slow], Calendar(forecast=forecast), GREEN, NOW + 2 * HOUR)
    assert [start.until for start in later.starts] == [NOW + 4 * HOUR]


def test_a_request_waits_for_a_greener_hour_elsewhere_too():
    sites = (site("n", region="north"), site("s", region="south"))
    forecast = grid(north=(200,), south=(300, 50))
    assert not begun(request(slack=5 * HOUR), at=sites, policy=GREEN, forecast=forecast)
    assert begun(request(slack=5 * HOUR), at=sites[:1], policy=GREEN, forecast=forecast)["r"].site == "n"


def test_who_waits_for_a_greener_hour_is_in_nobody_s_way():
    forecast = grid(north=(300, 100))
    assert list(begun(request("g", 4, tier=9, slack=5 * HOUR), request("r", 4), policy=GREEN, forecast=forecast)) == [
        "r"
    ]


# --- laws of all worlds -------------------------------------------------------------------------------------------------


def held_at(world: World, starts: tuple[Start, ...], place: Site, moment: int) -> int:
    """Return the devices of a site that are held at a moment, a run that is late until the next second."""
    needs = {each.id: each.need.devices for each in world.queue}
    used = sum(
        run.request.need.devices
        for run in world.calendar.running
        if run.site == place.id and max(run.until, NOW + 1) > moment
    )
    used += sum(
        each.devices for each in world.calendar.bookings if each.site == place.id and each.since <= moment < each.until
    )
    return used + sum(needs[start.request] for start in starts if start.site == place.id and start.until > moment)


def others_hold(runs: Iterable[Running], sites: Iterable[Site]) -> Counter[str]:
    """Return how many devices of each kind those who are no newcomers hold at open sites, but for what is lent."""
    kinds = {each.id: each.kind for each in sites if each.standing is Standing.OPEN}
    held: Counter[str] = Counter()
    for run in runs:
        if run.site in kinds and not (run.request.newcomer or run.lent):
            held[kinds[run.site]] += run.request.need.devices
    return held


def assert_lawful(world: World, decision: Decision) -> None:
    queue = {each.id: each for each in world.queue}
    sites = {each.id: each for each in world.sites}
    starts = decision.starts
    assert len({start.request for start in starts}) == len(starts)
    for start in starts:
        asked, place = queue[start.request], sites[start.site]
        assert could_run(asked, place)
        assert affordable(asked, place)
        assert start.price == price_at(asked.need, place) <= asked.ceiling
        assert start.until == NOW + seconds_at(asked.need, place)
        assert not start.lent or (world.policy.reserved_lent and asked.checkpoints and not asked.newcomer)
        begins = [each.since for each in world.calendar.bookings if NOW < each.since < start.until]
        assert all(held_at(world, starts, place, moment) <= place.devices for moment in [NOW, *begins])
    others, may_hold = others_hold(world.calendar.running, world.sites), outside(world.sites, world.policy)
    for start in starts:
        if not (start.lent or queue[start.request].newcomer):
            kind = sites[start.site].kind
            others[kind] += queue[start.request].need.devices
            assert others[kind] <= may_hold[kind]
    lent = {run.request.id for run in world.calendar.running if run.lent and run.checkpoint_at > 0}
    called = [recall.request for recall in decision.recalls]
    assert len(set(called)) == len(called)
    assert set(called) <= lent
    for recall in decision.recalls:
        assert queue[recall.newcomer].newcomer
        assert recall.newcomer not in {start.request for start in starts}
        assert recall.at >= NOW


@given(worlds())
@settings(max_examples=400, deadline=None)
def test_every_decision_keeps_capacity_the_reserve_and_the_ceilings(world: World):
    assert_lawful(world, choose(*world.asked()))


@given(worlds(), st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_the_order_in_which_things_are_told_does_not_matter(world: World, seed: int):
    draw = random.Random(seed)

    def mixed(values):
        return tuple(draw.sample(values, len(values)))

    calendar = replace(world.calendar, running=mixed(world.calendar.running), bookings=mixed(world.calendar.bookings))
    told = choose(mixed(world.queue), mixed(world.sites), calendar, world.policy, NOW)
    assert told == choose(*world.asked())


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_nothing_begins_twice(world: World):
    first = choose(*world.asked())
    assert choose(world.queue * 2, world.sites, world.calendar, world.policy, NOW) == first
    prepared = Prepared(world.sites, carbon_aware=not world.policy.carbon_aware)
    assert choose(world.queue, prepared, world.calendar, world.policy, NOW) == first
    queue = {each.id: each for each in world.queue}
    runs = tuple(Running(queue[start.request], start.site, NOW, start.until, start.lent) for start in first.starts)
    again = choose(
        world.queue, world.sites, replace(world.calendar, running=(*world.calendar.running, *runs)), world.policy, NOW
    )
    assert not {start.request for start in again.starts} & {start.request for start in first.starts}


@given(worlds(), st.integers(1, 3))
@settings(max_examples=300, deadline=None)
def test_decisions_that_end_after_a_few_starts_begin_together_what_one_begins(world: World, most: int):
    """Where nobody waits for a greener hour: who does, and then finds the place taken, holds one in the next decision."""
    policy = replace(world.policy, carbon_aware=False)
    whole = choose(world.queue, world.sites, world.calendar, policy, NOW)
    assert not whole.more
    queue = {each.id: each for each in world.queue}
    runs, starts, more = world.calendar.running, [], True
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("training_jobs.scheduling.choose.STARTS_MAX", most)
        while more:
            part = choose(queue.values(), world.sites, replace(world.calendar, running=runs), policy, NOW)
            more = part.more
            assert not (more and (part.recalls or len(part.starts) != most))
            runs += tuple(Running(queue[each.request], each.site, NOW, each.until, each.lent) for each in part.starts)
            starts += part.starts
            queue = {name: each for name, each in queue.items() if name not in {each.request for each in part.starts}}
    assert (tuple(starts), part.recalls) == (whole.starts, whole.recalls)


@given(worlds(most=1))
@settings(max_examples=400, deadline=None)
def test_who_is_alone_begins_unless_a_reason_that_can_be_checked_stands_against_it(world: World):
    (asked,) = world.queue
    starts = choose(*world.asked()).starts
    others, may_hold = others_hold(world.calendar.running, world.sites), outside(world.sites, world.policy)
    free = [
        each for each in world.sites if could_run(asked, each) and affordable(asked, each) and room(world, asked, each)
    ]
    if not asked.newcomer:
        own = [each for each in free if others[each.kind] + asked.need.devices <= may_hold[each.kind]]
        free = own or (free if asked.checkpoints and world.policy.reserved_lent else [])
    if starts:
        assert starts[0].site in {each.id for each in free}
        assert starts[0].lent == (not asked.newcomer and not own)
    elif free:
        latest = asked.submitted_at + asked.slack
        assert world.policy.carbon_aware
        assert latest > NOW
        assert NOW - asked.submitted_at < world.policy.wait_max
        forecast = world.calendar.forecast
        assert any(
            carbon.best_start(forecast[each.region], NOW, latest, seconds_at(asked.need, each)) > NOW
            for each in free
            if each.region in forecast
        )


def room(world: World, asked: Request, place: Site) -> bool:
    until = NOW + seconds_at(asked.need, place)
    moments = [NOW, *(each.since for each in world.calendar.bookings if NOW < each.since < until)]
    return all(held_at(world, (), place, moment) + asked.need.devices <= place.devices for moment in moments)


@given(st.integers(0, 2**48))
@settings(max_examples=100, deadline=None)
def test_newcomers_find_the_reserve_of_each_kind_whatever_others_took_or_borrowed(seed: int):
    draw = random.Random(seed)
    pool = tuple(site(f"s{number}", draw.randint(1, 6), kind=draw.choice("abc")) for number in range(5))
    policy = replace(
        PLAIN, reserved_bps=draw.choice((1, 1_000, 2_500, 6_000)), reserved_lent=draw.random() < 0.5,
        backfill=draw.random() < 0.5,
    )  # fmt: skip
    others = [request(f"o{n}", draw.randint(1, 4), hours=99, checkpoints=draw.random() < 0.7) for n in range(30)]
    asked = {each.id: each for each in others}
    runs = [
        Running(asked[start.request], start.site, NOW, start.until, start.lent, NOW + 60 if start.lent else 0)
        for start in choose(others, pool, Calendar(), policy, NOW).starts
    ]
    may_hold = outside(pool, policy)
    newcomers = {}
    for kind, left in may_hold.items():
        elsewhere = frozenset(each.id for each in pool if each.kind != kind)
        for number in range(sum(each.devices for each in pool if each.kind == kind) - left):
            new = request(f"{kind}{number}", hours=9, newcomer=True, not_at=elsewhere)
            newcomers[new.id] = new
    for now in (NOW + 1, *range(NOW + 60, NOW + 100)):  # at once, or as lent work comes to its checkpoints
        decision = choose(newcomers.values(), pool, Calendar(tuple(runs)), policy, now)
        runs += [Running(newcomers.pop(start.request), start.site, now, start.until) for start in decision.starts]
        gone = {recall.request for recall in decision.recalls}
        assert policy.reserved_lent or not newcomers
        runs = [run for run in runs if run.request.id not in gone]
    assert not newcomers


# --- nobody waits for ever ----------------------------------------------------------------------------------------------


@given(st.integers(0, 2**48))
@settings(max_examples=60, deadline=None)
def test_every_request_begins_within_the_bound_whatever_comes_after_it(seed: int):
    """The bound of decision 0020: `wait_max`, and the longest run once and for each overdue request before it."""
    draw = random.Random(seed)
    sites = tuple(
        site(f"s{number}", draw.randint(2, 4), data=draw.choice([None, frozenset({"public"})]), kind=draw.choice("ab"))
        for number in range(draw.randint(1, 2))
    )
    policy = Policy(
        wait_max=4 * HOUR, reserved_bps=draw.choice((0, 2_500)), reserved_lent=draw.random() < 0.5,
        carbon_aware=False, backfill=draw.random() < 0.5,
    )  # fmt: skip
    share = outside(sites, policy)
    waiting: dict[str, Request] = {}
    runs: list[Running] = []
    overdue_before: dict[str, set[str]] = {}
    arrived: dict[str, Request] = {}
    first_start: dict[str, int] = {}
    arrivals, longest = 30, 3 * HOUR
    for hour in range(arrivals + 120):
        now = NOW + hour * HOUR
        for run in [run for run in runs if run.until <= now]:
            runs.remove(run)
        for number in range(draw.randint(0, 2) if hour < arrivals else 0):
            new = request(
                f"{hour}-{number}", draw.choice([1, 1, 2, 4]), hours=draw.randint(1, 3),
                newcomer=draw.random() < 0.5, checkpoints=draw.random() < 0.5, submitted_at=now,
                tier=draw.randint(0, 3), data=draw.choice([frozenset(), frozenset({"health"})]),
            )  # fmt: skip
            if any(could_run(new, each) and new.need.devices <= share[each.kind] for each in sites):
                waiting[new.id] = arrived[new.id] = new
        for each in waiting.values():
            if now - each.submitted_at >= policy.wait_max:
                before = {o.id for o in waiting.values() if (o.submitted_at, o.id) < (each.submitted_at, each.id)}
                overdue_before.setdefault(each.id, set()).update(before)
        decision = choose(waiting.values(), sites, Calendar(tuple(runs)), policy, now)
        for start in decision.starts:
            asked = waiting.pop(start.request)
            first_start.setdefault(asked.id, now)
            runs.append(Running(asked, start.site, now, start.until, start.lent, now + HOUR if start.lent else 0))
        for recall in decision.recalls:
            if recall.at <= now:
                (gone,) = [run for run in runs if run.request.id == recall.request]
                runs.remove(gone)
                waiting[gone.request.id] = gone.request
        if hour >= arrivals and not waiting and not runs:
            break
    for each in arrived.values():
        bound = policy.wait_max + longest * (1 + len(overdue_before.get(each.id, ())))
        assert each.id in first_start
        assert first_start[each.id] - each.submitted_at <= bound
