"""Questions about evidence: the census with proofs, delegations that held, the log, and what bundles are made of."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet

from governance import log
from governance.eip712 import parse_address
from governance.errors import NotFound
from governance.evidence import log_tree
from governance.evidence.record import Record as RecordValue
from governance.models import CensusEntry, Checkpoint, Community, Event, Proposal
from governance.sealed.facts import sealing_of
from governance.selectors import trees
from governance.services.census import census_leaf

EVENTS_PER_PAGE = 50


@dataclass(frozen=True)
class CensusProof:
    """One entry of a census with the path that leads from it to the root."""

    voter: str
    power: int
    house_power: int
    index: int
    size: int
    proof: tuple[str, ...]
    root: str


@dataclass(frozen=True)
class LogPage:
    """One page of a community's log, newest first."""

    events: tuple[Event, ...]
    number: int
    pages: int
    size: int
    checkpoint: Checkpoint | None


def census_page(proposal: Proposal, page: int, per_page: int = 100) -> tuple[list[CensusEntry], int]:
    """Return one page of a census in the order of its tree, and how many pages there are."""
    entries, record = proposal.census.order_by("voter_key"), proposal.census_record
    size = entries.count() if record is None else record.body["count"]
    pages = max(1, -(-size // per_page))
    start = (min(max(page, 1), pages) - 1) * per_page
    if record is not None and start:
        entries, start = trees.from_block_of(start, entries, record)
    return list(entries[start : start + per_page]), pages


def census_proof(proposal: Proposal, address: str) -> CensusProof:
    """Return the entry of an address with its proof; raise NotFound where the census has none."""
    voter = parse_address(address)
    entry = proposal.census.filter(voter_key=voter.lower()).first()
    if entry is None or proposal.census_record is None:
        raise NotFound("not_in_the_census", "this address has no voting power here", field="voter", found=voter)
    census = proposal.census_record
    columns = ("voter", "power", "house_power")
    index, proof = trees.inclusion(proposal.census.all(), entry.voter_key, columns, census_leaf, census)
    size, root = census.body["count"], census.body["root"]
    return CensusProof(voter, int(entry.power or 0), int(entry.house_power), index, size, tuple(proof), root)


def census_entries(proposal_digests: Sequence[str]) -> Iterator[tuple[str, str, int, int]]:
    """Yield (proposal digest, voter, power, house power) of these proposals, by number and lower-case voter."""
    rows = CensusEntry.objects.filter(proposal__record__in=proposal_digests)
    ordered = rows.order_by("proposal__number", "voter_key")
    yield from ordered.values_list("proposal__record_id", "voter", "power", "house_power").iterator(chunk_size=5_000)


def delegation_records(proposal_digests: Sequence[str]) -> Iterator[tuple[str, RecordValue]]:
    """Yield (proposal digest, delegation record) of what held for these proposals, by number and record digest."""
    rows = (
        Proposal.objects.filter(record__in=proposal_digests, delegations__isnull=False)
        .annotate(canonical=F("delegations__record__canonical"), held=F("delegations__record"))
        .order_by("number", "held")
    )
    for digest, canonical in rows.values_list("record_id", "canonical"):
        yield digest, RecordValue.from_bytes(canonical.encode())


def log_page(community: Community, page: int) -> LogPage:
    """Return one page of the log."""
    size = community.log_size
    pages = max(1, -(-size // EVENTS_PER_PAGE))
    number = min(max(page, 1), pages)
    start = (number - 1) * EVENTS_PER_PAGE
    events = community.events.filter(position__isnull=False).order_by("-position").select_related("proposal")
    return LogPage(
        tuple(events[start : start + EVENTS_PER_PAGE]), number, pages, size, log.newest_checkpoint(community)
    )


def log_entries(community: Community, start: int, count: int) -> list[str]:
    """Return the leaves of the log from a position on."""
    entries = community.events.filter(position__gte=start).order_by("position")
    return list(entries.values_list("leaf", flat=True)[:count])


def inclusion(community: Community, position: int, size: int) -> list[str]:
    """Return the proof that a position is in the tree of that size; raise NotFound for none."""
    if not 0 <= position < size <= community.log_size:
        raise NotFound("unknown_position", "the log has no such place", found=position, allowed=community.log_size)
    return log_tree.inclusion_proof(position, size, log.reader(community.pk))


def consistency(community: Community, old: int, new: int) -> list[str]:
    """Return the proof that the tree of `new` entries begins with that of `old`; raise NotFound for no such trees."""
    if not 0 <= old <= new <= community.log_size:
        raise NotFound("unknown_size", "the log was never that large", found=new, allowed=community.log_size)
    return log_tree.consistency_proof(old, new, log.reader(community.pk))


def ballot_lines(proposal: Proposal) -> Iterable[str]:
    """Yield the canonical records of all accepted ballots, replaced ones too, in the order of acceptance."""
    accepted: QuerySet[Any] = proposal.ballots.all() if sealing_of(proposal) is None else proposal.sealed_ballots.all()
    rows = accepted.order_by("pk").values_list("record__canonical", flat=True)
    return rows.iterator(chunk_size=5_000)
