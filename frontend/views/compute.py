"""Answers: who waits how long for computing here, what is refused, what was used, and what it cost and emitted."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import compute_tables, numbers
from frontend.charts.compute import compute_charts
from frontend.words import outlay
from governance import clock, selectors
from training_jobs.commons import books
from training_jobs.footprint import used_by
from training_jobs.transparency import published
from training_jobs.transparency.feed import FORMATS


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the figures of a community, as anybody can compute them from its log."""
    community = selectors.community_named(slug)
    found = published.of_community(community)
    context = {
        "community": community,
        "tab": "runs",
        "found": found,
        "headlines": compute_tables.headlines(found),
        "tables": compute_tables.tables(found),
        "charts": compute_charts(found),
        "shared": compute_tables.shared(published.fairness_of_site()),
        "runs_used": used_by(community, clock.now()),
        "plans_held": outlay.held_of(books.plans(community)),
        "entries": numbers.grouped(found.size),
        "formats": [(form, form.upper() if form != "parquet" else "Parquet") for form in FORMATS],
    }
    return render(request, "pages/compute.html", context)
