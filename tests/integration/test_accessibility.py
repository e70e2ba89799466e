"""WCAG 2.2 AA, by axe-core in a real browser: every page in its states, in both languages, light, dark and high contrast.

Also at 320 CSS pixels, which is what a desk of 1280 pixels at 400 % is, and a telephone: nothing may stick out sideways.
"""

import copy
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.test.signals import template_rendered
from playwright.sync_api import Page
from pytest_django import DjangoDbBlocker

from tests.integration import chromium, commons_rows, every_page
from tests.integration.pages_story import SETTINGS, Story, get, signed_in, story, told
from tests.integration.test_pages import pages_of
from tests.integration.test_sealed_browser import WALLET
from training_jobs.models import Site

__all__ = ["get", "story", "told"]

SMALL = """() => [...document.querySelectorAll('button, summary, select, input:not([type=hidden]), .button, .tabs a')]
  .filter(one => one.checkVisibility({visibilityProperty: true}) && !one.closest('.visually-hidden, label'))
  .map(one => [one, one.getBoundingClientRect()])
  .filter(([, box]) => box.width && (box.width < 24 || box.height < 24))
  .map(([one, box]) => `${one.tagName} ${one.textContent.trim().slice(0, 40)} ${box.width}x${box.height}`)"""


def _type(words: str) -> Callable[[Page], None]:
    def typed(page: Page) -> None:
        page.keyboard.press("Control+k")
        page.fill("[data-palette-words]", words)

    return typed


def _asks_for_a_letter(page: Page) -> None:
    page.goto(f"{chromium.SITE}/join/", wait_until="load")
    page.fill("main input[name=email]", "lea@example.org")
    page.locator("main input[name=email]").press("Enter")


def _reviews(toy: str) -> Callable[[Page], None]:
    def review(page: Page) -> None:
        page.goto(f"{chromium.SITE}/practice/{toy}/", wait_until="load")
        page.locator("[data-vote-form] input[type=radio]").first.check(force=True)
        page.click("[data-vote-start]")

    return review


def _signs(review: Callable[[Page], None]) -> Callable[[Page], None]:
    """Sign, and stop the clock of the seconds in which a ballot can be undone."""

    def sign(page: Page) -> None:
        review(page)
        page.click("[data-vote-sign]")
        page.click("[data-hold-wait]")

    return sign


def _reviews_a_ballot(page: Page) -> None:
    """Choose the wallet, which a page remembers after the first time."""
    page.locator("[data-vote-form] input[type=radio]").first.check(force=True)
    page.click("[data-vote-start]")
    page.get_by_role("button", name="Test wallet").click()


UNFOLD = "() => document.querySelectorAll('main details').forEach(one => { one.open = true; })"
# What opens over a page: what is pressed, and what is then to be seen.
OPENED = {
    "the palette": (lambda page: page.keyboard.press("Control+k"), "#palette[open] [role=option]"),
    "the palette, searching": (_type("decisions"), "#palette[open] [role=option][aria-selected=true]"),
    "the palette, in vain": (_type("qqqq"), "#palette[open] [data-palette-count]"),
    "no wallet": (lambda page: page.click("[data-sign-in]"), "#wallet-dialog[open]"),
    "the colours": (lambda page: page.click(".menu summary"), ".menu[open] .menu__item"),
    "a letter is sent": (_asks_for_a_letter, "main:not(:has(input[name=email]))"),
    "a practice ballot": (_reviews("rhymes"), "[data-vote-dialog][open] [data-vote-sign]"),
    "a practice ballot, undo": (_signs(_reviews("rhymes")), "[data-vote-dialog][open] [data-hold-undo]:not([hidden])"),
    # From here on the browser has a wallet.
    "what you are about to sign": (_reviews_a_ballot, "[data-vote-dialog][open] [data-vote-sign]"),
    "undo": (_signs(_reviews_a_ballot), "[data-vote-dialog][open] [data-hold-undo]:not([hidden])"),
}
WITH_A_WALLET = ("what you are about to sign", "undo")

PAGES = Path(__file__).resolve().parents[2] / "frontend/templates/pages"
# The pages that no address of `states` shows, and where else they are looked at, or why they are not.
LOOKED_AT_ELSEWHERE = {
    "join_sent.html": "the answer to a form: `OPENED`, a letter is sent",
    "proposal_keys.html": "of a vote with sealed ballots: test_sealed_browser",
    "shared_signing.html": "of a community on a chain, with contract wallets: test_shared_signing_pages",
    "shared_wallets.html": "of a community on a chain, with contract wallets: test_wallets_browser",
}


@pytest.fixture(scope="module")
def running() -> Iterator[chromium.Chromium]:
    opened = chromium.Chromium()
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def commons(story: Story) -> None:
    """Let sites compute for the community of the story, and suspend one; Alice operates another."""
    now = datetime.now(UTC)
    commons_rows.a_busy_week(story.community, now)
    Site.objects.filter(slug="lake").update(operator=story.wallets["Alice"].address)
    suspended = {"suspended_at": now, "suspended_reason": "It lies.", "suspended_evidence": {"step": 120}}
    commons_rows.site(None, now, "hill", **suspended)


def states(story: Story) -> dict[str, str]:
    """Return the address of every page and state that a visitor or a member can bring about with a link."""
    slug = "/c/water-commons"
    alice = story.wallets["Alice"].address
    return pages_of(story) | {
        "no network": "/offline/",
        "everything about me": "/me/data/",
        "design": "/design/",
        "nothing there": "/nothing/",
        "no match": f"{slug}/proposals/?state=defeated&search=nothing",
        "second page": f"{slug}/proposals/?page=2",
        "who may vote": f"{slug}/proposals/{story.proposals['open'].number}/?voter={alice}#can-vote",
        "who may vote, mistyped": f"{slug}/proposals/{story.proposals['open'].number}/?voter=0x12",
        "census": f"{slug}/proposals/{story.proposals['open'].number}/census/",
        "discussion": f"{slug}/proposals/{story.proposals['open'].number}/discussion/",
        "moderation": f"{slug}/moderation/",
        "versions": f"{slug}/proposals/{story.proposals['open'].number}/versions/",
        "delegates": f"{slug}/delegates/",
        "delegate": f"{slug}/delegates/{alice}/",
        "log": f"{slug}/log/",
        "history": f"{slug}/history/",
        "machines": f"{slug}/machines/",
        "consultations": f"{slug}/consultations/",
        "ask people": f"{slug}/consultations/ask/",
        "compute": f"{slug}/compute/",
        "calendar of computing": f"{slug}/calendar/?devices=2&memory=8&hours=2",
        "an empty week": f"{slug}/calendar/?week=2031-W01&devices=none",
        "sites": f"{slug}/sites/",
        "site": "/sites/lake/",
        "suspended site": "/sites/hill/",
        "offer a site": f"{slug}/sites/register/",
        "books": f"{slug}/books/",
        "settlements": f"{slug}/books/on-chain/",
        "incidents": f"{slug}/incidents/",
        "report": f"/releases/{story.version.revision}/report/",
        "data rights": f"{slug}/data-rights/",
        "learnt": f"{slug}/learnt/",
        "add a dataset": f"{slug}/datasets/add/",
        "seek sponsors": f"{slug}/sponsor/",
        **{
            f"propose {kind}": f"{slug}/propose/{kind}/"
            for kind in ("model_update", "ethics_rule", "poll", "text_signal")
        },
        "try": "/models/commons/water-assistant/try/",
    }


@pytest.fixture(scope="module")
def furnished(told: Story, django_db_blocker: DjangoDbBlocker) -> dict[str, Any]:
    """What the story lacks, for every test of this module."""
    with django_db_blocker.unblock(), override_settings(**SETTINGS):
        return every_page.furnish(told, datetime.now(UTC))


@pytest.fixture
def more(furnished: dict[str, Any], story: Story) -> dict[str, str]:
    """The addresses of what the story lacks, for one test."""
    return every_page.further(story, copy.deepcopy(furnished), datetime.now(UTC))


def addresses(story: Story, more: dict[str, str], language: str) -> dict[str, str]:
    """Return what is looked at in a language: everything; of the votes by other methods, which are many, every other two."""
    by_turns = [
        (name, path)
        for place, (name, path) in enumerate(more.items())
        if not name.startswith("poll ") or place // 2 % 2 == (language == "fr")
    ]
    return states(story) | dict(by_turns)


def visits(story: Story, language: str, looked_at: dict[str, str]) -> Iterator[tuple[str, str, Client]]:
    """Say who looks at which address: visitor and member by turns, and the other way round in the other language."""
    visitor, member = Client(), Client()
    signed_in(member, story.wallets["Alice"])
    by_turns = (visitor, member) if language == "en" else (member, visitor)
    for place, (name, path) in enumerate(looked_at.items()):
        if name in every_page.MEMBERS_ONLY:
            yield name, path, member
        elif name in every_page.VISITORS_ONLY:
            yield name, path, visitor
        else:
            yield name, path, by_turns[place % 2]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_page_has_a_barrier(
    story: Story, more: dict[str, str], client: Client, running: chromium.Chromium, language: str
) -> None:
    """A member sees each page with all that can be unfolded unfolded.

    What the story lacks wears dark colours in one language and those of high contrast in the other, by turns.
    """
    themes = ("dark", "contrast")
    found: dict[str, list[str]] = {}
    with chromium.window(running, client, language=language) as window:
        for name, path, who in visits(story, language, addresses(story, more, language)):
            window.client = who
            window.open(path)
            if who.cookies.get(settings.SESSION_COOKIE_NAME):
                window.run(lambda page: page.evaluate(UNFOLD))
            for line in window.violations():
                found.setdefault(line, []).append(name)
            place = list(more).index(name) + (language == "fr") if name in more else 0
            for theme in (themes[place % 2],) if name in more else themes:
                window.wear(theme)
                for line in window.violations("color-contrast", "link-in-text-block"):
                    found.setdefault(line, []).append(f"{name} ({theme})")
    assert not found, "\n".join(f"{line}\n    on {len(where)}: {', '.join(where[:4])}" for line, where in found.items())


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_is_among_those_that_are_looked_at(story: Story, more: dict[str, str], language: str) -> None:
    """In either language, by whoever looks at it there."""
    shown: set[str] = set()

    def note(template: Any, **_other: Any) -> None:
        shown.add(template.name or "")

    template_rendered.connect(note)
    try:
        for name, path, who in visits(story, language, addresses(story, more, language)):
            answer = who.get(path, headers={"accept-language": language}, follow=True)
            assert answer.status_code < 500, name
            assert not answer.redirect_chain, (name, answer.redirect_chain)
    finally:
        template_rendered.disconnect(note)
    pages = {path.name for path in PAGES.glob("*.html")}
    missing = {name for name in pages if f"pages/{name}" not in shown}
    assert missing == set(LOOKED_AT_ELSEWHERE)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_opens_over_a_page_has_no_barrier(
    story: Story, client: Client, running: chromium.Chromium, language: str
) -> None:
    found = {}
    alice = story.wallets["Alice"]
    with chromium.window(running, client, language=language) as window:
        for name, (press, shown) in OPENED.items():
            if name == WITH_A_WALLET[0]:
                window.run(
                    lambda page: page.expose_function("signTyped", lambda _, typed: alice.sign(json.loads(typed)))
                )
                window.run(lambda page: page.add_init_script(f"{WALLET}; window.account = '{alice.address}';"))
            window.open(f"/c/water-commons/proposals/{story.proposals['open'].number}/")
            window.run(press)
            window.run(lambda page, shown=shown: page.wait_for_selector(shown, state="attached"))
            for theme in ("light", "dark", "contrast"):
                window.wear(theme)
                if lines := window.violations():
                    found[f"{name} ({theme})"] = lines
    assert not found


@pytest.mark.parametrize("language", ["en", "fr"])
def test_nothing_sticks_out_at_320_pixels(
    story: Story, more: dict[str, str], client: Client, running: chromium.Chromium, language: str
) -> None:
    """What the story lacks is looked at in one of the two languages, by turns."""
    member = Client()
    signed_in(member, story.wallets["Alice"])
    mine = dict(list(more.items())[language == "fr" :: 2])
    with_session = (member, Client())
    found = {}
    with chromium.window(running, client, width=320, language=language) as window:
        for name, path in (states(story) | mine).items():
            window.client = with_session[name in every_page.VISITORS_ONLY]
            window.open(path)
            if out := window.sticks_out():
                found[name] = out
    assert not found


def test_every_target_is_large_enough_on_a_telephone(story: Story, client: Client, running: chromium.Chromium) -> None:
    """24 CSS pixels at least (2.5.8); links within a sentence are excepted by the standard."""
    signed_in(client, story.wallets["Alice"])
    found = {}
    with chromium.window(running, client, width=360) as window:
        for name, path in states(story).items():
            window.open(path)
            small = window.run(lambda page: page.evaluate(SMALL))
            if small:
                found[name] = small
    assert not found
