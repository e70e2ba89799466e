"""Questions about one ballot: was it accepted, does it count, was it counted; and the receipt that proves it alone."""

from dataclasses import dataclass
from typing import Any

from governance import log
from governance.choices import Part, parts_of
from governance.errors import NotFound
from governance.evidence import log_tree, merkle
from governance.evidence.canonical import strict_loads
from governance.models import Ballot, Community, Event, Proposal
from governance.selectors import trees
from governance.selectors.communities import member_names
from governance.selectors.sealed import still_sealed
from governance.services.common import terms_of

LEAF_BYTES_MAX = 1_000_000


@dataclass(frozen=True)
class Place:
    """A place in the community's log under a signed checkpoint."""

    position: int
    leaf: str
    size: int
    proof: tuple[str, ...]
    checkpoint: str


@dataclass(frozen=True)
class Receipt:
    """A ballot, its place in the log, and once voting has closed the proof that it was counted."""

    ballot: Ballot
    proposal: Proposal
    community: Community
    parts: tuple[Part, ...]
    voter_name: str
    counting: bool
    place: Place | None
    index: int | None
    size: int
    proof: tuple[str, ...]
    root: str
    proof_holds: bool
    tally_place: Place | None


def receipt(digest: str) -> Receipt:
    """Return a ballot with the proofs about it; raise NotFound."""
    ballot = (
        Ballot.objects.select_related(
            "record",
            "proposal__community__record",
            "proposal__tally_record",
            "proposal__record",
        )
        .filter(record__digest=digest)
        .first()
    )
    if ballot is None:
        ballot = still_sealed(digest)
    if ballot is None:
        raise NotFound("ballot_not_found", "there is no ballot with this receipt", field="digest", found=digest)
    proposal = ballot.proposal
    terms = terms_of(proposal)
    counting = ballot.superseded_at is None
    index: int | None = None
    proof: tuple[str, ...] = ()
    size, root, holds = 0, "", False
    if counting and proposal.tally_record is not None:
        tally = proposal.tally_record
        counted = proposal.ballots.counting()
        index, path = trees.inclusion(counted, ballot.voter_key, ("record__canonical",), str.encode, tally)
        proof, size, root = tuple(path), tally.body["ballot_count"], tally.body["ballots_root"]
        holds = merkle.verify_inclusion(ballot.record.canonical.encode(), index, size, proof, root)
    return Receipt(
        ballot=ballot,
        proposal=proposal,
        community=proposal.community,
        parts=parts_of(terms.method, terms.choices, ballot.choice),
        voter_name=member_names(proposal.community, [ballot.voter]).get(ballot.voter, ""),
        counting=counting,
        place=_place(proposal, position=ballot.position),
        index=index,
        size=size,
        proof=proof,
        root=root,
        proof_holds=holds,
        tally_place=_place(proposal, kind="voting_closed") if proposal.tally_record else None,
    )


def receipt_document(shown: Receipt) -> dict[str, Any]:
    """Return the receipt as `python -m governance.receipts` reads it: complete, to be checked without this site."""
    proposal = shown.proposal
    count = None
    if shown.index is not None and proposal.tally_record is not None:
        count = {
            "tally": proposal.tally_record.value.to_dict(),
            "index": shown.index,
            "size": shown.size,
            "proof": list(shown.proof),
            "log": _place_document(shown.tally_place),
        }
    counts = "counted" if count else "counting"
    return {
        "version": 2,
        "digest": shown.ballot.record_id,
        "proposal": proposal.public_id,
        "status": counts if shown.counting else "replaced",
        "ballot": shown.ballot.record.value.to_dict(),
        "community": shown.community.record.value.to_dict(),
        "proposal_record": proposal.record.value.to_dict() if proposal.record else None,
        "log": _place_document(shown.place),
        "count": count,
        "replaced_by": None if shown.counting else _newest(shown.ballot),
    }


def _newest(ballot: Ballot) -> dict[str, Any]:
    """Return the ballot of the same voter that counts instead."""
    # A ballot without a row of its own is still sealed, and so is the one that took its place.
    kept: Any = ballot.proposal.sealed_ballots if ballot.pk is None else ballot.proposal.ballots
    counting = kept.counting().select_related("record").get(voter=ballot.voter)
    return counting.record.value.to_dict()


def _place(proposal: Proposal, **which: Any) -> Place | None:  # noqa: ANN401 - a column of the event with its value
    """Return where the log has this event of a proposal, if a checkpoint covers it already."""
    event = Event.objects.filter(community=proposal.community_id, proposal=proposal, **which).first()
    newest = log.newest_checkpoint(proposal.community)
    if event is None or event.position is None or newest is None or event.position >= newest.size:
        return None
    proof = log_tree.inclusion_proof(event.position, newest.size, log.reader(proposal.community_id))
    return Place(event.position, event.leaf, newest.size, tuple(proof), newest.note)


def _place_document(place: Place | None) -> dict[str, Any] | None:
    if place is None:
        return None
    return {
        "position": place.position,
        "leaf": strict_loads(place.leaf.encode(), max_bytes=LEAF_BYTES_MAX),
        "size": place.size,
        "proof": list(place.proof),
        "checkpoint": place.checkpoint,
    }
