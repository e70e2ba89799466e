"""Answers: what can I read without a network? The worker that keeps copies, and the page where there is none."""

from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def offline(request: HttpRequest) -> HttpResponse:
    """Say that the network is needed for this page. The worker keeps this page when it is installed."""
    return render(request, "pages/offline.html")


def worker(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Hand out the worker from the root, because it may only look after what lies below it (Service Workers, 3.1.3)."""
    file = finders.find("js/offline-worker.js")
    response = HttpResponse(Path(str(file)).read_bytes(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response
