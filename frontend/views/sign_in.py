"""Answers: how do I sign in."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme


def sign_in(request: HttpRequest) -> HttpResponse:
    """Explain signing in with a wallet; whoever is signed in already goes on to where they wanted to go."""
    target = request.GET.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure()):
        target = "/"
    if request.user.is_authenticated:
        return HttpResponseRedirect(target)
    return render(request, "pages/sign_in.html", {"next": target})
