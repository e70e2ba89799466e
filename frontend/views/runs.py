"""Answers: what is the machine doing, and what did the rules say of the result."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend.charts import loss_curve
from governance import selectors as governance
from governance.clock import now
from training_jobs import selectors


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the runs of a community."""
    community = governance.community_named(slug)
    context = {"community": community, "tab": "runs", "runs": selectors.runs_of(community, now())}
    return render(request, "pages/runs.html", context)


def detail(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show one run."""
    return render(request, "pages/run.html", _context(run_id))


def live(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show the part of the page that changes while a run is at work."""
    return render(request, "parts/run_live.html", _context(run_id))


def _context(run_id: int) -> dict[str, Any]:
    shown = selectors.run_detail(run_id, now())
    return {
        "community": shown.run.community,
        "tab": "runs",
        "shown": shown,
        "run": shown.run,
        "curve": loss_curve(shown.points, shown.steps),
    }
