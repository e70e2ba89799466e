"""Answers: whose keys open the ballots of this decision, and what do I have to do as a keyholder."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from frontend.views.asked import viewer
from governance import selectors
from governance.clock import now
from governance.kinds import kind_named


def keys(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show the keyholders of a sealed vote, and the buttons of a keyholder."""
    moment = now()
    shown = selectors.proposal_detail(slug, number, moment, viewer(request), with_ballots=False)
    sealed = selectors.sealed(shown.proposal, moment, viewer(request))
    if sealed is None:
        raise Http404
    context = {
        "community": shown.community,
        "tab": "proposals",
        "section": "keys",
        "shown": shown,
        "proposal": shown.proposal,
        "kind": kind_named(shown.proposal.kind),
        "sealed": sealed,
        "mine": next((holder for holder in sealed.keyholders if holder.address == viewer(request)), None),
    }
    return render(request, "pages/proposal_keys.html", context)
