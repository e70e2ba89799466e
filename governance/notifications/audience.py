"""Whom an announcement concerns: readers, in order of their numbers, with the channel that each wants.

Sets of readers are found by the database. A reader is reached by an address that they have proven to hold, or by what
they follow; a community that they muted, and what they did themselves, is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Lower

from governance.deliberation import co_authors
from governance.deliberation.people import moderators
from governance.models import (
    Announcement,
    Ballot,
    CensusEntry,
    Comment,
    Consultation,
    Delegation,
    Event,
    Follow,
    Proposal,
    SealedBallot,
    Statement,
)
from governance.models.notifications import MutedCommunity, Notification, Preference
from governance.models.readers import Reader
from governance.notifications.topics import BY_KEY, Channel, Concern
from governance.sealed.facts import sealing_of
from governance.services.guardians import council_in_office
from governance.statements.moderation import asked_to_answer

ADDRESSED = frozenset(
    {
        Concern.DELEGATOR,
        Concern.DELEGATE,
        Concern.AUTHOR,
        Concern.GUARDIAN,
        Concern.STEWARD,
        Concern.KEEPER,
        Concern.INVITED,
        Concern.MODERATOR,
        Concern.KEYHOLDER,
        Concern.ASKER,
        Concern.ANSWERER,
        Concern.PAYEE,
    }
)
# More addresses than this are never looked for in one statement; the delegators of one ballot may be many.
ADDRESSES_MAX = 10_000


@dataclass(frozen=True)
class Reached:
    """One reader, and how they want to hear of it."""

    reader: Reader
    channel: Channel


def next_readers(announcement: Announcement, count: int) -> list[Reached]:
    """Return the next readers after `reader_cursor` whom it concerns and who were not told of the thing yet."""
    topic = BY_KEY.get(announcement.topic)
    if topic is None:  # announced by an older version of this program
        return []
    concerned = Q()
    for concern in topic.concerns:
        concerned |= _who(concern, announcement)
    if not concerned:
        return []
    key = f"{announcement.community_id}:{announcement.what}"
    wish = Preference.objects.filter(reader=OuterRef("pk"), topic=topic.key).values("channel")[:1]
    off = Preference.objects.filter(reader=OuterRef("pk"), topic=topic.key, channel=Channel.OFF)
    readers = (
        Reader.objects.filter(concerned, pk__gt=announcement.reader_cursor)
        .exclude(Exists(Notification.objects.filter(reader=OuterRef("pk"), key=key)))
        .exclude(Exists(MutedCommunity.objects.filter(reader=OuterRef("pk"), community=announcement.community_id)))
        .exclude(Exists(off))
        .annotate(wish=Subquery(wish))
        .order_by("pk")
    )
    if announcement.actor:
        readers = readers.exclude(address=announcement.actor)
    return [Reached(reader, _channel(reader.wish, topic.default)) for reader in readers[:count]]


def _channel(wish: str | None, default: Channel) -> Channel:
    return Channel(wish) if wish in set(Channel) else default


def _who(concern: Concern, announcement: Announcement) -> Q:
    """Return the condition of one concern; an empty one where nobody can be meant."""
    if concern in ADDRESSED:
        addresses = announcement.people.get(concern, [])
        return Q(address__in=addresses) if addresses else Q()
    if concern in _BY_ROWS:
        return _BY_ROWS[concern](concern, announcement)
    if concern is Concern.HOLDER:
        counted = Proposal.objects.filter(community=announcement.community_id, census_at__isnull=False)
        return _in_census(counted.order_by("-census_at").first())
    proposal = announcement.proposal
    if concern is Concern.VOTER or proposal is None:
        return _in_census(proposal)
    if concern is Concern.VOTED:
        return _has_voted(proposal)
    return _in_census(proposal) & ~_has_voted(proposal)


def _who_wrote(concern: Concern, announcement: Announcement) -> Q:
    """Return the condition for who wrote the comment, what it answers, or anything in the discussion.

    Wallets and readers are found by the comments themselves: the log names no reader.
    """
    rows = Comment.objects.filter(proposal=announcement.proposal, erased_at__isnull=True)
    own = rows.filter(number=announcement.said.get("comment"))
    if concern is Concern.COMMENTER:
        rows = own
    elif concern is Concern.ANSWERED:
        rows = rows.filter(number__in=own.values("answers"))
    else:
        rows = rows.exclude(pk__in=own.values("pk"))
    found = rows.values_list("address", "reader")[:ADDRESSES_MAX]
    people = Q(address__in={address for address, _ in found if address}) | Q(pk__in={pk for _, pk in found if pk})
    author = own.values_list("reader", flat=True).first() if concern is not Concern.COMMENTER else None
    return people & ~Q(pk=author) if author else people


def _who_stated(_concern: Concern, announcement: Announcement) -> Q:
    """Return the condition for who wrote the statement, which the log does not say."""
    rows = _stated(announcement.community_id, announcement.said)
    return Q(pk__in=rows.filter(writer__isnull=False).values("writer"))


def _who_follows(concern: Concern, announcement: Announcement) -> Q:
    """Return the condition for who follows the community as a whole, the one decision, or the one model."""
    if (concern is Concern.MODEL and not announcement.model) or (
        concern is Concern.DECISION and announcement.proposal is None
    ):
        return Q()
    follows = Follow.objects.filter(community=announcement.community_id)
    if concern is Concern.MODEL:
        follows = follows.filter(model_name=announcement.model)
    elif concern is Concern.DECISION:
        follows = follows.filter(proposal=announcement.proposal)
    else:
        follows = follows.filter(proposal__isnull=True, model_name="")
    return Q(pk__in=follows.values("reader"))


_BY_ROWS = {
    **dict.fromkeys((Concern.COMMUNITY, Concern.DECISION, Concern.MODEL), _who_follows),
    **dict.fromkeys((Concern.COMMENTER, Concern.ANSWERED, Concern.TALKING), _who_wrote),
    Concern.STATED: _who_stated,
}


def _in_census(proposal: Proposal | None) -> Q:
    if proposal is None:
        return Q()
    entries = CensusEntry.objects.filter(proposal=proposal, voter_key=Lower(OuterRef("address")))
    return Q(Exists(entries.filter(Q(power__gt=0) | Q(house_power__gt=0))))


def _has_voted(proposal: Proposal) -> Q:
    counting = {"proposal": proposal, "voter_key": Lower(OuterRef("address")), "superseded_at__isnull": True}
    return Q(Exists(Ballot.objects.filter(**counting))) | Q(Exists(SealedBallot.objects.filter(**counting)))


def has_voted(reader: Reader, proposal: Proposal) -> bool:
    """Say whether a reader's own ballot counts."""
    key = (reader.address or "").lower()
    kept = (proposal.ballots, proposal.sealed_ballots)
    return bool(key) and any(rows.counting().filter(voter_key=key).exists() for rows in kept)


# --- whom events name ---------------------------------------------------------------------------------------------


def named_in(event: Event) -> Mapping[str, Sequence[str]]:
    """Return the addresses that an event asks or touches, as far as this app knows them, by concern."""
    people: dict[str, Sequence[str]] = {}
    if event.proposal is not None:
        people[Concern.AUTHOR] = [event.proposal.author]
    if event.kind in {"delegation_made", "delegation_revoked"}:
        signed = Delegation.objects.filter(record=event.data["delegation"]).first()
        people[Concern.DELEGATE] = [signed.delegate] if signed else []
    elif event.kind == "delegation_relayed":
        people[Concern.DELEGATE] = [event.data["delegatee"]]
    elif event.kind == "proposal_queued" and event.proposal is not None:
        council = council_in_office(event.proposal.community, event.at)
        people[Concern.GUARDIAN] = [member["address"] for member in council.members] if council else []
    elif event.kind == "proposal_submitted" and event.proposal is not None:
        sealing = sealing_of(event.proposal)
        people[Concern.KEYHOLDER] = list(sealing.keyholders) if sealing else []
    elif event.kind in {"consultation_opened", "consultation_counted", "statement_appealed"}:
        people |= _of_consultation(event)
    elif event.kind == "draft_co_author_invited" and event.proposal is not None:
        people[Concern.INVITED] = [each.address for each in co_authors.asked(event.proposal)]
    elif event.kind in {"comment_reported", "comment_appealed"} and event.proposal is not None:
        people[Concern.MODERATOR] = sorted(moderators(event.proposal.community, event.at))
    elif event.kind == "comment_written" and event.proposal is not None:
        people[Concern.AUTHOR] = [event.proposal.author, *(each.address for each in co_authors.of(event.proposal))]
    return people


def _of_consultation(event: Event) -> Mapping[str, Sequence[str]]:
    """Return who asked; of an appeal about a statement, who may answer it."""
    if event.kind == "statement_appealed":
        found = _stated(event.community_id, event.data).select_related("consultation__community", "writer").first()
        return {Concern.ANSWERER: asked_to_answer(found, event.at) if found else []}
    asked = Consultation.objects.filter(community=event.community_id, number=event.data.get("consultation"))
    return {Concern.ASKER: list(asked.values_list("author", flat=True))}


def _stated(community_id: int | None, said: Mapping[str, Any]) -> "QuerySet[Statement]":
    """Return the statement that an event names, if it is still there."""
    asked = Consultation.objects.filter(community=community_id, number=said.get("consultation"))
    return Statement.objects.filter(consultation__in=asked, number=said.get("statement"))


def votes_of_delegates(events: Sequence[Event]) -> Mapping[int | None, Sequence[str]]:
    """Return, by place in the log, who lent their power to whoever cast that ballot and has not voted themselves.

    Only delegators who are readers, by two statements for the whole group: nearly no ballot of a large vote is of
    interest here. The delegations are those that were frozen into the proposal.
    """
    proposals = {event.proposal_id for event in events}
    if not proposals:
        return {}
    frozen = Proposal.delegations.through.objects.filter(
        proposal__in=proposals,
        delegation__delegate__in={event.actor for event in events},
        delegation__delegator__in=Reader.objects.filter(address__isnull=False).values("address"),
    )
    rows = list(frozen.values_list("proposal_id", "delegation__delegate", "delegation__delegator")[:ADDRESSES_MAX])
    voted: QuerySet[Ballot] = Ballot.objects.counting().filter(
        proposal__in=proposals, voter_key__in=[delegator.lower() for *_, delegator in rows]
    )
    sealed = SealedBallot.objects.counting().filter(
        proposal__in=proposals, voter_key__in=[delegator.lower() for *_, delegator in rows]
    )
    done = {*voted.values_list("proposal_id", "voter_key"), *sealed.values_list("proposal_id", "voter_key")}
    found: dict[tuple[int | None, str], list[str]] = {}
    for proposal, delegate, delegator in rows:
        if (proposal, delegator.lower()) not in done and delegator != delegate:
            found.setdefault((proposal, delegate), []).append(delegator)
    places = {event.position: found.get((event.proposal_id, event.actor), []) for event in events}
    return {position: delegators for position, delegators in places.items() if delegators}
