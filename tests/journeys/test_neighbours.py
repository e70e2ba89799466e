"""A visitor among the demo's neighbours: a vote by transaction, a vote in secret, a shared wallet, a consultation.

The same demo as in `test_browser.py`, and the same rule: what a browser's console complains about fails the test.
"""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from config.demo import neighbours_plan, plan
from tests.journeys.visitor import PHONE, Visit, fits

pytestmark = pytest.mark.journey


def test_what_the_neighbours_left_open_waits_for_a_visitor(visit: Visit, demo: dict[str, Any]) -> None:
    by_transaction, in_secret, together, asked = demo["places"]
    with visit() as visitor:
        page = visitor.open(by_transaction)
        expect(page.get_by_role("heading", name=neighbours_plan.night_gate()["title"], level=1)).to_be_visible()
        visitor.sign_in("Chloé")
        visitor.open(by_transaction)
        page.get_by_role("radio", name="For", exact=True).check()
        page.get_by_role("button", name="Vote by transaction").click()
        expect(page.locator("[data-contract-status]")).to_contain_text(re.compile("0x[0-9a-f]{64}"), timeout=15_000)
    with visit(PHONE) as visitor:
        page = visitor.open(together)
        visitor.sign_in("Bob")
        visitor.open(together)
        page.get_by_role("button", name="Sign as an owner").click()
        expect(page.get_by_role("link", name="The receipt")).to_be_visible(timeout=15_000)
        fits(page)
        visitor.open(in_secret)
        expect(page.get_by_text("The ballots are sealed", exact=True)).to_be_visible()
        visitor.open(asked)
        expect(page.get_by_role("heading", name=plan.consultation()["question"])).to_be_visible()
        expect(page.get_by_role("main")).to_contain_text(plan.NEIGHBOURS_STATEMENT)
        fits(page)
