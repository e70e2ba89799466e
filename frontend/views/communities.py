"""Answers: what is going on in this community."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance import selectors
from governance.clock import now
from models_registry import selectors as registry
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
            "rules": registry.rules_in_force(community),
            "runs": training.runs_of(community, moment, RUNS_SHOWN),
        },
    )
