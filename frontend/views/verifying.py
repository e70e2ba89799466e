"""Answers: does this release hold, when the reader's own browser checks it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse


def verify(request: HttpRequest) -> HttpResponse:
    """Show the verifier. It runs in the browser; nothing that is checked with it reaches this site."""
    hub = request.build_absolute_uri(reverse("site:home")).rstrip("/") + "/hub"
    return render(request, "pages/verify.html", {"hub": hub})
