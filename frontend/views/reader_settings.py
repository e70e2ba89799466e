"""Answers: what am I told, how do I sign in, what do I follow, what is kept about me. Each form does one thing."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from frontend import forms
from frontend.views import inbox, passkey_ways
from frontend.views.asked import viewer
from frontend.views.errors import later
from frontend.views.readers import sent
from frontend.words import readers as said
from governance import clock
from governance.errors import Refusal
from governance.mail import Letter, is_mail_offered
from governance.models import Reader, SignInLink
from governance.networks import network_of
from governance.readers import accounts, following, linking, links, passkeys, sessions

NUMBER_DIGITS_MAX = 15


@never_cache
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show everything that a reader can set."""
    if not viewer(request) and sessions.current(request) is None:
        return HttpResponseRedirect(reverse("site:join", query={"next": request.path}))
    return _page(request, _me(request))


@require_POST
def add_email(request: HttpRequest) -> HttpResponse:
    """Send a link to an address that is to be the reader's."""
    reader, now = _me(request), clock.now()

    def write(to: str, token: str, language: str) -> Letter:
        return said.link_letter(SignInLink.ADD, to, token, language)

    email = request.POST.get("email", "")
    try:
        asked = links.ask_to_add(reader, email, network_of(request, now), write, now)
    except Refusal as refusal:
        return later(_page(request, reader, refusal, email), refusal)
    return render(request, "pages/join_sent.html", {**sent(asked), "adds": True})


@require_POST
def remove_email(request: HttpRequest) -> HttpResponse:
    """Forget the e-mail address, and end the sessions elsewhere."""
    reader = _me(request)
    accounts.remove_email(reader, clock.now())
    return _again(request, reader, _("The e-mail address is forgotten. Other browsers are signed out."))


@require_POST
def passkey(request: HttpRequest) -> HttpResponse:
    """Rename a passkey, or remove it."""
    reader, number = _me(request), _number(request, "passkey")
    if "remove" in request.POST:
        passkeys.remove(reader, number, clock.now())
        return _again(request, reader, _("The passkey is removed. Other browsers are signed out."))
    passkeys.rename(reader, number, request.POST.get("name", ""))
    return _back(request, _("The passkey has its new name."))


@require_POST
def unfollow(request: HttpRequest) -> HttpResponse:
    """Follow something no longer."""
    following.unfollow_row(_me(request), _number(request, "follow"), clock.now())
    return _back(request, _("You do not follow this any more."))


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Choose the language of letters."""
    accounts.choose_language(_me(request), request.POST.get("letters", ""), clock.now())
    return _back(request, _("Letters come in this language from now on."))


@require_POST
def link(request: HttpRequest) -> HttpResponse:
    """Make one of the reader and the wallet that are signed in side by side: only on this word."""
    wallet = sessions.waiting_wallet(request)
    reader = sessions.signed_in_reader(request)
    if not wallet or reader is None:
        return redirect("site:reader_settings")
    kept = linking.link(reader, wallet, clock.now(), keep_email=request.POST.get("keep", ""))
    return _again(request, kept, _("Your account and your wallet are one now."))


@never_cache
def download(request: HttpRequest) -> HttpResponse:
    """Hand out everything that is kept about the reader."""
    answer = JsonResponse(accounts.kept_about(_me(request)), json_dumps_params={"indent": 2, "ensure_ascii": False})
    answer["Content-Disposition"] = 'attachment; filename="commonweights-about-me.json"'
    return answer


def delete(request: HttpRequest) -> HttpResponse:
    """Say what deleting means; a press deletes the reader and everything about them, and signs out."""
    reader = _me(request)
    if request.method != "POST":
        return render(request, "pages/reader_delete.html", {"me": reader, "follows": len(following.followed(reader))})
    accounts.erase(reader, clock.now())
    sessions.close_session(request)
    messages.success(request, _("Your account and everything that was kept about it are deleted."))
    return redirect("site:home")


def _page(request: HttpRequest, reader: Reader, refusal: Refusal | None = None, email: str = "") -> HttpResponse:
    wallet = sessions.waiting_wallet(request)
    context: dict[str, Any] = {
        "me": reader,
        "follows": following.followed(reader),
        "passkey_list": list(reader.passkeys.all()),
        "passkeys": passkey_ways.offered(request),
        "mail": is_mail_offered(),
        "email": email[:300],
        "waiting_wallet": wallet,
        "wallet_email": linking.email_of(wallet) if wallet and reader.email else "",
        "letter_languages": settings.LANGUAGES,
        "told": inbox.matrix(reader),
    }
    if refusal is None:
        return render(request, "pages/reader_settings.html", context)
    context |= {"refusal": forms.sentence(refusal), "about": refusal.field}
    return render(request, "pages/reader_settings.html", context, status=refusal.status)


def _me(request: HttpRequest) -> Reader:
    return sessions.needed(request, get_language() or "", clock.now())


def _number(request: HttpRequest, name: str) -> int:
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS_MAX else 0


def _again(request: HttpRequest, reader: Reader, word: str) -> HttpResponse:
    """Go on in this browser after every session was ended."""
    reader.refresh_from_db()
    sessions.open_session(request, reader)
    return _back(request, word)


def _back(request: HttpRequest, word: str) -> HttpResponse:
    messages.success(request, word)
    return redirect("site:reader_settings")
