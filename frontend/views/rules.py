"""Answers: which rules bind the models, and which rules bind the votes."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance import selectors as governance
from models_registry import selectors


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the ethics rules, and the voting rules with the kinds of proposals that each set is for."""
    community = governance.community_named(slug)
    return render(
        request,
        "pages/rules.html",
        {
            "community": community,
            "tab": "rules",
            "rules": selectors.rules_of(community),
            "voting": governance.voting_rules(community),
        },
    )
