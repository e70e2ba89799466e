"""How a vote stands is told to those who hear the page: one line that stays, in a short sentence, when it changes."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import expect

from governance import services
from governance.clock import unix
from tests.integration.chromium import Chromium, window
from tests.integration.commons import Commons
from tests.integration.conftest import NOON
from tests.integration.sealed_votes import SealedVote, found_sealed, set_clock

LINE = '#vote-stands[role="status"]'
TOLD = re.compile(r'<p hx-swap-oob="innerHTML:#vote-stands">(.*?)</p>')
NEXT = re.compile(r'hx-get="([^"]+)"')
PLACES = {"question": "Where do we meet?", "choices": ["The old mill", "The school", "Online"]}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """Start the browser once."""
    running = Chromium()
    yield running
    running.close()


@pytest.fixture
def commons(list_community: Any) -> Commons:
    return list_community()


def page(proposal: Any, language: str = "en") -> str:
    answer = Client().get(f"/c/gardens/proposals/{proposal.number}/", headers={"accept-language": language})
    assert answer.status_code == 200
    return answer.content.decode()


def polled(text: str, language: str = "en") -> tuple[str, str | None]:
    """Ask as the page does that was read before; return the answer and what it tells, if anything."""
    address = NEXT.search(text)[1]  # type: ignore[index]
    answer = Client().get(address, headers={"hx-request": "true", "accept-language": language}).content.decode()
    told = TOLD.search(answer)
    return answer, told[1] if told else None


def line(text: str) -> str:
    return re.search(r'<p id="vote-stands" class="visually-hidden" role="status">(.*?)</p>', text)[1]  # type: ignore[index]


def test_a_ballot_is_told_once_and_nothing_while_nothing_changes(commons: Commons, monkeypatch: Any) -> None:
    proposal = commons.propose(now=NOON)
    during = proposal.opens_at + timedelta(seconds=5)
    set_clock(monkeypatch, during)
    text = page(proposal)
    assert line(text) == "Voting is open; nobody has voted yet."
    part, told = polled(text)
    assert told is None
    commons.vote(proposal, "Alice", 1, now=during)
    part, told = polled(part)
    assert told == "For 40, against 0; the quorum is met."
    part, told = polled(part)
    assert told is None, "it was told"
    commons.vote(proposal, "Bob", 0, now=during)
    part, told = polled(part)
    assert told == "For 40, against 30; the quorum is met."
    closed = services.close_voting(proposal.pk, proposal.closes_at)
    set_clock(monkeypatch, closed.closes_at)
    assert polled(part)[1] == "It passed: for 40, against 30."


def test_among_choices_it_says_who_leads_and_not_every_ballot(commons: Commons, monkeypatch: Any) -> None:
    proposal = commons.propose("poll", PLACES, method="ranked-choice")
    during = proposal.opens_at + timedelta(seconds=5)
    set_clock(monkeypatch, during)
    part = page(proposal)
    commons.vote(proposal, "Alice", [1, 2, 3], now=during)
    part, told = polled(part)
    assert told == "In the lead: The old mill; the quorum is met."
    commons.vote(proposal, "Daouda", [1, 3, 2], now=during)
    part, told = polled(part)
    assert told is None, "the same choice leads"
    commons.vote(proposal, "Bob", [2, 1, 3], now=during)
    commons.vote(proposal, "Alice", [3, 1, 2], now=during)
    commons.vote(proposal, "Chloé", [2, 3, 1], now=during)
    assert polled(part)[1] is not None


def test_before_voting_opens_nothing_is_told(commons: Commons, monkeypatch: Any) -> None:
    proposal = commons.propose(now=NOON, opens_at=unix(NOON) + 600)
    set_clock(monkeypatch, NOON)
    assert line(page(proposal)) == ""


@pytest.mark.django_db
def test_nothing_is_told_of_sealed_ballots_before_they_are_opened(settings: Any, monkeypatch: Any) -> None:
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    vote = SealedVote.opened(found_sealed(NOON))
    set_clock(monkeypatch, vote.during)
    text = page(vote.proposal)
    assert line(text) == ""
    vote.vote("Alice", 1)
    assert polled(text)[1] is None


def test_a_browser_keeps_the_line_and_hears_each_sentence_once(
    commons: Commons, chromium: Chromium, monkeypatch: Any
) -> None:
    proposal = commons.propose(now=NOON)
    during: datetime = proposal.opens_at + timedelta(seconds=5)
    set_clock(monkeypatch, during)
    with window(chromium, Client()) as opened:
        opened.open(f"/c/gardens/proposals/{proposal.number}/")
        opened.run(
            lambda page: page.evaluate(
                """line => {
  window.heard = []; window.line = document.querySelector(line);
  new MutationObserver(() => window.heard.push(window.line.textContent)).observe(window.line, {childList: true, subtree: true, characterData: true});
  window.asked = 0; document.addEventListener("htmx:afterSettle", () => { window.asked += 1; });
}""",
                LINE,
            )
        )
        opened.run(lambda page: page.wait_for_function("window.asked >= 1", timeout=15_000))
        assert opened.run(lambda page: page.evaluate("window.heard")) == []
        commons.vote(proposal, "Alice", 1, now=during)
        opened.run(lambda page: expect(page.locator(LINE)).to_contain_text("For 40, against 0", timeout=15_000))
        seen = opened.run(lambda page: page.evaluate("window.asked"))
        opened.run(lambda page: page.wait_for_function(f"window.asked > {seen} + 1", timeout=15_000))
        assert opened.run(lambda page: page.evaluate("window.heard")) == ["For 40, against 0; the quorum is met."]
        assert opened.run(lambda page: page.evaluate("document.contains(window.line)")), (
            "the line itself is never replaced"
        )
        assert opened.violations() == []
