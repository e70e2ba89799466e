"""Answers: how do I get a passkey that can vote, and which address is it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from frontend.views import passkey_ways


@never_cache
def seat(request: HttpRequest) -> HttpResponse:
    """Show what makes a passkey and shows its address; nobody has to sign in for it."""
    return render(request, "pages/passkey_seat.html", {"passkeys": passkey_ways.offered(request)})
