"""Answers: which drafts ask for my backing, and what would I back. Signing is the wallet's (`js/sponsor.js`)."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from frontend.views.asked import viewer
from frontend.views.power import decimals_of
from frontend.views.previews import section
from frontend.views.told_before import told_before
from governance import selectors, services
from governance.clock import now
from governance.kinds import kind_named


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the drafts that seek sponsors."""
    community = selectors.community_named(slug)
    drafts = selectors.drafts_seeking_sponsors(community)
    names = selectors.member_names(community, {draft.author for draft in drafts})
    rows = [(draft, names.get(draft.author, "")) for draft in drafts]
    return render(request, "pages/sponsor_list.html", {"community": community, "tab": "proposals", "rows": rows})


def detail(request: HttpRequest, slug: str, draft_id: int) -> HttpResponse:
    """Show a draft that seeks sponsors, who backs it, and the button to back it."""
    shown = selectors.draft_to_sponsor(slug, draft_id, viewer(request))
    kind = kind_named(shown.draft.kind)
    return render(
        request,
        "pages/sponsor.html",
        {
            "community": shown.draft.community,
            "tab": "proposals",
            "shown": shown,
            "draft": shown.draft,
            "kind": kind,
            "effect": kind.describe(shown.draft.payload),
            "facts": kind.facts(shown.draft.payload),
            **told_before(shown.draft, now()),
            "decimals": decimals_of(shown.draft.community),
            **section(request, shown.draft),
        },
    )


@login_required
@require_POST
def seek(request: HttpRequest, slug: str, draft_id: int) -> HttpResponse:
    """Show one's own draft to the members."""
    stored = selectors.draft(slug, draft_id, request.user.address)
    services.seek_sponsors(stored.pk, request.user.address, now())
    return redirect("site:sponsor", slug=slug, draft_id=draft_id)
