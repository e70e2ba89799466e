"""Answers: what do the models learn from, and who looked at it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance import selectors as governance
from models_registry.datasets import selectors


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the datasets of a community."""
    community = governance.community_named(slug)
    context = {"community": community, "tab": "datasets", "datasets": selectors.datasets_of(community)}
    return render(request, "pages/datasets.html", context)


def detail(request: HttpRequest, digest: str) -> HttpResponse:
    """Show one dataset with what its scans found."""
    dataset = selectors.dataset(digest)
    context = {"community": dataset.community, "tab": "datasets", "dataset": dataset}
    return render(request, "pages/dataset.html", context)
