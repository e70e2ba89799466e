"""Answers: which models does the community own, and how good are they."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance import clock
from governance import selectors as governance
from models_registry import selectors
from models_registry.incidents import selectors as incidents
from models_registry.rights import selectors as rights


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the models of a community."""
    community = governance.community_named(slug)
    context = {"community": community, "tab": "models", "models": selectors.models_of(community)}
    return render(request, "pages/models.html", context)


def detail(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show one model with its versions."""
    card = selectors.model_named(namespace, name)
    reported = incidents.page(incidents.of_model(card.model), 1, clock.now())
    context = {
        "community": card.model.community,
        "tab": "models",
        "card": card,
        "incidents": reported,
        "removed_data": rights.open_warnings(rights.warnings_of(card.model, clock.now())),
    }
    return render(request, "pages/model.html", context)
