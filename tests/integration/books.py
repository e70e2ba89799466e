"""A community with money in its books, and the words that tests about them share."""

from collections.abc import Callable
from typing import Any

import pytest

from governance.models import Community
from tests.integration.commons import Commons
from training_jobs.ledger import fsck, services
from training_jobs.models import LedgerAccount

FOR = 1
EURO = 100_000_000  # micro-units
HOLDER = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


@pytest.fixture
def commons(list_community: Callable[..., Commons]) -> Commons:
    """A community that has no money yet."""
    return list_community()


@pytest.fixture
def funded(commons: Commons) -> Commons:
    """The same with a hundred euros in the general budget."""
    decide(commons, "budget_opening", opening())
    return commons


def opening(**changes: Any) -> dict[str, Any]:
    """Return what a vote says that lets a hundred euros in."""
    return {"budget": "general", "currency": "EUR", "amount": "100.00", "source": "A grant.", **changes}


def moving(
    amount: str, source: str = "budget:general", target: str = "outside:world", **changes: Any
) -> dict[str, Any]:
    """Return what a vote says that moves money."""
    return {"from": source, "to": target, "currency": "EUR", "amount": amount, "reason": "As agreed.", **changes}


def decide(commons: Commons, kind: str, payload: dict[str, Any]) -> Any:
    """Propose, vote, execute."""
    proposal = commons.propose(kind, payload)
    commons.vote(proposal, "Alice", FOR)
    commons.vote(proposal, "Bob", FOR)
    return commons.executed(proposal)


def metered(seconds: int = 3_600, **changes: Any) -> services.Metered:
    """Return what a site metered: by default an hour on two devices at three euros an hour."""
    values = {"site": "grid", "operator": HOLDER, "devices": 2, "seconds": seconds, "price": 3 * EURO, **changes}
    return services.Metered(**values)


def balances(community: Community) -> dict[str, int]:
    """Return what is in each account."""
    return {str(each): each.balance for each in LedgerAccount.objects.filter(community=community)}


def wrong(community: Community) -> list[str]:
    """Return what fsck says of the books."""
    return [f"{found.table} {found.what}" for found in fsck.check_one(community)]
