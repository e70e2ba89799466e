"""What an app must offer so that its things can be found, the table of those who do, and what governance offers.

A subject is one class and one line in `settings.SEARCHABLE`. It says which events of a community's log concern which
of its things, and what can be found of a thing as it stands now. A thing of which it returns nothing leaves the
index.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Protocol

from django.conf import settings
from django.db.models import Q
from django.utils.module_loading import import_string

from governance.models import Community, Event


@dataclass(frozen=True)
class Found:
    """One thing as it can be found now. `key` says which one among those of its kind in its community.

    `more` are words that find it and that no reader sees in an extract: names in the other language, digests.
    """

    key: str
    title: str
    at: datetime
    title_fr: str = ""
    text: str = ""
    more: str = ""
    proposal: int | None = None


class Subject(Protocol):
    """A kind of thing that can be found."""

    kind: str
    weight: int
    # The kinds of events that can change what is found.
    events: frozenset[str]

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return the keys of the things that these events (of the kinds above) concern; unknown keys do no harm."""

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return what can be found of these things now, in as many queries however many they are."""

    def keys(self, community: Community) -> Iterator[str]:
        """Return the keys of all things: to build the index anew."""


@cache
def subjects() -> dict[str, Subject]:
    """Return every subject by its kind, in the order of settings.SEARCHABLE."""
    made = [import_string(path)() for path in settings.SEARCHABLE]
    return {subject.kind: subject for subject in made}


def named(events: Sequence[Event], *names: str) -> set[str]:
    """Return what events say under these names, as keys."""
    return {str(event.data[name]) for event in events for name in names if event.data.get(name) not in (None, "")}


def numbers(keys: Collection[str]) -> list[int]:
    """Return the keys that are numbers."""
    return [int(key) for key in keys if key.isascii() and key.isdigit()]


@dataclass(frozen=True)
class Communities:
    """The communities themselves."""

    kind: str = "community"
    weight: int = 5
    events: frozenset[str] = frozenset({"community_founded"})

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return the community."""
        return {community.slug}

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return names and descriptions."""
        if community.slug in keys:
            text = f"{community.description_en}\n{community.description_fr}".strip()
            yield Found(
                community.slug, community.name_en, community.created_at, community.name_fr, text, community.slug
            )

    def keys(self, community: Community) -> Iterator[str]:
        """Return the community."""
        yield community.slug


@dataclass(frozen=True)
class Decisions:
    """Submitted proposals. Drafts are their authors' alone and are never in the index."""

    kind: str = "decision"
    weight: int = 3
    events: frozenset[str] = frozenset({"proposal_submitted", "proposal_canceled", "proposal_returned"})

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return the numbers."""
        listed = {event.proposal_id for event in events if event.proposal_id}
        return {str(number) for number in community.proposals.filter(pk__in=listed).values_list("number", flat=True)}

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return title, text, and the author's name."""
        names = dict(community.members.values_list("address", "name"))
        for row in community.proposals.submitted().filter(number__in=numbers(keys)):
            assert row.submitted_at is not None
            said = [value for value in row.payload.values() if isinstance(value, str) and " " in value]
            text = "\n".join([row.text, *said])
            more = f"{row.number} {names.get(row.author, '')} {row.author} {row.record_id} {_texts(row.payload)}"
            yield Found(str(row.number), row.title, row.submitted_at, text=text, more=more, proposal=row.pk)

    def keys(self, community: Community) -> Iterator[str]:
        """Return all numbers."""
        yield from map(str, community.proposals.submitted().values_list("number", flat=True))


@dataclass(frozen=True)
class Delegates:
    """Members who have a name, or said something about themselves as delegates."""

    kind: str = "delegate"
    weight: int = 4
    events: frozenset[str] = frozenset({"community_founded", "statement_made", "delegation_made", "proposal_submitted"})

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return whoever acted; when a community is founded, everybody who is named there."""
        everybody = any(event.kind == "community_founded" for event in events)
        return {event.actor for event in events if event.actor} | (set(self.keys(community)) if everybody else set())

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return name and statement."""
        for row in community.members.filter(self._public(), address__in=list(keys)):
            yield Found(
                row.address, row.name or row.address, community.created_at, text=row.statement, more=row.address
            )

    def keys(self, community: Community) -> Iterator[str]:
        """Return all addresses."""
        yield from community.members.filter(self._public()).values_list("address", flat=True)

    @staticmethod
    def _public() -> Q:
        return ~Q(name="") | ~Q(statement="")


@dataclass(frozen=True)
class VotesFromElsewhere:
    """Votes that a community brought along."""

    kind: str = "history"
    weight: int = 1
    events: frozenset[str] = frozenset({"vote_imported"})
    _names: tuple[str, ...] = field(default=("imported_vote",))

    def touched(self, community: Community, events: Sequence[Event]) -> set[str]:
        """Return the numbers of their pages."""
        digests = named(events, *self._names)
        return {str(pk) for pk in community.imported_votes.filter(record__in=digests).values_list("pk", flat=True)}

    def found(self, community: Community, keys: Collection[str]) -> Iterable[Found]:
        """Return title and text."""
        for row in community.imported_votes.filter(pk__in=numbers(keys)):
            yield Found(str(row.pk), row.title, row.closed_at, text=row.text)

    def keys(self, community: Community) -> Iterator[str]:
        """Return all numbers."""
        yield from map(str, community.imported_votes.values_list("pk", flat=True))


def _texts(payload: Any) -> str:  # noqa: ANN401 - any JSON
    """Return the texts of a payload: what is proposed in words, and the names of what it is about."""
    if isinstance(payload, str):
        return payload
    if isinstance(payload, dict):
        return "\n".join(filter(None, (_texts(value) for value in payload.values())))
    return "\n".join(filter(None, map(_texts, payload))) if isinstance(payload, list) else ""
