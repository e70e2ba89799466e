"""Money that many reach for at once, on SQLite and on PostgreSQL: it is spent once, and never below nothing."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from collections import Counter

from tests.integration.books import EURO, balances, commons, funded, metered, wrong
from tests.integration.conftest import NOON
from tests.integration.test_races import at_once, db, server, template
from training_jobs.ledger import services
from training_jobs.models import LedgerEntry, LedgerHold


def test_who_comes_at_once_holds_no_more_than_there_is_and_is_paid_once(funded):
    community = funded.community
    asked = at_once(8, lambda number: services.hold(community, f"request:{number}", 30 * EURO, "EUR", NOON))
    assert Counter(answer for answer in asked if isinstance(answer, str)) == {"account_exhausted": 5}
    assert balances(community)["budget:general EUR"] == 10 * EURO
    request = LedgerHold.objects.first().request

    def work(number):
        services.settle(community, request, f"attempt:{number % 2}", metered(), NOON)
        return services.hold(community, "request:twice", EURO, "EUR", NOON).pk

    assert len(set(at_once(6, work))) == 1
    at_once(4, lambda _number: services.release(community, request, NOON))
    assert balances(community)["site_credit:grid EUR"] == 12 * EURO
    assert balances(community)["budget:general EUR"] == (10 - 1 + 18) * EURO
    assert [entry.number for entry in LedgerEntry.objects.order_by("number")] == list(range(1, 9))
    assert wrong(community) == []
