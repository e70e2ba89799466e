"""What changes while a federation is simulated: a site, a piece of work, its stay at a site, and what was used."""

from training_jobs.federation.fitting import spare
from training_jobs.federation.values import Asked, Fate, Left, Stay
from training_jobs.scheduling.fair_share import decayed
from training_jobs.scheduling.values import Booking, Request, Running, Site, Standing, Usage

DECAY_EVERY = 3_600


class SiteState:
    """A site as it is now. `firm`: devices held by work that neither a newcomer's nor lent."""

    __slots__ = ("booked", "bookings", "firm", "free", "index", "runs", "site", "standing")

    def __init__(self, index: int, site: Site) -> None:
        """Begin with a site that is not there yet."""
        self.index = index
        self.site = site
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


class Job:
    """A request on its way: what is left of it, and where it was."""

    __slots__ = ("asked", "ended_at", "fate", "left", "request", "spent", "stays", "why")

    def __init__(self, asked: Asked) -> None:
        """Begin with all of it left."""
        self.asked = asked
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
    """Device-seconds used, decaying: halved after each half-life. Decayed once an hour."""

    def __init__(self, half_life: int, since: int) -> None:
        """Begin with nothing used."""
        self._half_life = half_life
        self._at = since
        self._communities: dict[str, int] = {}
        self._members: dict[tuple[str, str], int] = {}

    def add(self, member: tuple[str, str], device_seconds: int) -> None:
        """Count what a (community, member) used."""
        community = member[0]
        self._communities[community] = self._communities.get(community, 0) + device_seconds
        self._members[member] = self._members.get(member, 0) + device_seconds

    def usage(self, now: int) -> Usage:
        """Return what was used, decayed to the last full hour. It is a view: what is added later shows in it."""
        hours = (now - self._at) // DECAY_EVERY
        usage = Usage(self._at, self._communities, self._members)
        if hours > 0:
            self._at += hours * DECAY_EVERY
            usage = decayed(usage, self._at, self._half_life)
            self._communities, self._members = dict(usage.communities), dict(usage.members)
        return Usage(self._at, self._communities, self._members)
