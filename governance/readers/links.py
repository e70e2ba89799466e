"""Links that sign in by e-mail: asked for, looked at, used once.

The token is 32 random bytes and stands in the letter alone; its SHA-256 is kept. Looking uses nothing up, because mail
scanners open every link: using is an act of its own. An answer never says whether somebody has an account.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from governance.errors import Conflict, Forbidden, Invalid, NotFound, TooMany, Unavailable
from governance.mail import Letter, MailError, is_mail_offered, send
from governance.models import Reader, SignInLink
from governance.readers import accounts, emails, linking

_TOKEN_BYTES = 32
_HOUR = timedelta(hours=1)

# Writes the letter: for an address, with a token, in a language.
Write = Callable[[str, str, str], Letter]


@dataclass(frozen=True)
class Asked:
    """What became of asking: the address as it is kept, and the token (for the demo alone); empty if none was sent."""

    email: str
    token: str


def ask_to_join(email: str, language: str, network: str, write: Write, now: datetime) -> Asked:
    """Send a link that signs in whoever reads this mailbox; the same for everybody, whether they have been here or not.

    Raises Invalid for an address that is none or that the mail server refuses, TooMany for a network that asked too
    often, Unavailable when no letter goes out now. More than a few links an hour for one address are not sent, without
    a word: the letters that were sent are good, and nobody learns who asked for them.
    """
    return _ask(SignInLink.JOIN, emails.normal(email), None, language, network, write, now)


def ask_to_add(reader: Reader, email: str, network: str, write: Write, now: datetime) -> Asked:
    """Send a link that adds an address to this reader; whether somebody else has it is told to its mailbox alone."""
    return _ask(SignInLink.ADD, emails.normal(email), reader, reader.language, network, write, now)


def look(token: str, now: datetime) -> SignInLink:
    """Return a link that is still good; raise NotFound for any other. Nothing is used up."""
    link = SignInLink.objects.select_related("reader").filter(digest=_digest(token), **_good(now)).first()
    if link is None:
        raise _gone()
    return link


def use_to_join(token: str, now: datetime) -> Reader:
    """Use a link up, and return the reader of its address: the one there is, or a new one."""
    with transaction.atomic():
        link = _use(token, SignInLink.JOIN, now)
        reader = Reader.objects.filter(email=link.email).first()
        if reader is None:
            reader = accounts.create(link.language, now, email=link.email)
        accounts.seen(reader, now)
    return reader


def use_to_add(token: str, reader: Reader | None, now: datetime) -> Reader:
    """Use a link up that adds an address; only for the reader who asked, in a session of theirs.

    An attacker who asks to add somebody's address gets nothing by making them open the link: it works in the attacker's
    session alone, and only the mailbox knows it. Where the address has a reader already, both are proven to be one
    person, and become one (`linking.merge`).
    """
    link = look(token, now)
    if reader is None or link.reader_id != reader.pk:
        raise Forbidden(
            "other_readers_link", "open this link in the browser where you asked for it, while signed in there"
        )
    with transaction.atomic():
        _use(token, SignInLink.ADD, now)
        mine = accounts.locked(reader)
        theirs = Reader.objects.select_for_update().filter(email=link.email).exclude(pk=mine.pk).first()
        if theirs is not None:
            if theirs.address and mine.address:
                raise Conflict("email_of_other_wallet", "this e-mail address belongs to an account of another wallet")
            pair = (theirs, mine) if theirs.address else (mine, theirs)
            mine = linking.merge(*pair, now)
        old = mine.email
        if old and old != link.email:
            # Neither links to the address that is given up, nor who came by one, may stay in this account.
            SignInLink.objects.filter(email=old).delete()
            mine.stamp = accounts.new_stamp()
        mine.email, mine.email_confirmed_at, mine.seen_at = link.email, now, now
        mine.save(update_fields=["email", "email_confirmed_at", "stamp", "seen_at"])
    return mine


def _ask(
    purpose: str, email: str, reader: Reader | None, language: str, network: str, write: Write, now: datetime
) -> Asked:
    if not is_mail_offered():
        raise Unavailable("mail_not_offered", "this site sends no e-mail; use a passkey")
    recent = SignInLink.objects.filter(asked_at__gt=now - _HOUR)
    if recent.filter(network=network).count() >= settings.SIGN_IN_LINKS_PER_NETWORK:
        raise TooMany(
            "too_many_links",
            "too many links were asked for from your network",
            retry_after_seconds=int(_HOUR.total_seconds()),
            allowed=settings.SIGN_IN_LINKS_PER_NETWORK,
        )
    if recent.filter(email=email).count() >= settings.SIGN_IN_LINKS_PER_EMAIL:
        return Asked(email, "")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    link = SignInLink.objects.create(
        digest=_digest(token),
        purpose=purpose,
        email=email,
        reader=reader,
        language=accounts.known_language(language),
        network=network,
        asked_at=now,
    )
    try:
        send(write(email, token, link.language))
    except MailError as error:
        link.delete()  # what was not sent does not count
        if error.permanent:
            raise Invalid(
                "mail_refused", "the mail server does not take letters to this address", field="email"
            ) from error
        raise Unavailable("mail_unavailable", "no letter can be sent at the moment; try again later") from error
    return Asked(email, token)


def _use(token: str, purpose: str, now: datetime) -> SignInLink:
    """Mark a link as used. Whoever changes the row has used it: of two that come at once, one."""
    changed = SignInLink.objects.filter(digest=_digest(token), purpose=purpose, **_good(now)).update(used_at=now)
    if not changed:
        raise _gone()
    return SignInLink.objects.get(digest=_digest(token))


def _good(now: datetime) -> dict[str, object]:
    return {"used_at__isnull": True, "asked_at__gt": now - timedelta(seconds=settings.SIGN_IN_LINK_SECONDS)}


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _gone() -> NotFound:
    return NotFound("link_gone", "this link has been used, has expired, or was never sent")
