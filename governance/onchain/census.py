"""The census of a vote that a contract counts: who had how much power in the second in which voting began.

The contract asks its token for each voter when they vote; this asks for everybody, once that second is final, so that
pages can show who might have voted, and verifiers can hold every vote against it. It holds up nothing: the contract
does not wait for it. It is of the second of the snapshot, which is what its record says. Supply and quorum are of that
second, too: where they are no longer what the proposal was submitted with, the census says so (`governor`).
"""

from datetime import datetime
from typing import Any, Final

from django.db import transaction

from governance.chain import Block, ChainReader
from governance.clock import unix
from governance.errors import Conflict
from governance.evidence import block_tree, merkle
from governance.models import CensusEntry, Contract, Proposal, Tree
from governance.onchain.changes import quorum_bps_at
from governance.power.governor_votes import GovernorVotes, pair_of, snapshot_in
from governance.records import keep
from governance.services.census import census_leaf
from governance.services.common import locked_proposal, required_record, snapshot_of
from governance.services.events import note

READ_AT_ONCE: Final = 450


def take_census(proposal: Proposal, contract: Contract, chain: ChainReader) -> Proposal:
    """Take the census as of the last block that was read, if it is after the snapshot's second. Safe to repeat."""
    final = Block(contract.block_number, contract.block_hash, contract.block_time)
    frozen = snapshot_of(proposal)
    moment = int(frozen.parameters["timepoint"])
    if proposal.census_record_id is not None or final.timestamp <= moment:
        return proposal
    source = GovernorVotes(chain)
    # Whose votes changed is read to the newest final block; what they were, at the second of the snapshot.
    pair = pair_of(frozen.parameters)
    now = snapshot_in(chain, pair, final)
    supply = chain.total_supply_at(pair["token"], final.number, final.hash, moment)
    reading = type(now)(now.block_number, now.block_hash, now.total_supply, {**now.parameters, "timepoint": moment})
    named: set[str] = set()
    start: int | None = 0
    while start is not None:
        step = source.candidates(reading, start)
        named.update(step.addresses)
        start = step.next_start
    powers: dict[str, int] = {}
    people = sorted(named, key=str.lower)
    for first in range(0, len(people), READ_AT_ONCE):
        powers |= source.powers_of(people[first : first + READ_AT_ONCE], reading)
    base = {"total_supply": str(supply), "quorum_bps": quorum_bps_at(contract, moment, chain)}
    return _keep(proposal.pk, {voter: power for voter, power in powers.items() if power}, moment, base)


def _keep(proposal_id: int, powers: dict[str, int], moment: int, base: dict[str, Any]) -> Proposal:
    leaves = [(voter.lower(), census_leaf(voter, power, 0)) for voter, power in powers.items()]
    total = sum(powers.values())
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        if proposal.census_record_id is not None:
            return proposal
        if total > int(base["total_supply"]):
            raise Conflict("census_exceeds_supply", "the powers read exceed the supply", found=str(total))
        opens_at, closes_at = _window(proposal)
        CensusEntry.objects.bulk_create(
            CensusEntry(proposal=proposal, voter=voter, voter_key=voter.lower(), power=power)
            for voter, power in powers.items()
        )
        first_keys, blocks = block_tree.blocks_of(iter(leaves))
        proposal.census_record = keep(
            "census",
            f"census:{proposal.record_id}",
            {
                "root": block_tree.root(blocks),
                "count": len(leaves),
                "total": str(total),
                "house_total": "0",
                "delegations_root": merkle.EMPTY_ROOT,
                "delegation_count": 0,
                "opens_at": opens_at,
                "closes_at": closes_at,
                "computed_at": moment,
                **({} if base == _frozen_base(proposal) else {"governor": base}),
            },
            [required_record(proposal.record)],
        )
        Tree.objects.update_or_create(
            record=proposal.census_record, defaults={"first_keys": first_keys, "blocks": blocks}
        )
        proposal.save(update_fields=["census_record"])
        note(
            "census_taken",
            _at(proposal),
            proposal=proposal,
            census=proposal.census_record.digest,
            voters=len(leaves),
            total=str(total),
        )
    return proposal


def _window(proposal: Proposal) -> tuple[int, int]:
    """Return when voting opened and was to close, as it was announced."""
    body: dict[str, Any] = dict(required_record(proposal.record).body)
    return body["opens_at"], body["closes_at"]


def _frozen_base(proposal: Proposal) -> dict[str, Any]:
    """Return supply and quorum as the proposal was submitted with."""
    body: dict[str, Any] = dict(required_record(proposal.record).body)
    return {"total_supply": body["snapshot"]["total_supply"], "quorum_bps": body["rules"]["quorum_bps"]}


def _at(proposal: Proposal) -> datetime:
    if proposal.census_at is None:
        raise Conflict("record_missing", f"the proposal was not submitted ({unix(proposal.created_at)})")
    return proposal.census_at
