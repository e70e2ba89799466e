"""Answers: what is going on in this community, and what did it decide before it came here."""

from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import ballots
from frontend.views.asked import plain, viewer
from governance import selectors
from governance.clock import now
from governance.selectors import changes, decision_list, everywhere
from models_registry import selectors as registry
from models_registry.constitution import selectors as constitution
from models_registry.in_use import in_use
from training_jobs import selectors as training

RUNS_SHOWN = 3
CHANGES_SHOWN = 6
LATELY = timedelta(days=14)


def overview(request: HttpRequest, slug: str) -> HttpResponse:
    """Show open decisions, the models in use, what changed lately, recent decisions, runs and rules."""
    moment = now()
    community = selectors.community_named(slug)
    models = registry.models_of(community)
    return render(
        request,
        "pages/community.html",
        {
            "community": community,
            "tab": "overview",
            "open": selectors.open_proposals(community, moment),
            "needing": decision_list.needing(community, moment, viewer(request)),
            "recent": selectors.recent_decisions(community, moment),
            "changes": changes.changes([community], moment - LATELY, most=CHANGES_SHOWN),
            "figures": everywhere.figures_of(community),
            "releases": sum(1 for card in models for row in card.versions if row.version.number),
            "models": [(card, in_use(card)) for card in models],
            "rules": constitution.rules_in_force(community),
            "runs": training.runs_of(community, moment, RUNS_SHOWN),
            **ballots.elector_asked(community, plain(request, "voter")),
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
