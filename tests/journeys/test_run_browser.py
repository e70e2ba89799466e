"""The page of a run in a real browser: a chart read by the keyboard, and a part that says whether it renews itself."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.journeys.visitor import COMMUNITY, Visit

pytestmark = pytest.mark.journey
MESSAGE = "retry: 100\n\nid: b\nevent: changed\ndata: {}\n\n"
PART = '<div data-live-part data-live-seen="{seen}" hx-get="/part/" hx-trigger="live-changed" hx-swap="outerHTML">{text}</div>'
WORDS = 'data-live="Live" data-asking="Asking" data-lost="Lost since {time}" data-over="Over"'
# A page as run.html is, of which the test plays the server.
LIVE = f"""<!doctype html><html lang="en"><title>t</title><script type="module" src="/static/built/site.js"></script>
<p data-live-problem data-text="The server does not answer"></p>
<div data-live-stream="/stream/"><p data-live-status {WORDS}></p>{PART.format(seen="a", text="first")}</div>"""


def test_the_charts_of_a_finished_run_are_read_by_the_keyboard(visit: Visit, demo: dict[str, Any]) -> None:
    with visit() as visitor:
        page = visitor.open(f"/runs/{demo['accepted_run']}/")
        pictures = page.get_by_role("img", name=re.compile("at step 1 to"))
        expect(pictures).to_have_count(3)  # loss, speed, learning rate
        reading = page.locator("figure", has=page.locator("#loss-picture")).get_by_role("status")
        page.locator("#loss-picture").focus()
        expect(reading).to_have_text("The arrow keys read the values one after another.")
        page.keyboard.press("ArrowRight")
        expect(reading).to_have_text(re.compile(r"^Step 1: [\d.]+$"))
        first = reading.text_content()
        page.keyboard.press("End")
        expect(reading).not_to_have_text(first or "")
        last = re.fullmatch(r"Step ([\d,]+): ([\d.]+)", reading.text_content() or "")
        assert last is not None
        expect(page.locator(".chart__cursor")).to_have_count(1)
        # The table beside it ends with the same.
        page.get_by_text("The charts as a table").click()
        row = page.locator("#curves-table tbody tr").last
        assert (
            row.get_by_role("rowheader").text_content(),
            row.get_by_role("cell").first.text_content(),
        ) == last.groups()
        page.locator("#loss-picture").focus()
        page.keyboard.press("Escape")
        expect(page.locator(".chart__cursor")).to_have_count(0)
        # It is a record: nothing renews itself any more.
        expect(page.locator("[data-live-status]")).to_have_count(0)


def test_the_list_of_runs_leads_by_its_filter_to_the_rejected_one(visit: Visit, demo: dict[str, Any]) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}runs/")
        expect(page.get_by_role("img", name=re.compile("Loss from"))).not_to_have_count(0)
        page.get_by_label("State").select_option("rejected")
        page.get_by_role("button", name="Filter").click()
        expect(page).to_have_url(re.compile(r"[?&]state=rejected"))
        page.get_by_role("link", name=re.compile(rf"Run {demo['rejected_run']}:")).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"Training run {demo['rejected_run']}")


def live_page(page: Page, site: str, stream: Callable[[Route], None], part: Callable[[Route], None]) -> Page:
    page.route("**/live-page/", lambda route: route.fulfill(body=LIVE, content_type="text/html"))
    page.route("**/stream/**", stream)
    page.route("**/part/", part)
    page.goto(f"{site}/live-page/")
    return page


def streams(route: Route) -> None:
    route.fulfill(body=MESSAGE, content_type="text/event-stream")


def test_a_message_fetches_the_part_and_the_page_says_when_it_is_over(visit: Visit, demo: dict[str, Any]) -> None:
    answers = [PART.format(seen="b", text="second"), "<div>last</div>"]

    def part(route: Route) -> None:
        route.fulfill(body=answers.pop(0) if answers else "<div>too much</div>", content_type="text/html")

    with visit() as visitor:
        page = live_page(visitor.page, visitor.site, streams, part)
        expect(page.get_by_text("second")).to_be_visible(timeout=15_000)
        expect(page.get_by_text("last")).to_be_visible(timeout=15_000)
        expect(page.locator("[data-live-status]")).to_have_text("Over")


def test_without_a_stream_the_page_asks_and_says_so_and_says_when_nobody_answers(
    visit: Visit, demo: dict[str, Any]
) -> None:
    reachable = [True]

    def part(route: Route) -> None:
        if reachable[0]:
            route.fulfill(body=PART.format(seen="b", text="asked for"), content_type="text/html")
        else:
            route.abort()

    with visit() as visitor:
        page = live_page(visitor.page, visitor.site, lambda route: route.fulfill(status=503), part)
        status = page.locator("[data-live-status]")
        expect(status).to_have_text("Asking", timeout=15_000)
        expect(page.get_by_text("asked for")).to_be_visible(timeout=15_000)
        reachable[0] = False
        expect(status).to_have_text(re.compile(r"^Lost since \d\d:\d\d$"), timeout=15_000)
        expect(page.get_by_text("asked for")).to_be_visible()
        reachable[0] = True
        expect(status).to_have_text("Asking", timeout=15_000)
        # What the browser and htmx say of a server that does not answer, and nothing else.
        assert all(error.startswith(("Failed to load resource", "htmx:")) for error in visitor.errors), visitor.errors
        visitor.errors.clear()
