"""The page of machines: lend one, see its token once, change it, take it back; everybody sees who runs what."""

import re

import pytest
from django.test import Client

from governance.clock import now as clock
from tests.integration.conftest import sign_in
from tests.integration.machines import HELLO, Machine
from tests.integration.test_runner_protocol import _own_folder, browser  # noqa: F401 - fixtures
from training_jobs import services
from training_jobs.models import Runner

PAGE = "/c/water-commons/machines/"
TOKEN = re.compile(r"cwr_[A-Za-z0-9_-]{43}")


@pytest.fixture
def lent(browser):  # noqa: F811
    """A machine that Alice lent through the page, by its token."""
    shown = browser.post(f"{PAGE}register/", {"name": "Alice’s laptop".replace("’", " ")})
    assert shown.status_code == 200
    return Machine(TOKEN.search(shown.content.decode())[0])


def test_a_member_lends_a_machine_and_sees_its_token_once(browser, community):  # noqa: F811
    shown = browser.post(f"{PAGE}register/", {"name": "laptop"})
    text = shown.content.decode()
    (token,) = set(TOKEN.findall(text))
    assert shown.headers["Cache-Control"] == "no-store"
    assert f"community = &quot;{community.record_id}&quot;" in text or f'community = "{community.record_id}"' in text
    assert Machine(token).post("hello", HELLO).status_code == 200
    assert not TOKEN.search(browser.get(PAGE).content.decode())


def test_everybody_sees_whose_machine_it_is_and_what_it_does(lent, run, voters):
    lent.post("hello", {**HELLO, "devices": [{"kind": "cuda", "name": "RTX 4090", "memory_bytes": 24 * 2**30}]})
    fence = lent.claim(run)["fence"]
    text = Client().get(PAGE).content.decode()
    for words in (
        "Alice",
        "RTX 4090",
        "1,000 tokens a second",
        "at work",
        f"Works on run {run.pk}",
        f"/runs/{run.pk}/",
    ):
        assert words in text, words
    lent.post(f"runs/{run.pk}/stopped", {"fence": fence})
    text = Client().get(PAGE).content.decode()
    assert "1 attempt, 0 finished" in text
    assert "given back" in text
    assert "New token" not in text


def test_a_new_token_is_shown_once_and_a_machine_taken_back_is_shut_out(browser, lent):  # noqa: F811
    pk = Runner.objects.get().pk
    shown = browser.post(f"{PAGE}{pk}/rotate/")
    fresh = Machine(TOKEN.search(shown.content.decode())[0])
    assert fresh.post("hello", HELLO).status_code == 200
    assert browser.post(f"{PAGE}{pk}/revoke/").status_code == 302
    assert {each.post("hello", HELLO).status_code for each in (lent, fresh)} == {401}
    assert "revoked" in browser.get(PAGE).content.decode()


def test_what_cannot_be_lent_is_said_in_words(browser, lent, voters):  # noqa: F811
    for name, words in (
        ("", "1 to 80 letters"),
        ("<b>", "1 to 80 letters"),
        ("x" * 81, "1 to 80"),
        ("Alice s laptop", "has this name"),
    ):
        shown = browser.post(f"{PAGE}register/", {"name": name})
        assert 400 <= shown.status_code < 500
        assert words in shown.content.decode(), name
    poor = Client()
    sign_in(poor, voters["Emma"])
    assert poor.post(f"{PAGE}register/", {"name": "x"}).status_code == 403
    assert Client().post(f"{PAGE}register/", {"name": "x"}).status_code == 302
    stranger = Client()
    sign_in(stranger, voters["Bob"])
    pk = Runner.objects.get().pk
    for step in ("rotate", "revoke"):
        assert stranger.post(f"{PAGE}{pk}/{step}/").status_code == 403
        assert stranger.post(f"{PAGE}999/{step}/").status_code == 404
        assert stranger.get(f"{PAGE}{pk}/{step}/").status_code == 405
    assert Runner.objects.at_work().count() == 1


def test_a_run_that_was_canceled_leaves_the_machine_free(lent, run, voters):
    lent.post("hello", HELLO)
    fence = lent.claim(run)["fence"]
    services.cancel(run.pk, voters["Alice"].address, clock())
    assert lent.post(f"runs/{run.pk}/heartbeat", {"fence": fence}).json() == {"answer": "cancel"}
    assert lent.post(f"runs/{run.pk}/stopped", {"fence": fence}).status_code == 200
    text = Client().get(PAGE).content.decode()
    assert "ready" in text
    assert "canceled" in text
