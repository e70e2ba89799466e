"""Answers: what of another site's community is kept here, how fresh is it, and what did not verify? Read-only."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance.mirroring import answers


def mirror(request: HttpRequest, mirror: str) -> HttpResponse:
    """Show a mirror."""
    return render(request, "pages/mirror.html", {"shown": answers.shown(mirror)})
