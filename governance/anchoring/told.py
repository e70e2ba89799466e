"""How far what is anchored is, for pages and the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import F

from governance.models import Anchor, Community

PER_PAGE: Final = 100


@dataclass(frozen=True)
class AnchorsPage:
    """One page of what a community has written down, newest first; what is on its way stands first."""

    rows: Sequence[Anchor]
    number: int
    pages: int
    total: int


def told_of(record_id: str | None) -> Anchor | None:
    """Return how a record's digest is anchored, or on its way to be; nothing where it is neither."""
    return Anchor.objects.filter(record=record_id).first() if record_id else None


def page_of(community: Community, number: int) -> AnchorsPage:
    """Return one page; the last one for a number beyond it."""
    rows = Anchor.objects.filter(community=community).order_by(F("posted_at").desc(nulls_first=True), "-pk")
    total = rows.count()
    pages = max(1, -(-total // PER_PAGE))
    number = min(max(number, 1), pages)
    start = (number - 1) * PER_PAGE
    return AnchorsPage(list(rows[start : start + PER_PAGE]), number, pages, total)
