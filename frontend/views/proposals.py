"""Answers: what is being decided, and how does it stand."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import words
from governance import selectors
from governance.clock import now
from governance.kinds import all_kinds, kind_named
from governance.lifecycle import State
from models_registry import selectors as registry
from training_jobs import selectors as training

PAGE_DIGITS_MAX = 6
_LISTED_STATES = [state for state in State if state is not State.DRAFT]


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List proposals; filters stand in the address so that a list can be shared."""
    community = selectors.community_named(slug)
    # No database keeps the NUL character, so nothing can be found by it.
    wanted = {name: request.GET.get(name, "")[:100].replace("\0", "") for name in ("state", "kind", "search")}
    found = selectors.proposals(community, now(), **wanted, page=_page_number(request))
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
    return render(request, "pages/proposal.html", _context(request, slug, number))


def results(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show the part of the page that changes while a vote is open."""
    return render(request, "parts/proposal_live.html", _context(request, slug, number))


def _page_number(request: HttpRequest) -> int:
    text = request.GET.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= PAGE_DIGITS_MAX else 1


def _held_up_reason(shown: selectors.ProposalDetail) -> str:
    """Say why a step is held up; empty when none is."""
    if shown.held_up is None:
        return ""
    data = shown.held_up.data
    code = data.get("code", shown.held_up.kind)
    return words.refusal(code, data.get("detail", code.replace("_", " ")))


def _context(request: HttpRequest, slug: str, number: int) -> dict[str, Any]:
    moment = now()
    viewer = request.user.address if request.user.is_authenticated else ""
    shown = selectors.proposal_detail(slug, number, moment, viewer)
    proposal = shown.proposal
    kind = kind_named(proposal.kind)
    return {
        "community": shown.community,
        "tab": "proposals",
        "shown": shown,
        "held_up_reason": _held_up_reason(shown),
        "proposal": proposal,
        "kind": kind,
        "effect": kind.describe(proposal.payload),
        "facts": kind.facts(proposal.payload),
        "live": shown.state in {State.PENDING, State.ACTIVE, State.CLOSING, State.SUCCEEDED, State.QUEUED, State.READY},
        "run": training.run_of(proposal, moment),
        "effects": registry.effects_of(proposal),
    }
