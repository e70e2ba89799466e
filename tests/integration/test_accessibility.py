"""WCAG 2.2 AA, by axe-core in a real browser: every page in its states, in both languages, light, dark and high contrast.

Also at 320 CSS pixels, which is what a desk of 1280 pixels at 400 % is, and a telephone: nothing may stick out sideways.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.test import Client
from playwright.sync_api import Page

from tests.integration import chromium, commons_rows
from tests.integration.pages_story import Story, get, signed_in, story, told
from tests.integration.test_pages import pages_of
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


UNFOLD = "() => document.querySelectorAll('main details').forEach(one => { one.open = true; })"
# What opens over a page: what is pressed, and what is then to be seen.
OPENED = {
    "the palette": (lambda page: page.keyboard.press("Control+k"), "#palette[open] [role=option]"),
    "the palette, searching": (_type("decisions"), "#palette[open] [role=option][aria-selected=true]"),
    "the palette, in vain": (_type("qqqq"), "#palette[open] [data-palette-count]"),
    "no wallet": (lambda page: page.click("[data-sign-in]"), "#wallet-dialog[open]"),
    "the colours": (lambda page: page.click(".menu summary"), ".menu[open] .menu__item"),
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


@pytest.mark.parametrize(("language", "who"), [("en", "visitor"), ("fr", "member")])
def test_no_page_has_a_barrier(
    story: Story, client: Client, running: chromium.Chromium, language: str, who: str
) -> None:
    """A member sees each page with all that can be unfolded unfolded."""
    if who == "member":
        signed_in(client, story.wallets["Alice"])
    found: dict[str, list[str]] = {}
    with chromium.window(running, client, language=language) as window:
        for name, path in states(story).items():
            window.open(path)
            if who == "member":
                window.run(lambda page: page.evaluate(UNFOLD))
            for line in window.violations():
                found.setdefault(line, []).append(name)
            for theme in ("dark", "contrast"):
                window.wear(theme)
                for line in window.violations("color-contrast", "link-in-text-block"):
                    found.setdefault(line, []).append(f"{name} ({theme})")
    assert not found, "\n".join(f"{line}\n    on {len(where)}: {', '.join(where[:4])}" for line, where in found.items())


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_opens_over_a_page_has_no_barrier(
    story: Story, client: Client, running: chromium.Chromium, language: str
) -> None:
    found = {}
    with chromium.window(running, client, language=language) as window:
        for name, (press, shown) in OPENED.items():
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
    story: Story, client: Client, running: chromium.Chromium, language: str
) -> None:
    signed_in(client, story.wallets["Alice"])
    found = {}
    with chromium.window(running, client, width=320, language=language) as window:
        for name, path in states(story).items():
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
