"""Keeps the index fresh: reads each community's log from where it stopped, and looks again at what the events concern.

The log is the only messenger, so nothing has to remember to index itself; what an event concerns is read as it stands
now, so that a lost or repeated event does no harm, and what must not be found any longer is gone with the next look.
Whatever has no event (a name that an operator changed) comes with `manage.py reindex`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice

from django.db import transaction

from governance.models import Community, Event, SearchCursor, SearchEntry
from governance.search.subjects import Found, Subject, subjects
from governance.search.words import fold

# As much of one log as a sweep reads, and as many things as one statement takes in.
PLACES_PER_SWEEP = 20_000
BATCH = 100
TITLE_MAX = 300
TEXT_MAX = 20_000
WORDS_MAX = 40_000
_COLUMNS = ["proposal", "title", "title_fr", "text", "title_words", "text_words", "weight", "at"]


def refresh(now: datetime) -> int:  # noqa: ARG001 - every task of the sweeper takes it
    """Read on in every log that has grown; return how many things were looked at again. The sweeper calls this."""
    behind = Community.objects.filter(log_size__gt=0).select_related("search_cursor")
    return sum(_catch_up(community) for community in behind if _position(community) < community.log_size)


def reindex(community: Community) -> int:
    """Build the index of a community anew; return how many things can be found."""
    with transaction.atomic():
        cursor = _locked(community)
        size = Community.objects.values_list("log_size", flat=True).get(pk=community.pk)
        community.search_entries.all().delete()
        for subject in subjects().values():
            for some in _batches(subject.keys(community)):
                _look_again(community, subject, some)
        cursor.position = size
        cursor.save(update_fields=["position"])
    return community.search_entries.count()


def _position(community: Community) -> int:
    cursor: SearchCursor | None = getattr(community, "search_cursor", None)
    return 0 if cursor is None else cursor.position


def _locked(community: Community) -> SearchCursor:
    """Return the cursor; whoever else sweeps waits for it."""
    SearchCursor.objects.get_or_create(community=community)
    return SearchCursor.objects.select_for_update().get(community=community)


def _catch_up(community: Community) -> int:
    """Read the next part of one log."""
    with transaction.atomic():
        cursor = _locked(community)
        end = min(cursor.position + PLACES_PER_SWEEP, community.log_size)
        if cursor.position >= end:
            return 0  # somebody else was faster
        wanted = defaultdict(list)
        for kind, subject in subjects().items():
            for event in subject.events:
                wanted[event].append(kind)
        window = Event.objects.filter(community=community, position__gte=cursor.position, position__lt=end)
        told = defaultdict(list)
        for event in window.filter(kind__in=wanted).defer("leaf").order_by("position"):
            for kind in wanted[event.kind]:
                told[kind].append(event)
        looked = 0
        for kind, events in told.items():
            subject = subjects()[kind]
            for some in _batches(sorted(subject.touched(community, events))):
                looked += len(some)
                _look_again(community, subject, some)
        cursor.position = end
        cursor.save(update_fields=["position"])
    return looked


def _look_again(community: Community, subject: Subject, keys: Collection[str]) -> None:
    """Write what can be found of these things now, and forget those of which nothing can."""
    found = {each.key: each for each in subject.found(community, keys)}
    gone = set(keys) - found.keys()
    if gone:
        SearchEntry.objects.filter(community=community, kind=subject.kind, key__in=gone).delete()
    SearchEntry.objects.bulk_create(
        _entries(community, subject, found.values()),
        update_conflicts=True,
        unique_fields=["community", "kind", "key"],
        update_fields=_COLUMNS,
    )


def _entries(community: Community, subject: Subject, found: Iterable[Found]) -> list[SearchEntry]:
    return [
        SearchEntry(
            community=community,
            kind=subject.kind,
            key=each.key,
            proposal_id=each.proposal,
            title=_plain(each.title)[:TITLE_MAX],
            title_fr=_plain(each.title_fr)[:TITLE_MAX],
            text=_plain(each.text)[:TEXT_MAX],
            title_words=fold(f"{each.title} {each.title_fr}"),
            text_words=fold(f"{each.text[:TEXT_MAX]} {each.more}")[:WORDS_MAX],
            weight=subject.weight,
            at=each.at,
        )
        for each in found
    ]


def _plain(text: str) -> str:
    return text.replace("\0", "")


def _batches(keys: Iterable[str]) -> Iterator[set[str]]:
    left = iter(keys)
    while some := set(islice(left, BATCH)):
        yield some
