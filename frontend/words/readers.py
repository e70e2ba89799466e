"""What people who follow without a wallet are told: letters with links, and what is said where there is no template."""

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from frontend.templatetags.commonweights import moment_text
from governance.mail import Letter
from governance.models import Passkey, SignInLink

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
    "unknown_seat",
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


def passkey_letter(email: str, language: str, passkey: Passkey | None) -> Letter:
    """Return the letter that tells of a new passkey, in a language; `passkey` is None where it is gone again."""
    offered = dict(settings.LANGUAGES)
    with translation.override(language if language in offered else settings.LANGUAGE_CODE):
        happened = _("A passkey was added to your account on %(site)s.") % {"site": settings.ORIGIN}
        if passkey is not None:
            named = _("It is called “%(name)s” and was added on %(moment)s.")
            happened += " " + named % {"name": passkey.name, "moment": moment_text(passkey.made_at)}
        else:
            happened += " " + _("It has been removed again since.")
        parts = (
            happened,
            _("If that was you, there is nothing to do."),
            _(
                "If it was not you, somebody else was signed in as you. Open your settings and remove this passkey: "
                "that signs all other browsers out. Then look whether anybody else can read your e-mail."
            ),
            f"{settings.ORIGIN}{reverse('site:reader_settings')}#passkeys",
            _("This account cannot vote: nobody can vote for you with a passkey."),
        )
        return Letter(
            to=email,
            subject=_("A passkey was added to your account"),
            text="\n\n".join(map(str, parts)) + "\n",
            headers={"Auto-Submitted": "auto-generated"},
        )
