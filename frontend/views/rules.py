"""Which rules bind the models, and which rules bind the votes?"""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance import selectors as governance
from governance.kinds import all_kinds
from governance.services import rules_for
from models_registry import selectors


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the ethics rules, and the rules of voting for each kind of proposal."""
    community = governance.community_named(slug)
    return render(
        request,
        "pages/rules.html",
        {
            "community": community,
            "tab": "rules",
            "rules": selectors.rules_of(community),
            "voting": [(kind, rules_for(community, kind.name)) for kind in all_kinds().values()],
        },
    )
