"""Answers: what is this place, and whose is it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance import selectors
from governance.clock import now
from models_registry.selectors import model_counts


def home(request: HttpRequest) -> HttpResponse:
    """Show what the site is for and which communities are on it."""
    counts = model_counts()
    cards = [(card, counts.get(card.community.pk, 0)) for card in selectors.communities(now())]
    return render(request, "pages/home.html", {"cards": cards})
