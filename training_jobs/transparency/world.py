"""What the compute events of one or more public logs say happened: requests, their parts at sites, open devices.

    world = World()
    for at, kind, data in entries: world.take("water", at, kind, data)

Pure. Entries are taken in the order of the log. A moment before an earlier entry's counts as that one's, so that no
time is negative; among equal moments the order of the log decides. Entries of other kinds are passed over. What an
event says of a request or site that the log does not know, or that cannot be in its state, is a stray, and so is an
event that cannot be read: counted, and otherwise left out. A log cannot be mended, and one odd entry must not end all
figures of it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil

from governance.errors import Invalid
from training_jobs.scheduling import events
from training_jobs.scheduling.reserve import reserved
from training_jobs.scheduling.values import Policy, Standing, Why

ALL = "all"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS_OF_A_YEAR = 12

Key = tuple[str, str]  # (log, name in it)


@dataclass(slots=True)
class Part:
    """The time that a request held devices of a site, of the kind that it had then.

    `until` is None while it does; `end` is why it ended.
    """

    site: str
    kind: str
    why: Why
    since: int
    until: int | None = None
    end: str = "running"


@dataclass(slots=True)
class Asked:
    """A request and what became of it."""

    said: events.ComputeRequested
    log: str
    person: str
    at: int
    parts: list[Part] = field(default_factory=list)
    refused: str = ""
    ended: events.ComputeEnded | None = None
    ended_at: int = 0
    emitted: dict[int, events.ComputeEmitted] = field(default_factory=dict)  # by part
    waited_for: set[tuple[str, Why]] = field(default_factory=set)  # months in which it was told a reason

    @property
    def grams(self) -> int | None:
        """What all of it emitted, rounded up once; None where that is not known of all the energy it used."""
        if self.ended is None or not self.emitted:
            return None if self.ended is None else self.ended.grams
        if sum(each.joules for each in self.emitted.values()) != self.ended.joules:
            return None
        return ceil(sum(each.exact for each in self.emitted.values()))

    @property
    def running(self) -> Part | None:
        """The part that holds devices."""
        return self.parts[-1] if self.parts and self.parts[-1].until is None else None

    @property
    def is_over(self) -> bool:
        """Whether it was refused or has ended."""
        return bool(self.refused) or self.ended is not None

    @property
    def outcome(self) -> str:
        """`started`, `refused`, or `open`: it waits, or was withdrawn while it did."""
        if self.parts:
            return "started"
        return "refused" if self.refused else "open"


@dataclass(frozen=True, slots=True)
class Price:
    """From this start on a site had this price, micro-units per device-hour."""

    at: int
    site: str
    price: int


@dataclass(slots=True)
class _SiteInLog:
    admitted: int = 0  # number of the admission that is in force, among all of all logs; 0: none
    devices: int = 0  # those that are open
    kind: str = ""  # of its devices
    governed_by: str = ""  # the community whose policy holds there; empty: that of the log

    @property
    def open(self) -> int:
        return self.devices if self.admitted else 0


@dataclass(frozen=True, slots=True)
class _Open:
    """The devices of a site that are open, and the log whose policy holds there; None: that of none of these logs."""

    devices: int
    governs: str | None
    kind: str


class World:
    """All that the figures are computed from. A site that several logs name is one site with its largest offer.

    The policy of the log that let it in first, of those in which it still is, holds there, as for the scheduler; a log
    that says that another community's does is passed over. The reserve is that of all open devices under one policy,
    whole devices of each kind; where none of these logs has the policy, it is not known and left out. Newcomers have of
    it, of each kind, as many devices as they are at work on there, up to the reserve of that kind.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.asked: dict[Key, Asked] = {}
        self.prices: list[Price] = []
        self.open_seconds: dict[str, int] = defaultdict(int)  # device-seconds by month
        self.reserved_seconds: dict[str, Counter[str]] = defaultdict(Counter)  # the same, of the reserve, by kind
        self.newcomer_seconds: dict[str, Counter[str]] = defaultdict(Counter)  # what newcomers had of these
        self.newcomers: dict[tuple[str, str], set[Key]] = defaultdict(set)  # who they were, by month and kind
        self.strays = 0
        self.until = 0
        self._now = 0
        self._sites: dict[str, dict[str, _SiteInLog]] = defaultdict(dict)
        self._admissions = 0
        self._price_of: dict[str, int] = {}
        self._open: dict[str, _Open] = {}  # by site
        self._open_now = 0  # the sum of their devices
        self._share: dict[str, int] = {}  # that is reserved in each log, in basis points
        self._pool: dict[str, Counter[str]] = defaultdict(Counter)  # open devices under each log's policy, by kind
        self._kept: dict[str, dict[str, int]] = {}  # reserved ones of these
        self._newcomers_at_work: dict[Key, Asked] = {}

    def take(self, log: str, at: int, kind: str, data: object, actor: str = "") -> None:
        """Take the next entry of a log. Raises Invalid for a moment that is none."""
        if type(at) is not int or not 0 <= at <= events.TIME_MAX:
            raise Invalid("malformed_field", "an entry's moment is UNIX seconds", field="at", allowed=events.TIME_MAX)
        if kind not in events.KINDS:
            return
        try:
            event = events.read(kind, data)
        except Invalid:
            self.strays += 1
            return
        self._advance(max(self._now, at))
        if not self._happens(log, event, actor):
            self.strays += 1

    def end(self, until: int) -> "World":
        """Let sites be open and work go on up to the last moment of the log. Nothing is to be taken afterwards."""
        self.until = max(self._now, until)
        self._advance(self.until)
        return self

    def _happens(self, log: str, event: events.Event, actor: str) -> bool:
        """Note what happened; say whether it could."""
        if isinstance(event, events.ComputePolicyAdopted):
            self._share[log] = event.reserved_bps
            self._reserve(log)
            return True
        if isinstance(event, events.SiteAdmitted | events.SiteRemoved | events.SiteStanding):
            could = self._site(log, event)
            self._count_open(event.site)
            return could
        if isinstance(event, events.ComputeRequested):
            return self._requested(log, event, actor)
        asked = self.asked.get((log, event.request))
        if isinstance(event, events.ComputeWaits | events.ComputeNeedsMore):
            return asked is not None and not asked.is_over and self._waits(asked, event)
        if isinstance(event, events.ComputeEmitted):
            return asked is not None and self._emitted(asked, event)
        return asked is not None and not asked.is_over and self._goes_on(asked, event)

    def _goes_on(
        self,
        asked: Asked,
        event: events.ComputeStarted | events.ComputeInterrupted | events.ComputeEnded | events.ComputeRefused,
    ) -> bool:
        if isinstance(event, events.ComputeStarted):
            return self._started(asked, event)
        if isinstance(event, events.ComputeRefused):
            asked.refused = "" if asked.parts else event.reason
            return not asked.parts
        return self._stopped(asked, event)

    def _requested(self, log: str, event: events.ComputeRequested, actor: str) -> bool:
        key = (log, event.request)
        if key in self.asked:
            return False
        # An entry without an actor is of nobody that the log names: each counts as somebody.
        self.asked[key] = Asked(event, log, actor or f"{log} {event.request}", self._now)
        return True

    def _started(self, asked: Asked, event: events.ComputeStarted) -> bool:
        if asked.running is not None:
            return False
        kind = self._sites[event.site].get(asked.log, _SiteInLog()).kind
        asked.parts.append(Part(event.site, kind, event.why, self._now))
        if asked.said.requester is events.Requester.NEWCOMER:
            self._newcomers_at_work[asked.log, asked.said.request] = asked
        if self._price_of.get(event.site) != event.price:
            self._price_of[event.site] = event.price
            self.prices.append(Price(self._now, event.site, event.price))
        return True

    def _waits(self, asked: Asked, event: events.ComputeWaits | events.ComputeNeedsMore) -> bool:
        """Note why it waits, where it does."""
        if isinstance(event, events.ComputeWaits):
            asked.waited_for.add((month_of(self._now), event.why))
        return True

    @staticmethod
    def _emitted(asked: Asked, event: events.ComputeEmitted) -> bool:
        """Note what a part emitted, which may be known long after the end: once, and at a site where it was."""
        if event.part in asked.emitted or event.site not in {part.site for part in asked.parts}:
            return False
        asked.emitted[event.part] = event
        return True

    def _stopped(self, asked: Asked, event: events.ComputeInterrupted | events.ComputeEnded) -> bool:
        part = asked.running
        if part is not None and part.site != event.site:
            return False
        if isinstance(event, events.ComputeEnded):
            asked.ended, asked.ended_at = event, self._now
        elif part is None:
            return False
        if part is not None:
            self._newcomers_at_work.pop((asked.log, asked.said.request), None)
            part.until = self._now
            part.end = str(event.outcome if isinstance(event, events.ComputeEnded) else event.why)
        return True

    def _site(self, log: str, event: events.SiteAdmitted | events.SiteRemoved | events.SiteStanding) -> bool:
        site = self._sites[event.site].setdefault(log, _SiteInLog())
        if isinstance(event, events.SiteStanding):
            site.devices = event.devices if event.standing is Standing.OPEN else 0
            site.kind, site.governed_by = event.device_kind, event.governed_by
            return True
        admits = isinstance(event, events.SiteAdmitted)
        if bool(site.admitted) is admits:
            return False
        self._admissions += 1
        site.admitted = self._admissions if admits else 0
        return True

    def _count_open(self, name: str) -> None:
        """Count what a site offers now: of all logs the largest offer, under the policy that holds there."""
        before = self._open.pop(name, None)
        if before is not None:
            self._count(before, -1)
        logs = self._sites[name]
        devices = max(site.open for site in logs.values())
        if devices:
            own = (log for log, site in logs.items() if site.admitted and not site.governed_by)
            governs = min(own, key=lambda log: logs[log].admitted, default=None)
            self._open[name] = _Open(devices, governs, "" if governs is None else logs[governs].kind)
            self._count(self._open[name], 1)

    def _count(self, site: _Open, sign: int) -> None:
        """Add the devices of a site to those that are open, or take them away."""
        self._open_now += sign * site.devices
        if site.governs is not None:
            self._pool[site.governs][site.kind] += sign * site.devices
            self._reserve(site.governs)

    def _reserve(self, log: str) -> None:
        self._kept[log] = reserved(self._pool[log], self._share.get(log, _RESERVED_AT_FIRST))

    def _advance(self, to: int) -> None:
        """Let the sites be open until then, as they stand."""
        if self._open_now and to > self._now:
            had = list(self._had())
            for month, seconds in by_month(self._now, to):
                self.open_seconds[month] += self._open_now * seconds
                for kept in self._kept.values():
                    for kind, devices in kept.items():
                        self.reserved_seconds[month][kind] += devices * seconds
                for kind, devices, requests in had:
                    self.newcomer_seconds[month][kind] += devices * seconds
                    self.newcomers[month, kind] |= requests
        self._now = to

    def _had(self) -> Iterator[tuple[str, int, set[Key]]]:
        """Yield, under each policy, of each kind how many reserved devices newcomers have now, and their requests."""
        at_work: dict[tuple[str, str], Counter[Key]] = defaultdict(Counter)
        for key, asked in self._newcomers_at_work.items():
            site = self._open.get(asked.parts[-1].site)
            if site is not None and site.governs is not None:
                at_work[site.governs, site.kind][key] = asked.said.devices
        for (governs, kind), devices in at_work.items():
            kept = self._kept[governs][kind]
            if kept:
                yield kind, min(kept, devices.total()), set(devices)


# Until a community has adopted a policy, it has the one that every community begins with.
_RESERVED_AT_FIRST = Policy().reserved_bps


def by_month(since: int, until: int) -> Iterator[tuple[str, int]]:
    """Yield (month, seconds) of a time; months are those of UTC. Nothing for an empty one."""
    while since < until:
        moment = _EPOCH + timedelta(seconds=since)
        after = datetime(
            moment.year + moment.month // _MONTHS_OF_A_YEAR, moment.month % _MONTHS_OF_A_YEAR + 1, 1, tzinfo=UTC
        )
        end = min(until, (after - _EPOCH) // timedelta(seconds=1))
        yield month_of(since), end - since
        since = end


def month_of(at: int) -> str:
    """Return the month of a moment (UNIX seconds, UTC) as 2026-11."""
    moment = _EPOCH + timedelta(seconds=at)
    return f"{moment.year:04}-{moment.month:02}"
