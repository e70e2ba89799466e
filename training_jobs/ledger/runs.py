"""A run's way through the books: its voted ceiling is held, each attempt at a site is settled, the rest goes back.

Nothing is booked for a run without a ceiling in money, nor in a community that keeps no budget in its currency.
"""

from collections.abc import Collection
from datetime import datetime

from training_jobs import spec as specs
from training_jobs.commons import naming
from training_jobs.ledger import services
from training_jobs.ledger.booking import account, budget_named
from training_jobs.ledger.currencies import require_written
from training_jobs.models import Attempt, ComputeRequest, LedgerEntry, LedgerHold, Run, Site
from training_jobs.scheduling.prices import seconds_payable


def request_of(run: Run) -> str:
    """Return what the books call a run: as its lead's request is called in the log, also before it is made."""
    return naming.of_run(run)


def hold_ceiling(run: Run, now: datetime) -> LedgerHold | None:
    """Set the voted ceiling of a run aside; None where nothing is booked. Raises Conflict where too little is left."""
    money = specs.from_payload(run.spec_record.body).money
    if money is None or account(run.community, budget_named(services.GENERAL), money.currency) is None:
        return None
    ceiling = require_written(specs.decimal_text(money.amount), money.currency, "payload.spec.budget.money.amount")
    return services.hold(run.community, request_of(run), ceiling, money.currency, now, proposal=run.proposal)


def settle_attempt(attempt: Attempt, site: Site, price: int, now: datetime, *, devices: int = 1) -> LedgerEntry | None:
    """Pay a site for an attempt that has ended, on so many of its devices; None where nothing is held."""
    run = attempt.run
    if held_for(run) is None:
        return None
    used = services.Metered(site.slug, site.operator, devices, attempt.device_seconds, price)
    return services.settle(run.community, request_of(run), _cause(attempt), used, now)


def paid_for(attempts: Collection[Attempt]) -> dict[int, int]:
    """Return by attempt (its primary key) what a site was paid for it, in micro-units; only where it was booked.

    In two queries. The attempts come with their runs, and these have requests.
    """
    runs = {attempt.run_id: attempt.run.community_id for attempt in attempts}
    leads = dict(ComputeRequest.objects.filter(run__in=runs, slot=0).values_list("run", "name"))
    causes = {
        (runs[each.run_id], f"settle:{leads[each.run_id]}:{_cause(each)}"): each.pk
        for each in attempts
        if each.run_id in leads
    }
    entries = LedgerEntry.objects.filter(community__in=set(runs.values()), key__in={key for _, key in causes})
    found = entries.values_list("community", "key", "data") if causes else ()
    return {causes[at, key]: int(data["paid"]) for at, key, data in found if (at, key) in causes}


def release_rest(run: Run, now: datetime) -> LedgerHold | None:
    """Give back what a run that has ended left of its ceiling; None where nothing is held."""
    return None if held_for(run) is None else services.release(run.community, request_of(run), now)


def seconds_left(run: Run, price: int, devices: int) -> int | None:
    """Return for how long what is left of the ceiling pays for so many devices; None where nothing is held."""
    held = held_for(run)
    return None if held is None else seconds_payable(price, devices, held.left)


def held_for(run: Run) -> LedgerHold | None:
    """Return what is held for a run, if something is."""
    name = naming.given_to(run)
    return LedgerHold.objects.filter(community=run.community_id, request=name).first() if name else None


def _cause(attempt: Attempt) -> str:
    return f"attempt:{attempt.slot}:{attempt.number}"
