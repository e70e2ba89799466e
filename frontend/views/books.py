"""Answers: what money does a community have for computing, who spent it, and who is paid on chain."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend.views.asked import page_number
from governance import clock
from governance import selectors as governance
from training_jobs.commons import books, naming
from training_jobs.ledger import selectors
from training_jobs.models.ledger import CONTRIBUTION_CREDIT, OUTSIDE
from training_jobs.settlement import selectors as settling
from training_jobs.sites import selectors as sites

ENTRIES_PER_PAGE = 25
HOLDS_SHOWN_MAX = 50
CREDITS_SHOWN_MAX = 100
SETTLEMENTS_PER_PAGE = 20


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Show accounts, what is set aside, what was booked, prices and how well plans hold."""
    community = governance.community_named(slug)
    now = clock.now()
    accounts = selectors.accounts(community)
    entries = selectors.entries(community)
    total = entries.count()
    pages = max(1, -(-total // ENTRIES_PER_PAGE))
    number = min(page_number(request) or 1, pages)
    shown = list(entries[(number - 1) * ENTRIES_PER_PAGE : number * ENTRIES_PER_PAGE])
    holds = list(books.open_holds(community)[:HOLDS_SHOWN_MAX])
    named = {hold.request for hold in (*holds, *(entry.hold for entry in shown)) if hold is not None}
    given = accounts.filter(kind=CONTRIBUTION_CREDIT, balance__gt=0).order_by("-balance", "pk")[:CREDITS_SHOWN_MAX]
    context = {
        "community": community,
        "tab": "runs",
        "accounts": accounts.exclude(kind__in=[CONTRIBUTION_CREDIT, OUTSIDE]),
        "given": given,
        "names": governance.member_names(community, [account.owner for account in given]),
        "holds": holds,
        "entries": shown,
        "runs": naming.runs_named(community, named),
        "total": total,
        "number": number,
        "pages": pages,
        "rows": [sites.row(site, now) for site in sites.all_sites(community)],
        "plans": books.plans(community),
        "settles": bool(settling.terms(community)),
    }
    return render(request, "pages/books.html", context)


def settlements(request: HttpRequest, slug: str) -> HttpResponse:
    """Show by which terms sites are paid on chain, who is owed what, and each payment that a vote approved."""
    community = governance.community_named(slug)
    found = settling.settlements(community)
    total = found.count()
    pages = max(1, -(-total // SETTLEMENTS_PER_PAGE))
    number = min(page_number(request) or 1, pages)
    shown = found[(number - 1) * SETTLEMENTS_PER_PAGE : number * SETTLEMENTS_PER_PAGE]
    others = settling.to_others(shown)
    context = {
        "community": community,
        "tab": "runs",
        "terms": settling.terms(community),
        "readings": settling.readings(community),
        "halts": settling.halts(community),
        "owed": settling.owed(community),
        "rows": [
            {
                "settlement": each,
                "payment": settling.payment_of(each) if each.state == "due" else None,
                "to_other": each.pk in others,
            }
            for each in shown
        ],
        "missed": settling.missed(community),
        "total": total,
        "number": number,
        "pages": pages,
    }
    return render(request, "pages/settlements.html", context)
