"""What people who follow without a wallet are told: letters with links, and what is said where there is no template."""

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from governance.mail import Letter
from governance.models import SignInLink

# What goes wrong with a passkey is said by the script, from these.
PASSKEY_REFUSALS = (
    "challenge_gone",
    "passkey_rejected",
    "unknown_passkey",
    "passkey_known",
    "passkey_name",
    "too_many_passkeys",
    "too_many_challenges",
    "passkeys_not_offered",
    "no_reader",
)


def link_address(token: str, target: str = "") -> str:
    """Return the whole address of a link, by the site's own name and never by what a request said."""
    where = reverse("site:join_confirm", args=[token])
    return f"{settings.ORIGIN}{where}" + (f"?{urlencode({'next': target})}" if target else "")


def link_letter(purpose: str, email: str, token: str, language: str, target: str = "") -> Letter:
    """Return the letter with a link, in a language. It names the site, because anybody can have it sent to anybody."""
    with translation.override(language):
        minutes = settings.SIGN_IN_LINK_SECONDS // 60
        if purpose == SignInLink.ADD:
            subject = _("Confirm your e-mail address for Commonweights")
            begin = _("Somebody who follows communities on %(site)s says that this e-mail address is theirs.")
            then = _("If that was you, open this link in the browser where you asked, and press the button there:")
        else:
            subject = _("Your link to sign in to Commonweights")
            begin = _("Somebody, probably you, wants to follow communities on %(site)s with this e-mail address.")
            then = _("Open this link and press the button there:")
        good = ngettext(
            "The link is good once, for %(minutes)s minute.",
            "The link is good once, for %(minutes)s minutes.",
            minutes,
        )
        else_ = _("If it was not you, do nothing: without this link nobody comes in, and nothing is kept of it.")
        parts = (
            begin % {"site": settings.ORIGIN},
            then,
            link_address(token, target),
            good % {"minutes": minutes},
            else_,
        )
        return Letter(
            to=email, subject=subject, text="\n\n".join(parts) + "\n", headers={"Auto-Submitted": "auto-generated"}
        )
