"""Questions that pages ask about runners: whose they are, what they can do, are doing and did. Reads only.

What a machine says of itself is shown as its own word; what it did stands in the attempts of runs.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from governance.models import Community, Member
from training_jobs.models import Attempt, Run, Runner, Seat

RUNNERS_SHOWN_MAX = 200
ATTEMPTS_SHOWN_MAX = 5
PRESENT = timedelta(minutes=5)


@dataclass(frozen=True)
class RunnerRow:
    """A runner as its line shows it. `finished` are attempts that ended with a verdict; `at_work` is its run now."""

    runner: Runner
    owner_name: str
    present: bool
    at_work: Run | None
    attempts: int
    finished: int
    newest: tuple[Attempt, ...]
    expires_at: datetime | None

    @property
    def devices(self) -> tuple[Mapping[str, Any], ...]:
        """Return what it said that it can train on."""
        return tuple(self.runner.capabilities.get("devices", ()))


def runners_of(community: Community, now: datetime) -> list[RunnerRow]:
    """Return the runners of a community, those that are let in first; a handful of queries for all."""
    found = list(
        Runner.objects.filter(community=community)
        .prefetch_related("tokens")
        .order_by("revoked_at", "-pk")[:RUNNERS_SHOWN_MAX]
    )
    found.sort(key=lambda runner: runner.revoked_at is not None)
    names = [runner.lease_name for runner in found]
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in Attempt.objects.filter(owner__in=names).select_related("run__model").order_by("-pk"):
        attempts[attempt.owner].append(attempt)
    held = Seat.objects.filter(lease_owner__in=names, lease_expires_at__gt=now).select_related("run")
    working = {seat.lease_owner: seat.run for seat in held}
    working |= {run.lease_owner: run for run in Run.objects.filter(lease_owner__in=names, lease_expires_at__gt=now)}
    people = dict(
        Member.objects.filter(community=community, address__in={runner.owner for runner in found}).values_list(
            "address", "name"
        )
    )
    return [_row(runner, people, attempts[runner.lease_name], working.get(runner.lease_name), now) for runner in found]


def _row(
    runner: Runner, people: Mapping[str, str], attempts: list[Attempt], at_work: Run | None, now: datetime
) -> RunnerRow:
    newest_token = next(iter(runner.tokens.all()), None)
    return RunnerRow(
        runner=runner,
        owner_name=people.get(runner.owner, ""),
        present=runner.last_seen_at is not None and now - runner.last_seen_at < PRESENT,
        at_work=at_work,
        attempts=len(attempts),
        finished=sum(attempt.outcome == "finished" for attempt in attempts),
        newest=tuple(attempts[:ATTEMPTS_SHOWN_MAX]),
        expires_at=newest_token.expires_at if newest_token else None,
    )
