"""Answers: where does this release come from, and does all of it hold."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from models_registry import selectors
from training_jobs.selectors import run_of_version


def detail(request: HttpRequest, revision: str) -> HttpResponse:
    """Show a release: verification, lineage from the weights to the ballots, commands, files."""
    shown = selectors.release_detail(revision)
    return render(
        request,
        "pages/release.html",
        {
            "community": shown.version.model.community,
            "tab": "models",
            "shown": shown,
            "version": shown.version,
            "report": selectors.verification(shown.version),
            "run": run_of_version(shown.version.pk),
        },
    )
