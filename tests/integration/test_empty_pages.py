"""The pages before there is anything to see: each says what to do."""

from datetime import UTC, datetime
from typing import Any

from django.test import Client

from tests.integration.pages_story import found_one, wallets


def test_an_empty_site_says_what_to_do(db: None, client: Client) -> None:
    assert "No community lives here yet" in client.get("/").content.decode()


def test_an_empty_community_says_what_to_do(db: None, client: Client, settings: Any) -> None:
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    found_one(wallets(), datetime.now(UTC))
    for path, expected in {
        "": "Nothing is up for a vote right now",
        "proposals/": "The first proposal can be yours",
        "runs/": "Nothing has been trained yet",
        "datasets/": "No dataset has been registered yet",
        "rules/": "No rule binds the models yet",
        "models/": "This community owns no model yet",
    }.items():
        response = client.get(f"/c/water-commons/{path}")
        assert response.status_code == 200
        assert expected in response.content.decode()
