"""The five people whom the site is made for, one journey each, and a picture of every page that they meet.

A member without a wallet at hand, a delegate, a sceptic: see test_voting_browser.py, test_join.py,
test_delegate_and_search.py and test_sceptic.py. Here: the maintainer who writes an update, and whoever reads in French, at
200 % zoom, on a narrow screen, in other colours, or while the network is away. The pictures go to `var/pictures`, or to
the folder that COMMONWEIGHTS_PICTURES names.
"""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.journeys.visitor import COMMUNITY, DESK, PHONE, ROOT, Visit, fits, tab_to, until

pytestmark = pytest.mark.journey

PICTURES = Path(os.environ.get("COMMONWEIGHTS_PICTURES", ROOT / "var" / "pictures"))
UPDATE = "Teach the assistant our own answers"


def pages(demo: dict[str, Any]) -> dict[str, str]:
    """Return the pages that people show to friends, by the name of their picture."""
    return {
        "home": "/",
        "community": COMMUNITY,
        "decisions": f"{COMMUNITY}proposals/",
        "decision-open": f"{COMMUNITY}proposals/10/",
        "decision-ranked": f"{COMMUNITY}proposals/8/",
        "decision-carried-out": f"{COMMUNITY}proposals/6/",
        "evidence": f"{COMMUNITY}proposals/6/evidence/",
        "voters": f"{COMMUNITY}proposals/6/voters/",
        "delegates": f"{COMMUNITY}delegates/",
        "rules": f"{COMMUNITY}rules/",
        "model": "/models/commons/water-assistant/",
        "compare": "/models/commons/water-assistant/compare/",
        "try": "/models/commons/water-assistant/try/",
        "release": f"/releases/{Path(demo['release']).name}/",
        "run": f"/runs/{demo['accepted_run']}/",
        "run-rejected": f"/runs/{demo['rejected_run']}/",
        "practice": "/practice/",
        "search": "/search/?q=water",
        "join": "/join/",
        "design": "/design/",
    }


@pytest.mark.parametrize(
    ("name", "viewport", "locale", "colours"),
    [
        ("wide", DESK, "en-GB", "light"),
        ("dark", DESK, "en-GB", "dark"),
        ("narrow", PHONE, "fr-FR", "light"),
        ("contrast", PHONE, "fr-FR", "contrast"),
    ],
)
def test_a_picture_of_every_page(
    visit: Visit, demo: dict[str, Any], name: str, viewport: dict[str, int], locale: str, colours: str
) -> None:
    folder = PICTURES / name
    folder.mkdir(parents=True, exist_ok=True)
    with visit(viewport, locale, reduced_motion="reduce") as visitor:
        if colours != "light":
            cookie = {"name": "appearance", "value": colours, "url": demo["site"]}
            visitor.page.context.add_cookies([cookie])  # type: ignore[list-item]
        for picture, path in pages(demo).items():
            page = visitor.open(path)
            fits(page)
            expect(page.locator("html")).to_have_attribute("lang", locale[:2])
            page.screenshot(path=folder / f"{picture}.png", full_page=True)


def test_a_maintainer_sees_price_and_difference_while_writing_and_follows_an_update_to_its_release(
    visit: Visit,
) -> None:
    with visit() as visitor:
        page = visitor.open(COMMUNITY)
        visitor.sign_in("Alice")
        visitor.open(f"{COMMUNITY}propose/model_update/")
        lint = page.locator("#lint")
        expect(lint).to_contain_text("Still to do")
        lint.get_by_role("link", name="Title").click()
        page.get_by_label("Title", exact=True).fill("Teach it the wells, too")
        first = (
            page.get_by_role("group", name=re.compile("Learns? from|datasets", re.IGNORECASE))
            .get_by_role("checkbox")
            .first
        )
        first.check()
        for chosen in page.locator("#proposal-form select").all():
            if not chosen.input_value():
                chosen.select_option(index=1)
        expect(lint).to_contain_text("If this passes", timeout=15_000)
        expect(lint).to_contain_text("device-second")
        expect(lint).to_contain_text("What changes against the recipe of the base version")

        page.get_by_role("button", name="Save and preview").click()
        expect(page.get_by_role("heading", name="Teach it the wells, too", level=1)).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("This is how voters will see it.")
        expect(page.get_by_role("button", name="Make a preview")).to_be_visible()
        page.get_by_role("button", name="Throw the draft away").click()

        visitor.open(f"{COMMUNITY}proposals/")
        page.get_by_role("link", name=UPDATE).first.click()
        page.get_by_role("link", name=re.compile(r"Training run \d+")).first.click()
        page.get_by_role("link", name="See the release").click()
        expect(page.get_by_role("main").get_by_text("Verified", exact=True).first).to_be_visible()


def test_everything_is_there_at_200_percent_by_keyboard_alone_in_french(visit: Visit) -> None:
    """A window of 1280 pixels at 200 % has 640 CSS pixels."""
    with visit({"width": 640, "height": 450}, "fr-FR") as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/10/")
        fits(page)
        choice = page.get_by_role("radio", name="Pour")
        tab_to(page, choice)
        expect(choice).to_be_in_viewport()
        page.keyboard.press("Space")
        expect(choice).to_be_checked()
        tab_to(page, page.get_by_role("button", name="Relire et signer"))
        evidence = page.get_by_role("link", name="Éléments de preuve").first
        tab_to(page, evidence, "Shift+Tab")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Ce que nous en savons", level=1)).to_be_visible()
        fits(page)


def test_a_page_that_was_read_can_be_read_again_without_a_network_and_says_how_old_it_is(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/6/")
        until(page, "() => navigator.serviceWorker.controller !== null")
        page.reload()
        expect(page.get_by_role("heading", name=UPDATE, level=1)).to_be_visible()
        page.context.set_offline(True)
        page.reload()
        expect(page.get_by_role("heading", name=UPDATE, level=1)).to_be_visible()
        expect(page.locator("[data-offline-worker]")).to_contain_text("No network: this is the copy from")
        visitor.open(f"{COMMUNITY}proposals/7/")
        expect(page.get_by_role("heading", name="No network", level=1)).to_be_visible()
        page.context.set_offline(False)
        page.get_by_role("link", name="Try again").click()
        expect(page.get_by_role("heading", name="No network")).to_have_count(0)
        # What a browser without a network writes about it is no complaint of the site.
        visitor.errors[:] = [error for error in visitor.errors if "ERR_INTERNET_DISCONNECTED" not in error]
