"""Answers: which ballots wait for the owners of a shared wallet, who has signed, and how do I sign as one of them."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import ballots
from frontend.views.asked import viewer
from governance import selectors
from governance.clock import now
from governance.kinds import kind_named
from governance.sealed.facts import sealing_of
from governance.wallets.selectors import waiting_count, waiting_in

# Forms in which one choice is picked; a ranking or weights go through the wallet's own application, or the API.
ONE_CHOICE = frozenset({"big", "radio"})


def shared(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show the ballots of shared wallets in one vote, and the form to begin one."""
    moment = now()
    shown = selectors.proposal_detail(slug, number, moment, viewer(request), with_ballots=False)
    if waiting_count(shown.proposal) is None:
        raise Http404
    panel = ballots.panel(shown)
    context = {
        "community": shown.community,
        "tab": "proposals",
        "section": "wallets",
        "shown": shown,
        "proposal": shown.proposal,
        "kind": kind_named(shown.proposal.kind),
        "waiting": waiting_in(shown.proposal, moment),
        "sealed": sealing_of(shown.proposal) is not None,
        "panel": panel if panel is not None and panel.form in ONE_CHOICE else None,
        "decimals": shown.results.decimals,
    }
    return render(request, "pages/shared_wallets.html", context)
