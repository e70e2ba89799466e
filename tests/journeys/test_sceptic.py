"""A sceptic: from the home page to a released model, two clicks to why it should be trusted, checked in their own browser.

Then the map by keyboard, two versions side by side, and a question to both: nobody signs in.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.conftest import Visit
from tests.journeys.visitor import PHONE, tab_to

pytestmark = pytest.mark.journey

MODEL = "/models/commons/water-assistant/"


def test_from_the_home_page_to_a_release_that_is_verified_in_this_browser(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open("/")
        page.get_by_role("link", name="Water commons").first.click()
        page.get_by_role("navigation", name="Community").get_by_role("link", name="Models").click()
        page.get_by_role("main").get_by_role("link", name="Water assistant").click()
        expect(page.get_by_text(re.compile(r"Version \d+ is in use"))).to_be_visible()
        expect(page.get_by_role("heading", name="How it came about")).to_be_visible()

        page.get_by_role("link", name="Why should I trust it?").first.click()
        expect(page.get_by_role("heading", name="Why should I trust it?")).to_be_in_viewport()
        expect(page.get_by_text("Verified by this site, from the weights back to the ballots.")).to_be_visible()
        page.get_by_role("button", name="Check it in this browser").click()
        own = page.get_by_text(re.compile(r"^Verified: commons/water-assistant, version \d+\."))
        expect(own).to_be_visible(timeout=60_000)
        page.get_by_text(re.compile("What was checked: 12 steps")).click()
        findings = page.locator("[aria-labelledby=verification] .findings:not([data-verifier-findings]) > li")
        expect(findings.first).to_be_visible()


def test_the_map_can_be_walked_by_keyboard_and_on_a_telephone(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(MODEL)
        region = page.get_by_role("region", name="Map of the model")
        box = region.get_by_role("link", name=re.compile("Training run 1"))
        tab_to(page, box)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("1")
        assert "/runs/" in page.url
    with visit(PHONE) as visitor:
        page = visitor.open(MODEL)
        expect(page.locator(".map__tall")).to_be_visible()
        expect(page.locator(".map__wide")).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.get_by_text("The map as a list").click()
        expect(page.get_by_text("no version came of it").first).to_be_visible()


def test_two_versions_are_compared_and_both_asked_the_same(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(MODEL)
        page.get_by_role("link", name="Compare two versions").click()
        page.get_by_label("This version").select_option("0")
        page.get_by_label("with this one").select_option("1")
        page.get_by_role("button", name="Compare", exact=True).click()
        better = page.get_by_role("table", name="Each metric with its interval")
        expect(better.get_by_role("row", name=re.compile("Answer accuracy"))).to_contain_text("Version 1 is better")
        expect(
            page.get_by_role("table", name="Answers to the same questions").get_by_role("row").nth(1)
        ).to_be_visible()

        page.get_by_role("link", name="Ask both a question").click()
        page.locator("[data-try-suggested]").first.click()
        expect(page.get_by_text("The answer is complete.")).to_be_visible(timeout=120_000)
        answers = page.locator("[data-try-answer]:visible")
        expect(answers).to_have_count(2)
        expect(answers.nth(0)).to_contain_text("Answered by v0")
        expect(answers.nth(1)).to_contain_text("Answered by v1")


def test_a_visitor_stops_an_answer_and_may_ask_again(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(f"{MODEL}try/?version=v0")
        # Nothing answers until the visitor has stopped it.
        page.route("**/v1/chat/completions", lambda _route: None)
        page.get_by_label("Your question").fill("Where is the well?")
        page.get_by_role("button", name="Ask", exact=True).click()
        expect(page.get_by_role("button", name="Ask", exact=True)).to_be_disabled()
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("You stopped the answer.")).to_be_visible()
        expect(page.get_by_role("button", name="Ask", exact=True)).to_be_enabled()
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
