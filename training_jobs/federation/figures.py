"""What came of a simulated year, in figures: waiting, use, fairness, the reserve, energy and carbon, money.

Pure, in integers: seconds, device-seconds, basis points, watt-hours, grams of CO2e. Percentiles are by nearest rank.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from training_jobs.federation.fairness import fairness_bps
from training_jobs.federation.fitting import fits
from training_jobs.federation.values import Asked, Ended, Fate, Left, Outcome, World
from training_jobs.scheduling.carbon import Placed, best_offline, grams, greedy_offline
from training_jobs.scheduling.values import BPS, Origin, Request

KINDS: Mapping[str, Callable[[Request], bool]] = {
    "all": lambda request: True,
    "newcomers": lambda request: request.newcomer,
    "others": lambda request: not request.newcomer,
    "voted": lambda request: request.origin is Origin.VOTED,
    "sandbox": lambda request: request.origin is Origin.SANDBOX,
}


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds from asking to the first start, of `count` requests; what never began counts with what it waited."""

    count: int
    p50: int
    p90: int
    p99: int


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one outcome."""

    waits: Mapping[str, Waits]
    fates: Mapping[str, int]
    refused: Mapping[str, int]  # by reason
    utilisation_bps: int  # delivered within the year, of the devices that were there
    fairness_bps: int
    newcomers_bps: int  # of the device-seconds delivered
    reserve_kept_bps: int  # of the share kept for newcomers: used by them, free, or lent until a checkpoint
    delivered: int  # device-seconds, of all runs
    lost: int  # device-seconds lost with silent sites
    recalls_asked: int
    recalls_kept: int
    watt_hours: int
    carbon_grams: int
    spent: int  # micro-units of money
    overruns: int  # requests above their ceiling, and communities above their budget

    def flat(self) -> dict[str, int]:
        """Return all of them by name, for tables: maps become `waits.newcomers.p90`, `refused.no_budget` and so on."""
        rows: dict[str, int] = {}
        for kind, waits in self.waits.items():
            rows |= {f"waits.{kind}.{name}": getattr(waits, name) for name in ("count", "p50", "p90", "p99")}
        rows |= {f"fates.{fate.value}": self.fates.get(fate.value, 0) for fate in Fate}
        rows |= {f"refused.{why.value}": self.refused.get(why.value, 0) for why in (Left.NO_BUDGET, Left.NO_SITE_FITS)}
        return rows | {
            name: getattr(self, name) for name in self.__slots__ if name not in ("waits", "fates", "refused")
        }


def figures(outcome: Outcome) -> Figures:
    """Return the figures of an outcome."""
    ended, world = outcome.ended, outcome.world
    taken = [each for each in ended if each.fate is not Fate.REFUSED]
    delivered = sum(each.delivered for each in ended)
    newcomers = sum(each.delivered for each in ended if each.asked.request.newcomer)
    within = sum(
        stay.devices * max(min(stay.kept_until, world.until) - stay.since, 0) for each in ended for stay in each.stays
    )
    return Figures(
        waits={kind: waits(each for each in taken if of(each.asked.request)) for kind, of in KINDS.items()},
        fates=dict(Counter(each.fate.value for each in ended)),
        refused=dict(Counter(each.why.value for each in ended if each.fate is Fate.REFUSED)),
        utilisation_bps=_bps(within, outcome.open_device_seconds),
        fairness_bps=fairness_bps(outcome),
        newcomers_bps=_bps(newcomers, delivered),
        reserve_kept_bps=_bps(outcome.reserve.kept, outcome.reserve.due) if outcome.reserve.due else BPS,
        delivered=delivered,
        lost=sum(stay.devices * (stay.until - stay.kept_until) for each in ended for stay in each.stays),
        recalls_asked=outcome.recalls_asked,
        recalls_kept=outcome.recalls_kept,
        watt_hours=_watt_hours(outcome),
        carbon_grams=int(carbon(outcome)),
        spent=sum(each.spent for each in ended),
        overruns=_overruns(outcome),
    )


def waits(ended: Iterable[Ended]) -> Waits:
    """Return the percentiles of waiting."""
    seconds = sorted(
        (each.at if each.started_at is None else each.started_at) - each.asked.request.submitted_at for each in ended
    )
    return Waits(len(seconds), *(percentile(seconds, bps) for bps in (5_000, 9_000, 9_900)))


def percentile(values: Sequence[int], bps: int) -> int:
    """Return the smallest of sorted values that so many basis points of them do not exceed; 0 where there is none."""
    return values[max(-(-len(values) * bps // BPS), 1) - 1] if values else 0


def carbon(outcome: Outcome, only: Container[str] | None = None) -> Fraction:
    """Return the grams of CO2e of all that ran (or of these requests), with what was lost, on the real grid."""
    sites = {life.site.id: life.site for life in outcome.world.sites}
    total = Fraction(0)
    for each in outcome.ended:
        if only is not None and each.asked.request.id not in only:
            continue
        for stay in each.stays:
            site = sites[stay.site]
            series = outcome.world.intensity.get(site.region)
            if series is not None:
                total += grams(series, stay.since, stay.until, stay.devices * site.watts, site.pue_permille)
    return total


@dataclass(frozen=True, slots=True)
class Saving:
    """What a schedule saved against beginning at once, in grams, and what it could have saved at best."""

    at_once: int
    emitted: int
    best: int

    @property
    def saved_bps(self) -> int:
        """Return what was saved, of what beginning at once emits; negative where it cost more."""
        return _bps(self.at_once - self.emitted, self.at_once)

    @property
    def of_best_bps(self) -> int:
        """Return what was saved, of what the best schedule saves; all of it where there was nothing to save."""
        return _bps(self.at_once - self.emitted, self.at_once - self.best) if self.at_once > self.best else BPS


def saving(at_once: Outcome, outcome: Outcome, *, greedy: bool = False) -> Saving:
    """Return what an outcome saved against another one of the same requests in which nothing waits for a greener hour.

    Only requests that are done in both count. The best is what is known afterwards: each alone at its greenest site and
    start within its slack, which no schedule can go below (`greedy`: one that keeps to the devices there are, and so
    could have been done, but need not be the best). It takes every site for one that is there all year.
    """
    done = [{each.asked.request.id for each in one.ended if each.fate is Fate.DONE} for one in (at_once, outcome)]
    both = done[0] & done[1]
    placed = (each.grams for each in offline(outcome.world, both, greedy=greedy))
    return Saving(int(carbon(at_once, both)), int(carbon(outcome, both)), int(sum(placed, Fraction(0))))


def offline(world: World, only: Container[str], *, greedy: bool = False) -> tuple[Placed, ...]:
    """Return the schedule that somebody who knows the year could have made for these requests."""
    sites = [life.site for life in world.sites]
    asked = {each.request.id: each.request for each in world.asked}
    schedule = greedy_offline if greedy else best_offline
    real = [_as_it_will_be(each) for each in world.asked if each.request.id in only]
    return schedule(real, sites, world.intensity, lambda request, site: fits(asked[request.id], site))


def _as_it_will_be(asked: Asked) -> Request:
    """Return a request with the time that it really takes, which is never more than it may."""
    seconds = min(-(-asked.work // 1_000), asked.request.need.seconds)
    return replace(asked.request, need=replace(asked.request.need, seconds=seconds))


def _watt_hours(outcome: Outcome) -> int:
    sites = {life.site.id: life.site for life in outcome.world.sites}
    total = 0
    for each in outcome.ended:
        for stay in each.stays:
            site = sites[stay.site]
            total += stay.devices * (stay.until - stay.since) * site.watts * site.pue_permille
    return total // (3_600 * 1_000)


def _overruns(outcome: Outcome) -> int:
    spent: Counter[str] = Counter()
    for each in outcome.ended:
        spent[each.asked.request.community] += each.spent
    return sum(each.spent > each.asked.request.ceiling for each in outcome.ended) + sum(
        spent[community.id] > community.budget for community in outcome.world.communities
    )


def _bps(part: int, whole: int) -> int:
    return part * BPS // whole if whole else 0
