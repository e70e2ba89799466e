"""What `fsck` says of raised ceilings: each is what its vote, the log and the books say, and each vote has its raise.

As `governance.fsck`: reads only. What a place of a run may cost is looked at with its request (`commons.fsck`).
"""

from collections.abc import Iterator

from governance.fsck import Finding
from governance.fsck.finding import compare, finding, seconds
from governance.models import Community
from training_jobs.commons import ceilings
from training_jobs.commons.raising import RAISED
from training_jobs.commons.raising_kind import RunCeiling
from training_jobs.ledger import runs as books
from training_jobs.ledger.currencies import read_amount
from training_jobs.models import LedgerEntry, RaisedCeiling

TABLE = "training_jobs_raisedceiling"


def check(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the raised ceilings of a community; nothing for sound ones."""
    told = {event.data.get("decision"): event for event in community.events.filter(kind=RAISED).order_by("position")}
    votes = community.proposals.filter(kind=RunCeiling.name, executed_at__isnull=False)
    by_vote = {vote.pk: vote for vote in votes.order_by("pk")}
    rows = RaisedCeiling.objects.filter(run__community=community).select_related("run__spec_record", "run__proposal")
    for row in rows.select_related("proposal").order_by("pk"):
        vote, event = by_vote.pop(row.proposal_id, None), told.pop(row.proposal.number, None)
        if vote is None or event is None:
            yield finding(TABLE, row.pk, "proposal", "a vote that was carried out, and its event", row.proposal.number)
            continue
        payload = vote.payload
        expected = {
            "run": payload["record"],
            "ceiling": read_amount(payload["amount"], payload["currency"]),
            "told": read_amount(str(event.data.get("amount")), payload["currency"]),
            "raised_at": seconds(vote.executed_at),
            "told at": seconds(event.at),
        }
        kept, moment = row.ceiling, seconds(row.raised_at)
        found = {
            "run": row.run.proposal.record_id,
            "ceiling": kept,
            "told": kept,
            "raised_at": moment,
            "told at": moment,
        }
        yield from compare(TABLE, row.pk, expected, found)
        yield from _booked(row)
    for vote in by_vote.values():
        yield finding("governance_proposal", vote.pk, "more money for a run", f"a row of {TABLE}", "none")
    for event in told.values():
        yield finding("governance_event", event.pk, event.kind, f"a row of {TABLE}", "none")


def _booked(row: RaisedCeiling) -> Iterator[Finding]:
    """Find a raise that the books do not know, and books that hold something else than the newest raise."""
    held = books.held_for(row.run)
    if held is None:
        return
    if not LedgerEntry.objects.filter(hold=held, kind="held", proposal=row.proposal_id).exists():
        yield finding(TABLE, row.pk, "booked", "an entry of the books by the same vote", "none")
    newest = ceilings.of(row.run)
    if newest is not None:
        yield from compare(TABLE, row.pk, {"held": newest.units}, {"held": held.ceiling})
