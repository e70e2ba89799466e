"""Letters by e-mail: the one place that sends them. What they say is for their authors to write; no queue is kept here.

`config/settings.py` chooses the way out (COMMONWEIGHTS_MAIL_URL). A failure says whether trying again can help, by the
first digit of what the mail server answered (RFC 5321, section 4.2.1), and never repeats the address in its code.
"""

import smtplib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.message import BadHeaderError

_PERMANENT = 500


class MailError(Exception):
    """A letter that was not sent. `code` is stable; `permanent` says that sending this letter again cannot help."""

    def __init__(self, code: str, detail: str, *, permanent: bool) -> None:
        """Keep what a queue needs to decide."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.permanent = permanent


@dataclass(frozen=True)
class Letter:
    """A letter to one address, as plain text, and as HTML where somebody wrote it. `headers` are more of RFC 5322's."""

    to: str
    subject: str
    text: str
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def is_mail_offered() -> bool:
    """Say whether this site can send letters at all."""
    return bool(settings.MAIL_OFFERED)


def send(message: Letter) -> None:
    """Hand one letter to the mail server, which has taken it when this returns; raise MailError.

    Codes: `mail_not_offered`, `mail_malformed` (a line break in a header, an address that is none), `mail_refused` (the
    server answered 5xx) are permanent; `mail_sign_in_refused`,
    `mail_sender_refused`, `mail_deferred` (4xx) and `mail_unreachable` are passing.
    A letter may arrive twice where the connection ends after the server has taken it.
    """
    if not is_mail_offered():
        raise MailError("mail_not_offered", "this site sends no e-mail", permanent=True)
    try:
        _send(message)
    except (BadHeaderError, UnicodeError, ValueError) as error:
        raise MailError("mail_malformed", str(error), permanent=True) from error
    except smtplib.SMTPRecipientsRefused as error:
        status, answer = next(iter(error.recipients.values()), (0, b""))
        raise _answered(status, answer) from error
    except smtplib.SMTPAuthenticationError as error:
        # The operator's password, not this letter: it can be sent once that is put right.
        raise MailError("mail_sign_in_refused", _words(error.smtp_error), permanent=False) from error
    except smtplib.SMTPSenderRefused as error:
        raise MailError("mail_sender_refused", _words(error.smtp_error), permanent=False) from error
    except (smtplib.SMTPConnectError, smtplib.SMTPHeloError) as error:
        raise MailError("mail_unreachable", _words(error.smtp_error), permanent=False) from error
    except smtplib.SMTPResponseException as error:
        raise _answered(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailError("mail_unreachable", type(error).__name__, permanent=False) from error


def _send(message: Letter) -> None:
    connection = get_connection()
    letter = EmailMultiAlternatives(
        message.subject,
        message.text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[message.to],
        headers=dict(message.headers),
        connection=connection,
    )
    if message.html:
        letter.attach_alternative(message.html, "text/html")
    try:
        taken = letter.send()
    finally:
        # Where TLS or signing in is refused, Django leaves the connection open.
        with suppress(smtplib.SMTPException, OSError):
            connection.close()
    if not taken:  # Django leaves a letter to nobody out without a word
        raise MailError("mail_malformed", "the letter is to nobody", permanent=True)


def _answered(status: int, answer: bytes | str) -> MailError:
    """Turn a refusal of the mail server into an error; what has no status at all may pass."""
    if status >= _PERMANENT:
        return MailError("mail_refused", _words(answer), permanent=True)
    return MailError("mail_deferred", _words(answer), permanent=False)


def _words(answer: bytes | str) -> str:
    """Return an answer of a mail server as one short line."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:200]
