"""Answers: to whom could I lend my voting power, and what did they do with it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from frontend.views.asked import page_number, plain, viewer
from frontend.views.power import decimals_of, is_token
from governance import selectors, services
from governance.clock import now
from governance.errors import Forbidden
from governance.kinds import all_kinds
from governance.onchain import is_by_contract
from governance.selectors.alignment import alignment

DELEGATES_PER_PAGE = 50


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the members and those who have power, the most power first; a search finds a name or an address."""
    community = selectors.community_named(slug)
    wanted = plain(request, "search")
    found = selectors.delegates(community, now(), wanted)
    pages = max(1, -(-len(found) // DELEGATES_PER_PAGE))
    number = min(max(page_number(request), 1), pages)
    start = (number - 1) * DELEGATES_PER_PAGE
    return render(
        request,
        "pages/delegates.html",
        {
            "community": community,
            "tab": "delegates",
            "rows": found.rows(start, start + DELEGATES_PER_PAGE),
            "total": len(found),
            "is_cut": found.is_cut,
            "number": number,
            "pages": pages,
            "wanted": wanted,
            "decimals": decimals_of(community),
            "by_contract": is_by_contract(services.charter_of(community)),
        },
    )


def detail(request: HttpRequest, slug: str, address: str) -> HttpResponse:
    """Show one delegate: statement, trust, record of votes with reasons, and the forms to delegate."""
    community = selectors.community_named(slug)
    shown = selectors.delegate_detail(community, address, now())
    return render(
        request,
        "pages/delegate.html",
        {
            "community": community,
            "tab": "delegates",
            "shown": shown,
            "row": shown.row,
            "mine": viewer(request) == shown.row.address,
            "alignment": alignment(community, viewer(request), shown.row.address),
            "kinds": all_kinds(),
            "decimals": decimals_of(community),
            "on_chain": is_token(community),
            "by_contract": is_by_contract(services.charter_of(community)),
        },
    )


@login_required
@require_POST
def statement(request: HttpRequest, slug: str, address: str) -> HttpResponse:
    """Say what one would do with the power that others lend."""
    community = selectors.community_named(slug)
    if address != request.user.address:
        raise Forbidden("not_the_author", "only a member may change their own statement", found=request.user.address)
    services.state_oneself(community, address, request.POST.get("statement", ""), now())
    return redirect("site:delegate", slug=slug, address=address)
