"""The inbox of a reader: what they were told, unread first; reading, and forgetting in time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, QuerySet

from governance.models import Announcement, LetterErrand, Notification
from governance.models.readers import Reader
from governance.notifications.topics import BY_KEY

PER_PAGE = 40
# The bell says "99+" beyond this; counting further would cost more than it tells.
COUNTED_MAX = 100
FORGOTTEN_AT_ONCE = 2_000
UNREAD_DAYS = 365
LETTERS_DAYS = 30


@dataclass(frozen=True)
class Wanted:
    """What of the inbox is shown: only unread lines, of one topic, of one community (its slug)."""

    unread: bool = False
    topic: str = ""
    community: str = ""


@dataclass(frozen=True)
class Page:
    """One page of an inbox. `unread` counts all unread lines, `total` those that were asked for."""

    lines: tuple[Notification, ...]
    number: int
    pages: int
    total: int
    unread: int


def page(reader: Reader, wanted: Wanted, number: int) -> Page:
    """Return one page: what is unread first, the newest first."""
    found = _wanted(reader, wanted)
    total = found.count()
    pages = max(1, -(-total // PER_PAGE))
    number = min(max(number, 1), pages)
    found = found.select_related("announcement__community", "announcement__proposal__community")
    start = (number - 1) * PER_PAGE
    ordered = found.order_by(F("read_at").asc(nulls_first=True), "-at", "-pk")
    if not wanted.unread:
        # Only whether it was read matters for the order, not when.
        ordered = found.alias(is_read=Exists(Notification.objects.filter(pk=OuterRef("pk"), read_at__isnull=False)))
        ordered = ordered.order_by("is_read", "-at", "-pk")
    return Page(tuple(ordered[start : start + PER_PAGE]), number, pages, total, unread_count(reader))


def unread_count(reader: Reader) -> int:
    """Return how many lines are unread, up to COUNTED_MAX."""
    return reader.notifications.unread()[:COUNTED_MAX].count()


def read(reader: Reader, number: int, now: datetime) -> Notification | None:
    """Mark one line read; return it, or None where the reader has no such line. Others' lines are never found."""
    mine = reader.notifications.filter(pk=number)
    mine.unread().update(read_at=now)
    return mine.select_related("announcement__community", "announcement__proposal__community").first()


def read_all(reader: Reader, wanted: Wanted, now: datetime, *, newest: int) -> int:
    """Mark read what the reader has seen listed: nothing newer than the line with the number `newest`."""
    seen = _wanted(reader, wanted).filter(pk__lte=newest)
    return Notification.objects.filter(pk__in=seen.unread().values("pk")).update(read_at=now)


def _wanted(reader: Reader, wanted: Wanted) -> QuerySet[Notification]:
    found: QuerySet[Notification] = reader.notifications.all()
    if wanted.unread:
        found = found.filter(read_at__isnull=True)
    if wanted.topic in BY_KEY:
        found = found.filter(announcement__topic=wanted.topic)
    if wanted.community:
        found = found.filter(announcement__community__slug=wanted.community)
    return found


def forget(now: datetime, read_days: int) -> int:
    """Delete what nobody needs any more, so much at once; return how much.

    Lines that were read so many days ago, unread ones after a year, letters that are over, and announcements that no
    line is left of. Before that an announcement is needed: it is what keeps a thing from being announced twice.
    """
    old = Notification.objects.filter(read_at__lt=now - timedelta(days=read_days))
    forgotten = _delete(Notification.objects.filter(pk__in=old.order_by("read_at").values("pk")[:FORGOTTEN_AT_ONCE]))
    stale = Notification.objects.filter(read_at__isnull=True, at__lt=now - timedelta(days=UNREAD_DAYS))
    forgotten += _delete(Notification.objects.filter(pk__in=stale.order_by().values("pk")[:FORGOTTEN_AT_ONCE]))
    over = LetterErrand.objects.filter(ended_at__lt=now - timedelta(days=LETTERS_DAYS))
    forgotten += _delete(LetterErrand.objects.filter(pk__in=over.order_by("ended_at").values("pk")[:FORGOTTEN_AT_ONCE]))
    unsaid = Announcement.objects.filter(done_at__lt=now - timedelta(days=max(read_days, LETTERS_DAYS))).exclude(
        Exists(Notification.objects.filter(announcement=OuterRef("pk")))
    )
    forgotten += _delete(Announcement.objects.filter(pk__in=unsaid.order_by().values("pk")[:FORGOTTEN_AT_ONCE]))
    return forgotten


def _delete(rows: QuerySet) -> int:
    return int(rows.delete()[0])
