"""A visitor with a real browser who ranks by number and by hand, undoes, waits for a slow wallet, loses the network, practises.

The same demo as in `test_browser.py`. Named so that it runs after the others: it casts ballots of members who have voted
before on questions that stay open, and says nothing of counts.
"""

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.journeys.visitor import (
    COMMUNITY,
    PHONE,
    QUESTION,
    Visit,
    Visitor,
    downloaded_receipt,
    fits,
    record_digest,
    tab_to,
)

pytestmark = pytest.mark.journey

OPEN_POLL = "Where do we meet in spring?"
PLACES = ("The old mill", "The school", "Under the plane tree", "Online")
HELD_MS = 15_000
CHLOE = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
# Counts what somebody does, over pages: each press of the pointer and each key.
COUNT_ACTIONS = """() => {
  sessionStorage.setItem("actions", "0");
  const count = () => sessionStorage.setItem("actions", String(Number(sessionStorage.getItem("actions")) + 1));
  for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, count, { capture: true });
}"""
# A wallet of the tests: it announces itself as any other, and answers with what the test decides (EIP-6963, EIP-1193).
WALLET = """
window.asked = [];
const provider = { request: ({ method }) => method === "eth_signTypedData_v4"
  ? new Promise((resolve, reject) => window.asked.push({ resolve, reject })) : Promise.resolve(["%s"]) };
const announce = () => window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: {
  info: { uuid: "5d1f2f0e-0000-4000-8000-000000000001", name: "Slow wallet", icon: "", rdns: "test.slow" }, provider } }));
window.addEventListener("eip6963:requestProvider", announce);
"""


def open_vote(visitor: Visitor, title: str) -> Page:
    """Open a vote that is open from the list of decisions."""
    page = visitor.open(f"{COMMUNITY}proposals/?state=active")
    page.get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    page.wait_for_load_state()
    return page


def order_of(page: Page) -> Locator:
    return page.locator("[data-ranking-list] [data-ranking-name]")


def forget(visitor: Visitor, told: str) -> None:
    """Forget what the browser itself says about a request that the test has broken."""
    assert any(told in error for error in visitor.errors), visitor.errors
    visitor.errors[:] = [error for error in visitor.errors if told not in error]


def test_choices_are_ranked_by_typing_places_and_by_pulling_and_can_be_begun_again(visit: Visit) -> None:
    with visit(PHONE) as visitor:
        page = open_vote(visitor, OPEN_POLL)
        said = page.locator("[data-ranking-said]")
        for place in PLACES:
            page.get_by_role("list", name="Not ranked").get_by_role("button", name=place).click()
        expect(order_of(page)).to_have_text([*PLACES])

        online = page.get_by_label("Online: place")
        online.fill("2")
        online.press("Enter")
        expect(said).to_have_text("Online is now number 2 of 4.")
        expect(online).to_be_focused()
        online.press("ArrowUp")
        expect(said).to_have_text("Online is now number 1 of 4.")
        expect(order_of(page)).to_have_text(["Online", "The old mill", "The school", "Under the plane tree"])
        online.fill("9")
        online.press("Enter")
        expect(said).to_have_text("A place is a whole number from 1 to 4.")
        expect(online).to_have_value("1")
        # Tab takes a typed place along and goes on.
        online.fill("3")
        online.press("Tab")
        expect(order_of(page)).to_have_text(["The old mill", "The school", "Online", "Under the plane tree"])
        expect(page.get_by_role("button", name="Online: up")).to_be_focused()

        handles = page.locator("[data-ranking-handle]")
        handles.nth(3).scroll_into_view_if_needed()
        pull(page, handles.nth(3), page.locator("[data-ranking-list] li").nth(0))
        expect(said).to_have_text("Under the plane tree is now number 1 of 4.")
        expect(order_of(page)).to_have_text(["Under the plane tree", "The old mill", "The school", "Online"])
        # Only the handle keeps a finger for itself: anywhere else it scrolls the page.
        assert handles.first.evaluate("it => getComputedStyle(it).touchAction") == "none"
        assert order_of(page).first.evaluate("it => getComputedStyle(it).touchAction") == "auto"
        sizes = page.locator("[data-ranking-list] :is(button, input), [data-ranking-handle]").evaluate_all(
            "all => all.map(it => [it.offsetWidth, it.offsetHeight])"
        )
        assert min(min(size) for size in sizes) >= 44, sizes
        fits(page)

        page.get_by_role("button", name="Start again").click()
        expect(order_of(page)).to_have_count(0)
        expect(page.get_by_text("Nothing is ranked yet.").first).to_be_visible()
    with visit({"width": 320, "height": 640}) as narrow:
        page = open_vote(narrow, OPEN_POLL)
        for place in PLACES:
            page.get_by_role("list", name="Not ranked").get_by_role("button", name=place).click()
        fits(page)


def pull(page: Page, handle: Locator, target: Locator) -> None:
    """Drag a handle to above the middle of a row."""
    box, goal = handle.bounding_box(), target.bounding_box()
    assert box is not None
    assert goal is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 5, goal["y"] + goal["height"] / 2, steps=5)
    page.mouse.move(box["x"] + 5, goal["y"] + 4, steps=3)
    page.mouse.up()


def test_a_signed_ballot_is_held_back_for_some_seconds_and_nothing_is_sent_when_it_is_undone(visit: Visit) -> None:
    with visit() as visitor:
        page = open_vote(visitor, QUESTION)
        visitor.sign_in("Daouda")
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        dialog = visitor.vote("Abstain", "Held back.")
        dialog.get_by_role("button", name="Sign with the wallet").click()
        expect(dialog.get_by_role("status")).to_have_text(
            "Signed. It is sent in 5 seconds. Until then you can undo, or stop the clock."
        )
        expect(dialog.get_by_role("button", name="Undo")).to_be_focused()
        expect(dialog).to_contain_text("cannot be taken back")
        dialog.get_by_role("button", name="Undo").click()
        expect(dialog).to_be_hidden()
        expect(page.locator("[data-vote-status]")).to_have_text(
            "Undone. Nothing was sent; what you chose is still here."
        )
        expect(page.get_by_role("radio", name="Abstain")).to_be_checked()
        assert not [url for url in sent if url.endswith("/api/v1/ballots")]

        # With the clock stopped nothing happens until somebody says so; Escape undoes, too.
        page.get_by_role("button", name="Review and sign").click()
        dialog.get_by_role("button", name="Sign with the wallet").click()
        dialog.get_by_role("button", name="Stop the clock").click()
        expect(dialog.get_by_role("status")).to_contain_text("The clock is stopped.")
        expect(dialog.get_by_role("button", name="Send now")).to_be_focused()
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        assert not [url for url in sent if url.endswith("/api/v1/ballots")]

        # Left alone, it is sent by itself.
        page.get_by_role("button", name="Review and sign").click()
        dialog.get_by_role("button", name="Sign with the wallet").click()
        expect(page.get_by_role("heading", name="Voted: Abstain", level=1)).to_be_visible(timeout=HELD_MS)
        assert len([url for url in sent if url.endswith("/api/v1/ballots")]) == 1


def test_a_wallet_that_takes_its_time_is_waited_for_in_words_and_need_not_be(visit: Visit) -> None:
    with visit(PHONE) as visitor:
        page = open_vote(visitor, QUESTION)
        alice = page.locator("[data-demo-account]").filter(has_text="Alice").get_attribute("data-demo-account")
        page.add_init_script(WALLET % alice)
        page.reload()
        page.locator("#vote-panel").evaluate("panel => { panel.dataset.slowSeconds = 0.5; }")
        panel = page.locator("#vote-panel")
        panel.get_by_role("radio", name="For").check()
        panel.get_by_role("button", name="Review and sign").click()
        page.get_by_role("button", name="Slow wallet").click()
        dialog = page.get_by_role("dialog", name="What you are about to sign")
        told = dialog.get_by_role("status")
        sign = dialog.get_by_role("button", name="Sign with the wallet")
        sign.click()
        expect(told).to_contain_text("Your wallet asks you to sign, perhaps in a window of its own.")
        expect(told).to_contain_text("If several people have to sign for this wallet, keep this page open")
        fits(page)
        dialog.get_by_role("button", name="Stop waiting").click()
        expect(dialog).to_be_hidden()
        expect(page.locator("[data-vote-status]")).to_contain_text("You stopped waiting. Nothing was sent.")
        # What the wallet answers now is thrown away.
        page.evaluate("window.asked.pop().resolve('0x' + '11'.repeat(65))")

        panel.get_by_role("button", name="Review and sign").click()
        page.get_by_role("button", name="Slow wallet").click()
        sign.click()
        page.evaluate("window.asked.pop().reject({ code: 4001 })")
        expect(told).to_have_text(
            "You declined in the wallet. Nothing was signed or sent; you can sign again or go back."
        )
        expect(sign).to_be_focused()
        sign.click()
        page.evaluate("window.asked.pop().resolve('signed, believe me')")
        expect(told).to_contain_text("The wallet answered with something that is no signature. Nothing was sent.")
        expect(sign).to_be_hidden()


def test_a_wallet_with_another_account_than_the_one_signed_in_is_told_apart_before_anything_is_signed(
    visit: Visit,
) -> None:
    with visit() as visitor:
        page = open_vote(visitor, QUESTION)
        alice = page.locator("[data-demo-account]").filter(has_text="Alice").get_attribute("data-demo-account")
        visitor.sign_in("Daouda")
        page.add_init_script(WALLET % alice)
        page.reload()
        page.evaluate("sessionStorage.removeItem('wallet')")
        panel = page.locator("#vote-panel")
        panel.get_by_role("radio", name="For").check()
        panel.get_by_role("button", name="Review and sign").click()
        page.get_by_role("button", name="Slow wallet").click()
        expect(page.locator("[data-vote-status]")).to_contain_text(
            f"offers the account {alice}, but you are signed in as"
        )
        assert page.evaluate("window.asked.length") == 0


def test_a_page_that_is_too_old_asks_for_a_token_of_today_by_itself(visit: Visit) -> None:
    with visit() as visitor:
        page = open_vote(visitor, QUESTION)
        visitor.sign_in("Daouda")
        page.evaluate("document.querySelector('meta[name=\"csrf-token\"]').content = 'a'.repeat(64)")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()
        visitor.was_refused(403)


def test_a_ballot_whose_answer_is_lost_is_sent_again_and_counts_once(visit: Visit) -> None:
    # What goes through the worker that keeps pages for later is not always routed.
    with visit(service_workers="block") as visitor:
        page = open_vote(visitor, QUESTION)
        visitor.sign_in("Daouda")
        tries: list[int] = []

        def lose_the_first_answer(route: Route) -> None:
            answer = route.fetch()
            tries.append(answer.status)
            if len(tries) == 1:
                route.abort()
            else:
                route.fulfill(response=answer)

        page.route("**/api/v1/ballots", lose_the_first_answer)
        dialog = visitor.vote("For", "Sent twice.")
        dialog.get_by_role("button", name="Sign with the wallet").click()
        dialog.get_by_role("button", name="Send now").click()
        expect(dialog.get_by_role("status")).to_contain_text("it is not known whether your ballot arrived")
        forget(visitor, "ERR_FAILED")
        expect(dialog.get_by_role("button", name="Send again")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Voted: For", level=1)).to_be_visible()
        assert tries == [201, 200]
        page.get_by_role("main").get_by_role("link", name=QUESTION).click()
        expect(page.get_by_role("table").get_by_role("row", name=re.compile("Daouda"))).to_have_count(1)


def test_a_member_who_lends_sees_what_became_of_it_and_the_delegate_whom_it_carries(visit: Visit) -> None:
    with visit() as visitor:
        page = open_vote(visitor, OPEN_POLL)
        visitor.sign_in("Daouda")
        lent = page.locator("#vote-panel .lent")
        expect(lent).to_contain_text(re.compile(r"Bob\b.*100%", re.DOTALL))
        expect(lent).to_contain_text(re.compile("Has not voted yet: 120,000 votes|with 120,000 of these votes"))
        expect(lent).to_contain_text("Lent for decisions of this kind: Poll.")
        fits(page)
    with visit() as visitor:
        page = open_vote(visitor, OPEN_POLL)
        visitor.sign_in("Bob")
        expect(page.locator("#vote-panel .lent")).to_contain_text("You also carry 120,000 votes of 1 person")


@pytest.mark.parametrize("language", ["en-GB", "fr-FR"])
def test_practising_works_without_javascript(visit: Visit, language: str) -> None:
    with visit(PHONE, language, java_script_enabled=False) as visitor:
        page = visitor.open("/practice/seasons/")
        for name, place in zip(("1", "2", "3", "4"), ("2", "1", "3", "4"), strict=True):
            page.locator(f"#rank-{name}").fill(place)
        fits(page)
        page.locator("[data-vote-start]").click()
        expect(page.locator("#result")).to_have_text(re.compile("First would be: Summer|En tête serait.: Été"))
        expect(page.locator("#receipt")).to_be_visible()
        fits(page)
        page = visitor.open("/practice/")
        page.locator("[data-vote-start]").click()
        expect(page.get_by_role("alert")).to_be_visible()
        visitor.was_refused(422)


def test_practising_feels_like_a_vote_by_keyboard_alone_and_keeps_nothing(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open("/practice/")
        tab_to(page, page.get_by_role("radio", name="For"))
        page.keyboard.press("Space")
        tab_to(page, page.get_by_role("button", name="Review and sign"))
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="What you would sign")
        expect(dialog).to_contain_text("Practice: nothing is signed")
        expect(dialog.locator("[data-vote-choice]")).to_have_text("For")
        tab_to(page, dialog.get_by_role("button", name="Sign for practice"))
        page.keyboard.press("Enter")
        expect(dialog.get_by_role("button", name="Undo")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("[data-vote-status]")).to_contain_text("Undone.")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        tab_to(page, dialog.get_by_role("button", name="Sign for practice"))
        page.keyboard.press("Enter")
        tab_to(page, dialog.get_by_role("button", name="Send now"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="It would have passed")).to_be_visible()
        expect(page.get_by_role("heading", name="Your practice receipt")).to_be_visible()

        page.get_by_role("link", name=re.compile("Practise the other one")).click()
        for season in ("Autumn", "Winter", "Spring", "Summer"):
            page.get_by_role("list", name="Not ranked").get_by_role("button", name=season).click()
        page.get_by_role("button", name="Review and sign").click()
        page.get_by_role("button", name="Sign for practice").click()
        page.get_by_role("button", name="Send now").click()
        rows: Any = page.get_by_role("table").filter(has_text="yours and those of the neighbours").get_by_role("row")
        expect(rows.nth(1).locator(".ranked-inline li")).to_have_text(["Autumn", "Winter", "Spring", "Summer"])
        fits(page)


def test_who_never_used_a_wallet_looks_first_practises_and_then_votes_in_three_actions(visit: Visit) -> None:
    """The first of the five people, from reading to the receipt. An action is a press of the pointer or a key."""
    with visit(PHONE) as visitor:
        page = open_vote(visitor, QUESTION)
        expect(page.get_by_role("main")).to_contain_text("If this passes")
        page.get_by_text("Can I vote?").click()
        page.get_by_role("search", name="Can this address vote").get_by_label("Address").fill(CHLOE)
        page.get_by_role("button", name="See my voting power").click()
        expect(page.get_by_role("main")).to_contain_text("Yes, this address can vote.")
        assert not page.get_by_role("banner").locator(".viewer").count(), "nothing was connected for that"

        page = visitor.open("/practice/")
        page.get_by_role("radio", name="For").check()
        page.get_by_role("button", name="Review and sign").click()
        page.get_by_role("button", name="Sign for practice").click()
        page.get_by_role("button", name="Send now").click()
        expect(page.get_by_role("heading", name="Your practice receipt")).to_be_visible()

        page = open_vote(visitor, QUESTION)
        visitor.sign_in("Chloé")
        page.get_by_role("radio", name="For").wait_for()
        page.evaluate(COUNT_ACTIONS)
        page.get_by_role("radio", name="For").check()
        page.get_by_role("button", name="Review and sign").click()
        dialog = page.get_by_role("dialog", name="What you are about to sign")
        dialog.get_by_role("button", name="Sign with the wallet").click()
        expect(page.get_by_role("heading", name="Voted: For", level=1)).to_be_visible(timeout=HELD_MS)
        assert page.evaluate("sessionStorage.getItem('actions')") == "3", "choose, review, sign; it is sent by itself"

        receipt = downloaded_receipt(page)
        assert record_digest(receipt["ballot"]) == receipt["digest"]
        assert receipt["ballot"]["body"]["voter"] == CHLOE
