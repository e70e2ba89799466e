"""What changes while a federation is simulated: a site, a piece of work, its stay at a site, and what was used."""

from collections.abc import Collection

from training_jobs.federation.fitting import spare
from training_jobs.federation.values import Asked, Fate, Left, Stay
from training_jobs.scheduling.fair_share import BITS, ONE, two_to_minus
from training_jobs.scheduling.values import Booking, Request, Running, Site, Standing, Usage

WEIGHED_EVERY = 3_600


class SiteState:
    """A site as it is now. `firm`: devices held by work that is neither a newcomer's nor lent."""

    __slots__ = ("bit", "booked", "bookings", "firm", "free", "index", "runs", "site", "standing")

    def __init__(self, index: int, site: Site, bit: int) -> None:
        """Begin with a site that is not there yet; `bit` stands for it in the masks of `fitting.Means`."""
        self.index = index
        self.site = site
        self.bit = bit
        self.standing: Standing | None = None
        self.free = site.devices
        self.firm = 0
        self.booked = 0
        self.bookings: list[Booking] = []
        self.runs: dict[int, Run] = {}

    def room(self, now: int, until: int) -> int:
        """Return the devices that are free in all of [now, until)."""
        holds = [(run.running.until, run.devices) for run in self.runs.values()]
        return spare(self.site.devices, holds, self.bookings, now, until)


class Kind:
    """Devices of one kind at open sites: all but those booked, those reserved of them, and those held as `firm`."""

    __slots__ = ("due", "firm", "open")

    def __init__(self) -> None:
        """Begin with none."""
        self.open = self.due = self.firm = 0


class Job:
    """A request on its way: what is left of it, where it was, and the mask of the sites that could perhaps do it."""

    __slots__ = ("asked", "ended_at", "fate", "left", "places", "request", "spent", "stays", "why")

    def __init__(self, asked: Asked, places: int) -> None:
        """Begin with all of it left."""
        self.asked = asked
        self.places = places
        self.request: Request = asked.request
        self.left = asked.work
        self.spent = 0
        self.stays: list[Stay] = []
        self.fate = Fate.OPEN
        self.why = Left.STILL_THERE
        self.ended_at: int | None = None


class Run:
    """One stay of a job at a site, while it lasts."""

    __slots__ = (
        "checkpoints",
        "devices",
        "end",
        "ends",
        "every",
        "firm",
        "job",
        "live",
        "member",
        "metered",
        "recall_at",
        "report",
        "running",
        "saved",
        "serial",
        "site",
    )

    def __init__(self, serial: int, job: Job, site: SiteState, running: Running, end: int, ends: Left) -> None:
        """Begin now; it will end at `end` for the reason `ends`, if nothing comes between."""
        self.serial, self.job, self.site, self.running, self.end, self.ends = serial, job, site, running, end, ends
        request = job.request
        self.devices = request.need.devices
        self.member = (request.community, request.member)
        self.checkpoints = request.checkpoints
        self.firm = not (running.lent or request.newcomer)
        self.every = job.asked.report_every
        self.saved = self.metered = running.since
        self.report = running.since + self.every
        self.recall_at: int | None = None
        self.live = True


class Meter:
    """Device-seconds used, decaying: halved after each half-life; what is used within one hour counts alike.

    As `fair_share.add`, it writes what comes later with its weight as of `at`, and moves `at` once in a half-life.
    """

    def __init__(self, half_life: int, since: int) -> None:
        """Begin with nothing used."""
        self._half_life = half_life
        self._at = self._hour = since
        self._weight = ONE
        self._communities: dict[str, int] = {}
        self._members: dict[str, dict[tuple[str, str], int]] = {}

    def add(self, member: tuple[str, str], device_seconds: int, now: int) -> None:
        """Count what a (community, member) used up to now."""
        if now - self._hour >= WEIGHED_EVERY:
            self._weigh(now)
        community = member[0]
        weighed = device_seconds * self._weight >> BITS
        self._communities[community] = self._communities.get(community, 0) + weighed
        members = self._members.setdefault(community, {})
        members[member] = members.get(member, 0) + weighed

    def usage(self, asking: Collection[str]) -> Usage:
        """Return what communities used, and the members of those that ask. It is a view: what is added shows in it."""
        members: dict[tuple[str, str], int] = {}
        for community in asking:
            members |= self._members.get(community, {})
        return Usage(self._at, self._communities, members)

    def _weigh(self, now: int) -> None:
        """Take the weight of the hour; after a half-life let all that was used fade instead."""
        self._hour += (now - self._hour) // WEIGHED_EVERY * WEIGHED_EVERY
        if self._hour - self._at >= self._half_life:
            fade = two_to_minus(self._hour - self._at, self._half_life)
            self._at = self._hour
            self._communities = {name: amount * fade >> BITS for name, amount in self._communities.items()}
            for community, members in self._members.items():
                self._members[community] = {name: amount * fade >> BITS for name, amount in members.items()}
        self._weight = ONE * ONE // two_to_minus(self._hour - self._at, self._half_life)
