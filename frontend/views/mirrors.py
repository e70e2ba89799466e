"""Answers: what of another site's community is kept here, how fresh is it, and what did not verify? Read-only."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance.mirroring import answers
from models_registry.mirror_files import kept_places


def mirror(request: HttpRequest, mirror: str) -> HttpResponse:
    """Show a mirror."""
    shown = answers.shown(mirror)
    return render(request, "pages/mirror.html", {"shown": shown, "kept": kept_places(shown.mirror)})
