"""Answers: what do the models learn from, and who looked at it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance import clock
from governance import selectors as governance
from models_registry.datasets import intakes, selectors


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the datasets of a community."""
    community = governance.community_named(slug)
    under_way = [(row, intakes.state(row, clock.now())) for row in selectors.under_way(community)]
    found = selectors.datasets_of(community)
    context = {"community": community, "tab": "datasets", "datasets": found, "under_way": under_way}
    return render(request, "pages/datasets.html", context)


def detail(request: HttpRequest, digest: str) -> HttpResponse:
    """Show one dataset with what its scans found."""
    dataset = selectors.dataset(digest)
    context = {"community": dataset.community, "tab": "datasets", "dataset": dataset}
    return render(request, "pages/dataset.html", context)
