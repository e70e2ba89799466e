"""Answers: what do these communities own and decide; and for a member, what needs me, what changed, what is mine."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend.places import need_address
from frontend.views.asked import page_number, viewer
from governance import clock, selectors
from governance.readers import following, sessions
from governance.selectors import belonging, changes, everywhere, needs
from governance.services import visits
from models_registry import showcase
from models_registry.selectors import model_counts

NEEDS_SHOWN = 12
RECEIPTS_SHOWN = 4
OPEN_SHOWN = 4
RELEASES_SHOWN = 3
# Who comes for the first time sees so much of the past.
FIRST_VISIT = timedelta(days=7)


def home(request: HttpRequest) -> HttpResponse:
    """Show the home of who is here: a member's own one once they belong to a community."""
    moment, address = clock.now(), viewer(request)
    mine = belonging.belongs_to(address) if address else []
    if mine:
        return render(request, "pages/home_member.html", _of_member(address, mine, moment))
    return render(request, "pages/home.html", _of_visitor(moment) | _of_reader(request, moment))


@login_required
def receipts(request: HttpRequest) -> HttpResponse:
    """List the ballots that a member has signed, in all communities."""
    found = belonging.receipts_of(viewer(request), page_number(request))
    return render(request, "pages/my_receipts.html", {"found": found})


def _of_member(address: str, mine: list[Any], moment: datetime) -> dict[str, Any]:
    before = visits.arrive(address, moment)
    found = needs.needs(address, mine, moment)
    others = [card for card in selectors.communities(moment) if card.community not in mine]
    return {
        "needs": [(need, need_address(need)) for need in found[:NEEDS_SHOWN]],
        "needs_left": max(0, len(found) - NEEDS_SHOWN),
        "votes_open": sum(need.kind == "vote" for need in found),
        "before": before,
        "changes": changes.changes(mine, before or moment - FIRST_VISIT),
        "standings": belonging.standings_of(address, mine, moment),
        "receipts": belonging.receipts_of(address, 1, RECEIPTS_SHOWN),
        "cards": _cards(others),
    }


def _of_visitor(moment: datetime) -> dict[str, Any]:
    return {
        "cards": _cards(selectors.communities(moment)),
        "open": everywhere.open_everywhere(moment, OPEN_SHOWN),
        "releases": showcase.newest_releases(RELEASES_SHOWN),
        "figures": everywhere.figures(moment),
        "release_count": showcase.release_count(),
        "rule_count": showcase.rules_in_force_count(),
    }


def _of_reader(request: HttpRequest, moment: datetime) -> dict[str, Any]:
    """Return what somebody follows without a wallet, and what happened there lately; nothing for nobody."""
    reader = sessions.current(request)
    if reader is None:
        return {}
    follows = following.followed(reader)
    places = list({row.community_id: row.community for row in follows}.values())
    return {"follows": follows, "changes": changes.changes(places, moment - FIRST_VISIT)}


def _cards(cards: list[Any]) -> list[tuple[Any, int]]:
    counts = model_counts()
    return [(card, counts.get(card.community.pk, 0)) for card in cards]
