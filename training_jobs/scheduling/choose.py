"""Which requests begin now, where, and which lent work gives its devices back, as one pure function (decision 0020).

1. Requests in the order of `priority.py`. One that fits begins at the site that emits least (or costs least); one that
   has slack waits instead while a later start within it is greener.
2. One that cannot begin holds a place at the earliest moment that the known ends allow, if none before it holds one
   at a site that could run it. Nothing begins that would be in the way of a held place: EASY backfill (Lifka, 1995),
   for each group of sites that compete. So the first in order is never put off; the oldest overdue one is the first.
3. Who is no newcomer stays, of each kind of device, within all less its reserve (decision 0026). One that needs more at
   each site that could run it can only begin on lent devices (5), if it checkpoints; overdue, it holds a place on them.
   Before that, newcomers begin who could call it back; and while there are any at its sites, who else is overdue does.
4. A newcomer who waits calls back the fewest lent runs at their checkpoint, on a kind of which newcomers hold less than
   its reserve; but none where it would wait for a greener hour once they are gone.
5. What is left idle of a reserve is lent to work that checkpoints, but for what the newcomer who waits first needs.

A decision depends on the values alone, never on the order in which queue, sites or calendar are given.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import takewhile
from operator import attrgetter, or_

from training_jobs.scheduling import priority
from training_jobs.scheduling.fitting import affordable, seconds_at, terms
from training_jobs.scheduling.green import Green
from training_jobs.scheduling.prepared import Prepared, each_place
from training_jobs.scheduling.quota import Quotas
from training_jobs.scheduling.room import Room
from training_jobs.scheduling.values import (
    Calendar,
    Decision,
    Policy,
    Recall,
    Request,
    Running,
    Site,
    Start,
    Why,
)

STARTS_MAX = 256  # requests that begin in one decision
HELD_MAX = 16  # groups of competing sites for which a place is held; bounds the work of one decision
RECALLS_MAX = (
    16  # newcomers for whom lent work is recalled in one decision; and as many who may wait for a greener hour
)

_NEWCOMER = attrgetter("newcomer")
_Asked = tuple[int, int, int, frozenset[str], frozenset[str]]  # devices, memory, seconds, data, not at


def choose(
    queue: Iterable[Request], sites: Iterable[Site] | Prepared, calendar: Calendar, policy: Policy, now: int
) -> Decision:
    """Return what begins now and what is called back.

    `sites` may be a `Prepared` of them, made with the policy's `carbon_aware`: it saves a tenth of the time where many
    decisions are made on the same sites. Requests that run already, or are told twice, begin once. After STARTS_MAX
    starts the decision ends with `more`: what it began is written down first, and the next decision follows at once.
    """
    deciding = Deciding(queue, sites, calendar, policy, now, starts_max=STARTS_MAX)
    return Decision(tuple(deciding.starts), tuple(deciding.recalls), deciding.more)


@dataclass(frozen=True, slots=True)
class Held:
    """A place that is held for a request that waits."""

    request: Request
    place: int
    since: int
    until: int


class Shape:
    """What many requests ask alike, and what is left for them as a decision goes on."""

    __slots__ = ("borrows", "devices", "lasting", "places", "seconds", "settled", "work")

    def __init__(self) -> None:
        """Say nothing yet: `of` does, for the first request of this shape that is looked at."""
        self.places = -1  # the sites with the means for it; -1: not looked at
        self.lasting = -1  # those, and others, but for where what is free now is known not to last long enough
        self.settled = False  # whether nobody but newcomers can begin, or has a place to hold
        self.borrows = False  # whether there are devices for the others that may be lent
        self.devices = self.seconds = self.work = 0

    def of(self, request: Request, prepared: Prepared) -> "Shape":
        """Take what a request asks."""
        need = request.need
        self.devices, self.seconds, self.work = need.devices, need.seconds, need.devices * need.seconds
        self.places = prepared.with_means(need, request.not_at)
        return self


class Deciding:
    """One decision, with all that it found on the way, for whoever explains it."""

    def __init__(
        self,
        queue: Iterable[Request],
        sites: Iterable[Site] | Prepared,
        calendar: Calendar,
        policy: Policy,
        now: int,
        *,
        starts_max: int | None = None,
    ) -> None:
        """Decide, up to so many starts; without a bound, all that begins now."""
        self.policy, self.now = policy, now
        self.more = False  # whether the decision ended with its last start, and another is to follow
        self._starts_max = starts_max
        self._overdue = now - policy.wait_max  # who came then or before goes before all others
        self.prepared = prepared_for(sites, policy)
        self.room = Room(self.prepared, calendar, now)
        here = self.prepared.place
        self._running = [run for run in calendar.running if run.site in here]
        own = [
            (here[run.site], run.until, run.request.need.devices)
            for run in self._running
            if not (run.request.newcomer or run.lent)
        ]
        self.quotas = Quotas(self.prepared, policy.reserved_bps, own, now)
        self._newcomers_lack = dict(self.quotas.reserved)  # of each kind, what they hold less than its reserve
        for run in self._running:
            if run.request.newcomer:
                self._newcomers_lack[self.prepared.sites[here[run.site]].kind] -= run.request.need.devices
        self._queue: Sequence[Request] = list(queue)
        self._order = priority.places_in_order(self._queue, calendar.usage, policy, now)
        self.begun: set[str] = {run.request.id for run in calendar.running}
        self.starts: list[Start] = []
        self.recalls: list[Recall] = []
        self.greener: dict[str, tuple[int, int]] = {}  # by request: where it may wait for one, and begin now
        self.held: dict[str, Held] = {}
        self.stopped = 0  # sites that take nobody past who waits for them, where policy has no backfill
        self._green = Green(self.prepared, self.room, calendar, now) if policy.carbon_aware else None
        self._best = self._green.best if self._green is not None else None
        self._shape_at: list[Shape] = []  # of each request, as told in the queue; none where nothing is free
        self._shapes: dict[_Asked, Shape] = defaultdict(Shape)
        self._claimed = 0  # sites that could run a request which holds a place
        self._newcomers: list[tuple[Request, int]] = []  # who wait for devices, and `stopped` before them
        self._pressing = self._patient = (
            0  # how many of them begin as soon as they can, and may wait for a greener hour
        )
        self._are_begun = False  # whether newcomers have begun before one who borrows holds a place
        # who wait for the share of those who are no newcomers, as told in the queue, and `stopped` before them
        self._borrowers: list[tuple[int, int]] = []
        self._put_borrowers_back()
        self._go_through()
        if not self.more:
            if self._newcomers:
                self._serve_newcomers()
            self._lend()

    @property
    def order(self) -> list[Request]:
        """All requests, those that go first in front."""
        return [self._queue[number] for number in self._order]

    def could_run(self, request: Request) -> int:
        """Return the mask of the sites that could run a request when idle, whatever it costs."""
        return self._shape_of(request).places & self.prepared.serving(request.community)

    def _shape_of(self, request: Request) -> Shape:
        need = request.need
        shape = self._shapes[need.devices, need.memory_bytes, need.seconds, need.data, request.not_at]
        return shape if shape.places >= 0 else shape.of(request, self.prepared)

    def perhaps_within_ceiling(self, request: Request) -> int:
        """Return the sites that could run a request within its ceiling, and perhaps a few just above it."""
        places = self.could_run(request)
        need = request.need
        return places & self.prepared.perhaps_affordable(need.devices * need.seconds, request.ceiling) if places else 0

    def within_ceiling(self, request: Request, places: int) -> Iterator[int]:
        """Yield of those places each where the whole run stays within its ceiling, the preferred first."""
        return (at for at in each_place(places) if affordable(request, self.prepared.sites[at]))

    # --- 1 to 3: those that wait, in order ----------------------------------------------------------------------------

    def _go_through(self) -> None:  # noqa: C901, PLR0912, PLR0915 - see below
        # written out, not in small steps: ten thousand requests that wait pass here, and few come further
        queue, prepared, known = self._queue, self.prepared, self._shapes
        with_free, known_free = self.room.with_free, self.room.known_free
        with_quota, known_quota = self.quotas.with_free, self.quotas.known_free
        # in the order of the queue, for memory is read in a row several times as fast as here and there; but where
        # nothing is free, few are looked at
        shapes = self._shape_at
        if with_free(1):
            shapes += [
                known[(need := each.need).devices, need.memory_bytes, need.seconds, need.data, each.not_at]
                for each in queue
            ]
        newcomers = list(map(_NEWCOMER, queue))
        begun, backfill, borrowers, anybody = self.begun, self.policy.backfill, self._borrowers, prepared.anybody
        starts, starts_max = self.starts, self._starts_max
        serving: dict[str, int] = {}
        recalls = any(run.lent for run in self._running)
        many = False  # newcomers wait, more than will be served
        settled = 0  # sites for which a place is held, so that who waits for one has no more to ask
        for number in self._order:
            shape, newcomer = shapes[number] if shapes else self._shape_of(queue[number]), newcomers[number]
            if shape.settled and not newcomer:
                if shape.borrows:
                    borrowers.append((number, self.stopped))
                continue
            request = queue[number]
            if shape.places < 0:
                shape.of(request, prepared)
            devices, community = shape.devices, request.community
            mine = serving.get(community)
            if mine is None:
                mine = serving[community] = prepared.serving(community)
            places = shape.places & mine
            free = places & (known_free[devices] if devices in known_free else with_free(devices))
            within = free & (known_quota[devices] if devices in known_quota else with_quota(devices))
            may = free if newcomer else within
            behind = places & settled and not (newcomer and not many)
            if not free and (newcomer or not behind) and not with_free(1):
                many = self._pressing >= RECALLS_MAX
                if many or not recalls:
                    return  # no device is free anywhere: whatever waits, waits, and needs no place held
            if not places or request.id in begun:
                continue
            if may:
                now = may & shape.lasting & ~self.stopped
                if now and self._begin(number, shape, now):
                    if len(starts) == starts_max:
                        self.more = True
                        return
                    continue
            if behind:
                if free != may:
                    borrowers.append((number, self.stopped))
                # once the sites that serve anybody tell it of one, they do of all of its shape
                if shape.places & settled & anybody:
                    shape.borrows = bool(shape.places & known_free[devices])
                    shape.settled = not shape.places & known_free[devices] & known_quota[devices]
                continue
            self._waits(number, shape, places, free)
            if self.more:
                return
            settled = self._claimed if backfill else 0
            many = self._pressing >= RECALLS_MAX

    def _begin(self, number: int, shape: Shape, free: int, *, lent: bool = False) -> bool:
        """Begin a request at the best of the places that are free for it, or let it wait for a greener hour."""
        request, room, prepared, best = self._queue[number], self.room, self.prepared, self._best
        devices, ceiling, quota_at = shape.devices, request.ceiling, self.quotas.at
        free &= prepared.perhaps_affordable(shape.work, ceiling)
        own = request.id if request.id in self.held else None
        while free:
            at = best(free, shape.seconds) if best is not None else (free & -free).bit_length() - 1
            seconds, price = terms(request.need, prepared.sites[at])
            until = self.now + seconds
            if room.turns.get(at, until) < until and not room.lasts(at, devices, until, but=own):
                if own is None:
                    shape.lasting &= ~prepared.bits[at]
            elif price <= ceiling:
                own_share = request.newcomer or quota_at[at].lasts(devices, until)
                if own_share or lent:
                    latest = request.submitted_at + request.slack
                    if latest <= self.now or not self._is_greener_later(request, free, at):
                        self._start(request, at, until, price, lent=not own_share)
                    return True
                self._borrowers.append((number, self.stopped))
            free ^= prepared.bits[at]
        return False

    def _may_wait(self, request: Request) -> bool:
        """Say whether a request has slack left to wait for a greener hour; an overdue one has none."""
        latest = request.submitted_at + request.slack
        return self._green is not None and latest > self.now and request.submitted_at > self._overdue

    def _is_greener_later(self, request: Request, free: int, at: int) -> bool:
        """Say, and note, that a request waits for a greener hour within its slack."""
        latest = request.submitted_at + request.slack
        if self._green is None or not self._may_wait(request):
            return False
        if self._green.is_greener_later(free, at, request.need.seconds, latest):
            self.greener[request.id] = free, at
            return True
        return False

    def greenest_later(self, request: Request) -> tuple[int, int] | None:
        """Return the later start for which a request waits, and its place; None where it waits for no greener hour."""
        if self._green is None or request.id not in self.greener:
            return None
        free, at = self.greener[request.id]
        return self._green.greenest_later(free, at, request.need.seconds, request.submitted_at + request.slack)

    def _start(self, request: Request, at: int, until: int, price: int, *, lent: bool) -> None:
        devices = request.need.devices
        if lent:
            why = Why.STARTS_ON_LENT
        elif request.submitted_at <= self._overdue:
            why = Why.STARTS_OVERDUE
        elif request.newcomer and devices > self.quotas.at[at].free:
            why = Why.STARTS_IN_RESERVE
        elif self._claimed >> at & 1:
            why = Why.STARTS_BACKFILLED
        else:
            why = Why.STARTS
        self.room.take(at, devices, until)
        if request.newcomer:
            self._newcomers_lack[self.prepared.sites[at].kind] -= devices
        elif not lent:
            self.quotas.take(at, devices, until)
        self.begun.add(request.id)
        self.starts.append(Start(request.id, self.prepared.sites[at].id, until, price, why, lent))

    def _waits(self, number: int, shape: Shape, places: int, free: int) -> None:
        """Note who waits for devices, and hold a place for the first at each group of sites."""
        request = self._queue[number]
        if request.newcomer:
            patient = self._may_wait(request)
            if (self._patient if patient else self._pressing) < RECALLS_MAX:
                self._newcomers.append((request, self.stopped))
                self._patient += patient
                self._pressing += not patient
        elif free & ~self.quotas.with_free(shape.devices):
            self._borrowers.append((number, self.stopped))
        if not places & self._claimed and len(self.held) < HELD_MAX:
            if not self._are_begun and self._holds_lent(request):
                self._begin_newcomers()
            if not self.more:
                self._hold(request, self.perhaps_within_ceiling(request))
        if not self.policy.backfill:
            self._let_nobody_past(request, free)

    def _let_nobody_past(self, request: Request, free: int) -> None:
        """Without backfill nobody begins past a request where it could: at its sites, or in the share of all others."""
        devices, shares = request.need.devices, not request.newcomer
        places = self.perhaps_within_ceiling(request) & ~self.stopped
        reserved = 0  # places where what is free now is the reserve's
        if shares:
            places &= self.quotas.with_devices(devices)
            reserved = free & ~self.quotas.with_free(devices)
        for kind, here in self.prepared.kinds.items() if places else ():
            mine = places & here
            if mine and not reserved & here:
                self.stopped |= _mask(self.within_ceiling(request, mine))
            elif mine and any(True for _ in self.within_ceiling(request, mine)):
                self.quotas.close(kind)

    def _put_borrowers_back(self) -> None:
        """Let who is overdue, and can only run on lent devices, come after who else is while newcomers are there.

        Newcomers may put it off for ever, and whoever waits for it would wait as long. Whether those work or wait at
        the sites that could run it makes no difference: the answer is the same once those who can have begun.
        """
        queue, few = self._queue, min((quota.devices for quota in self.quotas.at), default=0)
        overdue = list(takewhile(lambda number: queue[number].submitted_at <= self._overdue, self._order))
        back = [at for at in overdue if queue[at].need.devices > few and self._holds_lent(queue[at])]
        if not back:
            return
        here = self.prepared.place
        theirs = _mask(here[run.site] for run in self._running if run.request.newcomer)
        theirs |= reduce(or_, (self.perhaps_within_ceiling(each) for each in queue if each.newcomer), 0)
        behind = {number for number in back if self.perhaps_within_ceiling(queue[number]) & theirs}
        self._order[: len(overdue)] = sorted(overdue, key=behind.__contains__)

    def _begin_newcomers(self) -> None:
        """Begin the newcomers who could call back at once what is to be lent now, each on a kind that they lack."""
        self._are_begun = True
        for number in self._order:
            request, lacking = self._queue[number], self._lacking() & ~self.stopped & self.room.with_free(1)
            if not lacking:
                return
            if not request.newcomer or request.id in self.begun:
                continue
            free = self.could_run(request) & lacking & self.room.with_free(request.need.devices)
            if free and self._begin(number, self._shape_of(request), free) and len(self.starts) == self._starts_max:
                self.more = True
                return

    def only_in_reserve(self, request: Request) -> bool:
        """Say whether one of nobody new needs, wherever it could run, more than lies outside that kind's reserve."""
        if request.newcomer:
            return False
        outside = self.perhaps_within_ceiling(request) & self.quotas.with_devices(request.need.devices)
        return not any(True for _ in self.within_ceiling(request, outside))

    def _holds_lent(self, request: Request) -> bool:
        may = request.checkpoints and self.policy.reserved_lent and request.submitted_at <= self._overdue
        return may and self.only_in_reserve(request)

    def _hold(self, request: Request, places: int) -> None:
        """Hold the earliest place for a request that cannot begin now, if there is one."""
        found = self.earliest(request, places)
        if found is None or (found[0] <= self.now and not self._holds_lent(request)):
            return
        since, at = max(found[0], self.now + 1), found[1]  # what is to be lent now begins last of all: held until then
        until = since + seconds_at(request.need, self.prepared.sites[at])
        self._claimed |= places
        self._keep(request, at, since, until)

    def _keep(self, request: Request, at: int, since: int, until: int) -> None:
        self.held[request.id] = Held(request, at, since, until)
        self.room.hold(at, since, until, request.need.devices, request.id)
        if not request.newcomer and not self._holds_lent(request):
            self.quotas.at[at].hold(since, until, request.need.devices)

    def plan(self, request: Request) -> int | None:
        """Hold the earliest place for a request beside all that is held, and return when; None: never.

        For forecasts once all is decided: what is held then is no longer what was decided.
        """
        found = self.earliest(request, self.perhaps_within_ceiling(request))
        if found is None:
            return None
        since, at = found
        self._keep(request, at, since, since + seconds_at(request.need, self.prepared.sites[at]))
        return since

    def earliest(self, request: Request, places: int, since: int = 0) -> tuple[int, int] | None:
        """Return the earliest moment, and the place, at which a request fits beside all that is known; None: never."""
        best: tuple[int, int] | None = None
        need = request.need
        start = max(since, self.now)
        shares = not request.newcomer and not self._holds_lent(request)
        starts = self.quotas.starts(places, need.devices, start) if shares else {}
        soonest = min(starts.values(), default=start)
        for at in each_place(places):
            site = self.prepared.sites[at]
            begin = starts.get(site.kind) if shares else start
            if begin is None or (best is not None and begin >= best[0]) or not affordable(request, site):
                continue
            seconds = seconds_at(need, site)
            found = self.room.slot(at, need.devices, seconds, begin)
            while found is not None and shares:
                # both the site and the share must be free, and stay so: each may put the other off, only forward
                shared = self.quotas.at[at].slot(need.devices, seconds, found)
                if shared is None or shared == found:
                    found = shared
                    break
                found = self.room.slot(at, need.devices, seconds, shared)
            if found is not None and (best is None or (found, at) < best):
                best = (found, at)
                if found <= soonest:
                    break
        return best

    # --- 4: lent work called back -------------------------------------------------------------------------------------

    def _serve_newcomers(self) -> None:
        lent: dict[int, list[Running]] = {}
        may_go = [run for run in self._running if run.lent and run.checkpoint_at > 0]
        for run in sorted(may_go, key=lambda run: (-run.request.need.devices, run.checkpoint_at, run.request.id)):
            lent.setdefault(self.prepared.place[run.site], []).append(run)
        holds = False
        for request, stopped in self._newcomers:
            if lent:
                self._recall_for(request, lent, stopped)
            if not holds and request.id not in self.held:
                self._hold(request, self.perhaps_within_ceiling(request))
            holds = holds or request.id in self.held

    def _lacking(self) -> int:
        """Return the sites of the kinds of which newcomers hold less than the reserve."""
        return reduce(or_, (here for kind, here in self.prepared.kinds.items() if self._newcomers_lack[kind] > 0), 0)

    def _recall_for(self, request: Request, lent: dict[int, list[Running]], stopped: int) -> None:
        """Call back the fewest runs at one site that let a newcomer begin sooner than it would; ties: the sooner."""
        best: tuple[int, int, int, list[Running]] | None = None
        places = self.perhaps_within_ceiling(request) & _mask(lent) & ~stopped & self._lacking()
        idle = self.perhaps_within_ceiling(request) & self.room.with_free(request.need.devices)
        own = self.held.get(request.id)
        for at in each_place(places):
            soonest = max(self.now + 1, min(run.checkpoint_at for run in lent[at]))
            if best is not None and (1, soonest, at) >= best[:3]:
                continue  # one run alone would not be sooner
            found = self._fewest(request, at, lent[at]) if affordable(request, self.prepared.sites[at]) else None
            if found is None or (own is not None and own.since <= found[0]):
                continue
            # else it would wait there when they are gone, what is idle would be lent again, and so on
            if self._is_greener_later(request, idle | self.prepared.bits[at], at):
                continue
            since, going = found
            if best is None or (len(going), since, at) < best[:3]:
                best = (len(going), since, at, going)
        if best is None:
            return
        self.greener.pop(request.id, None)
        _, since, at, going = best
        lent[at] = [run for run in lent[at] if run not in going]
        if not lent[at]:
            del lent[at]
        site = self.prepared.sites[at]
        for run in going:
            moment = max(run.checkpoint_at, self.now)
            self.recalls.append(Recall(run.request.id, site.id, moment, request.id))
            self.room.ends_at(at, [self._end_of(run)], max(moment, self.now + 1))
        self._newcomers_lack[site.kind] -= request.need.devices
        self.room.release(request.id)
        self._keep(request, at, since, since + seconds_at(request.need, site))

    def _fewest(self, request: Request, at: int, lent: Sequence[Running]) -> tuple[int, list[Running]] | None:
        """Return when the newcomer can begin at a site, and the fewest of its lent runs that must go for that.

        The largest go, and as the last of them the one that comes first to its checkpoint among those that suffice.
        """
        devices, seconds = request.need.devices, seconds_at(request.need, self.prepared.sites[at])
        otherwise = self.room.slot(at, devices, seconds, self.now, but=request.id)
        for count in range(len(lent)):
            for last in sorted(lent[count:], key=lambda run: (run.checkpoint_at, run.request.need.devices)):
                going = [*lent[:count], last]
                since = max(self.now + 1, *(run.checkpoint_at for run in going))
                if (otherwise is None or since < otherwise) and self.room.frees(
                    at, devices, since, seconds, [self._end_of(run) for run in going], but=request.id
                ):
                    return since, going
        return None

    def _end_of(self, run: Running) -> tuple[int, int]:
        return max(run.until, self.now + 1), run.request.need.devices

    # --- 5: the reserve lent ------------------------------------------------------------------------------------------

    def _lend(self) -> None:
        if not (self.policy.reserved_lent and self.room.with_free(1)):
            return
        queue, shapes, held, begun = self._queue, self._shape_at, self.held, self.begun
        # most shapes have nothing free at all, and are passed without a look at who has them
        left = {shape for shape in self._shapes.values() if shape.places & self.room.with_free(shape.devices)}
        first: dict[str, tuple[int, int]] = {}  # of one told twice only those before its first place count
        for each in self._borrowers:
            if shapes[each[0]] in left and queue[each[0]].checkpoints:
                first.setdefault(queue[each[0]].id, each)
        for number, stopped in first.values():
            request, shape = queue[number], shapes[number]
            free = shape.places & self.room.with_free(shape.devices) & ~stopped
            if request.id not in held:
                free &= shape.lasting
            if free:
                free &= ~self._called_back_at_once(request, free)
                free &= self.prepared.serving(request.community)
                if free and request.id not in begun:
                    self._begin(number, shape, free, lent=True)

    def _called_back_at_once(self, request: Request, places: int) -> int:
        """Return of the places those where one who waits for its share keeps off a newcomer who could begin but for it.

        It does by the place that it holds, or anywhere without backfill. Lent what is free, it would be in nobody's way
        any more, and be called back, and be in the way again, and so on.
        """
        held = self.held.get(request.id)
        if self.policy.backfill:
            places &= self.prepared.bits[held.place] if held is not None else 0
        places &= self._lacking()
        if not (places and self._newcomers) or self.only_in_reserve(request):
            return 0
        return _mask(
            at
            for at in each_place(places)
            if any(
                each.need.devices <= self.room.free[at] and self.perhaps_within_ceiling(each) >> at & 1
                for each, _ in self._newcomers
                if each.id not in self.greener
            )
        )


def prepared_for(sites: Iterable[Site] | Prepared, policy: Policy) -> Prepared:
    """Return sites in the order that a policy asks for."""
    if not isinstance(sites, Prepared):
        return Prepared(sites, carbon_aware=policy.carbon_aware)
    return (
        sites if sites.carbon_aware == policy.carbon_aware else Prepared(sites.sites, carbon_aware=policy.carbon_aware)
    )


def _mask(places: Iterable[int]) -> int:
    mask = 0
    for at in places:
        mask |= 1 << at
    return mask
