"""Runs a world: what happens outside, and what a chooser makes of it. The same world and chooser give the same outcome.

    outcome = simulate(make_world("1", sample_intensity()), ByPolicy(), Policy())

An event is one thing that happens to a request or to a site at a moment, and that the loop works through: `submitted`,
`started`, `checkpoint` (a run saves its work; the meter is read; a recall is kept), `report` (the same of a run that
cannot save), `recalled`, `lost` (with its site), `done`, `stopped`, `refused`, `site` (its standing changes), `booking`
(begins or ends). Decisions are counted apart: the chooser is asked at most once in `DECIDE_EVERY` seconds, for all that
happened since, and once an hour while anything waits. It is not asked where it could only answer that nothing begins:
no site has free what any request needs, and no lent work could be called back.

What it leaves out: restoring a checkpoint takes no time; a site's silence is known when it begins; what a silent site
lost since the last checkpoint is not paid for; prices do not change during the year.
"""

import heapq
from collections import Counter
from dataclasses import replace
from functools import reduce
from operator import or_

from governance.errors import Conflict
from training_jobs.federation.fitting import Means
from training_jobs.federation.forecasts import Forecasts
from training_jobs.federation.state import Job, Kind, Meter, Run, SiteState
from training_jobs.federation.values import Asked, Chooser, Ended, Fate, Left, Outcome, Reserve, Stay, World
from training_jobs.scheduling.fitting import HOUR
from training_jobs.scheduling.prices import cost, seconds_payable
from training_jobs.scheduling.reserve import reserved
from training_jobs.scheduling.values import Booking, Calendar, Policy, Running, Site, Standing, Start

DECIDE_EVERY = 300
DRAIN_MAX = 120 * 24 * HOUR  # how long after the year the loop goes on for what still waits or runs

_SITE, _BOOKED, _RUN = range(3)


def simulate(world: World, chooser: Chooser, policy: Policy, forecasts: Forecasts | None = None) -> Outcome:
    """Run a world to the end of its year, and on until nothing waits or runs, or for `DRAIN_MAX`.

    `forecasts`, if given, must be those of this world: sharing them saves making them again. Raises Conflict
    when the chooser starts what cannot start: a request that does not wait, a site that is not open or has no room.
    """
    loop = _Loop(world, chooser, policy, forecasts or Forecasts(world.intensity, world.forecast_error_bps, world.seed))
    loop.run()
    return loop.outcome()


class _Loop:
    """The state of one simulation."""

    def __init__(self, world: World, chooser: Chooser, policy: Policy, forecasts: Forecasts) -> None:
        self.world, self.chooser, self.policy, self.forecasts = world, chooser, policy, forecasts
        self.now = world.since
        self.heap: list[tuple[int, int, int, object]] = []
        self.means = Means([life.site for life in world.sites])
        self.states = {
            life.site.id: SiteState(index, life.site, self.means.bit(life.site))
            for index, life in enumerate(world.sites)
        }
        self.there = 0  # the sites that have come and not gone for good
        self.jobs: dict[str, Job] = {}
        self.queue: dict[str, Job] = {}
        self.runs: dict[str, Run] = {}
        self.lent: dict[str, Run] = {}  # those of them on devices of the reserve
        self.purses = {community.id: community.budget for community in world.communities}
        self.meter = Meter(policy.half_life, world.since)
        self.counts: Counter[str] = Counter()
        self.serial = self.decisions = self.recalls_asked = 0
        self.next_decision: int | None = None
        self.seen: tuple[Site, ...] | None = None
        self.calendar_day = -1
        self.bookings: tuple[Booking, ...] = ()
        # how far ahead a site's calendar is looked at: no run that begins now lasts longer, nor in an hour
        longest = max((asked.request.need.seconds for asked in world.asked), default=0)
        slowest = min((life.site.speed_permille for life in world.sites), default=1_000)
        self.ahead = -(-longest * 1_000 // max(slowest, 1)) + 2 * HOUR
        # integrals over [since, until), and what they are of since `flowed`
        self.flowed = world.since
        self.usable = self.usable_seconds = self.due_seconds = self.kept_seconds = 0
        self.kinds = {life.site.kind: Kind() for life in world.sites}
        for index, life in enumerate(world.sites):
            state = self.states[life.site.id]
            for turn in life.turns:
                heapq.heappush(self.heap, (turn.at, _SITE, index, (state, turn.standing)))
        for index, booking in enumerate(world.bookings):
            state = self.states[booking.site]
            state.bookings.append(booking)
            heapq.heappush(self.heap, (booking.since, _BOOKED, index, (state, booking.devices)))
            heapq.heappush(self.heap, (booking.until, _BOOKED, index, (state, -booking.devices)))

    # --- the loop -----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Work through everything in the order of time; at one moment: sites, bookings, runs, requests, a decision."""
        asked = self.world.asked
        place, last = 0, self.world.until + DRAIN_MAX
        while place < len(asked) or self.runs or self.queue:
            moment = asked[place].request.submitted_at if place < len(asked) else last
            moment = self._until(min(moment, last))
            if moment >= last:
                break
            self.now = moment
            while place < len(asked) and asked[place].request.submitted_at == moment:
                self._submitted(asked[place])
                place += 1
            if self.next_decision is not None and self.next_decision <= moment:
                self._decide()
        self._flow(self.world.until)

    def _until(self, moment: int) -> int:
        """Work through what happens to runs and sites up to `moment`, or up to a decision before it; return which.

        Nearly all that happens is a report, so reports that change nothing else are handled here, without calls.
        """
        heap, counts, add = self.heap, self.counts, self.meter.add
        checkpoints = reports = 0
        if self.next_decision is not None and self.next_decision < moment:
            moment = self.next_decision
        while heap and heap[0][0] <= moment:
            now, kind, serial, what = heap[0]
            if kind == _RUN:
                run: Run = what  # type: ignore[assignment]  # what a kind carries is fixed where it is pushed
                if run.live and now < run.end and run.recall_at is None:
                    add(run.member, run.devices * run.every, now)
                    run.metered = now
                    if run.checkpoints:
                        run.saved = now
                        checkpoints += 1
                    else:
                        reports += 1
                    run.report = report = now + run.every
                    end = run.end
                    heapq.heapreplace(heap, (min(end, report), _RUN, serial, run))
                    continue
            heapq.heappop(heap)
            self.now = now
            if kind == _RUN:
                self._report(what)  # type: ignore[arg-type]
            elif kind == _SITE:
                self._turn(*what)  # type: ignore[misc]
            else:
                self._booked(*what)  # type: ignore[misc]
            if self.next_decision is not None and self.next_decision < moment:
                moment = self.next_decision
        counts["checkpoint"] += checkpoints
        counts["report"] += reports
        return moment

    def _soon(self) -> None:
        """Ask the chooser at the next of its moments."""
        moment = -(-self.now // DECIDE_EVERY) * DECIDE_EVERY
        if self.queue and (self.next_decision is None or moment < self.next_decision):
            self.next_decision = moment

    # --- what happens -------------------------------------------------------------------------------------------------

    def _submitted(self, asked: Asked) -> None:
        self.counts["submitted"] += 1
        request = asked.request
        job = self.jobs[request.id] = Job(asked, self.means.places(request))
        if self.purses[request.community] < request.ceiling:
            self._end(job, Fate.REFUSED, Left.NO_BUDGET)
        elif not self._any_fits(job):
            self._end(job, Fate.REFUSED, Left.NO_SITE_FITS)
        else:
            self.purses[request.community] -= request.ceiling
            self.queue[request.id] = job
            self._soon()

    def _report(self, run: Run) -> None:
        """Read the meter of a run that ends, or that was recalled and has reached a checkpoint."""
        if not run.live:
            return
        now = self.now
        self.meter.add(run.member, run.devices * (now - run.metered), now)
        run.metered = now
        if now == run.end:
            self._leave(run, run.ends)
            return
        self.counts["checkpoint"] += 1
        run.saved, run.report = now, now + run.every
        if run.recall_at is not None and run.recall_at <= now:
            self._leave(run, Left.RECALLED)
        else:
            heapq.heappush(self.heap, (min(run.report, run.end), _RUN, run.serial, run))

    def _turn(self, state: SiteState, standing: Standing | None) -> None:
        """Change a site's standing. What runs on a site that goes silent or leaves goes on elsewhere."""
        self.counts["site"] += 1
        self._flow(self.now)
        state.standing = standing
        self.seen = None
        if standing not in (Standing.OPEN, Standing.DRAINING):
            for run in list(state.runs.values()):
                self._leave(run, Left.SITE_LOST)
        self.there |= state.bit
        if standing is None:
            self.there ^= state.bit
            for job in [each for each in self.queue.values() if not self._any_fits(each)]:
                del self.queue[job.request.id]
                self._end_unplaced(job)
        self._count_devices()
        self._soon()

    def _booked(self, state: SiteState, devices: int) -> None:
        """Take devices of a site for its own use, or give them back."""
        self.counts["booking"] += 1
        self._flow(self.now)
        state.booked += devices
        self._count_devices()
        self._soon()

    def _leave(self, run: Run, left: Left) -> None:
        """Take a run off its site: it is done, or goes back to the queue with what is left, or asks."""
        self._flow(self.now)
        job, state, now = run.job, run.site, self.now
        run.live = False
        del state.runs[run.serial], self.runs[job.request.id]
        self.lent.pop(job.request.id, None)
        state.free += run.devices
        if run.firm:
            state.firm -= run.devices
            if state.standing is Standing.OPEN:
                self.kinds[state.site.kind].firm -= run.devices
        kept_until = run.saved if left is Left.SITE_LOST else now
        since, seconds = run.running.since, kept_until - run.running.since
        paid = cost(state.site.price, run.devices, seconds)
        job.spent += paid
        job.stays.append(Stay(state.site.id, since, now, kept_until, run.devices, paid, left, run.running.lent))
        if left is Left.DONE:
            job.left = 0
            self._end(job, Fate.DONE, left)
        elif left in (Left.TIME_USED, Left.CEILING_REACHED):
            self._end(job, Fate.STOPPED, left)
        else:
            self.counts["recalled" if left is Left.RECALLED else "lost"] += 1
            self._again(job, seconds * state.site.speed_permille)
        self._soon()

    def _again(self, job: Job, worked: int) -> None:
        """Put an interrupted job back into the queue, less what it did, in the place that its age gives it."""
        job.left -= worked
        need = job.request.need
        seconds = -(-(need.seconds * 1_000 - worked) // 1_000)
        ceiling = job.asked.request.ceiling - job.spent
        if seconds <= 0:
            self._end(job, Fate.STOPPED, Left.TIME_USED)
            return
        job.request = replace(job.request, need=replace(need, seconds=seconds), ceiling=ceiling)
        job.places = self.means.places(job.request)
        if self._any_fits(job):
            self.queue[job.request.id] = job
        else:
            self._end_unplaced(job)

    def _end_unplaced(self, job: Job) -> None:
        """End what no site is left for: it is refused, or asks if it had begun."""
        self.purses[job.request.community] += 0 if job.stays else job.asked.request.ceiling
        self._end(job, Fate.STOPPED if job.stays else Fate.REFUSED, Left.NO_SITE_FITS)

    def _end(self, job: Job, fate: Fate, why: Left) -> None:
        self.counts[fate.value] += 1
        job.fate, job.why, job.ended_at = fate, why, self.now
        if fate is not Fate.REFUSED:
            # what the ceiling held back and was not used is the community's again
            self.purses[job.request.community] += job.asked.request.ceiling - job.spent

    def _any_fits(self, job: Job) -> bool:
        return self.means.any_affordable(job.request, job.places & self.there)

    # --- decisions ----------------------------------------------------------------------------------------------------

    def _decide(self) -> None:
        """Ask the chooser, begin what it starts, remember what it recalls; what it no longer recalls stays."""
        now = self.now
        self.next_decision = None
        if not self.queue:
            return
        self.next_decision = now - now % HOUR + HOUR
        if not self._could_change():
            return
        more = True
        while more:
            self.decisions += 1
            queue = tuple(job.request for job in self.queue.values())
            decision = self.chooser(queue, self._sites(), self._calendar(), self.policy, now)
            for start in decision.starts:
                self._start(start)
            more = decision.more
        recalled = {recall.request: recall.at for recall in decision.recalls}
        for name in recalled:
            if name not in self.lent or not self.lent[name].checkpoints:
                raise Conflict("not_lent", "only lent work that checkpoints is recalled", field="request", found=name)
        for name, run in self.lent.items():
            at = recalled.get(name)
            self.recalls_asked += at is not None and run.recall_at is None
            run.recall_at = at
        if not self.queue:
            self.next_decision = None

    def _could_change(self) -> bool:
        """Say whether any request fits what is free now at a site that is open, or a newcomer could call work back."""
        if self.lent and any(job.request.newcomer for job in self.queue.values()):
            return True
        by_free: dict[int, int] = {}
        for state in self.states.values():
            free = state.free - state.booked
            if free > 0 and state.standing is Standing.OPEN:
                by_free[free] = by_free.get(free, 0) | state.bit
        with_free: dict[int, int] = {}
        for job in self.queue.values():
            devices = job.request.need.devices
            if devices not in with_free:
                masks = (mask for free, mask in by_free.items() if free >= devices)
                with_free[devices] = reduce(or_, masks, 0)
            if job.places & with_free[devices]:
                return True
        return False

    def _start(self, start: Start) -> None:
        job, state = self.queue.get(start.request), self.states.get(start.site)
        if job is None:
            raise Conflict("not_waiting", "only what waits can start", field="request", found=start.request)
        devices = job.request.need.devices
        if state is None or state.standing is not Standing.OPEN or state.room(self.now, start.until) < devices:
            raise Conflict("no_room", "the site is not open or has no room", field="site", found=start.site)
        self._flow(self.now)
        del self.queue[start.request]
        site, now = state.site, self.now
        payable = seconds_payable(site.price, devices, job.request.ceiling)
        end, ends = min(
            (now - (-job.left // site.speed_permille), Left.DONE),
            (start.until, Left.TIME_USED),
            (now + payable, Left.CEILING_REACHED),
            key=lambda each: each[0],
        )
        running = Running(job.request, site.id, now, start.until, start.lent)
        self.serial += 1
        run = Run(self.serial, job, state, running, end, ends)
        state.runs[run.serial] = self.runs[start.request] = run
        if start.lent:
            self.lent[start.request] = run
        state.free -= devices
        if run.firm:
            state.firm += devices
            self.kinds[site.kind].firm += devices
        self.counts["started"] += 1
        heapq.heappush(self.heap, (min(run.report, end), _RUN, run.serial, run))

    def _sites(self) -> tuple[Site, ...]:
        if self.seen is None:
            self.seen = tuple(
                state.site if state.standing is state.site.standing else replace(state.site, standing=state.standing)
                for state in self.states.values()
                if state.standing is not None
            )
        return self.seen

    def _calendar(self) -> Calendar:
        now = self.now
        for run in self.lent.values():  # nothing else is called back
            if run.checkpoints and run.running.checkpoint_at != run.report:
                known = run.running
                run.running = Running(known.request, known.site, known.since, known.until, known.lent, run.report)
        running = tuple(run.running for run in self.runs.values())
        if now // HOUR != self.calendar_day:
            self.calendar_day = now // HOUR
            self.bookings = tuple(
                each for each in self.world.bookings if each.until > now and each.since < now + self.ahead
            )
        asking = {job.request.community for job in self.queue.values()}
        return Calendar(running, self.bookings, self.forecasts.at(now), self.meter.usage(asking))

    # --- sums over time -----------------------------------------------------------------------------------------------

    def _flow(self, until: int) -> None:
        """Add what held since the last change to the integrals, up to the end of the year."""
        seconds = min(until, self.world.until) - self.flowed
        if seconds <= 0:
            return
        self.flowed += seconds
        self.usable_seconds += self.usable * seconds
        for kind in self.kinds.values():
            self.due_seconds += kind.due * seconds
            self.kept_seconds += min(kind.due, max(kind.open - kind.firm, 0)) * seconds

    def _count_devices(self) -> None:
        """Count anew what is open of each kind, and what of it is reserved; sites change rarely."""
        self.usable = 0
        for kind in self.kinds.values():
            kind.open = kind.firm = 0
        for state in self.states.values():
            if state.standing in (Standing.OPEN, Standing.DRAINING):
                devices = max(state.site.devices - state.booked, 0)
                self.usable += devices
                if state.standing is Standing.OPEN:
                    kind = self.kinds[state.site.kind]
                    kind.open += devices
                    kind.firm += state.firm
        due = reserved({name: kind.open for name, kind in self.kinds.items()}, self.policy.reserved_bps)
        for name, kind in self.kinds.items():
            kind.due = due[name]

    def outcome(self) -> Outcome:
        """Return what came of it. What still runs counts up to here, as delivered but not done."""
        for run in list(self.runs.values()):
            job, site = run.job, run.site.site
            seconds = self.now - run.running.since
            paid = cost(site.price, run.devices, seconds)
            job.spent += paid
            stay = Stay(site.id, run.running.since, self.now, self.now, run.devices, paid, Left.STILL_THERE)
            job.stays.append(stay)
        ended = tuple(
            Ended(job.asked, job.fate, job.why, self.now if job.ended_at is None else job.ended_at, tuple(job.stays))
            for job in self.jobs.values()
        )
        return Outcome(
            world=self.world,
            policy=self.policy,
            ended=ended,
            open_device_seconds=self.usable_seconds,
            reserve=Reserve(self.due_seconds, self.kept_seconds),
            recalls_asked=self.recalls_asked,
            recalls_kept=self.counts["recalled"],
            events=dict(sorted(self.counts.items())),
            decisions=self.decisions,
        )
