"""Answers: in which colours do I want to read? A cookie, so that the first paint is right and no script is needed."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from frontend.context import APPEARANCE_COOKIE, APPEARANCES
from governance.errors import Malformed

_YEAR_SECONDS = 365 * 24 * 3600


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep the colours that the reader chose, and go back to where they were; "auto" forgets the choice."""
    wanted = request.POST.get("appearance", "")
    if wanted not in APPEARANCES:
        raise Malformed("unknown_appearance", "there are no such colours", found=wanted, allowed=list(APPEARANCES))
    target = request.POST.get("next", "/")
    hosts = {request.get_host()}
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts=hosts, require_https=request.is_secure())
    response = redirect(target if is_ours else "/")
    if wanted == "auto":
        response.delete_cookie(APPEARANCE_COOKIE, samesite="Lax")
    else:
        response.set_cookie(
            APPEARANCE_COOKIE, wanted, max_age=_YEAR_SECONDS, secure=settings.SECURE, httponly=True, samesite="Lax"
        )
    return response
