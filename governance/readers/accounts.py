"""Readers come, say which language they read letters in, and go with everything that is kept about them."""

import secrets
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q

from governance.deliberation.erasing import wipe
from governance.errors import Conflict, Invalid
from governance.models import Comment, Reader, SignInLink

_HANDLE_BYTES = 32
_STAMP_BYTES = 16
# What is a secret, or says nothing about the reader.
_NOT_SHOWN = frozenset({"id", "reader", "stamp", "digest", "public_key", "handle"})


def new_handle() -> str:
    """Return a name for a reader that says nothing about them: 32 random bytes as hex."""
    return secrets.token_hex(_HANDLE_BYTES)


def new_stamp() -> str:
    """Return what the sessions of a reader must know from now on."""
    return secrets.token_hex(_STAMP_BYTES)


def create(language: str, now: datetime, *, email: str | None = None, handle: str = "") -> Reader:
    """Make a reader; `email` is one that was just confirmed."""
    return Reader.objects.create(
        handle=handle or new_handle(),
        stamp=new_stamp(),
        email=email,
        email_confirmed_at=now if email else None,
        language=known_language(language),
        created_at=now,
        seen_at=now,
    )


def reader_of_address(address: str, language: str, now: datetime) -> Reader:
    """Return the reader of an address that has signed in with its wallet; make one on first need."""
    found, _made = Reader.objects.get_or_create(
        address=address,
        defaults={
            "handle": new_handle(),
            "stamp": new_stamp(),
            "language": known_language(language),
            "created_at": now,
            "seen_at": now,
        },
    )
    return found


def known_language(language: str) -> str:
    """Return a language that letters are written in: this one, or the site's."""
    return language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def seen(reader: Reader, now: datetime) -> None:
    """Note that the reader was here."""
    Reader.objects.filter(pk=reader.pk, seen_at__lt=now).update(seen_at=now)


def choose_language(reader: Reader, language: str, now: datetime) -> None:
    """Write letters in this language from now on."""
    if language not in dict(settings.LANGUAGES):
        raise Invalid("unknown_letter_language", "letters are not written in this language", field="language")
    Reader.objects.filter(pk=reader.pk).update(language=language, seen_at=now)


def remove_email(reader: Reader, now: datetime) -> None:
    """Forget the e-mail address; refuse where it is the only way back in."""
    with transaction.atomic():
        row = locked(reader)
        require_another_way(row, without_email=True)
        SignInLink.objects.filter(email=row.email).delete()
        Reader.objects.filter(pk=row.pk).update(email=None, email_confirmed_at=None, stamp=new_stamp(), seen_at=now)


def require_another_way(reader: Reader, *, without_email: bool = False, without_passkey: int = 0) -> None:
    """Raise Conflict where nothing would be left to sign in by: a wallet, an e-mail address or a passkey."""
    passkeys = reader.passkeys.exclude(pk=without_passkey).exists()
    if not (reader.address or passkeys or (reader.email and not without_email)):
        raise Conflict(
            "last_way_in", "this is the only way to sign in that is left; add another one, or delete the account"
        )


def erase(reader: Reader, now: datetime) -> None:
    """Delete a reader with everything that is kept about them, and what they said. The log never held any of it."""
    with transaction.atomic():
        wipe(Comment.objects.filter(reader=reader), now)
        if reader.email:
            SignInLink.objects.filter(email=reader.email).delete()
        Reader.objects.filter(pk=reader.pk).delete()


def kept_about(reader: Reader) -> dict[str, Any]:
    """Return all that is kept about a reader, table by table, also what other parts of the site keep; no secrets."""
    tables = {relation.related_model._meta.model_name: relation for relation in reader._meta.related_objects}  # noqa: SLF001 - Django's documented interface
    kept: dict[str, Any] = {"reader": _row(reader)}
    for name, relation in sorted(tables.items()):
        rows = relation.related_model._base_manager.filter(**{relation.field.name: reader}).order_by("pk")  # noqa: SLF001
        kept[name] = [_row(row) for row in rows]
    links = SignInLink.objects.filter(Q(reader=reader) | Q(email=reader.email or "")).order_by("asked_at")
    kept["signinlink"] = [_row(link) for link in links]
    return kept


def locked(reader: Reader) -> Reader:
    """Return the row as it stands, held until the end of the transaction."""
    return Reader.objects.select_for_update().get(pk=reader.pk)


def _row(row: models.Model) -> dict[str, Any]:
    return {
        field.name: (str(value) if (value := getattr(row, field.name)) is not None else None)
        if field.is_relation
        else getattr(row, field.name)
        for field in row._meta.concrete_fields  # noqa: SLF001
        if field.name not in _NOT_SHOWN
    }
