"""Lent work called back: somebody gets on by it, and nothing is begun and called back in turn for ever."""

import random
from dataclasses import dataclass, field, replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.scheduler_worlds import HOUR, NOW, PLAIN, World, drawn, outside, request, running, site
from training_jobs.scheduling.choose import choose
from training_jobs.scheduling.explain import explain
from training_jobs.scheduling.values import Calendar, Policy, Request, Running, Series, Site, Why

SWEEP, STAY = 600, 900
LENDING = replace(PLAIN, reserved_bps=2_500)


@dataclass
class Sweeper:
    """Decides every few minutes, as the platform does: what is called back has left before the next decision."""

    pool: tuple[Site, ...]
    policy: Policy
    queue: dict[str, Request]
    runs: dict[str, Running] = field(default_factory=dict)
    forecast: dict[str, Series] = field(default_factory=dict)
    stay: int = STAY
    begun: list[tuple[int, str, bool]] = field(default_factory=list)  # when, which, whether lent
    called: list[tuple[int, str]] = field(default_factory=list)

    def sweep(self, now: int) -> None:
        """End what is done, begin what can begin until nothing more does, and call back what may go now."""
        self.runs = {name: run for name, run in self.runs.items() if run.until > now}
        while True:
            runs = tuple(
                replace(run, checkpoint_at=max(now, run.since + self.stay)) if run.request.checkpoints else run
                for run in self.runs.values()
            )
            calendar = Calendar(runs, forecast=self.forecast)
            decision = choose(self.queue.values(), self.pool, calendar, self.policy, now)
            for start in decision.starts:
                asked = self.queue.pop(start.request)
                self.runs[asked.id] = Running(asked, start.site, now, start.until, start.lent)
                self.begun.append((now, asked.id, start.lent))
            if not decision.starts:
                break
        for recall in decision.recalls:
            if recall.at <= now:
                gone = self.runs.pop(recall.request)
                assert now - gone.since >= self.stay
                self.called.append((now, recall.request))
                left = replace(gone.request.need, seconds=max(60, gone.until - now))
                self.queue[recall.request] = replace(gone.request, need=left)

    def starts_of(self, name: str) -> list[int]:
        """Return when a request began."""
        return [at for at, which, _ in self.begun if which == name]


def queue_of(*asked: Request) -> dict[str, Request]:
    return {each.id: each for each in asked}


def test_a_newcomer_who_waits_for_a_greener_hour_calls_nobody_back_until_it_has_come():
    old = request("old", hours=9, checkpoints=True, member="o", submitted_at=NOW - 20)
    new = request("new", hours=2, newcomer=True, slack=12 * HOUR)
    forecast = {"north": Series(NOW - 500, HOUR, (300,) * 5 + (50,) * 8)}
    policy = replace(LENDING, carbon_aware=True)
    swept = Sweeper((site(),), policy, queue_of(old, new), {"x": running("x", "a", 3, hours=20)}, forecast)
    swept.sweep(NOW)
    assert swept.begun == [(NOW, "old", True)]
    told = explain(new, swept.queue.values(), swept.pool, Calendar(tuple(swept.runs.values())), policy, NOW)
    assert told.why is Why.ALL_BUSY
    lent = replace(swept.runs["old"], checkpoint_at=NOW)
    calendar = Calendar((swept.runs["x"], lent), forecast=forecast)
    told = explain(new, swept.queue.values(), swept.pool, calendar, policy, NOW)
    assert (told.why, told.expected) == (Why.GREENER_LATER, NOW - 500 + 5 * HOUR)
    for now in range(NOW + SWEEP, NOW + 8 * HOUR, SWEEP):
        swept.sweep(now)
    (since,) = swept.starts_of("new")
    assert NOW - 500 + 5 * HOUR <= since <= NOW - 500 + 5 * HOUR + 2 * SWEEP
    assert len(swept.called) == 1
    assert len(swept.starts_of("old")) == 2


def test_an_overdue_run_that_needs_the_reserve_and_newcomers_all_get_on():
    """A newcomer goes first, once it is there; the run has what it borrows for a while at least, and ends too."""
    big = request("big", 4, hours=10, checkpoints=True, submitted_at=NOW - PLAIN.wait_max)
    new = request("new", newcomer=True)
    swept = Sweeper((site(),), LENDING, queue_of(big, new))
    for now in range(NOW, NOW + 30 * HOUR, SWEEP):
        if now == NOW + 5 * HOUR:
            swept.queue |= queue_of(request("second", newcomer=True, submitted_at=now))
        swept.sweep(now)
    assert swept.starts_of("new") == [NOW]
    assert swept.starts_of("big")[0] == NOW + HOUR
    assert len(swept.called) == 1
    assert swept.starts_of("second") == [NOW + 5 * HOUR + SWEEP]
    assert len(swept.starts_of("big")) == 2
    assert not swept.queue
    assert not swept.runs


def test_newcomers_without_end_keep_a_run_off_the_reserve_but_nobody_from_what_lies_outside():
    big = request("big", 4, hours=10, checkpoints=True, submitted_at=NOW - 2 * HOUR)
    policy = replace(LENDING, wait_max=2 * HOUR)
    swept = Sweeper((site(),), policy, queue_of(big))
    for hour in range(20):
        now = NOW + hour * HOUR
        swept.queue |= queue_of(request(f"n{hour}", newcomer=True, submitted_at=now))
        if hour == 1:
            swept.queue |= queue_of(request("small", 3, hours=5, submitted_at=now))
        for sweep in range(now, now + HOUR, SWEEP):
            swept.sweep(sweep)
    (since,) = swept.starts_of("small")
    assert since <= NOW + HOUR + policy.wait_max
    assert all(swept.starts_of(f"n{hour}") for hour in range(20))
    for now in range(NOW + 20 * HOUR, NOW + 40 * HOUR, SWEEP):
        swept.sweep(now)
    assert not swept.queue
    assert not swept.runs


def test_without_backfill_what_waits_behind_who_borrows_does_not_keep_it_from_borrowing():
    big = request("big", 4, checkpoints=True, submitted_at=NOW - PLAIN.wait_max)
    small = request("small")
    swept = Sweeper((site(),), replace(LENDING, backfill=False), queue_of(big, small))
    for now in range(NOW, NOW + 3 * HOUR, SWEEP):
        swept.sweep(now)
    assert (swept.starts_of("big"), swept.starts_of("small")) == ([NOW], [NOW + HOUR])


def test_nothing_is_lent_to_be_called_back_at_once_where_its_own_place_keeps_the_newcomer_off():
    """Called back, it would hold its place in the share again, in the newcomer's way as before."""
    own = running("own", "a", 2, hours=2)
    old = request("old", 4, hours=4, checkpoints=True, tier=1)
    new = request("new", 4, hours=4, newcomer=True)
    swept = Sweeper((site(devices=6),), replace(LENDING, reserved_bps=3_000), queue_of(old, new), {"own": own}, stay=0)
    for now in range(NOW, NOW + 12 * HOUR, SWEEP):
        swept.sweep(now)
    assert (swept.starts_of("old"), swept.starts_of("new")) == ([NOW + 2 * HOUR], [NOW + 6 * HOUR])
    assert not swept.called


# --- laws of all worlds -------------------------------------------------------------------------------------------------


def crowded(seed: int) -> World:
    """Draw a world in which much is lent or wants to be, and newcomers wait for it."""
    draw = random.Random(seed)
    world = drawn(draw, 8)
    policy = replace(
        world.policy,
        reserved_bps=draw.choice((1_000, 3_000, 6_000)),
        reserved_lent=True,
    )
    queue = tuple(
        replace(each, ceiling=10**9, checkpoints=draw.random() < 0.8, slack=each.slack * each.newcomer)
        for each in world.queue
    )
    runs = tuple(
        replace(run, request=replace(run.request, newcomer=False, checkpoints=True, ceiling=10**9), lent=True)
        if draw.random() < 0.6
        else run
        for run in world.calendar.running
    )
    return replace(world, queue=queue, calendar=replace(world.calendar, running=runs), policy=policy)


@given(st.integers(0, 2**48).map(crowded))
@settings(max_examples=400, deadline=None)
def test_decisions_at_one_moment_come_to_rest_though_all_that_is_lent_could_go_at_once(world: World):
    queue = queue_of(*world.queue)
    runs = {run.request.id: replace(run, checkpoint_at=NOW * run.lent) for run in world.calendar.running}
    for _ in range(2 * len(queue) + 2 * len(runs) + 2):
        calendar = replace(world.calendar, running=tuple(runs.values()))
        decision = choose(queue.values(), world.sites, calendar, world.policy, NOW)
        if not (decision.starts or decision.recalls):
            return
        for start in decision.starts:
            asked = queue.pop(start.request)
            runs[asked.id] = Running(asked, start.site, NOW, start.until, start.lent, NOW * start.lent)
        for recall in decision.recalls:
            queue[recall.request] = runs.pop(recall.request).request
    raise AssertionError("the same requests are begun and called back in turn")


@given(st.integers(0, 2**48))
@settings(max_examples=40, deadline=None)
def test_nobody_is_called_back_for_nothing_twice_and_all_that_could_run_ends(seed: int):
    draw = random.Random(seed)
    pool = tuple(
        site(f"s{number}", draw.randint(2, 4), kind=draw.choice("ab"), memory_bytes=draw.choice([10, 20]), price=0)
        for number in range(draw.randint(1, 3))
    )
    policy = Policy(
        wait_max=6 * HOUR, reserved_bps=draw.choice((1_000, 3_000, 6_000)), carbon_aware=draw.random() < 0.5,
        backfill=draw.random() < 0.6,
    )  # fmt: skip
    forecast = {"north": Series(NOW, HOUR, tuple(draw.randint(10, 400) for _ in range(24)) * 4)}
    share, swept = outside(pool, policy), Sweeper(pool, policy, {}, forecast=forecast)
    most = max(share[each.kind] for each in pool)
    for number in range(40 * 6 + 120 * 6):
        now = NOW + number * SWEEP
        if number < 40 * 6 and draw.random() < 0.15:
            asked = request(
                f"r{number}", draw.randint(1, 4), seconds=draw.randint(1, 6) * 1_800, newcomer=draw.random() < 0.4,
                checkpoints=draw.random() < 0.7, memory_bytes=draw.choice([10, 20]), submitted_at=now,
                slack=draw.choice([0, 0, 6 * HOUR]), member=f"m{number % 3}",
            )  # fmt: skip
            fit = [
                each
                for each in pool
                if asked.need.devices <= each.devices and asked.need.memory_bytes <= each.memory_bytes
            ]
            wide = asked.newcomer or asked.checkpoints
            if fit and (wide or asked.need.devices <= min(most, *(share[each.kind] for each in fit))):
                swept.queue[asked.id] = asked
        swept.sweep(now)
    assert not swept.queue
    assert not swept.runs
    for name in {name for _, name in swept.called}:
        begun = [(at, lent) for at, which, lent in swept.begun if which == name]
        for (first, _), (second, lent) in pairwise(begun):
            others = any(first <= at <= second and which != name for at, which, _ in swept.begun)
            assert others or not lent, "what begins again in its own share is not called back any more"
