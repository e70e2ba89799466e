"""Answers: what would this training do, or this dataset. A preview or trial is asked for, and shown as what it is."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from frontend.charts import loss_curve
from frontend.views.asked import viewer
from governance.clock import now
from governance.models import Proposal
from training_jobs.previews import selectors, services
from training_jobs.previews.selectors import Shown

ANSWERS_AT_FIRST = 5


def detail(request: HttpRequest, preview_id: int) -> HttpResponse:
    """Show one preview in full."""
    shown = selectors.preview_numbered(preview_id, viewer(request), now())
    proposal = shown.preview.proposal
    context = {"community": proposal.community, "tab": "proposals", "proposal": proposal, "shown": shown}
    return render(request, "pages/preview.html", context | of_report(shown))


def live(request: HttpRequest, preview_id: int) -> HttpResponse:
    """Show the part of a proposal's page that changes while a preview is at work."""
    shown = selectors.preview_numbered(preview_id, viewer(request), now())
    proposal = shown.preview.proposal
    return render(request, "parts/previews.html", {"community": proposal.community, **section(request, proposal)})


@login_required
@require_POST
def order(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Ask for a preview of one's own draft or proposal, or for a trial of a proposed dataset."""
    proposal = selectors.proposal_numbered(slug, number, viewer(request))
    services.order(proposal.pk, viewer(request), now())
    if proposal.submitted_at is None:
        return redirect("site:draft", slug=slug, draft_id=proposal.pk)
    return redirect("site:proposal_evidence", slug=slug, number=number)


def section(request: HttpRequest, proposal: Proposal) -> dict[str, Any]:
    """Return what the section of previews on a page needs; nothing where nothing can be previewed or tried."""
    found = selectors.previews_of(proposal, viewer(request), now())
    if found is None:
        return {}
    return {"previews": found, **of_report(found.featured)}


def of_report(shown: Shown | None) -> dict[str, Any]:
    """Return what the report of a preview needs on any page."""
    if shown is None or not shown.report:
        return {}
    if shown.preview.is_trial:
        return {"preview_shown": shown, "trial": shown.trial}
    answers = shown.report["answers"]
    return {
        "preview_shown": shown,
        "preview_curve": loss_curve(shown.points, shown.preview.steps_max),
        "preview_answers": [rows for rows in (answers[:ANSWERS_AT_FIRST], answers[ANSWERS_AT_FIRST:]) if rows],
    }
