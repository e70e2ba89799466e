"""Answers: what was reported about the models, who looks into it by when, what came of it. Works without scripts."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from frontend import forms
from frontend.views.asked import page_number, viewer
from frontend.views.errors import later
from governance import clock
from governance import selectors as governance
from governance.errors import Refusal
from governance.networks import network_of
from models_registry import contacts, watch
from models_registry import selectors as registry
from models_registry.attestations import release_named
from models_registry.calls import selectors as calls
from models_registry.calls import services as call_services
from models_registry.incidents import lifecycle, regression, selectors, services, waiting
from models_registry.languages import LANGUAGES
from models_registry.models import WaitingReport
from training_jobs.inquiries import selectors as inquiries
from training_jobs.inquiries import services as inquiry_services

# What the form asks, and how it says it.
ASKED = {
    "category": gettext_lazy("What is wrong"),
    "severity": gettext_lazy("How severe you find it"),
    "prompt": gettext_lazy("What to ask, word for word"),
    "expected": gettext_lazy("What it should answer"),
    "seen": gettext_lazy("What it answered"),
    "contact": gettext_lazy("How to reach you"),
}
DIGITS_MAX = 9


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the incidents of a community, with the table of deadlines."""
    community = governance.community_named(slug)
    context = {
        "community": community,
        "tab": "incidents",
        "incidents": selectors.page(selectors.all_of(community), page_number(request), clock.now()),
        "severities": lifecycle.SEVERITIES.items(),
        "watched": watch.of_community(community, clock.now()),
        "calls": calls.open_in(community, viewer(request), clock.now()),
        "stewards": services.stewards_of(community, clock.now()),
        "waiting": community.waiting_reports.count(),
        "line": waiting.in_line(community, viewer(request), clock.now())
        if services.is_steward(community, viewer(request), clock.now())
        else [],
        "releases": [
            row.version for card in registry.models_of(community) for row in card.versions if row.version.number
        ],
    }
    return render(request, "pages/incidents.html", context)


def report(request: HttpRequest, revision: str) -> HttpResponse:
    """Show the form of a report; a posted one becomes an incident, or comes back with what is wrong."""
    version = release_named(revision)
    told = {name: request.POST.get(name, "") for name in ASKED}
    context: dict[str, Any] = {
        "community": version.model.community,
        "tab": "incidents",
        "version": version,
        "told": told,
        "categories": lifecycle.CATEGORIES,
        "severities": lifecycle.SEVERITIES.items(),
        "kept_days": settings.CONTACT_DAYS,
    }
    if request.method != "POST":
        return render(request, "pages/incident_report.html", context)
    try:
        now = clock.now()
        kept, _new = services.report(revision, viewer(request), services.Report(**told), now, network_of(request, now))
    except Refusal as refusal:
        context |= {"refusal": forms.sentence(refusal), "about": refusal.field, "about_label": ASKED.get(refusal.field)}
        return later(render(request, "pages/incident_report.html", context, status=refusal.status), refusal)
    if isinstance(kept, WaitingReport):
        return render(request, "pages/incident_report.html", context | {"waits": kept}, status=202)
    return redirect("site:incident", slug=version.model.community.slug, number=kept.number)


def detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show one incident, with what this viewer may do about it."""
    return _shown(request, slug, number)


@login_required
@require_POST
def triage(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Say how severe it is, as a steward."""
    said = request.POST.get("severity", ""), request.POST.get("reason", "")
    return _done(request, slug, number, lambda: services.triage(slug, number, viewer(request), *said, now=clock.now()))


@login_required
@require_POST
def answer(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Answer it, as a steward."""
    other = request.POST.get("duplicate_of", "").strip()
    whole = other.isascii() and other.isdigit() and len(other) <= DIGITS_MAX
    said = services.Answer(
        request.POST.get("outcome", ""),
        request.POST.get("reason", ""),
        request.POST.get("reproduced", ""),
        int(other) if whole else None,
    )
    return _done(request, slug, number, lambda: services.answer(slug, number, viewer(request), said, clock.now()))


@login_required
@require_POST
def withhold(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Keep the report from the public, as a steward."""
    reason = request.POST.get("reason", "")
    return _done(request, slug, number, lambda: services.withhold(slug, number, viewer(request), reason, clock.now()))


@login_required
@require_POST
def pause(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Pause the release because of it, as a guardian."""
    reason = request.POST.get("reason", "")
    return _done(request, slug, number, lambda: services.pause(slug, number, viewer(request), reason, clock.now()))


@login_required
@require_POST
def case(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Make it a question of a suite, and the draft of a rule that every later version is judged by."""
    asked = request.POST.get("suite", ""), request.POST.get("language", "")
    try:
        made = regression.make_case(slug, number, viewer(request), *asked, clock.now())
    except Refusal as refusal:
        return _shown(request, slug, number, forms.sentence(refusal), refusal.status)
    return redirect("site:draft_edit", slug=slug, draft_id=made.pk)


@login_required
@require_POST
def forget(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Erase how to reach whoever reported it, as a steward or as they themselves."""
    return _done(request, slug, number, lambda: contacts.erase_of_incident(slug, number, viewer(request), clock.now()))


@login_required
@require_POST
def take_in(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Make an incident of a waiting report now, as a steward."""
    incident = waiting.take_in(slug, number, viewer(request), clock.now())
    return redirect("site:incident", slug=slug, number=incident.number)


@login_required
@require_POST
def turn_away(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Delete a waiting report with a public reason, as a steward."""
    waiting.turn_away(slug, number, viewer(request), request.POST.get("reason", ""), clock.now())
    return redirect("site:incidents", slug=slug)


@login_required
@require_POST
def ask_again(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Have the site put the question to the version, as a steward."""
    incident = selectors.numbered(slug, number)
    return _done(request, slug, number, lambda: inquiry_services.ask_incident(incident, viewer(request), clock.now()))


@login_required
@require_POST
def take_up(request: HttpRequest, slug: str, call_id: int) -> HttpResponse:
    """Make a call for another vote one's own draft, and go on to edit it."""
    made = call_services.take_up(call_id, viewer(request), clock.now())
    return redirect("site:draft_edit", slug=slug, draft_id=made.pk)


def _done(request: HttpRequest, slug: str, number: int, service: Any) -> HttpResponse:  # noqa: ANN401 - any of them
    """Call the service, and show the incident again with what is wrong or as it is now."""
    try:
        service()
    except Refusal as refusal:
        return _shown(request, slug, number, forms.sentence(refusal), refusal.status)
    return redirect("site:incident", slug=slug, number=number)


def _shown(request: HttpRequest, slug: str, number: int, refusal: str = "", status: int = 200) -> HttpResponse:
    shown = selectors.detail(slug, number, viewer(request), clock.now())
    incident = shown.row.incident
    context = {
        "community": incident.community,
        "tab": "incidents",
        "shown": shown,
        "row": shown.row,
        "incident": incident,
        "refusal": refusal,
        "asked": inquiries.of_incident(incident, viewer(request), clock.now(), readable=shown.readable),
        "severities": lifecycle.SEVERITIES,
        "outcomes": lifecycle.OUTCOMES,
        "languages": LANGUAGES,
        "suites": regression.suites_of(incident.community) if shown.row.state == lifecycle.State.CONFIRMED else (),
    }
    return render(request, "pages/incident.html", context, status=status)
