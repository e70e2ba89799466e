"""Runs that cost their community money, at two sites that it has let in; what tests about them share."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from governance.clock import now as clock
from governance.models import Community
from tests.integration.books import EURO
from tests.integration.conftest import pass_
from tests.integration.shared_sites import add_site, allotted, machine_of, seen
from training_jobs import services
from training_jobs.leases import Lease
from training_jobs.ledger import booking
from training_jobs.models import Run

CENT = EURO // 100
PRICE = 10 * CENT  # of the sites: a device-hour


def fill(community: Community, amount: int, cause: str = "for-tests") -> None:
    """Put money into the general budget."""
    line = booking.Line(booking.OUT, booking.budget_named("general"), "EUR", amount)
    booking.book(community, booking.Booking("opened", cause, [line], community.proposals.first()), clock())


@pytest.fixture
def ordered(community: Any, update: Any, propose: Any, voters: Any, settings: Any, tmp_path: Any) -> Callable[..., Any]:
    """Let two sites in, fill the budget, and order a run with a ceiling in money."""
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()

    def order(ceiling: str, budget: int, **changes: Any) -> Run | None:
        lately = clock() - timedelta(hours=3)
        for slug in ("lake", "hill"):
            add_site(community, slug, lately)
        fill(community, budget)
        limits = {**update["spec"]["budget"], "money": {"amount": ceiling, "currency": "EUR"}, **changes}
        pass_(propose("model_update", {"spec": {**update["spec"], "budget": limits}}, now=lately), voters)
        run = Run.objects.first()
        if run is not None:
            seen(run.created_at, "lake", "hill")
        return run

    return order


def take(run: Run, now: datetime) -> tuple[str, Lease]:
    """Let the machine of the site that was allotted to a run begin; return the site and the lease."""
    slug = allotted(f"run:{run.pk}").site.slug
    lease = services.claim(run.pk, machine_of(slug).lease_name, now)
    assert lease is not None
    services.stream(lease, [{"event": "started"}], now)
    return slug, lease
