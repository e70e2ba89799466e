"""Planning: what the log and the clock bring is announced, and put into the inboxes of those whom it concerns.

Called by the sweeper. Everything for one community happens while its cursor row is held, in short transactions: a
second sweeper waits or passes by, and one that is killed leaves nothing half done. Whatever is repeated meets the
constraints that let a thing be announced once and told to one reader once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from governance.models import Announcement, Community, Event, NewsCursor, Notification
from governance.models.readers import Reader
from governance.notifications import audience, letters, moments
from governance.notifications.topics import BALLOT, EVENT_KINDS, Channel, Topic, brought_by
from governance.services.events import SAID

# What one sweep does for one community: so many events are read, so many readers told.
EVENTS_AT_ONCE = 2_000
EVENTS_PER_SWEEP = 20_000
READERS_AT_ONCE = 500
READERS_PER_SWEEP = 10_000


@dataclass(frozen=True)
class Facts:
    """What the apps above know about an event: the model ("namespace/name"), who is asked, and what is said."""

    model: str = ""
    people: Mapping[str, Sequence[str]] = field(default_factory=dict)
    said: Mapping[str, Any] = field(default_factory=dict)


Ask = Callable[[Event], Facts]


def nothing(_event: Event) -> Facts:
    """Know nothing: what is asked where no app stands above."""
    return Facts()


def plan(now: datetime, facts: Ask = nothing) -> int:
    """Announce what is new in every community and tell readers of it; return how many were told."""
    told = 0
    for community_id in Community.objects.order_by("pk").values_list("pk", flat=True):
        told += plan_community(community_id, now, facts)
    return told


def plan_community(community_id: int, now: datetime, facts: Ask = nothing) -> int:
    """Do one community's part: 1. its log, 2. its clock, 3. its readers."""
    NewsCursor.objects.get_or_create(community_id=community_id)
    for _ in range(EVENTS_PER_SWEEP // EVENTS_AT_ONCE):  # 1
        if not _read_log(community_id, now, facts):
            break
    _look_at_the_clock(community_id, now)  # 2
    told = 0
    while told < READERS_PER_SWEEP:  # 3
        step = _tell(community_id, now)
        if step is None:
            break
        told += step
    return told


# --- announcing ---------------------------------------------------------------------------------------------------


def _read_log(community_id: int, now: datetime, facts: Ask) -> bool:
    """Announce the next events of a log; say whether there may be more."""
    with transaction.atomic():
        cursor = _held(community_id)
        if cursor is None:
            return False
        # Places are given one after the other and without gaps, under a lock: nothing appears before the cursor later.
        window = Event.objects.filter(community_id=community_id, position__gte=cursor.position).order_by("position")
        events = list(window.select_related("proposal").defer("leaf")[:EVENTS_AT_ONCE])
        if not events:
            return False
        fresh = [event for event in events if event.kind in EVENT_KINDS and event.at > now - moments.STALE]
        lenders = audience.votes_of_delegates([event for event in fresh if event.kind == BALLOT])
        wanted = [event for event in fresh if _is_told(event) and (event.kind != BALLOT or event.position in lenders)]
        _announce([row for event in wanted for row in _of_event(event, facts, lenders)])
        cursor.position = (events[-1].position or 0) + 1
        cursor.save(update_fields=["position"])
        return len(events) == EVENTS_AT_ONCE


def _is_told(event: Event) -> bool:
    """Say whether anybody may hear of it: what becomes of a draft, only its author and those whom it asks know."""
    is_draft = event.proposal is not None and event.proposal.submitted_at is None
    told = {"draft_sponsored", "draft_seeks_sponsors", "draft_co_author_invited"}
    return not is_draft or event.kind in told or event.kind in SAID


def _of_event(event: Event, facts: Ask, lenders: Mapping[int | None, Sequence[str]]) -> Iterable[Announcement]:
    known = Facts(people={"delegator": lenders[event.position]}) if event.kind == BALLOT else facts(event)
    people = {**audience.named_in(event), **known.people}
    for topic in brought_by(event.kind):
        if not _reaches_anybody(topic, people):
            continue
        yield Announcement(
            community_id=event.community_id,
            what=f"log:{event.position}",
            topic=topic.key,
            kind=event.kind,
            at=event.at,
            proposal=event.proposal,
            actor=event.actor,
            model=known.model,
            people={name: list(people[name]) for name in topic.concerns if people.get(name)},
            said={**event.data, **known.said},
        )


def _look_at_the_clock(community_id: int, now: datetime) -> None:
    """Announce what time has brought."""
    with transaction.atomic():
        if _held(community_id) is None:
            return
        found = moments.come(community_id, now)
        names = {each.name for each in found}
        announced = set(
            Announcement.objects.filter(community_id=community_id, what__in=names).values_list("what", flat=True)
        )
        _announce(
            Announcement(
                community_id=community_id,
                what=each.name,
                topic=topic.key,
                kind=each.moment,
                at=each.at,
                proposal=each.proposal,
                said=dict(each.said),
                people={name: list(each.people[name]) for name in topic.concerns if each.people.get(name)},
            )
            for each in found
            if each.name not in announced
            for topic in brought_by(each.moment)
            if _reaches_anybody(topic, each.people)
        )


def _reaches_anybody(topic: Topic, people: Mapping[str, Sequence[str]]) -> bool:
    """Say whether it can concern anybody: what asks people by their address, only where there are such people."""
    return not set(topic.concerns) <= audience.ADDRESSED or any(people.get(name) for name in topic.concerns)


def _announce(rows: Iterable[Announcement]) -> None:
    Announcement.objects.bulk_create(rows, ignore_conflicts=True)


# --- telling ------------------------------------------------------------------------------------------------------


def _tell(community_id: int, now: datetime) -> int | None:
    """Tell the next readers of the oldest announcement; return how many, or None when nothing is left to tell."""
    with transaction.atomic():
        if _held(community_id) is None:
            return None
        waiting = Announcement.objects.filter(community_id=community_id, done_at__isnull=True)
        announcement = waiting.select_related("proposal").order_by("pk").first()
        if announcement is None:
            return None
        readers = audience.next_readers(announcement, READERS_AT_ONCE)
        put_into_inboxes(announcement, readers, now)
        if len(readers) < READERS_AT_ONCE:
            announcement.done_at = now
        else:
            announcement.reader_cursor = readers[-1].reader.pk
        announcement.save(update_fields=["reader_cursor", "done_at"])
        return len(readers)


def put_into_inboxes(announcement: Announcement, readers: Sequence[audience.Reached], now: datetime) -> None:
    """Write the lines of these readers, and the errands of the letters that they want."""
    key = key_of(announcement)
    kept = [each for each in readers if each.channel is not Channel.OFF]
    Notification.objects.bulk_create(
        [
            Notification(reader=each.reader, announcement=announcement, key=key, channel=each.channel, at=now)
            for each in kept
        ],
        ignore_conflicts=True,
    )
    letters.plan(announcement, key, [(each.reader, each.channel) for each in kept], now)


def key_of(announcement: Announcement) -> str:
    """Return what names a thing across topics and communities: told once to one reader."""
    return f"{announcement.community_id}:{announcement.what}"


def _held(community_id: int) -> NewsCursor | None:
    """Return the cursor, locked until the transaction ends; None if another sweeper has it just now."""
    rows = NewsCursor.objects.all()
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    # SQLite: the transaction itself is the lock, because it begins as a writer.
    return rows.filter(community_id=community_id).first()


__all__ = ["Ask", "Facts", "Reader", "key_of", "nothing", "plan", "plan_community", "put_into_inboxes"]
