"""A year of a federation under the compute policy, beside first come, first served: waits, fairness, carbon, speed.

    python -m benchmarks.federation [--seed 1] [--sites 200] [--communities 50] [--requests 10000] [--days 364]
                                    [--load-bps 9000] [--strict] [--check]

Everything comes from the seed (`training_jobs/federation/world.py`); the grids are the synthetic sample year. The same
world runs under `choose` and under first come, first served (who finds no place lets the next one try: the one that
keeps machines busiest; `--strict` adds the one where nobody overtakes anybody, which leaves most of them idle).

Newcomers ask for little, and who asks for little waits less under any rule; so what the reserve does is shown by the
same year without it. Both begin at once, for waiting for a greener hour is no waiting for devices.

What waiting for a greener hour saves is measured twice. In the year itself machines are busy, and the best offline
schedule, which takes no notice of that, is out of everybody's reach; it is shown, not promised. The promise is about a
quiet half-year without churn, in which nearly every request could have its greenest hour, and takes as long as it says:
what `choose`, which sees forecasts, saves against the same policy that begins at once, as a share of what somebody who
knew the grid would have saved. Beside it stand the same for runs that take less or more time than they say, against
somebody who knew that, too; and what is saved by waiting alone: against beginning at once wherever it is greenest.
There it counts that all wait for the same few greenest sites, so it is also compared with a schedule that keeps to the
devices there are, made afterwards, the largest request first.

Where sites differ much, some of what is idle is what few can use; so the reserve is also tried in eight weeks in which
more is asked for than there is, and everything fits everywhere.

Events are what `training_jobs/federation/simulate.py` calls events; seconds are those of the processor. A million
scheduling events a minute is promised of all of them, and nearly all are checkpoints and reports of runs. Those after
which the scheduler may decide otherwise (a request, a start, an end, a loss, a recall, a site, a booking) are counted
beside them. Prints Markdown tables; `--check` exits with 1 when a promise that it prints is broken.
"""

import argparse
import sys
import time
from dataclasses import dataclass, replace

from governance.errors import Invalid
from training_jobs.federation.choosers import ByPolicy, first_fit, strict
from training_jobs.federation.figures import Figures, Saving, figures, saving
from training_jobs.federation.forecasts import Forecasts
from training_jobs.federation.grids import sample_intensity
from training_jobs.federation.simulate import simulate
from training_jobs.federation.values import Chooser, Outcome, World
from training_jobs.federation.world import Size, make_world
from training_jobs.scheduling.values import BPS, Policy

EVENTS_PER_MINUTE_MIN = 1_000_000
UTILISATION_OF_FCFS_MIN = 9_000  # basis points
CARBON_OF_BEST_MIN = 8_000  # basis points
AT_ONCE, NO_RESERVE = "choose, begins at once", "the same without reserve"
QUIET = Size(
    requests=400, days=182, load_bps=20, churn_bps=0, newcomers_bps=0, sandbox_bps=0, hours_longest=24
)  # fmt: skip
CROWDED = Size(sites=60, requests=2_500, days=56, load_bps=10_500, alike=1)

Savings = tuple[Saving, Saving, Saving]


@dataclass(frozen=True)
class Ran:
    """One simulation, and the processor seconds that it took."""

    outcome: Outcome
    figures: Figures
    seconds: float

    @property
    def events_per_minute(self) -> int:
        """Return how many events a minute of the processor went through."""
        return int(self.outcome.events_total * 60 / self.seconds)


def ran(world: World, chooser: Chooser, policy: Policy, forecasts: Forecasts) -> Ran:
    """Simulate, and take the time of that alone."""
    began = time.process_time()
    outcome = simulate(world, chooser, policy, forecasts)
    seconds = time.process_time() - began
    return Ran(outcome, figures(outcome), seconds)


def measure(size: Size, seed: str, *, with_strict: bool) -> dict[str, Ran]:
    """Run the year under each policy."""
    world = make_world(seed, sample_intensity(), size)
    forecasts = Forecasts(world.intensity, world.forecast_error_bps, world.seed)
    policy = Policy(shares={community.id: community.share for community in world.communities})
    at_once = replace(policy, carbon_aware=False)
    rows = {
        "choose": ran(world, ByPolicy(), policy, forecasts),
        AT_ONCE: ran(world, ByPolicy(), at_once, forecasts),
        NO_RESERVE: ran(world, ByPolicy(), replace(at_once, reserved_bps=0), forecasts),
        "first come, first served": ran(world, first_fit, policy, forecasts),
    }
    if with_strict:
        rows["nobody overtakes"] = ran(world, strict, policy, forecasts)
    return rows


def crowded(seed: str) -> dict[str, Ran]:
    """Run eight weeks in which more is asked for than there is, and everything fits everywhere."""
    world = make_world(f"{seed}/crowded", sample_intensity(), CROWDED)
    world = replace(world, communities=tuple(replace(each, budget=3 * each.budget) for each in world.communities))
    forecasts = Forecasts(world.intensity, world.forecast_error_bps, world.seed)
    policy = Policy(carbon_aware=False)
    return {
        "choose": ran(world, ByPolicy(), policy, forecasts),
        "without reserve": ran(world, ByPolicy(), replace(policy, reserved_bps=0), forecasts),
        "first come, first served": ran(world, first_fit, policy, forecasts),
    }


def quiet(seed: str, *, exact: bool) -> Savings:
    """Return what waiting saves where nobody is in the way; `exact`: runs take as long as they say.

    First against beginning at once wherever it is cheapest, then against beginning at once wherever it is greenest:
    what waiting alone saves; last the same, but the best is a schedule that keeps to the devices there are.
    """
    world = make_world(f"{seed}/quiet", sample_intensity(), QUIET)
    world = replace(
        world,
        communities=tuple(replace(each, budget=10 * each.budget) for each in world.communities),
        asked=tuple(
            replace(each, work=each.request.need.seconds * 1_000 if exact else each.work) for each in world.asked
        ),
    )
    hurried = replace(world, asked=tuple(replace(each, request=replace(each.request, slack=0)) for each in world.asked))
    forecasts = Forecasts(world.intensity, world.forecast_error_bps, world.seed)
    policy = Policy()
    aware = simulate(world, ByPolicy(), policy, forecasts)
    cheapest = simulate(world, ByPolicy(), replace(policy, carbon_aware=False), forecasts)
    greenest = simulate(hurried, ByPolicy(), policy, forecasts)
    return saving(cheapest, aware), saving(greenest, aware), saving(greenest, aware, greedy=True)


def hours(seconds: int) -> str:
    """Return seconds as hours."""
    return f"{seconds / 3_600:.1f}"


def percent(bps: int) -> str:
    """Return basis points as percent."""
    return f"{bps / 100:.1f}"


def table(rows: dict[str, Ran]) -> str:
    """Return the figures side by side."""
    lines = ["| | " + " | ".join(rows) + " |", "|---|" + "---:|" * len(rows)]
    each = [row.figures for row in rows.values()]
    for kind in each[0].waits:
        waited = (f"{hours(f.waits[kind].p50)} / {hours(f.waits[kind].p90)} / {hours(f.waits[kind].p99)}" for f in each)
        lines.append(
            f"| hours waited, {kind} ({each[0].waits[kind].count}): p50 / p90 / p99 | " + " | ".join(waited) + " |"
        )
    for name, cells in (
        ("utilisation, %", [percent(f.utilisation_bps) for f in each]),
        ("Jain index over communities, %", [percent(f.fairness_bps) for f in each]),
        ("newcomers' share of what was delivered, %", [percent(f.newcomers_bps) for f in each]),
        ("reserved share kept, %", [_reserve_kept(row) for row in rows.values()]),
        ("recalls asked / kept", [f"{f.recalls_asked} / {f.recalls_kept}" for f in each]),
        ("device-hours delivered", [f"{f.delivered // 3_600:,}" for f in each]),
        ("device-hours lost with silent sites", [f"{f.lost // 3_600:,}" for f in each]),
        ("energy, MWh", [f"{f.watt_hours / 1e6:,.1f}" for f in each]),
        ("carbon, t CO2e", [f"{f.carbon_grams / 1e6:,.1f}" for f in each]),
        ("done / stopped / refused / still open", [_fates(f) for f in each]),
        ("budget overruns", [str(f.overruns) for f in each]),
        ("events", [f"{row.outcome.events_total:,}" for row in rows.values()]),
        ("events but for checkpoints and reports", [f"{_rare(row.outcome):,}" for row in rows.values()]),
        ("decisions", [f"{row.outcome.decisions:,}" for row in rows.values()]),
        ("processor seconds", [f"{row.seconds:.1f}" for row in rows.values()]),
        ("events per minute", [f"{row.events_per_minute:,}" for row in rows.values()]),
        (
            "the same but for checkpoints and reports",
            [f"{int(_rare(row.outcome) * 60 / row.seconds):,}" for row in rows.values()],
        ),
    ):
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _fates(one: Figures) -> str:
    return " / ".join(str(one.fates.get(fate, 0)) for fate in ("done", "stopped", "refused", "open"))


def _reserve_kept(row: Ran) -> str:
    return percent(row.figures.reserve_kept_bps) if row.outcome.policy.reserved_bps else "–"


def _rare(outcome: Outcome) -> int:
    return sum(count for kind, count in outcome.events.items() if kind not in ("checkpoint", "report"))


def promises(
    rows: dict[str, Ran], crowd: dict[str, Ran], known: Savings, unknown: Savings
) -> list[tuple[str, str, bool]]:
    """Return each promise with what was measured, and whether it is kept."""
    policy, served = rows["choose"], rows["first come, first served"]
    share = policy.figures.utilisation_bps * BPS // max(served.figures.utilisation_bps, 1)
    overruns = sum(row.figures.overruns for row in (*rows.values(), *crowd.values()))
    slowest = min(row.events_per_minute for row in rows.values())
    waited = [
        _newcomers_first("newcomers' p90 wait ≤ the others'", policy),
        _newcomers_first("the same, begins at once", rows[AT_ONCE]),
        _newcomers_first("the same where more is asked for than there is", crowd["choose"]),
    ]
    saved = [
        ("carbon saved ≥ 80 % of the best offline schedule's", known[0]),
        ("the same where run times are not known", unknown[0]),
        ("the same by waiting alone, of a schedule that keeps to the devices, run times known", known[2]),
    ]
    return [
        *waited,
        ("utilisation ≥ 90 % of first come, first served", f"{percent(share)} %", share >= UTILISATION_OF_FCFS_MIN),
        *(
            (
                name,
                f"{percent(each.of_best_bps)} % ({percent(each.saved_bps)} % of what beginning at once emits)",
                each.of_best_bps >= CARBON_OF_BEST_MIN,
            )
            for name, each in saved
        ),
        ("no budget overrun", str(overruns), overruns == 0),
        ("≥ 1,000,000 events per minute on one core", f"{slowest:,}", slowest >= EVENTS_PER_MINUTE_MIN),
    ]


def _newcomers_first(name: str, row: Ran) -> tuple[str, str, bool]:
    new, old = (row.figures.waits[kind].p90 for kind in ("newcomers", "others"))
    return name, f"{hours(new)} h ≤ {hours(old)} h", new <= old


def main(arguments: list[str] | None = None) -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", default="1")
    for name in ("sites", "communities", "requests", "days"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Size(), name))
    parser.add_argument("--load-bps", type=int, default=Size().load_bps)
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    try:
        size = Size(
            sites=options.sites,
            communities=options.communities,
            requests=options.requests,
            days=options.days,
            load_bps=options.load_bps,
        )
    except Invalid as error:
        parser.error(f"{error.field}: {error.detail}: {error.allowed}")
    rows = measure(size, options.seed, with_strict=options.strict)
    print(table(rows), end="\n\n")
    aware, at_once = rows["choose"].figures.carbon_grams, rows[AT_ONCE].figures.carbon_grams
    less = percent((at_once - aware) * BPS // max(at_once, 1))
    print(f"In the busy year, looking at the grid saved {less} % of the carbon.\n")
    in_quiet = {name: quiet(options.seed, exact=exact) for name, exact in (("known", True), ("not known", False))}
    print("| quiet half-year, how long runs take is | saved, of the best | by waiting alone | of what can be done |")
    print("|---|---:|---:|---:|")
    for name, savings in in_quiet.items():
        print(f"| {name} | " + " | ".join(f"{percent(each.of_best_bps)} %" for each in savings) + " |")
    crowd = crowded(options.seed)
    print(f"\nEight weeks in which more is asked for than there is, and all fits everywhere:\n\n{table(crowd)}")
    kept = promises(rows, crowd, in_quiet["known"], in_quiet["not known"])
    print("\n| promise | measured | kept |\n|---|---|---|")
    print("\n".join(f"| {name} | {found} | {'yes' if good else 'NO'} |" for name, found, good in kept))
    return 1 if options.check and not all(good for _, _, good in kept) else 0


if __name__ == "__main__":
    sys.exit(main())
