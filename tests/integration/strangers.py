"""What the tests of bad input share: sending what a stranger sends, and seeing that a refusal is all that it left."""

import json
from typing import Any

from django.apps import apps
from django.http import HttpResponse
from django.test import Client

from governance.models import Event, Proposal
from tests.integration.commons import Commons

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
PROBLEM = "application/problem+json"


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
