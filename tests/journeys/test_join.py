"""Somebody without a wallet follows: with a passkey of a (virtual) device, and with a link by e-mail.

The same demo as in `test_browser.py`. Passkeys belong to names, so the passkey is used where the demo is called localhost.
"""

import pytest
from playwright.sync_api import Page, expect

from tests.journeys.visitor import COMMUNITY, PHONE, Visit, fits

pytestmark = pytest.mark.journey

DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def with_device(page: Page) -> None:
    """Give the window a device that keeps passkeys, and presses its own button."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})


def test_a_visitor_joins_with_a_passkey_follows_leaves_and_comes_back_with_it(visit: Visit) -> None:
    with visit(viewport=PHONE) as visitor:
        page = visitor.open("/join/")
        page.get_by_role("link", name="localhost").click()
        fits(page)
        visitor.site = visitor.site.replace("127.0.0.1", "localhost")
        with_device(page)
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.locator("[data-passkey=signin] [data-passkey-status]")).to_have_text(
            "Nothing was done: the passkey was not used."
        )

        visitor.open(COMMUNITY)
        page.get_by_role("main").get_by_role("link", name="Follow").click()
        page.get_by_role("button", name="Make a new account with a passkey").click()
        page.wait_for_url(f"**{COMMUNITY}")
        page.get_by_role("main").get_by_role("button", name="Follow").click()
        expect(page.get_by_role("main").get_by_role("button", name="Following")).to_be_focused()
        expect(page.get_by_text("You follow this now.")).to_be_attached()

        page.get_by_role("banner").get_by_role("link", name="My account").click()
        fits(page)
        expect(page.get_by_role("region", name="What I follow").get_by_role("listitem")).to_have_count(1)
        page.get_by_role("textbox", name="Name of the passkey").fill("my phone")
        page.get_by_role("button", name="Rename My passkey").click()
        expect(page.get_by_role("textbox", name="Name of the passkey")).to_have_value("my phone")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_role("banner").get_by_role("link", name="Join")).to_be_visible()

        visitor.open("/join/?next=/me/settings/")
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url("**/me/settings/")
        expect(page.get_by_role("textbox", name="Name of the passkey")).to_have_value("my phone")
        page.get_by_role("button", name="Add a passkey").click()
        expect(page.locator("[data-passkey=add] [data-passkey-status]")).to_have_text(
            "This device has a passkey of yours already."
        )


def test_a_visitor_joins_by_a_link_in_french_without_javascript_follows_and_deletes_everything(visit: Visit) -> None:
    with visit(locale="fr-FR", java_script_enabled=False) as visitor:
        page = visitor.open(f"/join/?next={COMMUNITY}")
        page.locator("#join-email").fill("Lea@Example.org")
        page.locator("#join-email").press("Enter")
        expect(page.get_by_role("main")).to_contain_text("lea@example.org")
        page.locator("[data-demo-link]").click()
        page.get_by_role("main").locator("form button").click()
        page.wait_for_url(f"**{COMMUNITY}")
        follow = page.get_by_role("main").locator("form.follow button")
        expect(follow).to_have_attribute("value", "1")
        follow.click()
        expect(follow).to_have_attribute("value", "0")

        visitor.open("/me/settings/")
        expect(page.get_by_role("main")).to_contain_text("lea@example.org")
        expect(page.locator(".follow-row")).to_have_count(1)
        visitor.open("/me/delete/")
        page.get_by_role("main").locator("form button").click()
        visitor.open("/me/settings/")
        page.wait_for_url("**/join/**")
