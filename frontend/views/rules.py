"""Answers: which rules bind the models, how the community decides, and who guards it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import forms
from frontend.views.asked import plain
from frontend.views.power import decimals_of
from frontend.words import governor
from governance import selectors as governance
from governance.clock import now, unix
from governance.errors import Refusal
from governance.models import Community
from governance.onchain.promised import numbers_of
from models_registry import release_keys
from models_registry.constitution import selectors as constitution
from models_registry.datasets.selectors import datasets_named
from models_registry.hidden_suites import selectors as hidden_suites


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the constitution on a day, the tiers of decisions with their rules, council and changes of the charter."""
    community = governance.community_named(slug)
    text, decimals = _constitution(request, community), decimals_of(community)
    contract = numbers_of(community)
    return render(
        request,
        "pages/rules.html",
        {
            "community": community,
            "tab": "rules",
            **text,
            "book": governance.rule_book(community, now()),
            "keys": release_keys.in_force(community),
            "waiting": release_keys.waiting_of(community),
            "decimals": decimals,
            "contract": contract,
            "governor_lines": governor.lines(contract.changed, decimals) if contract else [],
        },
        status=text["status"],
    )


def _constitution(request: HttpRequest, community: Community) -> dict[str, Any]:
    """Return the text on the day that the address names, and what differs since another; today where it names none."""
    asked = {name: plain(request, name) for name in ("on", "since")}
    refusal = ""
    try:
        moments = {name: constitution.moment_of(text, name) for name, text in asked.items() if text}
        found = constitution.constitution(community, moments.get("on", unix(now())), moments.get("since"))
    except Refusal as error:
        refusal = forms.sentence(error)
        found = constitution.constitution(community, unix(now()))
    bodies = [article.body for article in found.articles]
    bodies += [each.body for one in found.differences for each in (one.before, one.after) if each]
    asked_of = {body["suite"] for body in bodies if body["suite"]}
    suites = {**datasets_named(community, asked_of), **hidden_suites.named(community, asked_of)}
    return {
        "text": found,
        "articles": [(article, article.state(found.at)) for article in found.articles],
        "titles": {name: suite.title for name, suite in suites.items()},
        "asked": asked,
        "moment_refused": refusal,
        "is_today": not asked["on"] or bool(refusal),
        "status": 422 if refusal else 200,
    }
