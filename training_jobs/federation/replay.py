"""Replays a real history under another compute policy, for those who vote on it: figures before and after.

Both sides are simulated from the same history, so that what the simulation leaves out is left out of both; `real_waits`
says what really was, to judge how near it comes. What nobody can know stays as it was: the same people ask for the same
at the same moments, each run works as long as it did, sites come and go as they did.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from governance.errors import Invalid
from training_jobs.federation.choosers import ByPolicy
from training_jobs.federation.figures import KINDS, Figures, Waits, figures, waits
from training_jobs.federation.forecasts import Forecasts
from training_jobs.federation.simulate import simulate
from training_jobs.federation.values import Asked, Chooser, Community, Ended, Fate, Outcome, SiteLife, World
from training_jobs.scheduling.values import Booking, Policy, Series

REQUESTS_MAX = 20_000
SITES_MAX = 1_000
DAYS_MAX = 400
REPORT_EVERY = 1_800  # seconds, where the history does not say how often a run saved its work


@dataclass(frozen=True, slots=True)
class History:
    """What happened in [since, until): who asked for what and what became of it, and which sites there were.

    A stay's cost may be 0: the replay computes costs anew. `intensity` may lack regions; they count no carbon.
    """

    since: int
    until: int
    past: tuple[Ended, ...]
    sites: tuple[SiteLife, ...]
    communities: tuple[Community, ...]
    bookings: tuple[Booking, ...] = ()
    intensity: Mapping[str, Series] = field(default_factory=dict)
    forecast_error_bps: int = 0
    seed: str = "history"  # of the errors of forecasts


@dataclass(frozen=True, slots=True)
class Row:
    """One figure under both policies; `name` as in `Figures.flat`."""

    name: str
    before: int
    after: int


def replay(history: History, policy: Policy, chooser: Chooser | None = None) -> Figures:
    """Return the figures of a history under a policy.

    Raises Invalid for a history that is too large, or that names sites or communities it lacks.
    """
    return figures(simulate(world_of(history), chooser or ByPolicy(), policy))


def side_by_side(history: History, before: Policy, after: Policy, chooser: Chooser | None = None) -> tuple[Row, ...]:
    """Return each figure under the policy in force and under the one that is proposed."""
    world = world_of(history)
    forecasts = Forecasts(world.intensity, world.forecast_error_bps, world.seed)
    old, new = (figures(simulate(world, chooser or ByPolicy(), policy, forecasts)).flat() for policy in (before, after))
    return tuple(Row(name, old[name], new[name]) for name in old)


def real_waits(history: History) -> dict[str, Waits]:
    """Return how long each kind of requester really waited."""
    taken = [each for each in history.past if each.fate is not Fate.REFUSED]
    return {kind: waits(each for each in taken if of(each.asked.request)) for kind, of in KINDS.items()}


def history_of(outcome: Outcome) -> History:
    """Return an outcome as a history, as if it had been real."""
    world = outcome.world
    return History(
        since=world.since,
        until=world.until,
        past=outcome.ended,
        sites=world.sites,
        communities=world.communities,
        bookings=world.bookings,
        intensity=world.intensity,
        forecast_error_bps=world.forecast_error_bps,
        seed=world.seed,
    )


def asked_of(past: Ended, speeds: Mapping[str, int]) -> Asked:
    """Return a past request as the world knows it: its work is what it did, or more than it may where it was stopped.

    What never ran to an end is taken at its word. Stays at sites that are not in `speeds` raise Invalid.
    """
    unknown = sorted({stay.site for stay in past.stays} - set(speeds))
    if unknown:
        raise Invalid(
            "site_unknown", "a past run names a site that the history lacks", field="sites", found=unknown[:5]
        )
    worked = sum((stay.kept_until - stay.since) * speeds[stay.site] for stay in past.stays)
    most = past.asked.request.need.seconds * 1_000
    work = {Fate.DONE: worked, Fate.STOPPED: max(worked, most) + 1_000}.get(past.fate, max(worked, most))
    return Asked(past.asked.request, work, past.asked.report_every or REPORT_EVERY)


def world_of(history: History) -> World:
    """Return the world in which a history can happen again."""
    for name, found, most in (
        ("past", len(history.past), REQUESTS_MAX),
        ("sites", len(history.sites), SITES_MAX),
        ("until", (history.until - history.since) // 86_400, DAYS_MAX),
    ):
        if found > most:
            raise Invalid("history_too_large", "a shorter time can be replayed", field=name, found=found, allowed=most)
    speeds = {life.site.id: life.site.speed_permille for life in history.sites}
    asked = [asked_of(each, speeds) for each in history.past]
    named = {each.id for each in history.communities}
    missing = sorted({each.request.community for each in asked} - named)
    if missing:
        detail = "a past request names a community that the history lacks"
        raise Invalid("community_unknown", detail, field="communities", found=missing[:5])
    return World(
        seed=history.seed,
        since=history.since,
        until=history.until,
        sites=history.sites,
        communities=history.communities,
        asked=tuple(sorted(asked, key=lambda each: (each.request.submitted_at, each.request.id))),
        bookings=history.bookings,
        intensity=history.intensity,
        forecast_error_bps=history.forecast_error_bps,
    )
