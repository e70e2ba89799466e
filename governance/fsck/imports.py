"""Votes brought from elsewhere: each is its record, with the ballots under its root, and counts to its result again."""

from collections.abc import Iterator
from decimal import Decimal

from django.db.models.functions import Lower

from governance.eip712 import Eip712Error
from governance.evidence import merkle
from governance.evidence.canonical import digest
from governance.fsck.finding import Finding, against_record, announced, compare, finding, guarded, seconds, unclaimed
from governance.models import Community, Event, ImportedBallot, ImportedVote
from governance.snapshot_import import Counted, power_choice
from governance.snapshot_import.recount import outcome
from governance.snapshot_messages import PUBLISHED, signer, vote_digest
from governance.tally import method_named

TABLE, BALLOTS = "governance_importedvote", "governance_importedballot"


def check_imports(community: Community, *, signatures: bool) -> Iterator[Finding]:
    """Yield what is wrong with the imported votes of a community."""
    events = announced(community, "imported_vote", "vote_imported")
    for vote in community.imported_votes.select_related("record").order_by("pk"):
        event = events.pop(vote.record_id, None)
        yield from guarded(TABLE, vote.pk, _check_vote(community, vote, event, signatures=signatures))
    yield from unclaimed(events, community, "imported_vote", "vote_imported")


def _check_vote(
    community: Community, vote: ImportedVote, event: Event | None, *, signatures: bool
) -> Iterator[Finding]:
    """Check one vote.

    1. row and ballots make the record that it names
    2. it was written into the log at that moment
    3. the ballots, counted again, give its result.
    """
    leaves: list[bytes] = []
    casts = []
    for ballot in vote.ballots.order_by(Lower("voter")).iterator():
        kept = _counted(ballot)
        leaves.append(merkle.leaf_hash(kept.leaf()))
        casts.append((power_choice(kept.choice), kept.power))
        if signatures and kept.verified:
            yield from guarded(BALLOTS, ballot.pk, _check_signature(ballot, kept))
    said = vote.record.body
    body = {
        "source": vote.source,
        "external_id": vote.external_id,
        "space": said.get("space"),
        "title": vote.title,
        "text_digest": digest(vote.text),
        "author": vote.author,
        "method": vote.method,
        "choices": vote.choices,
        "closed_at": seconds(vote.closed_at),
        "result": vote.result,
        "ballot_count": said.get("ballot_count"),
        "ballots_root": said.get("ballots_root"),
    }
    together = {"ballot_count": len(leaves), "ballots_root": merkle.root_of_hashes(leaves)}
    yield from compare(BALLOTS, f"of vote {vote.pk}", {name: said.get(name) for name in together}, together)
    subject = f"imported_vote:{community.slug}/{vote.source}/{vote.external_id}"
    yield from against_record(vote, vote.record, "imported_vote", subject, body, [community.record_id])  # 1
    if event is None or seconds(event.at) != seconds(vote.imported_at):  # 2
        yield finding(TABLE, vote.pk, "imported_at", event.at if event else "an event", vote.imported_at)
    rows = vote.result["scores"]  # 3
    theirs = None if vote.result["agrees"] is None else tuple(Decimal(row["theirs"]) for row in rows)
    again = outcome(vote.choices, theirs, method_named(vote.method).count(casts, len(vote.choices)))
    yield from compare(TABLE, vote.pk, again, {name: vote.result.get(name) for name in again})


def _counted(ballot: ImportedBallot) -> Counted:
    return Counted(
        voter=ballot.voter,
        choice=ballot.choice,
        power=int(ballot.power),
        reason=ballot.reason,
        cast_at=seconds(ballot.cast_at) or 0,
        signature=ballot.signature,
        signed=ballot.signed,
        verified=ballot.verified,
    )


def _check_signature(ballot: ImportedBallot, kept: Counted) -> Iterator[Finding]:
    signed = kept.signed or {}
    fields = tuple((name, kind) for name, kind in signed["fields"])
    try:
        maker = (
            signer(vote_digest(signed["message"], fields), kept.signature) if fields in PUBLISHED else "unknown type"
        )
    except Eip712Error as error:
        maker = str(error)
    if maker != kept.voter:
        yield finding(BALLOTS, ballot.pk, "signature", f"a signature of {kept.voter}", maker)
