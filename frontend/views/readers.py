"""Answers: how do I follow without a wallet. Joining, signing in by a link, following; settings have their own file."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from frontend import forms
from frontend.views import passkey_ways
from frontend.views.asked import viewer
from frontend.views.errors import later
from frontend.words import readers as said
from governance import clock
from governance.errors import NotFound, Refusal
from governance.mail import Letter, is_mail_offered
from governance.models import SignInLink
from governance.networks import network_of
from governance.readers import following, links, sessions
from models_registry.following import subject_named


@never_cache
def join(request: HttpRequest) -> HttpResponse:
    """Show the ways in; a posted e-mail address is sent a link. The answer is the same for everybody."""
    target = safe_target(request, request.POST.get("next") or request.GET.get("next", ""))
    if request.method != "POST":
        if viewer(request) or sessions.current(request) is not None:
            return HttpResponseRedirect(target or reverse("site:reader_settings"))
        return _join_page(request, target)
    email = request.POST.get("email", "")

    def write(to: str, token: str, language: str) -> Letter:
        return said.link_letter(SignInLink.JOIN, to, token, language, target)

    now = clock.now()
    try:
        asked = links.ask_to_join(email, get_language() or "", network_of(request, now), write, now)
    except Refusal as refusal:
        return later(_join_page(request, target, refusal, email=email), refusal)
    return render(request, "pages/join_sent.html", sent(asked, target))


@never_cache
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button; pressing it uses the link up. Opening the page does not: mail scanners open every link."""
    target = safe_target(request, request.POST.get("next") or request.GET.get("next", ""))
    now = clock.now()
    try:
        link = links.look(token, now)
        if request.method != "POST":
            mine = sessions.current(request)
            context = {
                "link": link,
                "next": target,
                "adds": link.purpose == SignInLink.ADD,
                "mine": mine is not None and mine.pk == link.reader_id,
                "other": mine is not None and link.purpose == SignInLink.JOIN and mine.email != link.email,
            }
            return render(request, "pages/join_confirm.html", context)
        if link.purpose == SignInLink.ADD:
            reader = links.use_to_add(token, sessions.current(request), now)
            messages.success(request, _("This e-mail address is yours now."))
            target = reverse("site:reader_settings")
        else:
            reader = links.use_to_join(token, now)
            messages.success(request, _("You are signed in."))
    except NotFound as refusal:
        return _join_page(request, target, refusal)
    sessions.open_session(request, reader)
    return HttpResponseRedirect(target or reverse("site:reader_settings"))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session: of the reader, and of the wallet if one is signed in too."""
    sessions.close_session(request)
    return redirect("site:home")


@require_POST
def follow(request: HttpRequest) -> HttpResponse:
    """Follow something, or no longer; back to the page, or the button alone for htmx."""
    kind, name = request.POST.get("kind", ""), request.POST.get("name", "")
    target = safe_target(request, request.POST.get("next", ""))
    if not viewer(request) and sessions.current(request) is None:
        return HttpResponseRedirect(reverse("site:join", query={"next": target or "/"}))
    now = clock.now()
    reader = sessions.needed(request, get_language() or "", now)
    change = following.follow if request.POST.get("follow", "1") == "1" else following.unfollow
    change(reader, subject_named(kind, name), now)
    if getattr(request, "htmx", False):
        context = {"follow_kind": kind, "follow_name": name, "follow_next": target, "changed": True}
        return render(request, "parts/follow.html", context)
    return HttpResponseRedirect(target or reverse("site:reader_settings"))


def safe_target(request: HttpRequest, target: str) -> str:
    """Return where to go on to if it is on this site, or nothing: an open redirect would lend our name to others."""
    usable = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if usable else ""


def sent(asked: links.Asked, target: str = "") -> dict[str, Any]:
    """Return what the page says after a letter has gone out. The link itself is shown in the demo alone."""
    shown = said.link_address(asked.token, target) if settings.DEMO and asked.token else ""
    return {
        "email": asked.email,
        "minutes": settings.SIGN_IN_LINK_SECONDS // 60,
        "most": settings.SIGN_IN_LINKS_PER_EMAIL,
        "demo_link": shown.removeprefix(settings.ORIGIN),
        "demo_folder": settings.EMAIL_FILE_PATH if settings.DEMO else "",
    }


def _join_page(request: HttpRequest, target: str, refusal: Refusal | None = None, email: str = "") -> HttpResponse:
    context: dict[str, Any] = {
        "next": target,
        "email": email[:300],
        "mail": is_mail_offered(),
        "passkeys": passkey_ways.offered(request),
        "minutes": settings.SIGN_IN_LINK_SECONDS // 60,
    }
    if refusal is None:
        return render(request, "pages/join.html", context)
    context |= {"refusal": forms.sentence(refusal), "about": refusal.field}
    return render(request, "pages/join.html", context, status=refusal.status)
