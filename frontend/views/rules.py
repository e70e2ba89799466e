"""Answers: which rules bind the models, how the community decides, and who guards it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend.views.power import decimals_of
from governance import selectors as governance
from governance.clock import now
from models_registry import release_keys
from models_registry.constitution import selectors as constitution


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the ethics rules, the tiers of decisions with their rules, the council and the changes of the charter."""
    community = governance.community_named(slug)
    return render(
        request,
        "pages/rules.html",
        {
            "community": community,
            "tab": "rules",
            "rules": constitution.rules_of(community),
            "book": governance.rule_book(community, now()),
            "keys": release_keys.in_force(community),
            "waiting": release_keys.waiting_of(community),
            "decimals": decimals_of(community),
        },
    )
