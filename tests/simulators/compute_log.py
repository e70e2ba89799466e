"""A public log in which compute is shared: written event by event, by the same builders that the site uses."""

from training_jobs.scheduling import events
from training_jobs.scheduling.events import EnergyHow, Interruption, Outcome, Requester
from training_jobs.scheduling.values import Origin, Policy, Standing, Why
from training_jobs.transparency.figures import Entry, Log

HOUR, DAY = 3_600, 86_400
JANUARY = 1_767_225_600  # 2026-01-01T00:00:00Z
FEBRUARY = JANUARY + 31 * DAY
MARCH = FEBRUARY + 28 * DAY


class ComputeLog:
    """Entries in the order in which they are written. Moments are seconds after the beginning of 2026."""

    def __init__(self):
        self.entries = []

    def write(self, at, event, actor=""):
        self.entries.append(Entry(JANUARY + at, event.kind, events.data_of(event), actor))
        return self

    def other(self, at):
        """Write an entry that has nothing to do with compute."""
        self.entries.append(Entry(JANUARY + at, "ballot_cast", {"choice": 1}, "0x01"))
        return self

    def admit(self, at, site, devices=4, kind="", governed_by=""):
        self.write(at, events.SiteAdmitted(site=site, proposal=None))
        return self.stand(at, site, devices, kind=kind, governed_by=governed_by)

    def stand(self, at, site, devices=4, standing=Standing.OPEN, kind="", governed_by=""):
        said = {"why": "said", "memory_bytes": 2**34, "region": "FR", "country": "FR"}
        said |= {"device_kind": kind, "governed_by": governed_by}
        return self.write(at, events.SiteStanding(site=site, standing=standing, devices=devices, **said))

    def remove(self, at, site):
        return self.write(at, events.SiteRemoved(site=site, why="left", proposal=None))

    def policy(self, at, reserved_bps):
        return self.write(at, events.ComputePolicyAdopted.of(Policy(reserved_bps=reserved_bps), 3))

    def ask(self, at, request, who="member", devices=1, actor=None):
        need = {"devices": devices, "memory_bytes": 2**33, "seconds": HOUR, "ceiling": 10**9, "slack": 0}
        said = events.ComputeRequested(
            request=request, origin=Origin.SANDBOX, requester=Requester(who), proposal=None, **need
        )
        return self.write(at, said, request if actor is None else actor)

    def start(self, at, request, site="lake", why=Why.STARTS, price=1_000):
        said = events.ComputeStarted(request=request, site=site, why=why, waited=0, price=price, until=JANUARY + at)
        return self.write(at, said)

    def interrupt(self, at, request, site="lake", why=Interruption.SITE_SILENT):
        return self.write(at, events.ComputeInterrupted(request=request, site=site, why=why))

    def end(self, at, request, site="lake", outcome=Outcome.DONE, energy=EnergyHow.METERED, grams=5, cost=7):
        joules = None if energy is EnergyHow.UNKNOWN else 100
        used = {"device_seconds": 1, "joules": joules, "energy": energy, "grams": grams, "cost": cost}
        return self.write(at, events.ComputeEnded(request=request, site=site, outcome=outcome, **used))

    def waits(self, at, request, why=Why.ALL_BUSY):
        return self.write(at, events.ComputeWaits(request=request, why=why, expected=None, plus_minus=0))

    def refuse(self, at, request, reason="no_quota"):
        return self.write(at, events.ComputeRefused(request=request, reason=reason))

    def runs(self, at, names, who="member", wait=0, run=HOUR, **start):
        """Let requests be asked for, start and be done, one beside the other."""
        for name in names:
            self.ask(at, name, who)
        for name in names:
            self.start(at + wait, name, **start)
        for name in names:
            self.end(at + wait + run, name, start.get("site", "lake"))
        return self

    @property
    def log(self):
        return Log.of(self.entries)


def a_year_of_computing():
    """Return a log with something of everything, enough of it for most figures to be shown."""
    log = ComputeLog().admit(0, "lake", 8).admit(0, "hill", 8).policy(0, 2_500)
    for month in range(4):
        at = month * 31 * DAY + HOUR
        for number in range(12):
            who, site = ("newcomer", "lake") if number < 6 else ("member", "hill")
            why = Why.STARTS_IN_RESERVE if who == "newcomer" else Why.STARTS
            how = EnergyHow.METERED if number % 2 else EnergyHow.ESTIMATED
            name = f"run-{month}-{number}"
            log.ask(at, name, who, devices=1)
            log.start(at + 60 * number, name, site, why, price=1_000 + 100 * month)
            log.end(at + HOUR + 60 * number, name, site, energy=how)
        for number in range(12):
            name = f"refused-{month}-{number}"
            log.ask(at + DAY, name, "newcomer" if number < 6 else "member")
            log.refuse(at + DAY, name, "no_quota" if number % 2 else "no_site")
    log.entries.sort(key=lambda entry: entry.at)
    return log.other(124 * DAY)
