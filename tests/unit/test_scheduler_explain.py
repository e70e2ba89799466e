"""Why a request waits, about when it begins, and the next free slot: one true reason for each that does not begin."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from governance.errors import Conflict
from tests.unit.scheduler_worlds import HOUR, NOW, PLAIN, World, outside, request, running, site, worlds
from training_jobs.scheduling.choose import choose
from training_jobs.scheduling.explain import Slot, explain, next_free, reasons
from training_jobs.scheduling.fitting import affordable, could_run, price_at, seconds_at, takes_work
from training_jobs.scheduling.values import Booking, Calendar, Need, Policy, Request, Series, Site, Standing, Wait, Why

RESERVED = replace(PLAIN, reserved_bps=2_500)
ASKED = request()


def waits(
    asked: Request, *others: Request, at: tuple[Site, ...] = (), policy: Policy = PLAIN, **calendar: object
) -> Wait:
    return explain(asked, [*others, asked], at or (site(),), Calendar(**calendar), policy, NOW)


def test_one_that_begins_is_told_so_whether_or_not_it_is_in_the_queue_yet():
    for queue in ([], [ASKED]):
        told = explain(ASKED, queue, [site()], Calendar(), PLAIN, NOW)
        assert (told.why, told.expected, told.data["site"]) == (Why.STARTS, NOW, "a")


def test_one_that_runs_has_no_reason_to_wait():
    run = replace(running("x", "a"), request=ASKED)
    with pytest.raises(Conflict, match="request_runs"):
        waits(ASKED, running=(run,))


def test_no_site_fits():
    told = waits(request(devices=5))
    assert (told.why, told.expected, told.data) == (Why.NO_SITE_FITS, None, {"devices": 5})
    assert waits(ASKED, at=(site(standing=Standing.SILENT),)).why is Why.NO_SITE_FITS


def test_too_dear_says_the_least_price_and_the_ceiling():
    told = waits(request(ceiling=3_000), at=(site("a"), site("b", price=5_000)))
    assert (told.why, told.data) == (Why.TOO_DEAR, {"price": 3_600, "ceiling": 3_000})


def test_all_busy_says_when_the_first_devices_come_free():
    told = waits(request(devices=2), running=(running("x", "a", 1, hours=1), running("y", "a", 2, hours=4)))
    assert (told.why, told.expected, told.plus_minus) == (Why.ALL_BUSY, NOW + HOUR, HOUR // 4)
    assert told.data == {"devices": 2, "ahead": 0, "until": NOW + HOUR}


def test_those_who_go_before_put_off_the_expected_start():
    runs = (running("x", "a", 4, hours=4),)
    before = [request(f"b{number}", 4, hours=2, tier=1) for number in range(3)]
    told = waits(request(devices=4), *before, running=runs)
    assert (told.why, told.expected, told.data["ahead"]) == (Why.ALL_BUSY, NOW + 10 * HOUR, 3)
    assert told.plus_minus >= HOUR
    many = [request(f"b{number}", 4, hours=2, tier=1) for number in range(60)]
    told = waits(request(devices=4), *many, running=runs)
    assert (told.expected, told.data["ahead"]) == (NOW + 124 * HOUR, 60)


def test_booked_says_where_and_until_when():
    told = waits(request(hours=2), bookings=(Booking("a", NOW + HOUR, NOW + 3 * HOUR, 4),))
    assert (told.why, told.expected) == (Why.BOOKED, NOW + 3 * HOUR)
    assert (told.data["site"], told.data["until"]) == ("a", NOW + 3 * HOUR)


def test_behind_others_names_who_goes_before():
    told = waits(request(hours=9), request("wide", 4, tier=1), running=(running("x", "a", 2, hours=2),))
    assert (told.why, told.data["before"], told.expected) == (Why.BEHIND_OTHERS, "wide", NOW + 3 * HOUR)


def test_reserved_says_when_the_share_of_the_others_has_room_or_that_it_never_has():
    told = waits(request(hours=9), running=(running("x", "a", 3, hours=2),), policy=RESERVED)
    assert (told.why, told.expected, told.data["until"]) == (Why.RESERVED, NOW + 2 * HOUR, NOW + 2 * HOUR)
    never = waits(request(devices=4), policy=RESERVED)
    assert (never.why, never.expected) == (Why.RESERVED, None)


def test_reserved_is_told_only_where_no_kind_with_devices_free_has_any_for_the_others():
    pool = (site("new", 4, kind="large"), site("old", 4, kind="small"))
    full = (running("x", "new", 3, hours=2), running("y", "old", 4, hours=1))
    told = waits(request(hours=2), at=pool, policy=RESERVED, running=full)
    assert (told.why, told.data["site"], told.expected) == (Why.RESERVED, "new", NOW + HOUR)
    busy = (running("x", "new", 4, hours=2), running("y", "old", 4, hours=1))
    assert waits(request(hours=2), at=pool, policy=RESERVED, running=busy).why is Why.ALL_BUSY
    # more than the one kind ever has outside its reserve, and within the other once its runs have ended
    told = waits(request(devices=4), at=(pool[0], site("old", 8, kind="small")), policy=RESERVED, running=full)
    assert (told.why, told.data["site"], told.expected) == (Why.RESERVED, "old", NOW + HOUR)


def test_a_newcomer_is_told_of_the_lent_work_that_is_called_back_for_it():
    runs = (
        running("own", "a", 3, hours=9),
        running("x", "a", 1, hours=9, lent=True, checkpoint=NOW + 60),
    )
    told = waits(request(newcomer=True), policy=RESERVED, running=runs)
    assert (told.why, told.expected) == (Why.RESERVE_RECALLED, NOW + 60)
    assert (told.data["site"], told.data["until"]) == ("a", NOW + 60)


def test_greener_later_says_when_and_where():
    green = replace(PLAIN, carbon_aware=True)
    forecast = {"north": Series(NOW, HOUR, (300, 300, 100))}
    told = waits(request(slack=4 * HOUR), policy=green, forecast=forecast)
    assert (told.why, told.expected, told.data["site"]) == (Why.GREENER_LATER, NOW + 2 * HOUR, "a")


def test_without_backfill_one_waits_behind_others_though_the_reserve_is_not_in_its_way():
    policy = replace(RESERVED, backfill=False)
    told = waits(ASKED, request("wide", 3, tier=1), running=(running("x", "a", 2, hours=2),), policy=policy)
    assert told.why is Why.BEHIND_OTHERS


# --- the next free slot -------------------------------------------------------------------------------------------------


def test_the_next_free_slot_is_the_earliest_that_a_need_could_be_met():
    need = Need(3, 10, 2 * HOUR)
    calendar = Calendar((running("x", "a", 2, hours=1),), (Booking("a", NOW + 2 * HOUR, NOW + 4 * HOUR, 2),))
    assert next_free(need, [site()], calendar, PLAIN, NOW) == Slot("a", NOW + 4 * HOUR, NOW + 6 * HOUR, 21_600)
    short = Need(3, 10, HOUR)
    assert next_free(short, [site()], calendar, PLAIN, NOW) == Slot("a", NOW + HOUR, NOW + 2 * HOUR, 10_800)
    assert next_free(Need(9, 10, HOUR), [site()], calendar, PLAIN, NOW) is None


def test_the_next_free_slot_knows_the_ceiling_the_reserve_and_whom_a_site_serves():
    need = Need(4, 10, HOUR)
    assert next_free(need, [site()], Calendar(), RESERVED, NOW) is None
    assert next_free(need, [site()], Calendar(), RESERVED, NOW, newcomer=True) == Slot("a", NOW, NOW + HOUR, 14_400)
    assert next_free(need, [site()], Calendar(), PLAIN, NOW, ceiling=14_399) is None
    closed = site(serves=frozenset({"c"}))
    assert next_free(need, [closed], Calendar(), PLAIN, NOW) is None
    assert next_free(need, [closed], Calendar(), PLAIN, NOW, community="c") is not None


def test_the_next_free_slot_comes_after_what_begins_from_the_queue_and_after_held_places():
    need = Need(4, 10, HOUR)
    slot = next_free(need, [site()], Calendar(), PLAIN, NOW, queue=[request("q", 1, hours=5)])
    assert slot == Slot("a", NOW + 5 * HOUR, NOW + 6 * HOUR, 14_400)


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_the_next_free_slot_of_a_newcomer_is_true_now_when_it_says_now(world: World):
    asked = world.queue[0]
    told = next_free(
        asked.need, world.sites, world.calendar, world.policy, NOW, community=asked.community, newcomer=True
    )
    alone = replace(asked, newcomer=True, ceiling=1 << 70, slack=0, not_at=frozenset())
    starts = choose([alone], world.sites, world.calendar, world.policy, NOW).starts
    assert bool(starts) == (told is not None and told.since == NOW)


# --- one true reason ----------------------------------------------------------------------------------------------------


def used(world: World, starts: dict[str, str], place: Site, moment: int, ends: dict[str, int]) -> int:
    needs = {each.id: each.need.devices for each in world.queue}
    runs = sum(
        run.request.need.devices
        for run in world.calendar.running
        if run.site == place.id and ends.get(run.request.id, max(run.until, NOW + 1)) > moment
    )
    booked = sum(
        each.devices for each in world.calendar.bookings if each.site == place.id and each.since <= moment < each.until
    )
    return runs + booked + sum(needs[name] for name, at in starts.items() if at == place.id and ends[name] > moment)


def is_true(told: Wait, asked: Request, world: World) -> bool:  # noqa: PLR0911 - one answer per reason
    """Check a reason against the world alone, without the code that gave it."""
    decision = choose(*world.asked())
    starts = {start.request: start.site for start in decision.starts}
    ends = {start.request: start.until for start in decision.starts}
    ends |= {recall.request: max(recall.at, NOW + 1) for recall in decision.recalls}
    fitting = [each for each in world.sites if could_run(asked, each)]
    payable = [each for each in fitting if affordable(asked, each)]
    need = asked.need.devices
    free = [each for each in payable if used(world, starts, each, NOW, ends) + need <= each.devices]

    def unbooked(each: Site) -> bool:
        until = NOW + seconds_at(asked.need, each)
        begins = [booked.since for booked in world.calendar.bookings if NOW < booked.since < until]
        return all(used(world, starts, each, moment, ends) + need <= each.devices for moment in begins)

    lasting = [each for each in free if unbooked(each)]
    match told.why:
        case Why.NO_SITE_FITS:
            return not fitting
        case Why.TOO_DEAR:
            return bool(fitting) and not payable and told.data["price"] == min(price_at(asked.need, x) for x in fitting)
        case Why.GREENER_LATER:
            latest = asked.submitted_at + asked.slack
            young = NOW - asked.submitted_at < world.policy.wait_max
            return world.policy.carbon_aware and young and NOW < int(told.data["until"]) <= latest
        case Why.RESERVE_RECALLED:
            return asked.newcomer and asked.id in {recall.newcomer for recall in decision.recalls}
        case Why.ALL_BUSY:
            return bool(payable) and not free
        case Why.BOOKED:
            return bool(free) and not lasting
        case Why.BEHIND_OTHERS:
            return bool(lasting) and len(world.queue) > 1
        case Why.RESERVED:
            kept = any(share_lacks(asked, each, world, starts) for each in lasting) or never_shared(
                asked, payable, world
            )
            return kept and not asked.newcomer and world.policy.reserved_bps > 0
        case _:
            return False


def share_lacks(asked: Request, place: Site, world: World, starts: dict[str, str]) -> bool:
    """Whether so many are not free of a site's kind, for who is no newcomer, once what begins now has begun."""
    same = {each.id for each in world.sites if each.kind == place.kind and takes_work(each)}
    needs = {each.id: each.need.devices for each in world.queue if not each.newcomer}
    runs = [run for run in world.calendar.running if not (run.request.newcomer or run.lent)]
    lent = {start.request for start in choose(*world.asked()).starts if start.lent}
    held = sum(run.request.need.devices for run in runs if run.site in same)
    held += sum(needs.get(name, 0) for name, at in starts.items() if at in same and name not in lent)
    return held + asked.need.devices > outside(world.sites, world.policy)[place.kind]


def never_shared(asked: Request, payable: list[Site], world: World) -> bool:
    """Whether a request needs, wherever it could run, more than lies outside the reserve, and cannot borrow."""
    share = outside(world.sites, world.policy)
    return all(asked.need.devices > share[each.kind] for each in payable) and not (
        asked.checkpoints and world.policy.reserved_lent
    )


def test_what_would_always_be_in_the_reserve_waits_for_it_and_nobody_says_when():
    policy = replace(PLAIN, reserved_bps=2_500)
    for runs in ((), (running("x", "a", 2),)):
        told = waits(request(devices=4), running=runs, policy=policy)
        assert (told.why, told.expected) == (Why.RESERVED, None)


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_each_request_that_does_not_begin_has_one_reason_and_it_is_true(world: World):
    starts = {start.request: start for start in choose(*world.asked()).starts}
    for asked in world.queue:
        told = explain(asked, *world.asked())
        if asked.id in starts:
            assert (told.why, told.data["site"], told.expected) == (starts[asked.id].why, starts[asked.id].site, NOW)
        else:
            assert is_true(told, asked, world), told
            assert told.expected is None or told.expected > NOW
            assert told.plus_minus >= 0


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_the_reasons_of_a_whole_queue_are_those_of_each_request_that_waits(world: World):
    starts = {start.request for start in choose(*world.asked()).starts}
    told = {each.id: explain(each, *world.asked()).why for each in world.queue if each.id not in starts}
    assert reasons(*world.asked()) == told
    run = replace(running("x", "s0"), request=world.queue[0])
    assert run.request.id not in reasons(*replace(world, calendar=Calendar((run,))).asked())


@given(worlds())
@settings(max_examples=200, deadline=None)
def test_a_lone_request_begins_when_it_was_told_if_nothing_changes(world: World):
    asked = world.queue[0]
    alone = replace(world, queue=(asked,))
    told = explain(asked, *alone.asked())
    if told.expected is not None and told.why not in {Why.GREENER_LATER, Why.RESERVE_RECALLED, Why.RESERVED}:
        then = told.expected
        left = tuple(run for run in world.calendar.running if max(run.until, NOW + 1) > then)
        later = choose(
            [replace(asked, slack=0)], world.sites, replace(world.calendar, running=left), world.policy, then
        )
        assert [start.request for start in later.starts] == [asked.id]
