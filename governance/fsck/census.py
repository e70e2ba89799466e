"""The census of a proposal: its entries give the published root and sums, and so do the delegations that it holds."""

from collections.abc import Iterator

from governance.evidence import merkle
from governance.fsck.finding import Finding, against_record, compare, finding, seconds
from governance.fsck.trees import check_tree
from governance.models import Proposal, Record
from governance.services.census import census_leaf
from governance.services.common import required_record

TABLE, PROPOSALS = "governance_censusentry", "governance_proposal"


def check_census(proposal: Proposal, powers: dict[str, tuple[int, int]]) -> Iterator[Finding]:
    """Yield what is wrong with a census that was taken; fill `powers` with power and house power by voter."""
    if proposal.census_record is None:
        return
    hashes: list[bytes] = []
    total = house_total = 0
    entries = proposal.census.order_by("voter_key").values_list("pk", "voter", "voter_key", "power", "house_power")
    for pk, voter, voter_key, power, house_power in entries.iterator(chunk_size=5_000):
        if voter_key != voter.lower():
            yield finding(TABLE, pk, "voter_key", voter.lower(), voter_key)
        if power is None:
            yield finding(TABLE, pk, "power", "a power that was read", None)
            continue
        total, house_total = total + power, house_total + house_power
        powers[voter] = (power, house_power)
        hashes.append(merkle.leaf_hash(census_leaf(voter, power, house_power)))
    held = Record.objects.filter(pk__in=proposal.delegations.values("record")).order_by("digest")
    delegations = [canonical.encode() for canonical in held.values_list("canonical", flat=True)]
    record, frozen = proposal.census_record, required_record(proposal.record).body
    said = record.body
    computed = {
        "root": merkle.root_of_hashes(hashes),
        "count": len(hashes),
        "total": str(total),
        "house_total": str(house_total),
    }
    yield from compare(TABLE, f"of proposal {proposal.pk}", {name: said[name] for name in computed}, computed)
    yield from check_tree(record, [voter.lower() for voter in powers], hashes)
    given = {"delegations_root": merkle.root(delegations), "delegation_count": len(delegations)}
    through = Proposal.delegations.through._meta.db_table  # noqa: SLF001
    yield from compare(through, f"of proposal {proposal.pk}", {name: said[name] for name in given}, given)
    body = {**said, "opens_at": seconds(proposal.opens_at), "computed_at": seconds(proposal.census_at)}
    yield from against_record(
        proposal, record, "census", f"census:{proposal.record_id}", body, [str(proposal.record_id)]
    )
    late = said["opens_at"] - frozen["opens_at"]
    if late < 0 or said["closes_at"] - frozen["closes_at"] != late:
        window = (said["opens_at"], said["closes_at"])
        yield finding(PROPOSALS, proposal.pk, "census window", "as long as was voted on, and not earlier", window)
    if proposal.census_cursor is not None:
        yield finding(PROPOSALS, proposal.pk, "census_cursor", None, proposal.census_cursor)
