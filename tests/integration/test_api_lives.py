"""Whatever draft the API accepts, as generated, has a life to its end: it is submitted, voted on, closed and executed."""

from django.db import transaction
from django.test import Client
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from governance import services
from governance.models import Account, Proposal
from governance.tally import METHODS
from tests.integration.commons import charter_of_members, end_of
from tests.integration.conftest import FOR, NOON
from tests.integration.strangers import JSON, generated, send
from tests.simulators.wallets import wallet

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}


def mostly(good):
    """What is good as a rule, and anything at all now and then."""
    return st.integers(0, 19).flatmap(lambda number: JSON if number == 13 else good)


ADDRESSES = st.sampled_from([wallet(name).address for name in MEMBERS])
NAMES = st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=5, unique=True)
PERSON = st.fixed_dictionaries({"address": ADDRESSES, "name": mostly(st.text(min_size=1, max_size=8))})
SHARES = ("quorum_bps", "threshold_bps", "support_bps", "rejection_bps", "super_quorum_bps", "objection_bps")
SECONDS = ("voting_delay_seconds", "timelock_seconds", "late_quorum_seconds", "cool_down_seconds")
RULES = st.one_of(
    st.dictionaries(st.sampled_from(SHARES), mostly(st.integers(0, 10_001)), max_size=2),
    st.dictionaries(st.sampled_from(SECONDS), mostly(st.integers(0, 320_000_000)), max_size=2),
    st.dictionaries(st.just("quorum_votes"), mostly(st.sampled_from(["0", "1", "9" * 78])), max_size=1),
)
POWERS = mostly(st.sampled_from(["1", "0", "40", "9" * 77, "9" * 78]))


@st.composite
def charters(draw):
    """A charter in which something is different, as generated."""
    charter = charter_of_members(MEMBERS)
    charter["tiers"]["standard"].update(draw(RULES))
    charter["tiers"]["standard"]["voting_period_seconds"] = draw(mostly(st.integers(1, 320_000_000)))
    charter.update(
        draw(st.dictionaries(st.sampled_from(list(charter)), JSON, max_size=1)) if draw(st.integers(0, 9)) == 0 else {}
    )
    if draw(st.booleans()):
        members = draw(st.dictionaries(ADDRESSES, POWERS, min_size=1))
        charter["power"] = {"source": "fixed_list", "parameters": {"members": members}}
    return charter


def drafts(kind, methods, **payload):
    names = [name for name in METHODS if name in methods]
    fields = st.fixed_dictionaries({name: mostly(strategy) for name, strategy in payload.items()})
    return st.tuples(st.just(kind), fields, st.sampled_from(names))


BINARY = {name for name in METHODS if METHODS[name].binary}
CHOSEN = st.one_of(
    drafts("text_signal", BINARY, statement=st.text(min_size=1, max_size=9)),
    drafts("poll", set(METHODS) - BINARY, question=st.text(min_size=1, max_size=9), choices=NAMES),
    drafts(
        "council_election",
        {"stv"},
        seats=st.integers(1, 2),
        term_days=st.integers(1, 1_501),
        candidates=st.lists(
            PERSON, min_size=3, max_size=4, unique_by=(lambda one: one["address"], lambda one: str(one["name"]))
        ),
    ),
    drafts("governance_rules", BINARY, charter=charters()),
)
GOOD_CHOICE = {
    "governor": FOR,
    "basic": 1,
    "fractional": {"1": "1"},
    "single-choice": 1,
    "approval": [1],
    "stv": [1, 2],
}


def choice_for(method, choices):
    if method in {"weighted", "quadratic"}:
        return {"1": 2, "2": 1}
    return GOOD_CHOICE.get(method) or list(range(1, len(choices) + 1))


def test_whatever_draft_is_accepted_can_be_submitted_voted_on_closed_and_executed(list_community, at):
    commons = list_community(MEMBERS)
    client = Client()
    client.force_login(Account.objects.get_or_create(address=commons.address("Alice"))[0])
    seen = {"accepted": 0, "executed": 0}

    @examples(generated, max_examples=100)
    @given(CHOSEN, mostly(st.sampled_from([1, 1, 1, 2])))
    def live(chosen, seats):
        before = transaction.savepoint()  # no block: ballots insist on committing for themselves
        whole_life(*chosen, seats)
        transaction.savepoint_rollback(before)

    def whole_life(kind, payload, method, seats):
        at(NOON)
        body = {
            "community": "gardens",
            "kind": kind,
            "title": "T",
            "payload": payload,
            "method": method,
            "seats": seats,
        }
        made = send(client, "drafts", body)
        assert made.status_code in {201, 400, 422}, (body, made.content)
        if made.status_code != 201:
            return
        seen["accepted"] += 1
        number = made.json()["draft"]
        for page in ("", "edit/"):
            assert client.get(f"/c/gardens/drafts/{number}/{page}").status_code == 200, body
        submitted = send(client, f"drafts/{number}/submit", {})
        assert submitted.status_code == 201, (body, submitted.content)
        proposal = Proposal.objects.get(pk=number)
        for name in MEMBERS:
            commons.vote(proposal, name, choice_for(method, proposal.choices))
        at(end_of(proposal))
        assert client.get(f"/api/v1/proposals/{proposal.public_id}").status_code == 200
        closed = services.close_voting(number, end_of(proposal))
        if not closed.passed:
            return
        eta = services.queue(number, end_of(proposal)).eta
        services.execute(number, eta)
        seen["executed"] += 1
        again = send(
            client,
            "drafts",
            {"community": "gardens", "kind": "text_signal", "title": "T", "payload": {"statement": "Yes."}},
        )
        assert again.status_code == 201, again.content
        assert send(client, f"drafts/{again.json()['draft']}/submit", {}).status_code in {201, 403}

    live()
    assert seen["accepted"] > 20, seen
    assert seen["executed"] > 10, seen
