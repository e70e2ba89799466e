"""Answers: who could vote with how much, and what happened in which order. With what proves it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import words
from frontend.views.asked import address_refusal, page_number, plain
from governance import selectors
from governance.clock import now
from governance.eip712 import AddressError
from governance.errors import NotFound
from governance.models import Proposal


def census(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show the census of a proposal: root, one page of it, and the entry of an address that is looked for."""
    shown = selectors.proposal_detail(slug, number, now(), with_ballots=False)
    entries, pages = selectors.census_page(shown.proposal, page_number(request))
    address = plain(request, "address")
    context = {
        "community": shown.community,
        "tab": "proposals",
        "section": "census",
        "shown": shown,
        "proposal": shown.proposal,
        "entries": entries,
        "number": min(page_number(request), pages),
        "pages": pages,
        "address": address,
        "body": shown.proposal.census_record.body if shown.proposal.census_record else None,
        **(_looked_up(shown.proposal, address) if address else {}),
    }
    return render(request, "pages/census.html", context)


def _looked_up(proposal: Proposal, address: str) -> dict[str, Any]:
    try:
        return {"found": selectors.census_proof(proposal, address)}
    except AddressError as error:
        return {"problem": address_refusal(error, address)}
    except NotFound as error:
        return {"problem": words.refusal(error.code, error.detail)}


def log(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one page of a community's log, newest first, with the newest signed checkpoint."""
    community = selectors.community_named(slug)
    shown = selectors.log_page(community, page_number(request))
    return render(request, "pages/log.html", {"community": community, "tab": "rules", "shown": shown})
