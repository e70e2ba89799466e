"""What the services share: rows with their locks, and where a community's voting power is read."""

from django.conf import settings

from governance.chain.client import ChainClient
from governance.errors import Conflict, Forbidden, NotFound
from governance.models import Community, Proposal, Record
from governance.power import PowerSource, Snapshot, power_source


def snapshot_of(proposal: Proposal) -> Snapshot:
    """Return the snapshot as it was frozen."""
    frozen = required_record(proposal.record).body["snapshot"]
    return Snapshot(
        block_number=frozen["block_number"],
        block_hash=frozen["block_hash"],
        total_supply=int(frozen["total_supply"]),
        parameters=frozen["source"]["parameters"],
    )


def source_of(community: Community) -> PowerSource:
    """Return where this community's voting power is read."""
    chain = ChainClient(settings.CHAIN_RPC, settings.CHAIN_TIMEOUT_SECONDS, expected_chain_id=community.chain_id)
    return power_source(community.power_source, chain)


def get_proposal(proposal_id: int) -> Proposal:
    """Return the proposal or raise NotFound."""
    proposal = Proposal.objects.select_related("community", "record").filter(pk=proposal_id).first()
    if proposal is None:
        raise NotFound("unknown_proposal", "there is no such proposal", found=proposal_id)
    return proposal


def locked_proposal(proposal_id: int) -> Proposal:
    """Return the proposal with its row locked until the transaction ends."""
    get_proposal(proposal_id)
    return Proposal.objects.select_for_update().get(pk=proposal_id)


def require_author(proposal: Proposal, actor: str) -> None:
    """Raise Forbidden unless `actor` wrote the proposal."""
    if proposal.author != actor:
        raise Forbidden("not_the_author", "only the author may do this", found=actor, allowed=proposal.author)


def lock_community(community_id: int) -> None:
    """Let one transaction at a time change what a community's decisions depend on. Others may still point to it."""
    Community.objects.select_for_update(no_key=True).get(pk=community_id)


def required_record(record: Record | None) -> Record:
    """Return the record of a step that must have happened before."""
    if record is None:
        raise Conflict("record_missing", "the record of the step before is missing; nothing was changed")
    return record
