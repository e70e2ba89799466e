"""What was read of a Governor: whole, in order, and the same as what became of it here. The chain is not asked."""

from collections.abc import Iterator

from governance.fsck.finding import Finding, compare, finding, seconds
from governance.models import Community, Contract, ContractProposal
from governance.onchain.approvals import Reference
from governance.onchain.offering import approval_of
from governance.services.common import terms_of

CONTRACTS, EVENTS, OFFERS = "governance_contract", "governance_contractevent", "governance_contractproposal"


def check_contracts(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the Governors of a community, their events and the proposals that were sent to them."""
    for contract in Contract.objects.filter(community=community).order_by("pk"):
        yield from _check_reading(contract)
        yield from _check_events(contract)
        offers = contract.proposals.select_related("proposal__record", "contract__community").order_by("pk")
        for offer in offers.iterator():
            yield from _check_offer(offer)


def _check_reading(contract: Contract) -> Iterator[Finding]:
    """Hold the place where reading goes on against its mark, and a halt against the log."""
    newest = contract.marks.first()
    found = {"number": contract.block_number, "hash": contract.block_hash, "time": contract.block_time}
    mark = {name: getattr(newest, name, None) for name in found}
    yield from compare(CONTRACTS, contract.pk, mark, found)
    moved = contract.events.filter(kind="timelock").last()
    if moved is not None:
        yield from compare(CONTRACTS, contract.pk, {"timelock": moved.data["after"]}, {"timelock": contract.timelock})
    told = contract.community.events.filter(kind="contract_halted", data__governor=contract.governor)
    said = told.values_list("data", flat=True).last()
    halted = said["detail"] if said else ""
    yield from compare(CONTRACTS, contract.pk, {"halted": halted}, {"halted": contract.halted})


def _check_events(contract: Contract) -> Iterator[Finding]:
    """See that every event is of a block that was read, and that a block has one hash and one second."""
    blocks: tuple[int, str, int] | None = None
    rows = contract.events.order_by("block_number", "position")
    for pk, *block in rows.values_list("pk", "block_number", "block_hash", "block_time").iterator(chunk_size=5_000):
        number, hash_, time = block
        if not contract.first_block < number <= contract.block_number:
            read = f"{contract.first_block + 1} to {contract.block_number}"
            yield finding(EVENTS, pk, "block_number", f"a block that was read, {read}", number)
        if blocks is not None and blocks[0] == number and blocks != (number, hash_, time):
            yield finding(EVENTS, pk, "block", blocks, (number, hash_, time))
        blocks = (number, hash_, time)


def _check_offer(offer: ContractProposal) -> Iterator[Finding]:
    """Hold an offer against what its call is named, and a proposal that was taken up against its events."""
    made = approval_of(offer)
    named = {"number": str(made.id), "operation": made.operation}
    yield from compare(OFFERS, offer.pk, named, {"number": offer.number, "operation": offer.operation})
    proposal = offer.proposal
    events = offer.contract.events.filter(taken=True)
    own = events.filter(proposal=offer.number)
    if offer.refused or proposal.submitted_at is None or not own.filter(kind="created").exists():
        return
    created = own.filter(kind="created").values_list("block_time", flat=True).first()
    queued = own.filter(kind="queued").values_list("data", flat=True).first()
    approved = events.filter(kind="approved", data__digest=offer.approves).values_list("block_time", flat=True).first()
    canceled = own.filter(kind="canceled").exists()
    # What a former timelock carried out holds from when the Governor came back to it; nothing does before its decision.
    returns = proposal.events.filter(kind="proposal_returned").order_by("position").values_list("at", flat=True)
    executed = max(approved, seconds(returns.last()) or 0, seconds(proposal.eta) or 0) if approved else None
    expected = {
        "submitted_at": created,
        "eta": queued["eta"] if queued else None,
        "executed_at": None if canceled or proposal.canceled_at else executed,
        "votes": _votes(offer),
    }
    found = {
        "submitted_at": seconds(proposal.submitted_at),
        "eta": seconds(proposal.eta),
        "executed_at": seconds(proposal.executed_at),
        "votes": sorted(proposal.ballots.values_list("signature", flat=True)),
    }
    yield from compare(OFFERS, offer.pk, expected, found)


def _votes(offer: ContractProposal) -> list[str]:
    """Return the places of the votes that became ballots: of who had any power, and the first where no quorum is."""
    votes = offer.contract.events.filter(taken=True, proposal=offer.number, kind="vote")
    counts = offer.proposal.census_record_id is not None and terms_of(offer.proposal).weightless
    first = votes.values_list("pk", flat=True).first() if counts else None
    return sorted(
        str(Reference(event.block_hash, event.transaction, event.position))
        for event in votes.iterator(chunk_size=5_000)
        if int(event.data["weight"]) or event.pk == first
    )
