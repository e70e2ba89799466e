"""What time brings to votes of a Governor: the census when voting has begun, the count when it has ended.

Before a count is believed, the Governor itself is asked for it: where the two differ nothing is decided, and the
proposal says so.
"""

from datetime import UTC, datetime

from django.db import transaction

from governance import services
from governance.chain import ChainError, ChainReader
from governance.chain.governor import AGAINST
from governance.clock import unix
from governance.errors import Conflict, Refusal
from governance.lifecycle import NotAllowed
from governance.models import Contract, ContractProposal, Proposal
from governance.onchain import changes, states
from governance.onchain.census import take_census
from governance.outcome import InvalidRules, quorum_needed
from governance.power import PowerError
from governance.services.common import terms_of
from governance.services.events import note_once


class Differs(Conflict):
    """What the chain says is not what follows from its events by our rules: nothing is decided here."""


def follow_time(contract: Contract, chain: ChainReader, now: datetime) -> None:
    """Take the census of votes that have begun, and count those that have ended, as of the last block that was read."""
    final = moment(contract.block_time)
    open_now = contract.proposals.filter(
        refused="",
        proposal__submitted_at__isnull=False,
        proposal__passed__isnull=True,
        proposal__canceled_at__isnull=True,
        proposal__opens_at__lte=final,
    ).exclude(number__in=contract.events.filter(taken=False).exclude(proposal="").values("proposal"))
    for offer in open_now.select_related("proposal__record", "proposal__community"):
        try:
            take_census(offer.proposal, contract, chain)
            if offer.proposal.closes_at is not None and final >= offer.proposal.closes_at:
                close(offer, chain)
        except (Refusal, PowerError, InvalidRules, NotAllowed) as refusal:
            code, detail = getattr(refusal, "code", "unusable_proposal"), getattr(refusal, "detail", str(refusal))
            note_once(offer.proposal_id, "step_refused", now, code=code, detail=detail)
        except ChainError as error:
            note_once(offer.proposal_id, "chain_silent", now, code=error.code)


def close(offer: ContractProposal, chain: ChainReader) -> Proposal:
    """Count a vote that has ended by what was read, and hold the count against the Governor's own. Safe to repeat.

    1. the census; 2. the story of its events says when it ended; 3. the Governor says the same of votes, end and
    quorum; 4. the ordinary count, which must come to what the contract came to. Where the Governor's own number for
    a late quorum had changed by then, the tally says so.
    """
    contract = offer.contract
    proposal = Proposal.objects.select_related("record", "community").get(pk=offer.proposal_id)
    if proposal.passed is not None or proposal.closes_at is None:
        return proposal
    proposal = take_census(proposal, contract, chain)  # 1
    number = int(offer.number)
    story = states.tell(  # 2
        states.Happened(event.kind, event.block_time, event.data)
        for event in contract.events.filter(proposal=offer.number)
    )
    votes, (deadline,), (quorum,) = chain.read_newest(  # 3
        contract.governor,
        [("proposalVotes", [number]), ("proposalDeadline", [number]), ("quorum", [story.snapshot])],
    )
    terms = terms_of(proposal)
    needed = quorum_needed(terms.rules, services.roll_of(proposal).electorate(terms))
    ours = (tuple(int(vote) for vote in story.votes), unix(proposal.closes_at) - 1, max(1, needed))
    theirs = (tuple(int(vote) for vote in votes), int(deadline), max(1, int(quorum)))
    if ours != theirs:
        raise Differs("contract_differs", "the Governor counts differently", found=str(ours), allowed=str(theirs))
    late = _late_quorum_seconds(offer, int(quorum), chain)
    changed = None if late in (None, terms.rules.late_quorum_seconds) else late
    with transaction.atomic():  # 4
        closed = services.close_voting(proposal.pk, proposal.closes_at, late_quorum_seconds=changed)
        if closed.passed is not story.facts(int(quorum), unix(proposal.closes_at)).passed:
            raise Differs("contract_differs", "the Governor decided differently", found=closed.passed)
    return closed


def _late_quorum_seconds(offer: ContractProposal, quorum: int, chain: ChainReader) -> int | None:
    """Return how long the Governor kept votes open when this one reached its quorum, nothing if it never did."""
    power = 0
    for event in offer.contract.events.filter(proposal=offer.number, kind="vote"):
        power += 0 if event.data["support"] == AGAINST else int(event.data["weight"])
        if power >= quorum:
            return changes.numbers_at(offer.contract, event, chain).late_quorum_seconds
    return None


def moment(seconds: int) -> datetime:
    """Return a second of the chain as a moment."""
    return datetime.fromtimestamp(seconds, UTC)
