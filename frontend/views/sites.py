"""Answers: where does a community compute, what does a place offer and cost, who let it in; what may one do there."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from frontend import site_forms, words
from frontend.site_tables import inputs_of, offer_of, rules_of
from frontend.views.asked import viewer
from frontend.views.errors import later
from governance import clock
from governance import selectors as governance
from governance.errors import Forbidden, Malformed, Refusal
from governance.models import Community
from training_jobs.commons import site_facts
from training_jobs.sites import admitting, selectors, services

_DIGITS_MAX = 12


@dataclass(frozen=True)
class _Order:
    """What somebody posts about a site."""

    slug: str
    actor: str
    said: Mapping[str, str]
    now: datetime

    @property
    def reason(self) -> str:
        """Return the public reason."""
        return self.said.get("reason", "").strip()

    @property
    def community(self) -> Community:
        """Return the community that a steward decides for."""
        return governance.community_named(self.said.get("community", "")[:50])

    @property
    def machine(self) -> int:
        """Return the number of a machine."""
        text = self.said.get("machine", "")
        if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
            raise Malformed("malformed_field", "the number of a machine", field="machine", found=text[:40])
        return int(text)


def _suspend(order: _Order) -> object:
    evidence = {"found": order.said.get("evidence", "").strip()}
    if not evidence["found"]:
        raise Malformed("missing_field", "say what was found", field="evidence")
    return admitting.suspend(order.slug, order.actor, order.reason, evidence, order.now)


ACTIONS: dict[str, Callable[[_Order], object]] = {
    "alive": lambda order: services.show_life(order.slug, order.actor, order.now),
    "drain": lambda order: services.drain(order.slug, order.actor, order.now),
    "undrain": lambda order: services.undrain(order.slug, order.actor, order.now),
    "leave": lambda order: services.leave(order.slug, order.actor, order.now),
    "attach": lambda order: services.attach(order.slug, order.actor, order.machine, order.now),
    "detach": lambda order: services.detach(order.slug, order.actor, order.machine, order.now),
    "admit": lambda order: admitting.admit(order.slug, order.community, order.actor, order.reason, order.now),
    "remove": lambda order: admitting.remove(order.slug, order.community, order.actor, order.reason, order.now),
    "suspend": _suspend,
    "restore": lambda order: admitting.restore(order.slug, order.actor, order.reason, order.now),
}


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the sites that compute for a community, and those that offer to."""
    community = governance.community_named(slug)
    now = clock.now()
    context = {
        "community": community,
        "tab": "runs",
        "rows": [selectors.row(site, now) for site in selectors.all_sites(community)],
        "offered": site_facts.offered(community, now),
    }
    return render(request, "pages/sites.html", context)


def detail(request: HttpRequest, site: str) -> HttpResponse:
    """Show one site."""
    return _page(request, site)


@login_required
@require_POST
def act(request: HttpRequest, site: str, action: str) -> HttpResponse:
    """Do something with a site, as its operator or as a steward; what is refused is said on its page."""
    take = ACTIONS.get(action)
    if take is None:
        raise Malformed("unknown_action", "there is no such thing to do", field="action", found=action[:40])
    said = {name: request.POST.get(name, "") for name in request.POST}
    try:
        take(_Order(site, viewer(request), said, clock.now()))
    except Refusal as refusal:
        if refusal.code == "unknown_site":
            raise
        return later(_page(request, site, _sentence(refusal), refusal.status), refusal)
    return redirect("site:compute_site", site=site)


@login_required
def register(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the form for a new site; a posted one is registered, or comes back with what is wrong."""
    community = governance.community_named(slug)
    if request.method != "POST":
        return _form(request, {"commons_share_bps": "100", "hours_max": "0", "currency": "EUR"}, community=community)
    said = _said(request)
    try:
        made = services.register(viewer(request), site_forms.read(said), clock.now())
    except Refusal as refusal:
        return later(_form(request, said, refusal, community=community), refusal)
    return redirect("site:compute_site", site=made.slug)


@login_required
def describe(request: HttpRequest, site: str) -> HttpResponse:
    """Show what an operator says of a site, to be changed; the logs keep old and new."""
    found = selectors.site_named(site)
    if not site_facts.may(found, viewer(request), clock.now()).operates:
        raise Forbidden("not_the_operator", "only whoever registered a site may do this", found=site)
    if request.method != "POST":
        return _form(request, site_forms.written(found), site=site)
    said = _said(request)
    try:
        services.describe(site, viewer(request), site_forms.read(said), clock.now())
    except Refusal as refusal:
        return _form(request, said, refusal, site=site)
    return redirect("site:compute_site", site=site)


def _page(request: HttpRequest, slug: str, refusal: str = "", status: int = 200) -> HttpResponse:
    now = clock.now()
    found = site_facts.facts(slug, now)
    context = {
        "facts": found,
        "site": found.row.site,
        "row": found.row,
        "offer": offer_of(found.row),
        "inputs": inputs_of(found.inputs),
        "rules": rules_of(found.row.site),
        "may": site_facts.may(found.row.site, viewer(request), now),
        "operator_name": governance.name_of(found.row.site.operator),
        "ends": [(words.word("allotment_end", how), count) for how, count in found.ends.items()],
        "evidence": json.dumps(found.row.site.suspended_evidence, indent=2, ensure_ascii=False, sort_keys=True),
        "refusal": refusal,
    }
    return render(request, "pages/site.html", context, status=status)


def _form(
    request: HttpRequest,
    said: Mapping[str, str],
    refusal: Refusal | None = None,
    community: Community | None = None,
    site: str = "",
) -> HttpResponse:
    context: dict[str, Any] = {
        "community": community,
        "tab": "runs",
        "site": site,
        "said": said,
        "inputs": [
            (each, {part: said.get(f"{each.name}_{part}", "") for part in site_forms.PARTS})
            for each in site_forms.INPUTS
        ],
        "refusal": _sentence(refusal) if refusal else "",
        "wrong": site_forms.field_of(refusal.field) if refusal else "",
    }
    return render(request, "pages/site_form.html", context, status=refusal.status if refusal else 200)


def _said(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in site_forms.names() if name in request.POST}


def _sentence(refusal: Refusal) -> str:
    return words.refusal(refusal.code, refusal.detail, refusal.found, refusal.allowed)
