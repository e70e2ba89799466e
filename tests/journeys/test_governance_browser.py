"""A visitor with a real browser who ranks, lends, backs, recounts and looks things up: governance as members meet it.

The same demo as in `test_browser.py`, and the same rule: what a browser's console complains about fails the test.
"""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from config.demo import chain, commons, plan
from governance.chain.delegations import DELEGATE_BY_SIGNATURE
from tests.journeys.visitor import (
    COMMUNITY,
    PHONE,
    Visit,
    Visitor,
    downloaded_receipt,
    fits,
    option,
    outline,
    paste,
    record_digest,
    tab_to,
)

pytestmark = pytest.mark.journey

OPEN_POLL = "Where do we meet in spring?"
DECIDED_POLL = "What should the assistant learn next?"
PLACES = ("The old mill", "The school", "Under the plane tree", "Online")
PICTURE = re.compile("How votes pass on from round to round")
STRANGER = "0x000000000000000000000000000000000000dEaD"
AUTOSAVE_MS_MAX = 15_000
STATEMENT = "I vote for **clean wells**."
WRITTEN = json.dumps(
    [
        STATEMENT.replace("*", ""),
        *(plan.open_poll(), plan.poll(), plan.open_question(), plan.ethics_rule(), plan.dataset_inclusion("")),
        *(plan.good_update({}), plan.english_only_update({}), plan.stereotype_rule(""), plan.PAIRS_TITLE),
        *(plan.stewards("", ""), plan.removal("", ""), plan.doubtful_inclusion("")),
        *(commons.admission(), commons.budget()),
    ],
    ensure_ascii=False,
)
# Called the same in both languages. What people wrote is left out, too; everything else on a French page has to be French.
SAME_IN_BOTH = {
    "Commonweights",
    "API",
    "Action",
    "CSV",
    "Ctrl K",
    "Discussion",
    "JSON",
    "Page",
    "Incidents",
    "Question",
    "Quorum",
    "Votes",
    *(name for name, _ in chain.MEMBERS),
}

# The tests stand in the order in which they change the demo: Emma has no power until she delegates to herself.

# --- ranking --------------------------------------------------------------------------------------------------------


def test_a_member_ranks_four_places_by_keyboard_alone_and_the_receipt_says_the_order(visit: Visit) -> None:
    with visit() as visitor:
        page = open_proposal(visitor, OPEN_POLL, "active")
        mine = page.get_by_role("list", name="My order")
        offered = page.get_by_role("list", name="Not ranked")
        said = page.locator("[data-ranking-said]")
        review = page.get_by_role("button", name="Review and sign")
        expect(said).to_have_attribute("aria-live", "polite")
        expect(mine.get_by_role("listitem")).to_have_count(0)
        expect(page.get_by_text("Nothing is ranked yet.")).to_be_visible()
        assert offered.get_by_role("listitem").evaluate_all("all => all.map(item => item.dataset.label)") == [*PLACES]

        tab_to(page, offered.get_by_role("button", name="The school"))
        assert outline(offered.get_by_role("button", name="The school")) >= 2
        page.keyboard.press("Enter")
        expect(said).to_have_text("The school is now number 1 of 1.")
        expect(offered.get_by_role("button", name="Under the plane tree")).to_be_focused()
        page.keyboard.press("Space")
        expect(said).to_have_text("Under the plane tree is now number 2 of 2.")
        tab_to(page, review)
        page.keyboard.press("Enter")
        expect(page.locator("[data-vote-status]")).to_have_text("Put all choices in your order first.")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(review).to_be_focused()

        tab_to(page, offered.get_by_role("button", name="Online"), "Shift+Tab")
        page.keyboard.press("Enter")
        expect(offered.get_by_role("button", name="The old mill")).to_be_focused()
        page.keyboard.press("Enter")
        expect(said).to_have_text("The old mill is now number 4 of 4.")
        expect(offered).to_be_hidden()
        expect(page.get_by_role("button", name="The old mill: up")).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        expect(said).to_have_text("The old mill is now number 2 of 4.")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="The old mill: down")).to_be_focused()
        page.keyboard.press("Enter")
        expect(said).to_have_text("The old mill is now number 3 of 4.")
        expect(mine.locator("[data-ranking-name]")).to_have_text(
            ["The school", "Under the plane tree", "The old mill", "Online"]
        )

        tab_to(page, review)
        page.keyboard.press("Enter")
        tab_to(page, page.get_by_role("button", name="Demo wallet"))
        page.keyboard.press("Enter")
        tab_to(page, page.get_by_role("button", name=re.compile("Bob")))
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="What you are about to sign")
        expect(dialog.locator("[data-vote-choice]").get_by_role("listitem")).to_have_text(
            ["The school", "Under the plane tree", "The old mill", "Online"]
        )
        expect(dialog.locator("[data-vote-power]")).to_have_text("250,000")
        expect(dialog.locator("[data-vote-delegated]")).to_have_text("120,000")
        tab_to(page, dialog.get_by_role("button", name="Sign with the wallet"))
        page.keyboard.press("Enter")
        tab_to(page, dialog.get_by_role("button", name="Send now"))
        page.keyboard.press("Enter")

        expect(page.get_by_role("heading", name="A signed ballot", level=1)).to_be_visible()
        expect(page.get_by_role("main").locator(".ranked-inline > li")).to_have_text(
            ["The school", "Under the plane tree", "The old mill", "Online"]
        )
        receipt = downloaded_receipt(page)
        assert record_digest(receipt["ballot"]) == receipt["digest"]
        assert receipt["ballot"]["body"]["choice"] == [2, 3, 1, 4]

        page.get_by_role("main").get_by_role("link", name=OPEN_POLL).click()
        expect(option(page, "The school")).to_contain_text("would win now")
        ballots = page.get_by_role("table").filter(has_text="1 member voted")
        expect(ballots.get_by_role("row", name=re.compile("Bob"))).to_contain_text("120,000 of them lent by others")


def test_the_rounds_of_a_ranked_vote_are_a_picture_and_a_table_while_it_is_open(visit: Visit) -> None:
    for member, order in (
        ("Alice", ("Under the plane tree", "The old mill", "The school", "Online")),
        ("Chloé", ("Online", "The school", "Under the plane tree", "The old mill")),
    ):
        with visit(PHONE) as visitor:
            page = open_proposal(visitor, OPEN_POLL, "active")
            for place in order:
                page.get_by_role("list", name="Not ranked").get_by_role("button", name=place).click()
            page.get_by_role("button", name="Review and sign").click()
            visitor.choose_wallet(member)
            visitor.sign_and_send()
            expect(page.get_by_role("heading", name="A signed ballot", level=1)).to_be_visible()
    with visit() as visitor:
        page = open_proposal(visitor, OPEN_POLL, "active")
        expect(option(page, "The school")).to_contain_text("60% 600,000 votes")
        picture = page.get_by_role("img", name=PICTURE)
        expect(picture).to_be_visible()
        # Long names are cut, and what is left of them stands within the picture.
        left, right, wide = picture.evaluate(
            "drawn => [drawn.getBBox().x, drawn.getBBox().x + drawn.getBBox().width, drawn.viewBox.baseVal.width]"
        )
        assert 0 <= left < right <= wide
        rounds = page.get_by_role("table").filter(has_text="Votes of each choice in each round")
        expect(rounds.get_by_role("columnheader")).to_have_text(["Choice", "Round 1", "Round 2", "Round 3"])
        for place, told in (
            ("The old mill", ("0 drops out", "out·", "out·")),
            ("The school", ("370,000", "370,000", "600,000 wins")),
            ("Under the plane tree", ("400,000", "400,000", "400,000")),
            ("Online", ("230,000", "230,000 drops out", "out·")),
        ):
            row = rounds.get_by_role("row").filter(has=page.get_by_role("rowheader", name=place))
            expect(row.locator("td")).to_have_text([re.compile(each.replace(" ", r"\s+")) for each in told])


def test_anybody_pastes_an_address_and_reads_whether_it_can_vote_without_a_wallet_or_javascript(visit: Visit) -> None:
    with visit(PHONE, java_script_enabled=False) as visitor:
        page = open_proposal(visitor, OPEN_POLL, "active")
        bob, emma = address_of(page, "Bob"), address_of(page, "Emma")
        asked = page.locator("#can-vote")
        asked.get_by_text("Can I vote?").click()

        def ask(address: str) -> Locator:
            asked.get_by_label("Address", exact=True).fill(address)
            asked.get_by_role("button", name="See my voting power").click()
            expect(asked.get_by_label("Address", exact=True)).to_have_value(address)
            return asked.locator(".callout")

        can = ask(bob)
        expect(can).to_contain_text("Yes, this address can vote.")
        expect(can).to_contain_text(re.compile(r"Own voting power\s*250,000"))
        expect(can).to_contain_text(re.compile(r"Lent by others, unless they vote themselves\s*120,000"))
        expect(can).to_contain_text("Read at block")
        for address in (emma, STRANGER):
            cannot = ask(address)
            expect(cannot).to_contain_text("No, this address cannot vote here.")
            expect(cannot).to_contain_text("Tokens count only once they are delegated")
            expect(cannot.get_by_role("link", name="Delegate")).to_be_visible()
        for rubbish in ("bob", "0x12", bob[:-1] + ("0" if bob[-1] != "0" else "1"), "<script>"):
            wrong = ask(rubbish)
            expect(wrong).to_have_role("alert")
            expect(wrong).to_contain_text("address")
            expect(asked.get_by_label("Address", exact=True)).to_have_attribute("aria-invalid", "true")
            fits(page)


# --- a vote that is decided -----------------------------------------------------------------------------------------


def test_a_visitor_recounts_the_decided_poll_with_the_command_on_its_page(visit: Visit, tmp_path: Path) -> None:
    with visit() as visitor:
        page = open_proposal(visitor, DECIDED_POLL, "executed")
        winner = option(page, "Wells and their depth")
        expect(winner.get_by_text("winner", exact=True)).to_be_visible()
        expect(page.locator("#proposal-live .option").get_by_text("winner", exact=True)).to_have_count(1)
        expect(page.locator("#proposal-live")).to_contain_text("Why it passed")
        expect(page.get_by_role("img", name=PICTURE)).to_be_visible()
        rounds = page.get_by_role("table").filter(has_text="Votes of each choice in each round")
        expect(rounds.get_by_role("columnheader")).to_have_text(["Choice", "Round 1", "Round 2", "Round 3"])
        expect(rounds.get_by_role("row", name=re.compile("Pests and hedges"))).to_contain_text("drops out")
        expect(rounds.get_by_role("row", name=re.compile("Wells"))).to_contain_text(re.compile(r"600,000\s+wins"))

        with page.expect_download() as download:
            page.get_by_role("link", name="Download the audit bundle").click()
        bundle = tmp_path / download.value.suggested_filename
        download.value.save_as(bundle)
        command = page.locator(".command").filter(has_text="Recount, offline").locator("pre").inner_text()
    told = paste(tmp_path, ["bash", "-c", command])
    assert "Wells and their depth" in told
    bundle.write_bytes(bundle.read_bytes().replace(b'"choice":[1,2,3,4]', b'"choice":[4,2,3,1]', 1))
    with pytest.raises(AssertionError, match=r"(?i)ballot"):
        paste(tmp_path, ["bash", "-c", command])


def test_a_receipt_says_counted_on_the_page_on_paper_and_at_the_command_line(visit: Visit, tmp_path: Path) -> None:
    with visit() as visitor:
        page = open_proposal(visitor, DECIDED_POLL, "executed")
        ballots = page.get_by_role("table").filter(has_text="members voted")
        ballots.get_by_role("row", name=re.compile("Bob")).get_by_role("link", name="Receipt").locator("code").click()
        expect(page.get_by_role("main")).to_contain_text("Counted, and proven")
        expect(page.get_by_role("list", name="How far it has come").get_by_role("listitem")).to_have_count(3)
        expect(page.locator(".seen > .is-done")).to_have_count(3)
        code = page.get_by_role("img", name="The address of this receipt as a QR code")
        expect(code).to_be_visible()
        expect(page.get_by_role("main").locator("figcaption")).to_have_text(page.url)

        with page.expect_download() as download:
            page.get_by_role("link", name="Download the receipt").click()
        file = tmp_path / download.value.suggested_filename
        download.value.save_as(file)
        command = page.locator("pre").filter(has_text="governance.receipts").inner_text()

        page.emulate_media(media="print")
        for gone in (page.get_by_role("link", name="Download the receipt"), page.get_by_role("navigation")):
            expect(gone).to_be_hidden()
        for kept in (
            code,
            page.get_by_role("heading", name="What was signed"),
            page.get_by_text("Counted, and proven"),
        ):
            expect(kept).to_be_visible()
        assert page.locator("main").evaluate("main => main.scrollWidth <= main.clientWidth")
    assert "counted" in paste(tmp_path, ["bash", "-c", command])
    receipt = json.loads(file.read_bytes())
    receipt["ballot"]["body"]["choice"] = [4, 3, 2, 1]
    file.write_text(json.dumps(receipt))
    with pytest.raises(AssertionError):
        paste(tmp_path, ["bash", "-c", command])


# --- what can be looked up ------------------------------------------------------------------------------------------


def test_the_census_shows_its_root_everybody_in_it_and_the_proof_of_one_address(visit: Visit) -> None:
    with visit(PHONE) as visitor:
        page = open_proposal(visitor, OPEN_POLL, "active")
        bob = address_of(page, "Bob")
        page.get_by_role("link", name="4 addresses can vote: see the census").click()
        expect(page.get_by_role("heading", name="Who can vote, with how much", level=1)).to_be_visible()
        facts = page.locator("section[aria-labelledby=root]")
        expect(facts).to_contain_text(re.compile(r"Voting power of all\s*1,000,000 votes"))
        expect(facts).to_contain_text(re.compile(r"Delegations that hold\s*1\b"))
        expect(facts).to_contain_text(re.compile(r"Root of the tree\s*[0-9a-f]{64}"))
        everybody = page.get_by_role("group", name="Everybody").get_by_role("row")
        expect(everybody).to_have_count(1 + 4)
        expect(everybody.filter(has_text=bob)).to_contain_text("250,000")

        page.get_by_label("Address", exact=True).fill(bob)
        page.get_by_role("button", name="Find").click()
        found = page.get_by_role("status").filter(has_text=bob)
        expect(found).to_contain_text("250,000 votes")
        found.get_by_text(re.compile(r"Proof: leaf \d of 4")).click()
        expect(found.locator("details .digest")).to_have_count(2)
        fits(page)
        page.get_by_label("Address", exact=True).fill("bob")
        page.get_by_role("button", name="Find").click()
        expect(page.get_by_role("alert")).to_contain_text("address")


def test_the_rules_show_the_tiers_and_the_log_shows_what_happened_under_a_signed_checkpoint(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}rules/")
        tiers = page.locator("section[aria-labelledby=voting] .cards > li")
        expect(tiers).to_have_count(4)
        light = tiers.filter(has=page.get_by_role("heading", name="Light decisions"))
        expect(light).to_contain_text("Text signal")
        expect(light).to_contain_text("Poll")
        expect(light).to_contain_text("10%")
        grave = tiers.filter(has=page.get_by_role("heading", name="Changes of the rules"))
        expect(grave).to_contain_text("66%")
        expect(page.get_by_role("main")).to_contain_text("Founding charter")

        page.get_by_role("link", name="Log of everything").click()
        entries = page.get_by_role("main").get_by_role("list").first.get_by_role("listitem")
        expect(entries.first).to_contain_text(re.compile(r"place \d+"))
        expect(entries.get_by_role("link", name="Receipt").first).to_be_visible()
        panel = page.locator("section[aria-labelledby=checkpoint]")
        expect(panel).to_contain_text(re.compile(r"\d+ entries so far\."))
        note = panel.locator("pre").inner_text().splitlines()
        assert note[0] == f"{visitor.site.removeprefix('http://')}/water-commons"
        assert int(note[1]) > 50
        assert note[4].startswith("— ")
        page.get_by_role("link", name="Next", exact=True).click()
        expect(page.get_by_role("navigation", name="Pages")).to_contain_text("Page 2 of")


# --- lending --------------------------------------------------------------------------------------------------------


def test_a_member_lends_half_of_the_power_on_one_topic_sees_it_and_takes_it_back(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(COMMUNITY)
        visitor.sign_in("Daouda")
        page.get_by_role("navigation", name="Community").get_by_role("link", name="Delegates").click()
        page.get_by_role("link", name="Alice").click()
        expect(page.get_by_role("heading", name="Alice", level=1)).to_be_visible()
        sign = page.get_by_role("button", name="Sign the delegation")
        page.get_by_label("Share, in percent").fill("150")
        sign.click()
        expect(page.locator("[data-delegate-status]")).to_have_text(
            "A share is a whole number of percent from 1 to 100."
        )
        page.get_by_label("Share, in percent").fill("50")
        page.get_by_label("Topic").select_option(label="Text signal")
        sign.click()
        received = page.locator("section[aria-labelledby=received] li").filter(has_text="Daouda")
        expect(received).to_contain_text(re.compile(r"50%\s*Text signal"))

        page.get_by_role("navigation", name="Community").get_by_role("link", name="Delegates").click()
        page.get_by_role("link", name="My page as a delegate").click()
        given = page.locator("section[aria-labelledby=given] li")
        expect(given).to_have_count(2)
        expect(given.filter(has_text="Alice")).to_contain_text(re.compile(r"50%\s*Text signal"))
        expect(given.filter(has_text="Bob")).to_contain_text(re.compile(r"100%\s*Poll"))
        page.get_by_role("button", name="Take it back Alice").click()
        expect(given).to_have_count(1)
        expect(given).to_contain_text("Bob")


def test_a_delegate_says_what_for_and_everybody_can_read_it_with_the_record_of_votes(visit: Visit) -> None:
    with visit(PHONE) as visitor:
        page = visitor.open(f"{COMMUNITY}delegates/")
        visitor.sign_in("Alice")
        page.get_by_role("link", name="My page as a delegate").click()
        page.get_by_label("What would you do with the power that others lend you?").fill(STATEMENT)
        page.get_by_role("button", name="Save").click()
        expect(page.locator(".prose strong", has_text="clean wells")).to_be_visible()
        expect(page.locator("section[aria-labelledby=record]").get_by_role("link", name=DECIDED_POLL)).to_be_visible()
        fits(page)
    with visit() as stranger:
        page = stranger.open(f"{COMMUNITY}delegates/?search=alice")
        expect(page.get_by_role("main")).to_contain_text("I vote for clean wells.")
        page.get_by_role("link", name="Alice").click()
        expect(page.locator(".prose strong", has_text="clean wells")).to_be_visible()
        expect(page.get_by_text("Change my statement")).to_have_count(0)


# --- writing together -----------------------------------------------------------------------------------------------


def test_what_is_written_survives_a_reload_before_and_after_the_first_save(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(COMMUNITY)
        visitor.sign_in("Chloé")
        visitor.open(f"{COMMUNITY}propose/text_signal/")
        title, statement = page.get_by_label("Title", exact=True), page.get_by_label("Statement")
        status = page.locator("[data-autosave-status]")
        title.fill("A bench by the well")
        expect(status).to_have_text("Kept in this browser until it can be saved.")
        page.reload()
        expect(title).to_have_value("")
        page.get_by_role("button", name="Bring it back").click()
        expect(title).to_have_value("A bench by the well")
        page.get_by_label("Why, and what to consider").fill("To sit on.")
        statement.fill("We build a bench.")
        page.get_by_role("button", name="Save and preview").click()
        expect(page.get_by_role("heading", name="A bench by the well", level=1)).to_be_visible()

        page.get_by_role("link", name="Edit the draft").click()
        statement.fill("We build two benches.")
        expect(status).to_have_text(re.compile(r"^Saved at \d"), timeout=AUTOSAVE_MS_MAX)
        page.reload()
        expect(statement).to_have_value("We build two benches.")
        expect(page.get_by_role("button", name="Bring it back")).to_be_hidden()
        visitor.open(f"{COMMUNITY}propose/")
        page.get_by_role("link", name="A bench by the well").click()
        page.get_by_role("button", name="Throw the draft away").click()
        expect(page.get_by_role("link", name="A bench by the well")).to_have_count(0)


def test_a_member_below_the_threshold_finds_a_sponsor_and_submits(visit: Visit) -> None:
    title = "Should children have a say?"
    with visit(PHONE) as author, visit(PHONE) as sponsor:
        page = author.open(COMMUNITY)
        author.sign_in("Emma")
        author.open(f"{COMMUNITY}propose/text_signal/")
        page.get_by_label("Title", exact=True).fill(title)
        page.get_by_label("Why, and what to consider").fill("They drink, too.")
        page.get_by_label("Statement").fill("Children are heard before we vote.")
        page.get_by_role("button", name="Save and preview").click()
        page.get_by_role("button", name="Submit to the vote").click()
        refused = page.get_by_role("alert").filter(has_text="It was not submitted.")
        expect(refused).to_contain_text("10,000 votes are missing")
        author.was_refused(403)
        page.get_by_role("button", name="Seek sponsors").click()
        expect(page.get_by_text("Nobody backs it yet.")).to_be_visible()
        fits(page)

        other = sponsor.open(f"{COMMUNITY}propose/")
        other.get_by_role("link", name="Drafts that seek sponsors").click()
        other.get_by_role("link", name=title).click()
        expect(other.get_by_role("main")).to_contain_text("need 10,000 votes together")
        other.get_by_role("button", name="Back this draft").click()
        sponsor.choose_wallet("Alice")
        expect(other.locator("section[aria-labelledby=sponsors] .people")).to_contain_text("Alice")
        fits(other)

        page.reload()
        expect(page.locator("section[aria-labelledby=sponsors] .people")).to_contain_text("Alice")
        page.get_by_role("link", name="To my draft").click()
        page.get_by_role("button", name="Submit to the vote").click()
        expect(page).to_have_url(re.compile(r"/proposals/\d+/$"))
        rules = page.locator("section[aria-labelledby=apply]")
        expect(rules).to_contain_text(re.compile(r"Sponsors\s*Alice"))


def test_a_member_delegates_to_herself_on_chain_and_can_publish_alone_from_then_on(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(COMMUNITY)
        visitor.sign_in("Emma")
        emma = address_of(page, "Emma")
        visitor.open(f"{COMMUNITY}delegates/{emma}/")
        page.get_by_text("Through the token itself").click()
        page.get_by_role("button", name="Send the transaction").click()
        expect(page.locator("[data-chain-status]")).to_contain_text("The transaction was sent.")

        visitor.open(f"{COMMUNITY}propose/text_signal/")
        page.get_by_label("Title", exact=True).fill("Should I speak for myself?")
        page.get_by_label("Why, and what to consider").fill("Now I can.")
        page.get_by_label("Statement").fill("Everybody speaks for themselves.")
        page.get_by_role("button", name="Save and preview").click()
        page.get_by_role("button", name="Submit to the vote").click()
        expect(page).to_have_url(re.compile(r"/proposals/\d+/$"))
        expect(page.locator("#state-pill")).to_have_text("Open for voting", timeout=15_000)
        visitor.open(f"{page.url.removeprefix(visitor.site)}?voter={emma}#can-vote")
        expect(page.locator("#can-vote .callout")).to_contain_text("Yes, this address can vote.")
        expect(page.locator("#can-vote .callout")).to_contain_text(re.compile(r"Own voting power\s*50,000"))


def test_a_member_signs_a_delegation_on_chain_that_somebody_else_may_send(visit: Visit) -> None:
    with visit(PHONE) as visitor:
        page = visitor.open(COMMUNITY)
        visitor.sign_in("Chloé")
        chloe = address_of(page, "Chloé")
        visitor.open(f"{COMMUNITY}delegates/{chloe}/")
        page.get_by_text("Through the token itself").click()
        page.get_by_role("button", name="Sign, and let somebody else send it").click()
        expect(page.locator("[data-chain-status]")).to_contain_text(
            "Signed. Whoever sends this transaction pays its fee"
        )
        signed = json.loads(page.locator("[data-chain-call]").inner_text())
        assert signed["data"].startswith(DELEGATE_BY_SIGNATURE)
        assert chloe[2:].lower() in signed["data"].lower()
        fits(page)


# --- in French ------------------------------------------------------------------------------------------------------


def test_a_vote_by_ranking_and_the_rules_show_no_english_word_to_a_french_reader(visit: Visit) -> None:
    with visit() as visitor:
        page = open_proposal(visitor, DECIDED_POLL, "executed")
        decided = page.url.removeprefix(visitor.site)
        page = open_proposal(visitor, OPEN_POLL, "active")
        vote = page.url.removeprefix(visitor.site)
        pages = ("rules/", "delegates/", f"delegates/{address_of(page, 'Bob')}/", "history/", "sponsor/")
        toys = ("/practice/", "/practice/seasons/")
        for path in (vote, decided, *toys, f"{vote}census/", *(f"{COMMUNITY}{each}" for each in pages)):
            visitor.open(path)
            english = interface(page)
            page.get_by_role("button", name="Français").click()
            expect(page.locator("html")).to_have_attribute("lang", "fr")
            same = english & interface(page) - SAME_IN_BOTH
            assert {text for text in same if not all(part in WRITTEN for part in text.split(" · "))} == set(), path
            page.get_by_role("button", name="English").click()
            expect(page.locator("html")).to_have_attribute("lang", "en")


# --- helpers --------------------------------------------------------------------------------------------------------


def open_proposal(visitor: Visitor, title: str, state: str) -> Page:
    """Open a proposal from the list of decisions."""
    page = visitor.open(f"{COMMUNITY}proposals/?state={state}")
    page.get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
    return page


def address_of(page: Page, member: str) -> str:
    """Return the address of a member, as the demo wallet on every page has it."""
    account = page.locator("[data-demo-account]").filter(has_text=member)
    return account.get_attribute("data-demo-account") or ""


def interface(page: Page) -> set[str]:
    """Return every text of a page that says something, those only said aloud included; code is no language."""
    texts: list[str] = page.evaluate(
        """() => {
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          const spoken = document.querySelectorAll("#words, [data-vote-words]");
          const texts = [...spoken].flatMap((element) => Object.values(element.dataset));
          for (let node = walker.nextNode(); node; node = walker.nextNode())
            if (!node.parentElement.closest("code, pre, script, style, svg text:not(.flow__round)")) texts.push(node.data);
          for (const element of document.querySelectorAll("[aria-label], [placeholder], [title]"))
            texts.push(...["aria-label", "placeholder", "title"].map((name) => element.getAttribute(name) ?? ""));
          return texts;
        }"""
    )
    said = (" ".join(re.sub(r"0x\w+", "", text).split()).removeprefix("· ") for text in texts)
    return {text for text in said if re.search(r"[^\W\d_]{2}", text)}
