"""What the tests of bad input share: sending what a stranger sends, and seeing that a refusal is all that it left."""

import json
from typing import Any

from django.apps import apps
from django.http import HttpResponse
from django.test import Client
from hypothesis import HealthCheck
from hypothesis import settings as examples
from hypothesis import strategies as st

from governance.models import Account, Ballot, Event, Proposal
from governance.tally import METHODS
from tests.integration.commons import Commons

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FOUR = {"question": "Which?", "choices": ["Spring", "River", "Well", "Rain"]}
PROBLEM = "application/problem+json"
# No spelling of a whole number; then numbers beyond everything that exists.
NO_NUMBERS = [
    "",
    " ",
    "+1",
    "-1",
    "-0",
    "1.0",
    "1e3",
    "0x1",
    "1_0",
    "１",
    "٣",
    "²",
    "NaN",
    "null",
    "[]",
    "1,2",
    "9" * 16,
    "9" * 5_000,
    "\0",
    "1\n",
]
BEYOND = ["999999999999999", "4294967296", "9007199254740"]
JUNK = [
    *NO_NUMBERS,
    *BEYOND,
    "0",
    "00",
    "[1",
    "{",
    "[" * 3_000,
    '{"1":',
    '{"1":1,"1":2}',
    "x" * 60_000,
    "%ff",
    "'; --",
    "..",
    "\u202e",
    "\ufeff1",
]
# Anything that can be written as JSON, the same at every run.
TEXT = st.text(max_size=12)
NUMBERS = st.integers() | st.sampled_from([2**53, 2**63, 10**78, -1, 0])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT | st.sampled_from(["1", "１", "1e3", "+1", "0x1", "9" * 4_400]),
    lambda inner: (
        st.lists(inner, max_size=6) | st.dictionaries(TEXT | st.sampled_from(["1", "01", "0"]), inner, max_size=6)
    ),
    max_leaves=25,
)
generated = examples(max_examples=60, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


def member(commons: Commons, name: str) -> Client:
    """Return a browser in which somebody is signed in."""
    client = Client()
    client.force_login(Account.objects.get_or_create(address=commons.address(name))[0])
    return client


def send(client: Client, path: str, body: Any, method: str = "post") -> HttpResponse:
    """Send JSON, or bytes as they are, to the API."""
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    return getattr(client, method)(f"/api/v1/{path}", data, content_type="application/json")


def rows() -> dict[str, list[Any]]:
    """Return every row of governance, but for what the audit log says of refusals."""
    found = {}
    for model in apps.get_app_config("governance").get_models():
        rows = model.objects.order_by("pk")
        if model is Event:
            rows = rows.exclude(kind="refused")
        found[model.__name__] = list(rows.values_list())
    return found


def refusals() -> int:
    """Return how many refusals are in the audit log."""
    return Event.objects.filter(kind="refused").count()


def assert_problem(answer: HttpResponse, status: int, code: str) -> None:
    """Check that an answer is this refusal."""
    assert answer["Content-Type"] == PROBLEM, answer.content
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code), problem


def assert_refused(
    client: Client, path: str, body: Any, status: int, code: str, method: str = "post", *, ignoring: str = ""
) -> None:
    """Send what is refused: the status, the code, one line in the audit log, and nothing else anywhere.

    `ignoring` is a table that may change.
    """
    before, told = rows(), refusals()
    assert_problem(send(client, path, body, method), status, code)
    after = rows()
    for table in before:
        assert table == ignoring or before[table] == after[table], table
    assert refusals() == told + 1


def ballot_of(commons: Commons, proposal: Proposal, name: str, choice: Any, reason: str = "", **other: Any) -> dict:
    """Return a good ballot of a member as JSON. `other` may name the moment (`now`)."""
    now = other.get("now") or proposal.opens_at + (proposal.closes_at - proposal.opens_at) / 2
    return dict(commons.sign_ballot(proposal, name, choice, now, reason).__dict__)


class Voting:
    """An open vote, a good ballot of Alice's in it, and bad ones made of that."""

    def __init__(self, commons: Commons, client: Client) -> None:
        """Take where the vote is held, and who sends."""
        self.commons, self.client = commons, client
        self.proposal: Proposal
        self.ballot: dict[str, Any] = {}

    def open(self, method: str = "governor", good: Any = 1, reason: str = "") -> None:
        """Open a vote by this method; `good` is Alice's choice."""
        binary = METHODS[method].binary
        self.proposal = self.commons.propose(*(("text_signal",) if binary else ("poll", FOUR)), method=method)
        self.ballot = ballot_of(self.commons, self.proposal, "Alice", good, reason)

    def refuses(self, changes: dict[str, Any], status: int, code: str) -> None:
        """Check that the changed ballot is refused."""
        assert_refused(self.client, "ballots", {**self.ballot, **changes}, status, code)

    def still_takes_the_good_one(self) -> None:
        """Check that the ballot itself is accepted."""
        assert send(self.client, "ballots", self.ballot).status_code == 201
        assert Ballot.objects.filter(proposal=self.proposal).count() == 1
