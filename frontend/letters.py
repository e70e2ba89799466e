"""Letters to readers: what happened in one sentence, one thing to do, why they get it, and how to end it.

`deliver` works one errand off. The words are those of `frontend/news.py`, in the reader's language. Each letter can be
ended by one click, from the mail program too (RFC 8058), without signing in.
"""

import logging
import smtplib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from frontend import news, words
from frontend.words import readers as said_to_readers
from governance import clock, mail
from governance.models import Notification
from governance.models.readers import Reader
from governance.notifications import letters, telling, tokens
from governance.notifications.letters import Claim
from governance.readers import passkeys

logger = logging.getLogger(__name__)


def deliver(errand_id: int) -> None:
    """Work on one letter if it is due and free. Safe to call twice, at once, or for nothing.

    1. Claim it.  2. See what there is to say still, and say it in the reader's language.  3. Write down that the mail
    server is spoken to.  4. Send.  5. Write what came of it. A worker that dies between 4 and 5 leaves a letter that
    may have gone out: it is sent once more, under the same Message-ID, and then never again.
    """
    claim = letters.claim(errand_id, clock.now())  # 1
    if claim is None:
        return
    is_notice = claim.errand.channel == letters.SECURITY
    said = [] if is_notice else letters.lines(claim, clock.now())  # 2
    if not said and not (is_notice and claim.reader.email):
        letters.dropped(claim, clock.now())
        return
    letter = notice(claim) if is_notice else compose(claim, said)
    if not letters.hand_over(claim, clock.now()):  # 3
        return
    try:
        mail.send(letter)  # 4
    except mail.MailError as error:
        logger.warning("letter %s, attempt %s: %s", errand_id, claim.attempt, error.code)
        # Only a refusal of the address itself counts against it; a refused letter says nothing about it.
        bounced = error.permanent and isinstance(error.__cause__, smtplib.SMTPRecipientsRefused)
        letters.failed(claim, error.code, error.detail, clock.now(), permanent=error.permanent, bounced=bounced)  # 5
        return
    letters.sent(claim, said, clock.now())


def compose(claim: Claim, said: Sequence[Notification]) -> mail.Letter:
    """Return the letter of an errand, in its reader's language."""
    errand, reader = claim.errand, claim.reader
    offered = dict(settings.LANGUAGES)
    with translation.override(reader.language if reader.language in offered else settings.LANGUAGE_CODE):
        lines = [news.told(each) for each in telling.of_announcements(line.announcement for line in said)]
        single = errand.announcement_id is not None
        scope = errand.announcement.topic if errand.announcement is not None else errand.channel
        values: dict[str, Any] = {
            "lines": lines,
            "line": lines[0],
            "language": translation.get_language(),
            "origin": settings.ORIGIN,
            "site": urlsplit(settings.ORIGIN).hostname,
            "topic": words.word("news_topic", scope).label if single else "",
            "unsubscribe": address_of(reader, scope),
            "stop_all": address_of(reader, "all"),
            "inbox": settings.ORIGIN + reverse("site:inbox"),
            "settings": f"{settings.ORIGIN}{reverse('site:reader_settings')}#told",
        }
        name = "single" if single else "digest"
        return mail.Letter(
            to=reader.email or "",
            subject=lines[0].subject if single else _subject(errand.channel, len(lines)),
            text=render_to_string(f"letters/{name}.txt", values),
            html=render_to_string(f"letters/{name}.html", values),
            headers={
                "Message-ID": f"<letter-{errand.pk}@{values['site']}>",
                "List-Unsubscribe": f"<{values['unsubscribe']}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                # No machine is to answer this (RFC 3834).
                "Auto-Submitted": "auto-generated",
            },
        )


def notice(claim: Claim) -> mail.Letter:
    """Return the letter that tells of a new passkey: what happened, and what to do if it was somebody else.

    The passkey may be gone again by now; what was done is told all the same. Nobody unsubscribes from these.
    """
    errand, reader = claim.errand, claim.reader
    number = errand.key.removeprefix(f"{letters.SECURITY}:{passkeys.PASSKEY_ADDED}")
    passkey = reader.passkeys.filter(pk=int(number)).first()
    written = said_to_readers.passkey_letter(reader.email or "", reader.language, passkey)
    site = urlsplit(settings.ORIGIN).hostname
    return replace(written, headers={**written.headers, "Message-ID": f"<letter-{errand.pk}@{site}>"})


def address_of(reader: Reader, scope: str) -> str:
    """Return the address at which the letters of a scope are ended."""
    return settings.ORIGIN + reverse("site:unsubscribe", args=[tokens.token_for(reader, scope)])


def _subject(channel: str, count: int) -> str:
    counted = ngettext("%(count)s thing happened", "%(count)s things happened", count) % {"count": count}
    return (_("This week: %(what)s") if channel == "weekly" else _("Today: %(what)s")) % {"what": counted}
