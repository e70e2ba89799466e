"""Answers: whose data is it, who asked for it back, and which versions learnt from it. Works without scripts."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from frontend import forms
from frontend.views.asked import viewer
from frontend.views.errors import later
from governance import clock
from governance import selectors as governance
from governance.errors import Refusal
from governance.networks import network_of
from models_registry import contacts
from models_registry.datasets import selectors as datasets
from models_registry.incidents.services import is_steward
from models_registry.rights import selectors, services, taking_back
from models_registry.rights.words import SCOPES

VALUE_MAX = 500
# What the form asks, and how it says it.
ASKED = {
    "scope": gettext_lazy("What should be taken out"),
    "records": gettext_lazy("Records, by digest or id"),
    "source": gettext_lazy("Source"),
    "reason": gettext_lazy("Why"),
    "contact": gettext_lazy("How to reach you"),
}


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Show requests, removals and contributions of a community."""
    community = governance.community_named(slug)
    given = selectors.contribution_credits(community)
    names = governance.member_names(community, given)
    context = {
        "community": community,
        "tab": "datasets",
        "requests": selectors.requests_of(community, clock.now()),
        "removals": selectors.removals_of(community),
        "searched": selectors.SEARCHED,
        "rule": taking_back.in_force(community),
        "contributors": [(address, names.get(address, ""), int(records)) for address, records in given.items()],
    }
    return render(request, "pages/data_rights.html", context)


def learnt(request: HttpRequest, slug: str) -> HttpResponse:
    """Show which versions learnt from a record, shard, source or dataset."""
    community = governance.community_named(slug)
    by, value = request.GET.get("by", ""), request.GET.get("value", "").strip()[:VALUE_MAX].replace("\0", "")
    context: dict[str, Any] = {
        "community": community,
        "tab": "datasets",
        "by": by,
        "value": value,
        "searched": selectors.SEARCHED,
    }
    if value:
        try:
            context["found"] = selectors.search(community, by, value)
        except Refusal as refusal:
            context["refusal"] = forms.sentence(refusal)
            return render(request, "pages/learnt.html", context, status=refusal.status)
    return render(request, "pages/learnt.html", context)


def ask(request: HttpRequest, digest: str) -> HttpResponse:
    """Show the form to ask that data be taken out; a posted one becomes a request, or comes back with what is wrong."""
    dataset = datasets.dataset(digest)
    told = {name: request.POST.get(name, "") for name in ASKED}
    context: dict[str, Any] = {
        "community": dataset.community,
        "tab": "datasets",
        "dataset": dataset,
        "told": told,
        "scopes": [scope for scope in SCOPES if scope != "source" or dataset.sources],
        "viewer": viewer(request),
        "days": services.ANSWER_DAYS,
        "kept_days": settings.CONTACT_DAYS,
        "rule": taking_back.in_force(dataset.community),
    }
    if request.method != "POST":
        return render(request, "pages/removal_ask.html", context)
    asking = services.Asking(
        dataset=digest,
        scope=told["scope"],
        reason=told["reason"],
        records=tuple(told["records"].split()),
        source=told["source"],
        contact=told["contact"],
    )
    try:
        now = clock.now()
        made = services.ask(asking, viewer(request), now, network_of(request, now))
    except Refusal as refusal:
        context |= {"refusal": forms.sentence(refusal), "about": refusal.field, "about_label": ASKED.get(refusal.field)}
        return later(render(request, "pages/removal_ask.html", context, status=refusal.status), refusal)
    request.session[_salt_of(made.reference)] = made.salt
    return redirect("site:removal_request", reference=made.reference)


def detail(request: HttpRequest, reference: str) -> HttpResponse:
    """Show one request: to everybody where it stands, to stewards what it says."""
    row = selectors.request_named(reference, clock.now())
    context = {
        "community": row.request.community,
        "tab": "datasets",
        "row": row,
        "steward": is_steward(row.request.community, viewer(request), clock.now()),
        "viewer": viewer(request),
        # Whoever asked sees it in the browser that they asked with, as long as the session lasts.
        "salt": request.session.get(_salt_of(reference), "") if row.request.salt else "",
    }
    return render(request, "pages/removal_request.html", context)


@login_required
@require_POST
def decline(request: HttpRequest, reference: str) -> HttpResponse:
    """Decline a request as a steward."""
    services.decline(reference, viewer(request), request.POST.get("reason", ""), clock.now())
    return redirect("site:removal_request", reference=reference)


@login_required
@require_POST
def propose(request: HttpRequest, reference: str) -> HttpResponse:
    """Turn a request into the draft of a proposal."""
    draft = services.draft_removal(reference, viewer(request), clock.now())
    return redirect("site:draft", slug=draft.community.slug, draft_id=draft.pk)


@require_POST
def forget(request: HttpRequest, reference: str) -> HttpResponse:
    """Erase how to reach whoever asked, as a steward or as they themselves: signed in, or in the same browser."""
    salt = request.session.get(_salt_of(reference), "")
    contacts.erase_of_request(reference, viewer(request), clock.now(), salt)
    return redirect("site:removal_request", reference=reference)


@login_required
@require_POST
def forget_sources(request: HttpRequest, digest: str) -> HttpResponse:
    """Erase how to reach the sources of a dataset, as a steward or as whoever registered it."""
    contacts.erase_of_sources(digest, viewer(request), clock.now())
    return redirect("site:dataset", digest=digest)


def _salt_of(reference: str) -> str:
    return f"removal-salt-{reference}"
