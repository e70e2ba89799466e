"""Finding things, and a delegate at work: by keyboard, on a telephone, in French, in a real browser over the demo."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.visitor import COMMUNITY, PHONE, QUESTION, Visit, fits, tab_to

pytestmark = pytest.mark.journey


def found(page: Page, words: str) -> Page:
    """Search until the sweeper has taken the demo's things into the index."""
    for _ in range(20):
        page.goto(f"{page.url.split('/c/')[0].split('/search')[0].rstrip('/')}/search/?q={words}")
        if page.locator(".listing__item").count():
            return page
        page.wait_for_timeout(1_000)
    raise AssertionError(f"nothing is found of {words}")


def test_the_palette_goes_anywhere_by_keyboard_and_gives_the_focus_back(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(COMMUNITY)
        start = page.get_by_role("link", name="Propose something").first
        start.focus()
        page.keyboard.press("Control+k")
        palette = page.get_by_role("dialog", name="Go anywhere, do anything")
        field = palette.get_by_role("combobox")
        expect(field).to_be_focused()
        options = palette.get_by_role("option")
        expect(options.first).to_have_attribute("aria-selected", "true")
        page.keyboard.press("ArrowDown")
        expect(options.nth(1)).to_have_attribute("aria-selected", "true")
        expect(field).to_have_attribute("aria-activedescendant", options.nth(1).get_attribute("id") or "")
        page.keyboard.press("Escape")
        expect(palette).to_be_hidden()
        expect(start).to_be_focused()

        page.keyboard.press("/")
        page.keyboard.type("rule")
        expect(palette.get_by_role("status")).to_contain_text(re.compile("entr"))
        expect(options.first).to_contain_text("Rules")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(r"/c/water-commons/rules/$"))


def test_the_palette_finds_decisions_while_one_types(visit: Visit) -> None:
    with visit() as visitor:
        page = found(visitor.open("/"), "wells")
        page.locator("body").press("Control+k")
        page.keyboard.type("about wel")
        option = page.get_by_role("option", name=re.compile(re.escape(QUESTION)))
        expect(option).to_be_visible()
        option.click()
        expect(page.get_by_role("heading", name=QUESTION, level=1)).to_be_visible()


def test_a_slash_in_a_field_is_a_slash_and_the_key_can_be_switched_off(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/")
        field = page.get_by_label("Words in title or text")
        field.press("/")
        expect(field).to_have_value("/")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.locator("body").press("Control+k")
        page.get_by_label("The key / opens this, too").uncheck()
        page.keyboard.press("Escape")
        page.get_by_role("heading", level=1).click()
        page.keyboard.press("/")
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_question_is_answered_without_a_script_and_narrowed(visit: Visit) -> None:
    with visit(PHONE, java_script_enabled=False) as visitor:
        page = found(visitor.open("/"), "assistant")
        fits(page)
        expect(page.locator("mark").first).to_be_visible()
        page.get_by_role("navigation", name="Kinds").get_by_role("link", name=re.compile("Decision")).click()
        expect(page).to_have_url(re.compile("kind=decision"))
        page.locator(".listing__link").first.click()
        expect(page).to_have_url(re.compile("/proposals/"))


def test_somebody_who_reads_french_finds_what_has_a_french_name(visit: Visit) -> None:
    with visit(locale="fr-FR") as visitor:
        page = found(visitor.open("/"), "communs+eau")
        expect(page.get_by_role("link", name="Communs de l’eau").first).to_be_visible()
        page.locator("body").press("Control+k")
        expect(page.get_by_role("dialog").get_by_role("combobox")).to_be_focused()


def test_a_delegate_filters_compares_and_reads_who_relies_on_them(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open("/")
        visitor.sign_in("Bob")
        expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("What needs you|Nothing waits for you"))
        page.goto(f"{visitor.site}{COMMUNITY}desk/")
        expect(page.get_by_role("heading", name="My desk", level=1)).to_be_visible()
        table = page.get_by_role("table")
        expect(table).to_contain_text(QUESTION)
        box = table.get_by_role("checkbox", name=f"Compare “{QUESTION}”")
        tab_to(page, box)
        page.keyboard.press("Space")
        page.get_by_role("button", name="Compare those chosen").press("Enter")
        expect(page.get_by_role("heading", name="Side by side")).to_be_visible()
        expect(page.get_by_role("article")).to_contain_text(QUESTION)
        fits(page)
        page.set_viewport_size(PHONE)
        fits(page)
