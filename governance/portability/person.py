"""What is kept about one person: given to them as JSON, and erased where it is private.

`settings.PERSONAL` lists who keeps something. The log and the records keep what somebody has signed or done in public;
nobody can take that back without breaking the proofs of everybody else, so the answer names what stays, and why.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.db import models, transaction
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from governance import eip712
from governance.eip712 import Eip712Error
from governance.models import Reader
from governance.portability.values import encode, time_text
from governance.readers import emails

VERSION = 1


@dataclass(frozen=True)
class Person:
    """Somebody by address, e-mail address, or both, where a reader of this site has said that both are theirs."""

    address: str
    email: str
    reader: Reader | None


@dataclass(frozen=True)
class Stays:
    """What stays of somebody: rows of one table, where others see them (empty: nowhere), and why it stays."""

    what: str
    rows: "QuerySet[Any]"
    where: str
    why: str


class Holder(Protocol):
    """Keeps something about people. Its class name is the name of the part in the answer."""

    def held(self, person: Person) -> dict[str, Any]:
        """Return what is private, as JSON, without secrets."""
        ...

    def erase(self, person: Person, now: datetime) -> dict[str, int]:
        """Erase it; return how many rows of what. Within a transaction; safe to repeat."""
        ...

    def stays(self, person: Person) -> list[Stays]:
        """Return what stays."""
        ...


def find(text: str) -> Person:
    """Return whom an address (0x…) or an e-mail address names; raise Invalid for what is neither."""
    try:
        address, email = eip712.parse_address(text.strip()), ""
    except Eip712Error:
        address, email = "", emails.normal(text)
    rows = Reader.objects.filter(address=address) if address else Reader.objects.filter(email=email)
    reader = rows.first()
    if reader is None:
        return Person(address, email, None)
    return Person(address or reader.address or "", email or reader.email or "", reader)


def signed_in(wallet: str, reader: Reader | None) -> Person:
    """Return who asks in a browser: a wallet (or none), and the reader beside it (or none).

    They are one person only where the reader is linked to this very wallet. A reader alone reaches nothing that the
    wallet signed for: whoever can read somebody's letters must not erase what a member keeps.
    """
    if reader is None:
        return Person(wallet, "", None)
    return Person(wallet if reader.address == wallet else "", reader.email or "", reader)


def export_person(person: Person, now: datetime) -> dict[str, Any]:
    """Return everything that is stored about somebody: what is private, and what stays public, with where and why."""
    return {
        "version": VERSION,
        "address": person.address,
        "email": person.email,
        "made_at": time_text(now),
        "private": {_name(holder): holder.held(person) for holder in _holders()},
        "stays": [
            {"what": each.what, "where": each.where, "why": each.why, "rows": [shown(row) for row in each.rows]}
            for holder in _holders()
            for each in holder.stays(person)
            if each.rows.exists()
        ],
    }


def erase_person(person: Person, now: datetime) -> dict[str, Any]:
    """Erase what is private to somebody, all of it or nothing; return what went, and what stays with the reason."""
    with transaction.atomic():
        erased = {_name(holder): holder.erase(person, now) for holder in _holders()}
        stays = staying(person)
    return {
        "version": VERSION,
        "erased": erased,
        "stays": stays,
        "elsewhere": "backups, mirrors, exports and copies that others made are not reached from here; nor are texts "
        "that others wrote or voted on, such as charters and lists of candidates",
    }


def staying(person: Person) -> list[dict[str, Any]]:
    """Return what stays of somebody, as it is today: what, where others see it, why, and how many rows."""
    counted = [
        {"what": each.what, "where": each.where, "why": each.why, "rows": each.rows.count()}
        for holder in _holders()
        for each in holder.stays(person)
    ]
    return [each for each in counted if each["rows"]]


def shown(row: models.Model, *hidden: str) -> dict[str, Any]:
    """Return a row as JSON: all columns but the named ones, and references as text."""
    found: dict[str, Any] = {}
    for column in row._meta.concrete_fields:  # noqa: SLF001 - Django's documented interface
        if column.name in hidden:
            continue
        value = getattr(row, column.name)
        found[column.name] = (None if value is None else str(value)) if column.is_relation else encode(column, value)
    return found


def _holders() -> list[Holder]:
    return [import_string(path)() for path in settings.PERSONAL]


def _name(holder: Holder) -> str:
    return type(holder).__name__
