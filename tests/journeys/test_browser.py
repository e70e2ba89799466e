"""A visitor with a real browser, over the demo as `make demo` leaves it.

Read, sign in with the demo wallet, vote, keep the receipt, propose, follow the update from its decision to the verified
release: on a telephone and on a desk, in both languages, by keyboard alone, without JavaScript. Every console message of
the level "error" fails the test in which it appears: a broken script, a blocked resource, a violated content policy.
"""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.visitor import (
    COMMUNITY,
    PHONE,
    QUESTION,
    Visit,
    downloaded_receipt,
    fits,
    option,
    outline,
    paste,
    record_digest,
    tab_to,
)

pytestmark = pytest.mark.journey

# The findings of the site itself; those of the verifier in the browser stand in a list of their own.
SITES_FINDINGS = "[aria-labelledby=verification] .findings:not([data-verifier-findings]) > li"
GOOD_UPDATE = "Teach the assistant our own answers"
PAGES_OF_ONE_FORM_MAX = 6

# The tests share one demo and stand in the order in which they change it: Chloé's ballot is the first on the open question.

# --- voting ---------------------------------------------------------------------------------------------------------


def test_a_member_votes_on_a_telephone_keeps_the_receipt_and_changes_the_vote(visit: Visit) -> None:
    with visit(PHONE) as visitor:
        page = visitor.open("/")
        visitor.sign_in("Chloé")
        page.get_by_role("main").get_by_role("link", name="Water commons", exact=True).click()
        page.get_by_role("main").get_by_role("link", name=QUESTION).first.click()

        signed = visitor.vote("For", "Our well is deep.")
        expect(signed).to_contain_text(QUESTION)
        expect(signed.locator("[data-vote-choice]")).to_have_text("For")
        expect(signed.locator("[data-vote-power]")).to_have_text("230,000")
        expect(signed.locator("[data-vote-reason]")).to_have_text("Our well is deep.")
        expect(signed).to_contain_text("a signature without a fee")
        signed.get_by_text("The exact message your wallet shows").click()
        expect(signed.locator("[data-vote-message]")).to_contain_text('"primaryType": "Ballot"')
        visitor.sign_and_send()

        expect(page.get_by_role("heading", name="Voted: For", level=1)).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("Accepted")
        first = page.url
        receipt = downloaded_receipt(page)
        assert record_digest(receipt["ballot"]) == receipt["digest"] == first.rstrip("/").rsplit("/", 1)[1]
        assert receipt["ballot"]["body"]["choice"] == 1
        assert receipt["ballot"]["body"]["reason"] == "Our well is deep."
        assert receipt["ballot"]["body"]["power"] == str(230_000 * 10**18)

        page.get_by_role("main").get_by_role("link", name=QUESTION).click()
        expect(option(page, "For")).to_contain_text("100% 230,000 votes")
        expect(page.get_by_role("table").get_by_role("row", name=re.compile("Chloé"))).to_contain_text("For")
        expect(page.locator("#vote-panel")).to_contain_text("You voted For")

        visitor.vote("Against")
        visitor.sign_and_send()
        expect(page.get_by_role("heading", name="Voted: Against", level=1)).to_be_visible()
        second = downloaded_receipt(page)
        assert second["digest"] != receipt["digest"]
        assert record_digest(second["ballot"]) == second["digest"]
        page.get_by_role("main").get_by_role("link", name=QUESTION).click()
        expect(option(page, "For")).to_contain_text("0% 0 votes")
        expect(option(page, "Against")).to_contain_text("100% 230,000 votes")
        expect(page.get_by_role("table")).to_contain_text("1 member voted")
        page.goto(first)
        expect(page.get_by_role("main")).to_contain_text("Replaced by a later ballot")


def test_everything_from_the_skip_link_to_the_ballot_works_by_keyboard_alone(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/?state=active")
        tab_to(page, page.get_by_role("link", name=QUESTION))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=QUESTION)).to_be_visible()

        page.keyboard.press("Tab")
        skip = page.get_by_role("link", name="Skip to the content")
        expect(skip).to_be_focused()
        expect(skip).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.get_by_role("main")).to_be_focused()

        choice = page.get_by_role("radio", name="For")
        tab_to(page, choice)
        assert outline(page.locator("label.choice--for")) >= 2
        page.keyboard.press("Space")
        expect(choice).to_be_checked()
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("radio", name="Against")).to_be_checked()
        page.keyboard.press("ArrowUp")
        expect(choice).to_be_checked()
        page.keyboard.press("Tab")
        expect(page.get_by_role("textbox", name="Reason")).to_be_focused()
        page.keyboard.type("By keyboard.")
        review = page.get_by_role("button", name="Review and sign")
        tab_to(page, review)
        assert outline(review) >= 2
        page.keyboard.press("Enter")

        tab_to(page, page.get_by_role("button", name="Demo wallet"))
        page.keyboard.press("Space")
        tab_to(page, page.get_by_role("button", name=re.compile("Alice")))
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="What you are about to sign")
        expect(dialog.locator("[data-vote-power]")).to_have_text("400,000")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(review).to_be_focused()

        page.keyboard.press("Enter")
        tab_to(page, page.get_by_role("button", name="Demo wallet"))
        page.keyboard.press("Enter")
        tab_to(page, page.get_by_role("button", name=re.compile("Alice")))
        page.keyboard.press("Space")
        tab_to(page, dialog.get_by_role("button", name="Sign with the wallet"))
        page.keyboard.press("Enter")
        tab_to(page, dialog.get_by_role("button", name="Send now"))
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Voted: For", level=1)).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("By keyboard.")


def test_a_member_without_power_is_told_so_before_anything_is_signed(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/?state=active")
        page.get_by_role("link", name=QUESTION).click()
        visitor.sign_in("Emma")
        dialog = visitor.vote("For")
        expect(page.locator("[data-vote-status]")).to_have_text(
            "This account had no voting power at the snapshot of this proposal, so it cannot vote here."
        )
        expect(dialog).to_be_hidden()
        visitor.was_refused(422)


def test_a_visitor_who_has_not_signed_in_sees_how_to_vote_and_how_to_propose(visit: Visit) -> None:
    with visit(PHONE) as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/?state=active")
        page.get_by_role("link", name=QUESTION).click()
        expect(page.locator("#vote-panel")).to_contain_text("You need not sign in first")
        page.get_by_role("button", name="Review and sign").click()
        expect(page.locator("[data-vote-status]")).to_have_text("Choose for, against or abstain first.")

        visitor.open(f"{COMMUNITY}propose/")
        page.get_by_role("link", name="Text signal").click()
        expect(page.get_by_role("heading", name="Sign in", level=1)).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("You sign in with the wallet that holds your votes")
        page.get_by_role("button", name="Sign in with a wallet").click()
        visitor.choose_wallet("Daouda")
        expect(page.get_by_role("heading", name="Text signal", level=1)).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("banner").get_by_role("link", name="Sign in")).to_be_visible()


# --- proposing ------------------------------------------------------------------------------------------------------


def test_a_member_writes_a_text_signal_corrects_it_and_submits_it(visit: Visit) -> None:
    title = "Should we meet at the mill?"
    with visit() as visitor:
        page = visitor.open(COMMUNITY)
        visitor.sign_in("Bob")
        page.get_by_role("link", name="Propose something").click()
        page.get_by_role("link", name="Text signal").click()
        page.get_by_label("Why, and what to consider").fill("It has a **roof**.")
        page.get_by_label("Statement").fill("We meet at the mill.")
        page.get_by_role("button", name="Save and preview").click()

        expect(page.get_by_role("alert").filter(has_text="The draft was not saved yet.")).to_be_focused()
        empty = page.get_by_label("Title", exact=True)
        expect(empty).to_have_attribute("aria-invalid", "true")
        expect(empty).to_have_accessible_description(re.compile("This is needed"))
        expect(page.get_by_label("Statement")).to_have_value("We meet at the mill.")
        visitor.was_refused(422)

        empty.fill(title)
        page.get_by_role("button", name="Save and preview").click()
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text("Only you see it now.")
        expect(page.locator("strong", has_text="roof")).to_be_visible()
        page.get_by_role("button", name="Submit to the vote").click()

        expect(page).to_have_url(re.compile(r"/proposals/\d+/$"))
        expect(page.get_by_role("heading", name=title, level=1)).to_be_visible()
        # The page was made before voting opened; it notices by itself.
        expect(page.locator("#state-pill")).to_have_text("Open for voting", timeout=15_000)
        visitor.open(f"{COMMUNITY}proposals/?kind=text_signal&search=mill")
        expect(page.get_by_role("link", name=title)).to_be_visible()


# --- from the decision to the release -------------------------------------------------------------------------------


def test_the_accepted_update_leads_from_its_decision_over_its_run_to_a_verified_release(
    visit: Visit, demo: dict[str, Any]
) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/")
        page.get_by_role("link", name=GOOD_UPDATE).click()
        expect(page.locator("#state-pill")).to_have_text("Carried out")
        expect(page.get_by_role("heading", name="It passed, so")).to_be_visible()
        page.get_by_role("link", name=f"Training run {demo['accepted_run']}").click()

        expect(page.get_by_role("status").filter(has_text="The result satisfies every rule in force.")).to_be_visible()
        curve = page.get_by_role("img", name=re.compile(r"Loss: from [\d.]+ at step 1 to [\d.]+ at step \d+"))
        expect(curve).to_be_visible()
        assert curve.locator(".chart__line").get_attribute("d").count("L") > 10
        gates = page.get_by_role("table").filter(has=page.get_by_role("columnheader", name="Has to be"))
        expect(gates.get_by_role("row", name=re.compile("equal-service"))).to_contain_text("yes")
        page.get_by_role("link", name="See the release").click()

        expect(page.get_by_role("main").get_by_text("Verified", exact=True)).to_be_visible()
        findings = page.locator(SITES_FINDINGS)
        expect(findings).to_have_count(12)
        assert findings.locator(".finding__number").all_text_contents() == [str(number) for number in range(1, 13)]
        expect(findings.filter(has_text="Holds")).to_have_count(10)
        expect(findings.filter(has_text="Not checked")).to_have_count(2)
        expect(page.get_by_role("main")).to_contain_text("10 checks hold")
        page.get_by_text("As a list, down to each ballot").click()
        expect(page.get_by_role("link", name="Equal service in both languages").first).to_be_visible()
        assert page.url.rstrip("/").rsplit("/", 1)[1] == Path(demo["release"]).name

        # The same in the browser, by the verifier that shares no code with the site's.
        page.get_by_role("button", name="Check it in this browser").click()
        result = page.get_by_text("Verified: commons/water-assistant, version 1.")
        expect(result).to_be_visible(timeout=60_000)
        own = page.locator(".findings[data-verifier-findings] > li")
        expect(own.filter(has_text="Holds")).to_have_count(10)
        expect(own.filter(has_text="Not checked")).to_have_count(2)


def test_a_visitor_asks_the_model_and_a_stranger_checks_a_folder_without_a_key_in_vain(
    visit: Visit, demo: dict[str, Any]
) -> None:
    with visit() as visitor:
        page = visitor.open("/models/commons/water-assistant/")
        page.get_by_role("link", name="Try it").click()
        page.get_by_label("Your question").fill("I grow melons on sandy soil. What is the rule in summer?")
        page.get_by_role("button", name="Ask").click()
        expect(page.get_by_text("Answered by v1")).to_be_visible(timeout=60_000)
        assert page.locator("[data-try-text]").first.inner_text().strip()

        visitor.open("/verify/")
        page.locator("input[type=file]").set_input_files(str(Path(demo["release"])))
        expect(page.get_by_text("Give the community’s key, its fingerprint").first).to_be_visible()


def test_the_commands_on_the_page_of_a_release_work_as_they_stand(visit: Visit, tmp_path: Path) -> None:
    with visit() as visitor:
        page = visitor.open("/models/commons/water-assistant/")
        page.get_by_role("link", name="Version 1", exact=True).click()
        expect(page.get_by_role("heading", name="Download")).to_be_visible()
        (download,) = commands(page, "Download")
        _install, verify, in_a_copy = commands(page, "Verify, offline")
        use, convert = commands(page, "Use")
    paste(tmp_path, ["bash", "-c", download])
    verify = verify.replace("commonweights-verify release", in_a_copy.removesuffix(" …"))
    assert "Verified: commons/water-assistant version 1" in paste(tmp_path, ["bash", "-c", verify])
    assert paste(tmp_path, ["python", "-c", f"{use}\nprint(type(model).__name__)"]).strip() == "LlamaForCausalLM"
    paste(tmp_path, ["bash", "-c", convert])
    assert (tmp_path / "release.gguf").read_bytes()[:4] == b"GGUF"


def commands(page: Page, heading: str) -> list[str]:
    """Return what stands ready for copying below a heading."""
    command = page.locator(".command").filter(has=page.get_by_role("heading", name=heading, exact=True))
    return command.locator("pre").all_inner_texts()


def test_the_rejected_run_says_which_rule_it_broke_and_that_nothing_was_published(
    visit: Visit, demo: dict[str, Any]
) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/")
        page.get_by_role("link", name="A cheaper update, in English only").click()
        expect(page.get_by_role("main")).to_contain_text("Breaks “equal-service”")
        page.get_by_role("link", name=f"Training run {demo['rejected_run']}").click()
        verdict = page.get_by_role("status").filter(has_text="Rejected.")
        expect(verdict).to_contain_text("The rule “equal-service” is broken: Language gap is")
        expect(verdict).to_contain_text("at most 10% (1/10)")
        expect(verdict).to_contain_text("Nothing was published.")
        expect(page.get_by_role("link", name="See the release")).to_have_count(0)
        visitor.open("/models/commons/water-assistant/")
        expect(page.get_by_role("heading", name=re.compile(r"^Version \d"))).to_have_text(
            [re.compile("^Version 1"), re.compile("^Version 0")]
        )


# --- every reader ---------------------------------------------------------------------------------------------------


def test_the_language_switch_shows_the_same_page_in_french_and_back(visit: Visit) -> None:
    with visit() as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/?state=executed")
        page.get_by_role("link", name=GOOD_UPDATE).click()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        address = page.url
        page.get_by_role("button", name="Français").click()
        expect(page.locator("html")).to_have_attribute("lang", "fr")
        assert page.url == address
        expect(page.get_by_role("heading", name=GOOD_UPDATE)).to_be_visible()
        expect(page.get_by_role("heading", name="Elle a été adoptée, donc")).to_be_visible()
        expect(page.get_by_role("heading", name="Bulletins")).to_be_visible()
        expect(option(page, "Pour")).to_contain_text("88\u00a0%")
        page.get_by_role("button", name="English").click()
        expect(page.locator("html")).to_have_attribute("lang", "en")


def test_decision_run_and_release_can_be_read_without_javascript(visit: Visit, demo: dict[str, Any]) -> None:
    with visit(PHONE, java_script_enabled=False) as visitor:
        page = visitor.open(f"{COMMUNITY}proposals/?state=active")
        page.get_by_role("link", name=QUESTION).click()
        expect(page.get_by_role("heading", name="Results")).to_be_visible()
        # The browser keeps what stands in <noscript> out of sight of locators.
        assert "Everything on this page can be read without it." in page.content()
        visitor.open(f"/runs/{demo['accepted_run']}/")
        expect(page.get_by_role("img", name=re.compile("Loss: from"))).to_be_visible()
        expect(page.get_by_role("heading", name="Measured against the rules")).to_be_visible()
        page.get_by_role("link", name="See the release").click()
        expect(page.locator(SITES_FINDINGS)).to_have_count(12)
        expect(page.get_by_role("heading", name="From the weights to the ballots")).to_be_visible()
        page.get_by_text("As a list, down to each ballot").click()
        expect(page.get_by_text("4 signed ballots").first).to_be_visible()


@pytest.mark.parametrize("locale", ["en-GB", "fr-FR"])
def test_every_page_fits_a_telephone_and_loads_without_a_complaint(
    visit: Visit, demo: dict[str, Any], locale: str
) -> None:
    with visit(PHONE, "en-GB") as visitor:
        page = visitor.open("/sign-in/")
        fits(page)
        visitor.sign_in("Bob")
        if locale == "fr-FR":
            page.get_by_role("button", name="Français").click()
            expect(page.locator("html")).to_have_attribute("lang", "fr")
        seen: dict[str, list[str]] = {}
        waiting = ["/", f"{COMMUNITY}proposals/?state=defeated&search=nothing"]
        while waiting:
            path = waiting.pop(0)
            form = form_of(path)
            if path in seen.setdefault(form, []) or len(seen[form]) >= PAGES_OF_ONE_FORM_MAX:
                continue
            seen[form].append(path)
            visitor.open(path)
            fits(page)
            waiting.extend(links(page, demo["site"]))
        assert {
            "/", "/api/docs/", "/runs/*/", "/releases/*/", "/datasets/*/", "/receipts/*/", "/models/commons/water-assistant/",
            *(f"{COMMUNITY}{rest}" for rest in ("", "proposals/", "proposals/*/", "models/", "runs/", "datasets/", "rules/")),
            *(f"{COMMUNITY}{rest}" for rest in ("delegates/", "delegates/*/", "proposals/*/census/", "log/", "history/", "sponsor/")),
            *(f"{COMMUNITY}propose/{kind}/" for kind in ("model_update", "dataset_inclusion", "ethics_rule", "text_signal", "poll")),
            *(f"{COMMUNITY}propose/{kind}/" for kind in ("governance_rules", "council_election")),
        } <= set(seen)  # fmt: skip


# --- helpers --------------------------------------------------------------------------------------------------------


def form_of(path: str) -> str:
    """Return what pages of one kind have in common; those of the neighbouring communities count as one community's."""
    form = re.sub(r"0x[0-9a-fA-F]{40}|[0-9a-f]{12,}|\d+", "*", urlsplit(path).path)
    if form.startswith("/c/") and not form.startswith(COMMUNITY):
        form = re.sub(r"^/c/[^/]+/", "/c/*/", form)
        form = re.sub(r"propose/.+", "propose/*/", form)
    return form


def links(page: Page, site: str) -> list[str]:
    """Return the addresses of this site's pages that a page links to: no files to download, no feeds."""
    found = page.eval_on_selector_all("a[href]:not([download])", "all => all.map(link => link.getAttribute('href'))")
    absolute = [urldefrag(urljoin(page.url, address))[0] for address in found]
    paths = [address.removeprefix(site) for address in absolute if address.startswith(f"{site}/")]
    elsewhere = ("/api/schema", "/api/v1/", "/hub/")
    other_programs = ("/feed/", ".ics")
    return [
        path for path in paths if not path.startswith(elsewhere) and not urlsplit(path).path.endswith(other_programs)
    ]
