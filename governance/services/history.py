"""Votes that a community brings from elsewhere: kept as history with their ballots, never carried out."""

from datetime import UTC, datetime

from django.db import transaction

from governance.errors import Conflict, TooLarge
from governance.evidence.canonical import digest
from governance.evidence.record import RECORD_BYTES_MAX
from governance.evidence.record import Record as RecordValue
from governance.models import Community, ImportedBallot, ImportedVote
from governance.records import keep
from governance.services.common import lock_community
from governance.services.events import note
from governance.snapshot_import import Recounted

SNAPSHOT = "snapshot"
KIND = "imported_vote"


def imported_record(community: Community, counted: Recounted) -> RecordValue:
    """Return the record of a vote that was counted again; nothing is stored. Raises TooLarge."""
    poll = counted.poll
    value = RecordValue.make(
        KIND,
        f"{KIND}:{community.slug}/{SNAPSHOT}/{poll.id}",
        {
            "source": SNAPSHOT,
            "external_id": poll.id,
            "space": poll.space,
            "title": poll.title,
            "text_digest": digest(poll.text),
            "author": poll.author,
            "method": poll.method,
            "choices": list(poll.choices),
            "closed_at": poll.closed_at,
            "result": counted.result,
            "ballot_count": len(counted.counted),
            "ballots_root": counted.ballots_root,
        },
        [community.record_id],
    )
    if len(value.canonical()) > RECORD_BYTES_MAX:
        raise TooLarge("too_large", "the choices and names of this vote are too long", allowed=RECORD_BYTES_MAX)
    return value


def import_vote(community: Community, counted: Recounted, now: datetime) -> tuple[ImportedVote, bool]:
    """Keep a vote that was counted again, with its ballots; return it, and whether it is new.

    The same vote with the same content is answered as before; with other content it is refused (Conflict).
    """
    value, poll = imported_record(community, counted), counted.poll
    with transaction.atomic():
        lock_community(community.pk)
        existing = community.imported_votes.filter(source=SNAPSHOT, external_id=poll.id).first()
        if existing is not None:
            if existing.record_id != value.digest:
                raise Conflict(
                    "already_imported",
                    "this vote was imported before, and the file says something else now; nothing was changed",
                    field="proposal.id",
                    found=value.digest,
                    allowed=existing.record_id,
                )
            return existing, False
        vote = ImportedVote.objects.create(
            community=community,
            source=SNAPSHOT,
            external_id=poll.id,
            title=poll.title,
            text=poll.text,
            author=poll.author,
            method=poll.method,
            choices=list(poll.choices),
            result=counted.result,
            closed_at=datetime.fromtimestamp(poll.closed_at, UTC),
            imported_at=now,
            record=keep(value.kind, value.subject, value.body, [community.record]),
        )
        ImportedBallot.objects.bulk_create(
            (
                ImportedBallot(
                    vote=vote,
                    voter=ballot.voter,
                    choice=ballot.choice,
                    power=ballot.power,
                    reason=ballot.reason,
                    signature=ballot.signature,
                    signed=ballot.signed,
                    verified=ballot.verified,
                    cast_at=datetime.fromtimestamp(ballot.cast_at, UTC),
                )
                for ballot in counted.counted
            ),
            batch_size=1_000,
        )
        note("vote_imported", now, community=community, imported_vote=value.digest)
    return vote, True
