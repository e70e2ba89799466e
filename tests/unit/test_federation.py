"""A simulated federation: repeatable, loses nothing, never overspends; and the loop on worlds small enough to do by hand."""

from collections import Counter
from dataclasses import replace

import pytest

from governance.errors import Conflict, Invalid
from training_jobs.federation.choosers import ByPolicy, first_fit, strict
from training_jobs.federation.figures import figures
from training_jobs.federation.grids import sample_intensity
from training_jobs.federation.simulate import simulate
from training_jobs.federation.values import Asked, Community, Fate, Left, SiteLife, Turn, World
from training_jobs.federation.world import Size, make_world
from training_jobs.scheduling.choose import choose
from training_jobs.scheduling.values import (
    Booking,
    Decision,
    Need,
    Origin,
    Policy,
    Recall,
    Request,
    Series,
    Site,
    Standing,
    Start,
    Why,
)

HOUR = 3_600
SMALL = Size(sites=16, communities=5, requests=90, days=28, load_bps=11_000)
POLICY = Policy(carbon_aware=False)


@pytest.fixture(scope="module")
def small():
    return make_world("small", sample_intensity(), SMALL)


@pytest.fixture(scope="module", params=[ByPolicy, lambda: first_fit], ids=["choose", "first_fit"])
def outcome(request, small):
    return simulate(small, request.param(), Policy())


def request_of(name="a", at=0, *, seconds=HOUR, devices=1, **more):
    fields = {
        "community": "c",
        "member": "alice",
        "origin": Origin.VOTED,
        "ceiling": 10**9,
        "checkpoints": True,
    } | more
    return Request(id=name, need=Need(devices, 1, seconds), submitted_at=at, **fields)


def asked_of(request, *, work=None, every=600):
    return Asked(request, request.need.seconds * 1_000 if work is None else work, every)


def site_of(name="s", **more):
    fields = {"devices": 2, "memory_bytes": 1, "watts": 500, "price": 3_600} | more
    return Site(id=name, region="r", country="FR", **fields)


def life_of(site, *turns):
    return SiteLife(site, turns or (Turn(0, Standing.OPEN),))


def world_of(asked, lives=None, *, budget=10**12, **more):
    fields = {
        "seed": "by hand",
        "since": 0,
        "until": 10 * 24 * HOUR,
        "intensity": {"r": Series(0, HOUR, (100,))},
    } | more
    return World(
        sites=tuple(lives or [life_of(site_of())]), communities=(Community("c", budget),), asked=tuple(asked), **fields
    )


def only(outcome):
    (one,) = outcome.ended
    return one


# --- the same and another seed ----------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_figures(small):
    again = make_world("small", sample_intensity(), SMALL)
    assert again == small
    assert figures(simulate(again, ByPolicy(), Policy())) == figures(simulate(small, ByPolicy(), Policy()))


def test_another_seed_gives_another_year(small, outcome):
    other = make_world("other", sample_intensity(), SMALL)
    assert other.asked != small.asked
    assert figures(simulate(other, first_fit, Policy())) != figures(outcome)


def test_keeping_what_was_prepared_changes_no_answer(small):
    short = replace(small, asked=small.asked[:40])
    assert simulate(short, ByPolicy(), Policy()).ended == simulate(short, choose, Policy()).ended


@pytest.mark.parametrize(
    "size", [{"sites": 0}, {"requests": True}, {"days": 10**9}, {"load_bps": -1}, {"communities": 1.5}, {"days": "7"}]
)
def test_a_world_that_is_empty_or_beyond_measure_is_refused(size):
    with pytest.raises(Invalid):
        Size(**size)


def test_a_world_without_regions_is_refused():
    with pytest.raises(Invalid):
        make_world("1", {}, SMALL)


# --- nothing is lost, nobody overspends -------------------------------------------------------------------------------


def test_every_request_ends_in_exactly_one_way(small, outcome):
    assert [each.asked for each in outcome.ended] == list(small.asked)
    fates = Counter(each.fate for each in outcome.ended)
    assert sum(fates.values()) == len(small.asked)
    assert outcome.events["submitted"] == len(small.asked)
    for fate in (Fate.DONE, Fate.STOPPED, Fate.REFUSED):
        assert outcome.events.get(fate.value, 0) == fates[fate]


def test_what_was_delivered_is_the_work_of_those_that_are_done(small, outcome):
    speeds = {life.site.id: life.site.speed_permille for life in small.sites}
    for each in outcome.ended:
        worked = sum((stay.kept_until - stay.since) * speeds[stay.site] for stay in each.stays)
        if each.fate is Fate.DONE:
            # a run holds its site for whole seconds, so that less than one may be left over
            assert each.asked.work <= worked < each.asked.work + speeds[each.stays[-1].site]
        else:
            assert worked < each.asked.work
    assert figures(outcome).delivered == sum(each.delivered for each in outcome.ended)


def test_starts_and_ends_of_stays_add_up(outcome):
    stays = [stay for each in outcome.ended for stay in each.stays]
    lefts = Counter(stay.left for stay in stays)
    assert outcome.events["started"] == len(stays)
    assert outcome.events.get("lost", 0) == lefts[Left.SITE_LOST] > 0
    assert outcome.events.get("recalled", 0) == lefts[Left.RECALLED] == outcome.recalls_kept


def test_no_site_ever_has_more_at_work_than_it_has(small, outcome):
    stays = [stay for each in outcome.ended for stay in each.stays]
    for life in small.sites:
        bookings = [each for each in small.bookings if each.site == life.site.id]
        here = [stay for stay in stays if stay.site == life.site.id]
        for moment in [stay.since for stay in here]:
            held = sum(stay.devices for stay in here if stay.since <= moment < stay.until)
            held += sum(each.devices for each in bookings if each.since <= moment < each.until)
            assert held <= life.site.devices


def test_nothing_runs_at_a_site_that_is_silent_or_gone(small, outcome):
    for each in outcome.ended:
        for stay in each.stays:
            life = next(life for life in small.sites if life.site.id == stay.site)
            standings = [turn.standing for turn in life.turns if stay.since < turn.at < stay.until]
            before = [turn.standing for turn in life.turns if turn.at <= stay.since]
            assert before[-1] is Standing.OPEN
            assert all(standing is Standing.DRAINING for standing in standings)


def test_nobody_overspends_and_what_is_lost_is_not_paid(small, outcome):
    assert figures(outcome).overruns == 0
    prices = {life.site.id: life.site.price for life in small.sites}
    for each in outcome.ended:
        assert each.spent <= each.asked.request.ceiling
        for stay in each.stays:
            assert stay.cost == -(-prices[stay.site] * stay.devices * (stay.kept_until - stay.since) // HOUR)


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_a_run_waits_for_devices_and_is_done():
    world = world_of([asked_of(request_of("a", devices=2)), asked_of(request_of("b", 60, devices=2))])
    first, second = simulate(world, first_fit, POLICY).ended
    assert (first.started_at, first.at, first.spent) == (0, HOUR, 2 * 3_600)
    assert (second.started_at, second.at) == (HOUR, 2 * HOUR)


def test_a_fast_site_needs_less_time():
    world = world_of([asked_of(request_of())], [life_of(site_of(speed_permille=2_000))])
    assert only(simulate(world, first_fit, POLICY)).at == HOUR // 2


def test_a_run_on_a_site_that_falls_silent_goes_on_elsewhere_from_its_last_checkpoint():
    silent = life_of(site_of("a"), Turn(0, Standing.OPEN), Turn(1_500, Standing.SILENT))
    ended = only(simulate(world_of([asked_of(request_of())], [silent, life_of(site_of("b"))]), first_fit, POLICY))
    lost, rest = ended.stays
    assert (lost.site, lost.kept_until, lost.until, lost.left) == ("a", 1_200, 1_500, Left.SITE_LOST)
    assert (rest.site, rest.since, rest.until - rest.since) == ("b", 1_500, HOUR - 1_200)
    assert ended.fate is Fate.DONE


def test_a_run_that_makes_no_checkpoints_begins_again():
    silent = life_of(site_of("a"), Turn(0, Standing.OPEN), Turn(1_500, Standing.SILENT))
    asked = asked_of(request_of(checkpoints=False))
    lost, again = only(simulate(world_of([asked], [silent, life_of(site_of("b"))]), first_fit, POLICY)).stays
    assert (lost.device_seconds, lost.cost) == (0, 0)
    assert again.until - again.since == HOUR


def test_a_run_that_needs_more_time_than_it_said_stops_and_asks():
    ended = only(simulate(world_of([asked_of(request_of(), work=2 * HOUR * 1_000)]), first_fit, POLICY))
    assert (ended.fate, ended.why, ended.delivered) == (Fate.STOPPED, Left.TIME_USED, HOUR)


def test_a_run_stops_at_its_ceiling_whatever_the_chooser_promised():
    def careless(queue, sites, calendar, policy, now):
        return Decision(tuple(Start(each.id, "dear", now + HOUR, 0, Why.STARTS) for each in queue), ())

    lives = [life_of(site_of("cheap", price=1)), life_of(site_of("dear", price=7_200))]
    ended = only(simulate(world_of([asked_of(request_of(ceiling=3_600))], lives), careless, POLICY))
    assert (ended.fate, ended.why, ended.spent) == (Fate.STOPPED, Left.CEILING_REACHED, 3_600)
    assert ended.delivered == HOUR // 2


def test_what_the_ceiling_held_back_is_the_communitys_again():
    asked = [asked_of(request_of(name, at * HOUR, ceiling=5_000)) for at, name in ((0, "a"), (0, "b"), (3, "c"))]
    first, second, third = simulate(world_of(asked, budget=9_000), first_fit, POLICY).ended
    assert first.fate is third.fate is Fate.DONE
    assert (second.fate, second.why, second.spent) == (Fate.REFUSED, Left.NO_BUDGET, 0)


def test_what_fits_no_site_is_refused_at_once_and_when_the_last_that_fits_leaves():
    large, late = request_of("large", devices=3), request_of("late", 60, devices=2)
    leaving = life_of(site_of("a"), Turn(0, Standing.OPEN), Turn(30, Standing.DRAINING), Turn(HOUR, None))
    ended = simulate(world_of([asked_of(large), asked_of(late)], [leaving]), first_fit, POLICY).ended
    assert [(each.fate, each.why, each.at) for each in ended] == [
        (Fate.REFUSED, Left.NO_SITE_FITS, 0),
        (Fate.REFUSED, Left.NO_SITE_FITS, HOUR),
    ]


def test_nothing_begins_that_would_run_into_a_booking():
    world = world_of([asked_of(request_of(devices=2))], bookings=(Booking("s", 1_800, 7_200, 1),))
    assert only(simulate(world, first_fit, POLICY)).started_at == 7_200


def test_strictly_in_turn_the_small_one_waits_behind_the_large_one():
    asked = [asked_of(request_of(name, at, devices=d)) for name, at, d in (("a", 0, 1), ("b", 60, 2), ("c", 120, 1))]
    starts = {
        chooser: [each.started_at for each in simulate(world_of(asked), chooser, POLICY).ended]
        for chooser in (strict, first_fit)
    }
    assert starts[strict] == [0, HOUR, 2 * HOUR]
    assert starts[first_fit][2] == 300


def test_lent_work_gives_way_at_its_checkpoint_and_is_done_later():
    def lends(queue, sites, calendar, policy, now):
        held = sum(run.request.need.devices for run in calendar.running)
        newcomers = [each for each in queue if each.newcomer]
        if held and newcomers:
            run = calendar.running[0]
            return Decision((), (Recall(run.request.id, run.site, run.checkpoint_at, newcomers[0].id),))
        first = sorted(queue, key=lambda each: not each.newcomer)[: 1 - min(held, 1)]
        return Decision(
            tuple(Start(e.id, "s", now + e.need.seconds, 0, Why.STARTS_ON_LENT, lent=not e.newcomer) for e in first),
            (),
        )

    asked = [asked_of(request_of("old", devices=2)), asked_of(request_of("new", 700, devices=2, newcomer=True))]
    outcome = simulate(world_of(asked), lends, POLICY)
    old, new = outcome.ended
    assert (old.stays[0].until, old.stays[0].left) == (1_200, Left.RECALLED)
    assert new.started_at == 1_200
    assert old.fate is new.fate is Fate.DONE
    assert old.delivered == 2 * HOUR
    assert (outcome.recalls_asked, outcome.recalls_kept) == (1, 1)


@pytest.mark.parametrize(
    ("start", "code"),
    [
        (Start("a", "nowhere", HOUR, 0, Why.STARTS), "no_room"),
        (Start("a", "closed", HOUR, 0, Why.STARTS), "no_room"),
        (Start("a", "tiny", HOUR, 0, Why.STARTS), "no_room"),
        (Start("unknown", "s", HOUR, 0, Why.STARTS), "not_waiting"),
    ],
)
def test_a_chooser_that_gives_what_is_not_there_is_refused(start, code):
    lives = [
        life_of(site_of()),
        life_of(site_of("closed"), Turn(0, Standing.SILENT)),
        life_of(site_of("tiny", devices=1)),
    ]
    with pytest.raises(Conflict) as refused:
        simulate(world_of([asked_of(request_of(devices=2))], lives), lambda *_: Decision((start,), ()), POLICY)
    assert refused.value.code == code


def test_recalling_what_was_not_lent_is_refused():
    def recalls(queue, sites, calendar, policy, now):
        if calendar.running:
            return Decision((), (Recall("a", "s", now, "b"),))
        return Decision((Start("a", "s", now + HOUR, 0, Why.STARTS),), ())

    with pytest.raises(Conflict):
        simulate(world_of([asked_of(request_of()), asked_of(request_of("b", 60))]), recalls, POLICY)


def test_the_chooser_is_not_asked_while_nothing_fits_what_is_free():
    asked_at = []

    def counting(queue, sites, calendar, policy, now):
        asked_at.append(now)
        return first_fit(queue, sites, calendar, policy, now)

    long, waiting = request_of("a", seconds=30 * HOUR, devices=2), request_of("b", 60, devices=2)
    outcome = simulate(world_of([asked_of(long), asked_of(waiting)]), counting, POLICY)
    assert asked_at == [0, 30 * HOUR]
    assert outcome.decisions == 2
    assert outcome.ended[1].started_at == 30 * HOUR


def test_a_booking_far_ahead_is_known_to_who_takes_long_at_a_slow_site():
    long = request_of(seconds=50 * 24 * HOUR)
    slow = life_of(site_of(speed_permille=500, devices=1))
    world = world_of([asked_of(long)], [slow], bookings=(Booking("s", 95 * 24 * HOUR, 96 * 24 * HOUR, 1),))
    assert only(simulate(world, ByPolicy(), POLICY)).started_at == 96 * 24 * HOUR


def test_the_reserve_is_counted_of_each_kind():
    # all of the ten small devices are taken, so that theirs is not kept, though ten large ones stand free
    lives = [
        life_of(site_of("small", devices=10, kind="small")),
        life_of(site_of("large", devices=10, kind="large", memory_bytes=2)),
    ]
    asked = asked_of(request_of(devices=10, seconds=5 * 24 * HOUR))
    outcome = simulate(world_of([asked], lives), first_fit, POLICY)
    days = 24 * HOUR
    assert (outcome.reserve.due, outcome.reserve.kept) == (2 * 10 * days, 10 * days + 5 * days)


def test_sites_of_a_made_year_have_kinds_and_one_site_has_one(small):
    sites = [life.site for life in make_world("kinds", sample_intensity(), replace(SMALL, sites=100)).sites]
    kinds = {site.kind for site in sites}
    assert len(kinds) >= 4
    assert all(kind for kind in kinds)
    for kind in kinds:
        assert len({site.memory_bytes for site in sites if site.kind == kind}) == 1
