"""Answers: what is being decided, and how does it stand."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import ballots, words
from frontend.views.asked import address_refusal, page_number, plain, viewer
from frontend.views.previews import section
from governance import selectors
from governance.clock import now
from governance.eip712 import AddressError
from governance.kinds import all_kinds, kind_named
from governance.lifecycle import TERMINAL, State
from governance.models import Proposal
from models_registry import notices
from models_registry import selectors as registry
from models_registry.constitution import selectors as constitution
from models_registry.datasets import selectors as datasets
from training_jobs import recipe_changes
from training_jobs import selectors as training
from training_jobs.reviews import selectors as reviews

_LISTED_STATES = [state for state in State if state is not State.DRAFT]


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List proposals; filters stand in the address so that a list can be shared."""
    community = selectors.community_named(slug)
    wanted = {name: plain(request, name) for name in ("state", "kind", "search")}
    found = selectors.proposals(community, now(), **wanted, page=page_number(request))
    return render(
        request,
        "pages/proposals.html",
        {
            "community": community,
            "tab": "proposals",
            "found": found,
            "wanted": wanted,
            "filtered": any(wanted.values()),
            "states": [(state.value, words.word("proposal_state", state).label) for state in _LISTED_STATES],
            "kinds": all_kinds(),
        },
    )


def detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show one proposal with everything a voter needs, and what became of it."""
    context = _context(request, slug, number)
    proposal = context["proposal"]
    context |= {
        "panel": ballots.panel(context["shown"]),
        "recipe": recipe_changes.against_base(proposal),
        "outlook": [] if context["shown"].state in TERMINAL else constitution.outlook(proposal),
        "clashes": [] if context["shown"].state in TERMINAL else constitution.clashes_with(proposal),
        "scanned": datasets.scanned_for(proposal),
        "discussed": notices.told_of(proposal, now()),
        **_eligibility(request, proposal),
        **section(request, proposal),
    }
    return render(request, "pages/proposal.html", context)


def results(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show the part of the page that changes while a vote is open."""
    return render(request, "parts/proposal_live.html", _context(request, slug, number))


def _eligibility(request: HttpRequest, proposal: Proposal) -> dict[str, Any]:
    """Say whether the address that is asked about may vote; nothing when none is."""
    address = plain(request, "voter")
    if not address:
        return {}
    try:
        return {"asked": address, "eligibility": selectors.eligibility(proposal, address)}
    except AddressError as error:
        return {"asked": address, "eligibility_problem": address_refusal(error)}


def _held_up_reason(shown: selectors.ProposalDetail) -> str:
    """Say why a step is held up; empty when none is."""
    if shown.held_up is None:
        return ""
    data = shown.held_up.data
    code = data.get("code", shown.held_up.kind)
    return words.refusal(code, data.get("detail", code.replace("_", " ")))


def _context(request: HttpRequest, slug: str, number: int) -> dict[str, Any]:
    moment = now()
    shown = selectors.proposal_detail(slug, number, moment, viewer(request))
    proposal = shown.proposal
    kind, run = kind_named(proposal.kind), training.run_of(proposal, moment)
    return {
        "community": shown.community,
        "tab": "proposals",
        "shown": shown,
        "held_up_reason": _held_up_reason(shown),
        "proposal": proposal,
        "kind": kind,
        "effect": kind.describe(proposal.payload),
        "facts": kind.facts(proposal.payload),
        "live": shown.state not in TERMINAL,
        "run": run,
        "review": reviews.review_of(run.run, moment) if run else None,
        "effects": registry.effects_of(proposal),
        "decimals": shown.results.decimals,
    }
