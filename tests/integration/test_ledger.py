"""The books: what is booked once stays, balances, never exceeds a ceiling, and is what the log says."""

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from governance.errors import Conflict, Invalid, NotFound, Refusal
from governance.models import Event
from governance.power import power_source
from tests.integration.books import (  # noqa: F401
    EURO,
    HOLDER,
    balances,
    commons,
    decide,
    funded,
    metered,
    moving,
    opening,
    wrong,
)
from tests.integration.conftest import NOON
from training_jobs.ledger import booking, selectors, services
from training_jobs.models import LedgerAccount, LedgerEntry, LedgerHold, LedgerPosting

RUN = "request:7"


def held(funded, ceiling=20 * EURO, request=RUN):  # noqa: F811 - the fixture's value
    return services.hold(funded.community, request, ceiling, "EUR", NOON)


def test_a_run_holds_its_ceiling_pays_what_was_metered_and_gives_the_rest_back(funded):  # noqa: F811 - fixtures
    community = funded.community
    held(funded)
    assert balances(community)["budget:general EUR"] == 80 * EURO
    services.settle(community, RUN, "attempt:1", metered(), NOON)
    assert balances(community) == {
        "budget:general EUR": 80 * EURO,
        "held:runs EUR": 14 * EURO,
        "outside:world EUR": -100 * EURO,
        "outside:world device-second": -7_200,
        "site_credit:grid EUR": 6 * EURO,
        f"contribution_credit:{HOLDER} device-second": 7_200,
    }
    services.release(community, RUN, NOON)
    assert balances(community)["budget:general EUR"] == 94 * EURO
    assert balances(community)["held:runs EUR"] == 0
    assert wrong(community) == []


def test_every_booking_is_in_the_log_with_its_amounts(funded):  # noqa: F811
    held(funded)
    services.settle(funded.community, RUN, "attempt:1", metered(), NOON)
    services.release(funded.community, RUN, NOON)
    told = Event.objects.filter(community=funded.community, kind__startswith="budget_").order_by("position")
    assert [event.kind for event in told] == ["budget_opened", "budget_held", "budget_settled", "budget_released"]
    assert told[0].proposal is not None
    said = told[2].data
    assert said["postings"][0] == {
        "from": "held:runs",
        "to": "site_credit:grid",
        "currency": "EUR",
        "amount": str(6 * EURO),
    }
    assert said["facts"]["metered"]["price"] == 3 * EURO


def test_a_message_that_comes_twice_books_once(funded):  # noqa: F811
    community = funded.community
    for _time in range(2):
        held(funded)
        services.settle(community, RUN, "attempt:1", metered(), NOON)
    for _time in range(2):
        services.release(community, RUN, NOON)
    services.settle(community, RUN, "attempt:1", metered(), NOON)
    assert LedgerEntry.objects.count() == 4
    assert Event.objects.filter(kind__startswith="budget_").count() == 4
    assert balances(community)["site_credit:grid EUR"] == 6 * EURO


def test_one_cause_with_other_figures_is_refused(funded):  # noqa: F811
    held(funded)
    services.settle(funded.community, RUN, "attempt:1", metered(), NOON)
    with pytest.raises(Conflict, match="settled_otherwise"):
        services.settle(funded.community, RUN, "attempt:1", metered(3_601), NOON)
    with pytest.raises(Conflict, match="held_otherwise"):
        held(funded, 21 * EURO)
    services.release(funded.community, RUN, NOON)
    with pytest.raises(Conflict, match="hold_released"):
        services.settle(funded.community, RUN, "attempt:2", metered(), NOON)
    with pytest.raises(NotFound, match="unknown_hold"):
        services.release(funded.community, "request:8", NOON)


def test_a_site_is_never_paid_more_than_the_ceiling(funded):  # noqa: F811
    held(funded, 10 * EURO)
    services.settle(funded.community, RUN, "attempt:1", metered(), NOON)
    # Six euros are gone: of the second hour the ceiling pays for forty minutes.
    entry = services.settle(funded.community, RUN, "attempt:2", metered(), NOON)
    assert entry.data == {**entry.data, "cost": str(6 * EURO), "paid": str(4 * EURO), "seconds_paid": 2_400}
    found = balances(funded.community)
    assert (found["held:runs EUR"], found["site_credit:grid EUR"]) == (0, 10 * EURO)
    assert found[f"contribution_credit:{HOLDER} device-second"] == 7_200 + 4_800
    nothing = services.settle(funded.community, RUN, "attempt:3", metered(), NOON)
    assert nothing.postings.count() == 0
    assert wrong(funded.community) == []


def test_a_vote_sets_more_aside_once_and_never_more_than_there_is(funded):  # noqa: F811
    community, (by_vote, other) = funded.community, [funded.propose("budget_transfer", moving("1.00")) for _ in "ab"]
    held(funded)
    services.settle(community, RUN, "attempt:1", metered(), NOON)
    for _time in range(2):
        more = services.hold_more(community, RUN, 30 * EURO, by_vote, NOON)
    assert (more.ceiling, more.left) == (30 * EURO, 24 * EURO)
    found = balances(community)
    assert (found["budget:general EUR"], found["held:runs EUR"]) == (70 * EURO, 24 * EURO)
    entry = LedgerEntry.objects.latest("number")
    assert (entry.number, entry.kind, entry.proposal, entry.hold) == (4, "held", by_vote, more)
    for ceiling, code in ((30 * EURO, "not_more"), (20 * EURO, "not_more"), (101 * EURO, "account_exhausted")):
        with pytest.raises(Conflict, match=code):
            services.hold_more(community, RUN, ceiling, other, NOON)
    assert "training_jobs_ledgerhold raised by" in wrong(community), "no vote of the kind that raises ceilings did it"
    services.release(community, RUN, NOON)
    with pytest.raises(Conflict, match="hold_released"):
        services.hold_more(community, RUN, 40 * EURO, other, NOON)
    assert balances(community)["budget:general EUR"] == 94 * EURO


def test_devices_that_cost_nothing_need_no_budget_and_bring_credits(commons):  # noqa: F811
    services.hold(commons.community, RUN, 0, "EUR", NOON)
    services.settle(commons.community, RUN, "attempt:1", metered(price=0), NOON)
    services.release(commons.community, RUN, NOON)
    assert balances(commons.community)[f"contribution_credit:{HOLDER} device-second"] == 7_200
    assert wrong(commons.community) == []


def test_a_budget_is_never_overdrawn(funded):  # noqa: F811
    held(funded, 70 * EURO)
    with pytest.raises(Conflict) as refused:
        held(funded, 31 * EURO, "request:8")
    assert (refused.value.code, refused.value.field) == ("account_exhausted", "ceiling")
    assert not LedgerHold.objects.filter(request="request:8").exists()
    with pytest.raises(Conflict):
        services.hold(funded.community, "request:9", 1, "USD", NOON)
    account = LedgerAccount.objects.filter(kind="budget")
    with pytest.raises(IntegrityError), transaction.atomic():
        account.update(balance=-1)
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerHold.objects.filter(request=RUN).update(spent=70 * EURO + 1)


BAD_HOLDS = [
    ({"ceiling": -1}, "ceiling"),
    ({"ceiling": True}, "ceiling"),
    ({"ceiling": 2**53}, "ceiling"),
    ({"ceiling": 1.5}, "ceiling"),
    ({"request": ""}, "request"),
    ({"request": "a b"}, "request"),
    ({"request": "x" * 81}, "request"),
    ({"request": None}, "request"),
    ({"currency": "eur"}, "currency"),
    ({"currency": "device-second"}, "currency"),
    ({"budget": "\u202e"}, "budget"),
]


def test_what_cannot_be_held_is_refused_by_name(funded):  # noqa: F811
    for change, field in BAD_HOLDS:
        values = {"request": RUN, "ceiling": EURO, "currency": "EUR", "budget": "general", **change}
        request, ceiling, currency, budget = values.values()
        with pytest.raises(Refusal) as refused:
            services.hold(funded.community, request, ceiling, currency, NOON, budget=budget)
        assert refused.value.field == field, change


BAD_METERS = [
    {"seconds": -1},
    {"seconds": True},
    {"seconds": 10**12},
    {"devices": 10**9},
    {"price": -1},
    {"price": 2**60},
    {"operator": "0x12"},
    {"operator": "Alice"},
    {"site": "a site"},
    {"site": ""},
]


def test_figures_that_no_site_can_meter_are_refused_and_change_nothing(funded):  # noqa: F811
    held(funded)
    before = balances(funded.community)
    for change in BAD_METERS:
        with pytest.raises(Invalid):
            services.settle(funded.community, RUN, "attempt:1", metered(**{"seconds": 3_600, **change}), NOON)
    assert balances(funded.community) == before
    assert LedgerEntry.objects.count() == 2


def test_what_was_booked_can_be_neither_changed_nor_deleted(funded):  # noqa: F811
    entry, posting, account = LedgerEntry.objects.get(), LedgerPosting.objects.get(), LedgerAccount.objects.first()
    for change in (
        lambda: LedgerEntry.objects.update(key="other"),
        lambda: LedgerPosting.objects.update(amount=1),
        posting.delete,
        lambda: LedgerEntry.objects.filter(pk=entry.pk).update(number=9),
        lambda: LedgerAccount.objects.filter(pk=account.pk).update(owner="mine"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()
    empty = LedgerAccount.objects.create(
        community=funded.community, kind="budget", owner="empty", currency="EUR", opened_at=NOON
    )
    with pytest.raises(IntegrityError), transaction.atomic():
        empty.delete()


def test_a_posting_never_leaves_its_book_or_its_currency(funded, list_community):  # noqa: F811
    other = list_community({"Emma": 1}, slug="orchards")
    entry, ours = LedgerEntry.objects.get(), LedgerAccount.objects.get(kind="budget")
    theirs, dollars = (
        LedgerAccount.objects.create(community=owner, kind="budget", owner="b", currency=currency, opened_at=NOON)
        for owner, currency in ((other.community, "EUR"), (funded.community, "USD"))
    )
    for target in (theirs, dollars, ours):
        with pytest.raises(IntegrityError), transaction.atomic():
            LedgerPosting.objects.create(entry=entry, source=ours, target=target, amount=1)
    with pytest.raises(IntegrityError), transaction.atomic():
        LedgerEntry.objects.create(community=funded.community, number=2, kind="transferred", key="k", at=NOON)


def test_fsck_names_what_does_not_fit(funded):  # noqa: F811
    community = funded.community
    held(funded, request="run:999")
    assert wrong(community) == ["training_jobs_ledgerhold request"]
    LedgerAccount.objects.filter(kind="budget").update(balance=81 * EURO)
    assert "training_jobs_ledgeraccount balance" in wrong(community)
    assert "training_jobs_ledgeraccount all balances in EUR" in wrong(community)
    LedgerAccount.objects.filter(kind="budget").update(balance=80 * EURO)
    LedgerHold.objects.update(spent=1)
    assert {"training_jobs_ledgerhold spent", "training_jobs_ledgeraccount held in all"} <= set(wrong(community))
    LedgerHold.objects.update(spent=0, released_at=NOON)
    assert "training_jobs_ledgerhold released_at" in wrong(community)
    LedgerHold.objects.update(released_at=None)
    line = booking.Line(booking.OUT, booking.budget_named("general"), "EUR", 1)
    booking.book(community, booking.Booking("released", "slipped-in", [line]), NOON)
    assert "training_jobs_ledgerentry event" in wrong(community)


def test_fsck_names_an_entry_that_the_log_tells_otherwise(funded, monkeypatch):  # noqa: F811
    told = booking.said

    def lie(entry):
        return {**told(entry), "key": "another"}

    monkeypatch.setattr(services, "said", lie)
    held(funded)
    assert wrong(funded.community) == ["training_jobs_ledgerentry key"]


def test_contributed_device_seconds_can_be_put_into_a_charter(funded):  # noqa: F811
    held(funded)
    services.settle(funded.community, RUN, "attempt:1", metered(), NOON)
    parameters = selectors.contributed(funded.community)
    assert parameters == {"credits": {HOLDER: "7200"}}
    source = power_source("contribution_credits", None)
    assert source.power_of(HOLDER, source.snapshot(parameters)) == 7_200


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), st.integers(0, 3), st.integers(0, 60 * EURO)),
        st.tuples(st.just("settle"), st.integers(0, 3), st.integers(0, 20_000)),
        st.tuples(st.just("release"), st.integers(0, 3), st.just(0)),
    ),
    max_size=12,
)


@examples(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_comes_in_whatever_order_the_books_stay_sound(funded, steps):  # noqa: F811
    community = funded.community
    with transaction.atomic():
        for place, (step, number, amount) in enumerate(steps):
            try:
                if step == "hold":
                    services.hold(community, f"request:{number}", amount, "EUR", NOON)
                elif step == "settle":
                    services.settle(community, f"request:{number}", f"attempt:{place}", metered(amount), NOON)
                else:
                    services.release(community, f"request:{number}", NOON)
            except Refusal:
                continue
        assert wrong(community) == []
        assert all(hold.spent <= hold.ceiling for hold in LedgerHold.objects.filter(community=community))
        transaction.set_rollback(True)


def test_two_communities_keep_books_of_their_own(funded, list_community):  # noqa: F811
    other = list_community({"Emma": 3}, slug="orchards")
    proposal = other.propose("budget_opening", opening(amount="1.00"), author="Emma")
    other.vote(proposal, "Emma", 1)
    other.executed(proposal)
    held(funded)
    assert balances(other.community) == {"budget:general EUR": EURO, "outside:world EUR": -EURO}
    assert [entry.number for entry in LedgerEntry.objects.filter(community=other.community)] == [1]
    assert wrong(other.community) == wrong(funded.community) == []


def test_a_second_opening_adds_to_the_same_budget(funded):  # noqa: F811
    decide(funded, "budget_opening", opening(amount="1.00"))
    assert balances(funded.community)["budget:general EUR"] == 101 * EURO
