"""Answers: what do the models learn from, and who looked at it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend.views.asked import viewer
from governance import clock
from governance import selectors as governance
from models_registry.data_words import data_kind_names
from models_registry.datasets import intakes, selectors
from models_registry.hidden_suites import selectors as hidden_suites
from models_registry.incidents.services import is_steward


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the datasets of a community."""
    community = governance.community_named(slug)
    under_way = [(row, intakes.state(row, clock.now())) for row in selectors.under_way(community)]
    found = selectors.datasets_of(community)
    hidden = [suite for suite in hidden_suites.of_community(community) if suite.opened_at is None]
    names = governance.member_names(community, [suite.keeper for suite in hidden])
    context = {
        "community": community,
        "tab": "datasets",
        "datasets": found,
        "under_way": under_way,
        "hidden": [(suite, names.get(suite.keeper, "")) for suite in hidden],
    }
    return render(request, "pages/datasets.html", context)


def detail(request: HttpRequest, digest: str) -> HttpResponse:
    """Show one dataset with what its scans found."""
    dataset = selectors.dataset(digest)
    asks = viewer(request)
    context = {
        "community": dataset.community,
        "tab": "datasets",
        "dataset": dataset,
        "kinds_said": data_kind_names(dataset.data_kinds),
        "may_erase": asks and (asks == dataset.registered_by or is_steward(dataset.community, asks, clock.now())),
    }
    return render(request, "pages/dataset.html", context)
