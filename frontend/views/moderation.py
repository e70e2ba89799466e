"""Answers: by which rules are comments hidden here, who does it, and what was hidden so far."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from frontend import words
from frontend.views.asked import page_number
from governance import selectors
from governance.clock import now
from governance.deliberation import policy, reading
from governance.deliberation.people import writer_of


@never_cache
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the policy and every act; moderators also see what waits for them."""
    community = selectors.community_named(slug)
    context = {
        "community": community,
        "tab": "rules",
        "acts": reading.acts(community, writer_of(request), page_number(request), now()),
        "rules": [words.word("moderation_rule", rule) for rule in policy.RULES],
    }
    return render(request, "pages/moderation.html", context)
