"""What the services share: rows with their locks, charters, and where voting power is read."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from governance.chain.factory import chain_for
from governance.charter import Charter
from governance.counting import Roll, Terms, edges_of
from governance.errors import Conflict, Forbidden, NotFound
from governance.evidence.canonical import INTEGER_MAX
from governance.evidence.record import Record as RecordValue
from governance.models import CensusEntry, Community, Proposal, Record
from governance.power import PowerSource, Snapshot, power_source


@lru_cache(maxsize=256)
def _charter(canonical: str) -> Charter:
    return Charter.from_body(RecordValue.from_bytes(canonical.encode()).body)


def charter_of(community: Community) -> Charter:
    """Return the charter in force."""
    return _charter(community.charter.canonical)


def charter_under(proposal: Proposal) -> Charter:
    """Return the charter that a submitted proposal rests on: the one that was in force then."""
    parents = required_record(proposal.record).value.parents
    return _charter(Record.objects.get(pk__in=parents, kind="charter").canonical)


@lru_cache(maxsize=256)
def _terms(canonical: str) -> Terms:
    return Terms.from_body(RecordValue.from_bytes(canonical.encode()).body)


def terms_of(proposal: Proposal) -> Terms:
    """Return what a submitted proposal froze about its vote, and what its Governor changed until voting began.

    Raises UnknownMethod or InvalidRules.
    """
    terms = _terms(required_record(proposal.record).canonical)
    if terms.by_contract and proposal.census_record is not None:
        return terms.under(proposal.census_record.body)
    return terms


def roll_of(proposal: Proposal) -> Roll:
    """Return the electorate of a proposal whose census was taken."""
    return rolls_of([proposal])[proposal.pk]


def rolls_of(proposals: Iterable[Proposal]) -> dict[int, Roll]:
    """Return the electorates of proposals whose census was taken, in two queries however many they are."""
    listed = {proposal.pk: proposal for proposal in proposals}
    held: dict[int, list[dict[str, Any]]] = {pk: [] for pk in listed}
    through = Proposal.delegations.through.objects.filter(proposal__in=listed)
    for pk, canonical in through.values_list("proposal_id", "delegation__record__canonical"):
        held[pk].append(dict(RecordValue.from_bytes(canonical.encode()).body))
    edges = {pk: edges_of(bodies, terms_of(listed[pk])) if bodies else () for pk, bodies in held.items()}
    powers: dict[int, dict[str, int]] = {pk: {} for pk in listed}
    delegators = {edge.delegator for found in edges.values() for edge in found}
    if delegators:
        entries = CensusEntry.objects.filter(proposal__in=listed, voter_key__in={name.lower() for name in delegators})
        for pk, voter, power in entries.values_list("proposal_id", "voter", "power"):
            powers[pk][voter] = power
    rolls = {}
    for pk, proposal in listed.items():
        census = required_record(proposal.census_record).body
        rolls[pk] = Roll(int(census["total"]), int(census["house_total"]), edges[pk], powers[pk])
    return rolls


def snapshot_of(proposal: Proposal) -> Snapshot:
    """Return the snapshot as it was frozen."""
    frozen = required_record(proposal.record).body["snapshot"]
    return Snapshot(
        block_number=frozen["block_number"],
        block_hash=frozen["block_hash"],
        total_supply=int(frozen["total_supply"]),
        parameters=frozen["source"]["parameters"],
    )


def house_snapshot_of(proposal: Proposal) -> Snapshot | None:
    """Return the snapshot of the second house, if the proposal has one."""
    house = required_record(proposal.record).body["snapshot"]["house"]
    if house is None:
        return None
    return Snapshot(
        block_number=house["block_number"],
        block_hash=house["block_hash"],
        total_supply=int(house["total"]),
        parameters=house["source"]["parameters"],
    )


def source_named(name: str, community: Community) -> PowerSource:
    """Return a source of voting power on this community's chain."""
    return power_source(name, chain_for(community.chain_id))


def source_of(proposal: Proposal) -> PowerSource:
    """Return where the voting power of this proposal is read."""
    return source_named(required_record(proposal.record).body["snapshot"]["source"]["name"], proposal.community)


def get_proposal(proposal_id: int) -> Proposal:
    """Return the proposal or raise NotFound."""
    proposal = Proposal.objects.select_related("community__charter", "record").filter(pk=proposal_id).first()
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


def is_co_author(proposal: Proposal, actor: str) -> bool:
    """Say whether `actor` wrote the proposal, alone or with its author."""
    together = proposal.co_authors.filter(address=actor, accepted_at__isnull=False, ended_at__isnull=True)
    return bool(actor) and (proposal.author == actor or together.exists())


def require_co_author(proposal: Proposal, actor: str) -> None:
    """Raise Forbidden unless `actor` wrote the proposal, alone or with its author."""
    if not is_co_author(proposal, actor):
        require_author(proposal, actor)


def next_nonce(highest: int | None) -> int:
    """Return the nonce after the highest that a member used; raise Conflict after the last that wallets can write."""
    if highest is not None and highest >= INTEGER_MAX:
        raise Conflict("nonce_exhausted", "the last possible nonce was used", field="nonce", found=highest)
    return 1 if highest is None else highest + 1


def lock_community(community_id: int) -> None:
    """Let one transaction at a time change what a community's decisions depend on. Others may still point to it."""
    Community.objects.select_for_update(no_key=True).get(pk=community_id)


def required_record(record: Record | None) -> Record:
    """Return the record of a step that must have happened before."""
    if record is None:
        raise Conflict("record_missing", "the record of the step before is missing; nothing was changed")
    return record
