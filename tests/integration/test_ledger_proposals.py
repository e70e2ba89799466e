"""Money moves by votes: what may be proposed, what a voter reads, and what happens when it is carried out."""

import re

import pytest
from django.test import Client

from governance import services as governance
from governance.errors import Conflict, Refusal
from governance.kinds import kind_named
from governance.models import Account, Event, Proposal
from tests.integration.books import EURO, FOR, balances, commons, decide, funded, moving, opening, wrong  # noqa: F401
from training_jobs.ledger import services
from training_jobs.models import LedgerEntry


def test_a_vote_opens_a_budget_and_the_books_name_the_vote(commons):  # noqa: F811 - fixtures
    executed = decide(commons, "budget_opening", opening())
    assert balances(commons.community) == {"budget:general EUR": 100 * EURO, "outside:world EUR": -100 * EURO}
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.proposal, entry.data) == ("opened", executed, {"source": "A grant."})
    event = Event.objects.get(kind="budget_opened")
    assert (event.proposal, event.data["entry"]) == (executed, 1)
    assert wrong(commons.community) == []


def test_a_vote_that_is_lost_moves_nothing(commons):  # noqa: F811
    proposal = commons.propose("budget_opening", opening())
    commons.vote(proposal, "Alice", 0)
    commons.queued(proposal)
    assert balances(commons.community) == {}


def test_carrying_out_twice_books_once(commons):  # noqa: F811
    executed = decide(commons, "budget_opening", opening())
    again, new = governance.execute(executed.pk, executed.executed_at)
    assert (again.pk, new) == (executed.pk, False)
    services.open_budget(executed, executed.executed_at)
    assert LedgerEntry.objects.count() == 1


def test_a_vote_moves_money_to_a_new_budget_and_out_of_the_books(funded):  # noqa: F811
    decide(funded, "budget_transfer", moving("30.00", target="budget:spare"))
    decide(funded, "budget_transfer", moving("10.00", source="budget:spare"))
    assert balances(funded.community) == {
        "budget:general EUR": 70 * EURO,
        "budget:spare EUR": 20 * EURO,
        "outside:world EUR": -90 * EURO,
    }
    assert wrong(funded.community) == []


def test_what_is_gone_when_the_vote_is_over_is_not_moved(funded):  # noqa: F811
    first, second = (funded.propose("budget_transfer", moving("60.00", reason=why)) for why in ("One.", "Two."))
    for proposal in (first, second):
        funded.vote(proposal, "Alice", FOR)
        funded.vote(proposal, "Bob", FOR)
    funded.executed(first)
    eta = funded.queued(second).eta
    with pytest.raises(Conflict, match="account_exhausted"):
        governance.execute(second.pk, eta)
    assert balances(funded.community)["budget:general EUR"] == 40 * EURO
    assert Proposal.objects.get(pk=second.pk).executed_at is None
    decide(funded, "budget_opening", opening(amount="20"))
    governance.execute(second.pk, eta)
    assert balances(funded.community)["budget:general EUR"] == 0


BAD_OPENINGS = [
    ({"amount": "0"}, "amount"),
    ({"amount": "0.000000001"}, "amount"),
    ({"amount": "-5"}, "amount"),
    ({"amount": "1e3"}, "amount"),
    ({"amount": "1,50"}, "amount"),
    ({"amount": ""}, "amount"),
    ({"amount": 12}, "amount"),
    ({"amount": True}, "amount"),
    ({"amount": "90071992.54740992"}, "amount"),
    ({"currency": "device-second"}, "currency"),
    ({"currency": ["EUR"]}, "currency"),
    ({"budget": "General"}, "budget"),
    ({"budget": "-"}, "budget"),
    ({"budget": ""}, "budget"),
    ({"budget": "x" * 41}, "budget"),
    ({"budget": "g\u00e9n\u00e9ral"}, "budget"),
    ({"source": " "}, "source"),
    ({"source": "x" * 501}, "source"),
    ({"source": "a\u202eb"}, "source"),
    ({"source": 5}, "source"),
    ({"extra": 1}, "extra"),
]
BAD_TRANSFERS = [
    ({"amount": "100.00000001"}, "amount"),
    ({"currency": "USD"}, "amount"),
    ({"from": "outside:world"}, "from"),
    ({"from": "held:runs"}, "from"),
    ({"from": "budget"}, "from"),
    ({"from": {"kind": "budget"}}, "from"),
    ({"to": "contribution_credit:0x" + "1" * 40}, "to"),
    ({"to": "outside:me"}, "to"),
    ({"to": "site_credit:nowhere"}, "to"),
    ({"to": "site_credit:\x00"}, "to"),
    ({"to": "budget:general"}, "to"),
    ({"to": "budget:"}, "to"),
    ({"to": "budget:a:b"}, "to"),
    ({"to": ""}, "to"),
    ({"to": None}, "to"),
    ({"reason": ""}, "reason"),
]


def test_what_cannot_be_booked_cannot_be_proposed(funded):  # noqa: F811
    for kind, sound, changes in (
        ("budget_opening", opening(), BAD_OPENINGS),
        ("budget_transfer", moving("1.00"), BAD_TRANSFERS),
    ):
        for change, field in changes:
            with pytest.raises(Refusal) as refused:
                kind_named(kind).clean(funded.community, {**sound, **change})
            assert refused.value.field == f"payload.{field}", change


def test_a_payload_is_frozen_in_one_form(funded):  # noqa: F811
    kind = kind_named("budget_opening")
    frozen = kind.clean(funded.community, opening(amount="0100.0", source="  A \n grant. "))
    assert frozen == kind.clean(funded.community, frozen) == opening()
    kind = kind_named("budget_transfer")
    assert kind.clean(funded.community, moving("1")) == moving("1.00")


def test_voters_read_who_gives_and_who_gets(funded):  # noqa: F811
    kind = kind_named("budget_transfer")
    payload = moving("125.00000001", target="budget:spare")
    said = kind.describe(payload)
    assert said == "125.00000001 EUR goes from the budget “general” to the budget “spare”, if it is still there."
    assert [fact.text for fact in kind.facts(payload)][:3] == [
        "the budget “general”",
        "the budget “spare”",
        "125.00000001 EUR",
    ]
    assert kind_named("budget_opening").facts(opening())[1].text == "100.00 EUR"


def test_the_editor_takes_answers_keeps_them_and_says_what_is_in_the_accounts(funded):  # noqa: F811
    client = Client()
    client.force_login(Account.objects.get_or_create(address=funded.address("Alice"))[0])
    asked = client.get("/c/gardens/propose/budget_transfer/").content.decode()
    assert "the budget “general”: 100.00 EUR" in asked
    answers = {**moving("3", target="budget:spare"), "proposal_title": "A reserve", "proposal_text": "Because."}
    made = client.post("/c/gardens/propose/budget_transfer/", answers)
    assert made.status_code == 302, made.content.decode()
    assert Proposal.objects.get(title="A reserve").payload == moving("3.00", target="budget:spare")
    path = made.headers["Location"]
    again = client.get(f"{path}edit/").content.decode()
    for value in ("budget:spare", "3.00", "EUR"):
        assert f'value="{value}"' in again, value
    assert re.search(r'value="budget:general" (selected|checked)', again)
    assert "3.00 EUR goes from" in client.get(path).content.decode()
    refused = client.post("/c/gardens/propose/budget_transfer/", {**answers, "amount": "300"})
    assert refused.status_code == 409
    assert 'href="#field-amount"' in refused.content.decode()
    opened = {**opening(amount="12,5"), "proposal_title": "Money", "proposal_text": ""}
    assert client.post("/c/gardens/propose/budget_opening/", opened).status_code == 422
    assert client.post("/c/gardens/propose/budget_opening/", {**opened, "amount": "12.5"}).status_code == 302
