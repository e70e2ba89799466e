"""Answers: what is going on in this community, and what did it decide before it came here."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance import selectors
from governance.clock import now
from models_registry import selectors as registry
from models_registry.constitution import selectors as constitution
from training_jobs import selectors as training

RUNS_SHOWN = 3


def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show open decisions, recent ones, models, releases, runs and rules."""
    moment = now()
    community = selectors.community_named(slug)
    return render(
        request,
        "pages/community.html",
        {
            "community": community,
            "tab": "overview",
            "open": selectors.open_proposals(community, moment),
            "recent": selectors.recent_decisions(community, moment),
            "models": registry.models_of(community),
            "rules": constitution.rules_in_force(community),
            "runs": training.runs_of(community, moment, RUNS_SHOWN),
        },
    )


def history(request: HttpRequest, slug: str) -> HttpResponse:
    """List the votes that the community brought from elsewhere."""
    community = selectors.community_named(slug)
    context = {"community": community, "tab": "proposals", "votes": selectors.imported_votes(community)}
    return render(request, "pages/history.html", context)


def imported(request: HttpRequest, slug: str, vote_id: int) -> HttpResponse:
    """Show one of them."""
    vote = selectors.imported_vote(slug, vote_id)
    return render(request, "pages/imported.html", {"community": vote.community, "tab": "proposals", "vote": vote})
