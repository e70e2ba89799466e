"""The census: who may vote with how much on a proposal, read in batches before voting opens and published as a tree.

Each step reads a batch and stores it with the place to go on from; a step repeated after a crash changes nothing.
A vote whose census takes longer than its delay opens later, for as long as was voted on. While votes are cast, nobody
asks a chain.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from governance import lifecycle
from governance.clock import unix, whole_second
from governance.errors import Conflict
from governance.evidence import block_tree, merkle
from governance.evidence.canonical import canonical_bytes
from governance.lifecycle import Action
from governance.models import CensusEntry, Proposal, Record, Tree
from governance.records import keep
from governance.sealed.facts import keep_sealing, keys_never_came, waits_for_keys
from governance.sealed.missing_keys import end_without_keys
from governance.services.common import (
    get_proposal,
    house_snapshot_of,
    locked_proposal,
    required_record,
    snapshot_of,
    source_named,
    source_of,
    terms_of,
)
from governance.services.events import note

READ_AT_ONCE = 450
STEPS_AT_SUBMISSION = 8
# In this order; each cursor is {"stage": one of these, "start": where to go on}.
CANDIDATES, HOUSE, READ = "candidates", "house", "read"
# Powers are read; where ballots are sealed, the census is not published before every keyholder has a key, or the wait
# for keys is over.
KEYS: dict[str, Any] = {"stage": "keys", "start": 0}
FIRST_STEP = {"stage": CANDIDATES, "start": 0}


def census_leaf(voter: str, power: int, house_power: int) -> bytes:
    """Return the leaf of the census tree for one entry."""
    return canonical_bytes({"house_power": str(house_power), "power": str(power), "voter": voter})


def take_census(proposal_id: int, now: datetime, steps: int | None = None) -> Proposal:
    """Go on with the census of a proposal, for so many steps or to the end. Raises ChainError where the chain does."""
    proposal = get_proposal(proposal_id)
    while proposal.census_at is None and (steps is None or steps > 0):
        lifecycle.require(Action.TAKE_CENSUS, proposal.facts, now)
        if keys_never_came(proposal, now):
            return end_without_keys(proposal_id, now)
        if proposal.census_cursor == KEYS and waits_for_keys(proposal, now):
            return proposal
        proposal = _step(proposal, now)
        steps = None if steps is None else steps - 1
    return proposal


def _step(proposal: Proposal, now: datetime) -> Proposal:
    """Take one step: read without a lock, then store if nobody else has gone on meanwhile."""
    cursor: dict[str, Any] = proposal.census_cursor or dict(FIRST_STEP)
    stage = cursor["stage"]
    rows: dict[str, dict[str, int]]
    following: dict[str, Any] | None
    if cursor == KEYS:
        rows, following = {}, None
    elif stage == CANDIDATES:
        found = source_of(proposal).candidates(snapshot_of(proposal), cursor["start"])
        rows = {address: {} for address in found.addresses}
        following = _next(stage, found.next_start, HOUSE)
    elif stage == HOUSE:
        rows, following = _house_step(proposal, cursor)
    else:
        unread = list(proposal.census.filter(power__isnull=True).values_list("voter", flat=True)[:READ_AT_ONCE])
        powers = source_of(proposal).powers_of(unread, snapshot_of(proposal))
        rows = {address: {"power": power} for address, power in powers.items()}
        following = cursor if unread else None
    with transaction.atomic():
        proposal = locked_proposal(proposal.pk)
        if proposal.census_at is not None or (proposal.census_cursor or FIRST_STEP) != cursor:
            return proposal
        lifecycle.require(Action.TAKE_CENSUS, proposal.facts, now)
        _store(proposal, rows)
        if following is None and waits_for_keys(proposal, now):
            following = KEYS
        if following is None:
            _finish(proposal, now)
        else:
            proposal.census_cursor = following
            proposal.save(update_fields=["census_cursor"])
    return proposal


def _house_step(proposal: Proposal, cursor: Mapping[str, Any]) -> tuple[dict[str, dict[str, int]], dict[str, Any]]:
    snapshot = house_snapshot_of(proposal)
    if snapshot is None:
        return {}, {"stage": READ, "start": 0}
    house = required_record(proposal.record).body["snapshot"]["house"]
    source = source_named(house["source"]["name"], proposal.community)
    found = source.candidates(snapshot, cursor["start"])
    powers = source.powers_of(found.addresses, snapshot)
    rows = {address: {"house_power": power} for address, power in powers.items()}
    return rows, _next(HOUSE, found.next_start, READ)


def _next(stage: str, start: int | None, after: str) -> dict[str, Any]:
    return {"stage": after, "start": 0} if start is None else {"stage": stage, "start": start}


def _store(proposal: Proposal, rows: Mapping[str, Mapping[str, int]]) -> None:
    """Add or complete entries; what an entry has already stays."""
    for values in ("power", "house_power"):
        entries = [
            CensusEntry(proposal=proposal, voter=voter, voter_key=voter.lower(), **row)
            for voter, row in rows.items()
            if values in row
        ]
        CensusEntry.objects.bulk_create(
            entries, update_conflicts=True, unique_fields=["proposal", "voter_key"], update_fields=[values]
        )
    bare = [CensusEntry(proposal=proposal, voter=v, voter_key=v.lower()) for v, row in rows.items() if not row]
    CensusEntry.objects.bulk_create(bare, ignore_conflicts=True)


def _finish(proposal: Proposal, now: datetime) -> None:
    """Publish the census: its tree, its sums, the delegations that hold, and when voting really opens and closes."""
    proposal.census.filter(power=0, house_power=0).delete()
    total = house_total = count = 0

    def leaves() -> Any:  # noqa: ANN401 - an iterator
        nonlocal total, house_total, count
        entries = proposal.census.order_by("voter_key").values_list("voter", "power", "house_power")
        for voter, power, house_power in entries.iterator(chunk_size=5_000):
            total, house_total, count = total + power, house_total + house_power, count + 1
            yield voter.lower(), census_leaf(voter, power, house_power)

    first_keys, blocks = block_tree.blocks_of(leaves())
    supply = int(proposal.total_supply or 0)
    if total > supply:
        raise Conflict("census_exceeds_supply", "the powers read exceed the supply", found=str(total), allowed=supply)
    if terms_of(proposal).rules.objection_bps and not house_total:
        raise Conflict("house_is_empty", "nobody in the second house has any power, so it could never object")
    if proposal.opens_at is None or proposal.closes_at is None:
        raise Conflict("record_missing", "the proposal was not submitted")
    moment = whole_second(now)
    late = max(moment - proposal.opens_at, moment - moment)
    proposal.opens_at, proposal.closes_at = proposal.opens_at + late, proposal.closes_at + late
    delegations = sorted(Record.objects.filter(pk__in=proposal.delegations.values("record")), key=lambda r: r.digest)
    proposal.census_record = keep(
        "census",
        f"census:{proposal.record_id}",
        {
            "root": block_tree.root(blocks),
            "count": count,
            "total": str(total),
            "house_total": str(house_total),
            "delegations_root": merkle.root(record.canonical.encode() for record in delegations),
            "delegation_count": len(delegations),
            "opens_at": unix(proposal.opens_at),
            "closes_at": unix(proposal.closes_at),
            "computed_at": unix(moment),
        },
        [required_record(proposal.record)],
    )
    Tree.objects.update_or_create(record=proposal.census_record, defaults={"first_keys": first_keys, "blocks": blocks})
    keep_sealing(proposal)
    proposal.census_at, proposal.census_cursor = moment, None
    proposal.save()
    note(
        "census_taken",
        now,
        proposal=proposal,
        census=proposal.census_record.digest,
        voters=count,
        total=str(total),
    )
