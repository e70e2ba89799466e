"""Questions about delegates: who may be trusted with power, what they said, how they voted, who delegates to them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count as SqlCount
from django.db.models import QuerySet

from governance.choices import Part, parts_of
from governance.clock import unix
from governance.eip712 import AddressError, parse_address
from governance.errors import NotFound
from governance.models import Ballot, CensusEntry, Community, Delegation, Proposal
from governance.selectors.communities import member_names
from governance.services.common import terms_of

VOTES_SHOWN_MAX = 50


@dataclass(frozen=True)
class DelegateRow:
    """One member as the list of delegates shows them. `power` is of the newest census."""

    address: str
    name: str
    statement: str
    power: int
    delegators: int
    votes: int
    participation_bps: int


@dataclass(frozen=True)
class DelegationRow:
    """A delegation in force: `person` is the other side of it."""

    delegation: Delegation
    address: str
    name: str


@dataclass(frozen=True)
class VoteRow:
    """How a delegate voted, and why."""

    proposal: Proposal
    choice: Any
    parts: tuple[Part, ...]
    reason: str
    at: datetime
    digest: str


@dataclass(frozen=True)
class DelegateDetail:
    """A delegate with record and trust."""

    row: DelegateRow
    received: tuple[DelegationRow, ...]
    given: tuple[DelegationRow, ...]
    votes: tuple[VoteRow, ...]


def delegates(community: Community, now: datetime) -> list[DelegateRow]:
    """Return the named members, those who received delegations and those with power; the most power first."""
    powers = _newest_powers(community)
    received = (
        _in_force(community, now).order_by().values("delegate").annotate(rows=SqlCount("delegator", distinct=True))
    )
    trust = dict(received.values_list("delegate", "rows"))
    members = {member.address: member for member in community.members.all()}
    votes, held = _participation(community, now)
    rows = []
    # Anybody can say something about themselves; that alone puts nobody on the list.
    for address in {*(address for address, member in members.items() if member.name), *trust, *powers}:
        member = members.get(address)
        rows.append(
            DelegateRow(
                address=address,
                name=member.name if member else "",
                statement=member.statement if member else "",
                power=powers.get(address, 0),
                delegators=trust.get(address, 0),
                votes=votes.get(address, 0),
                participation_bps=votes.get(address, 0) * 10_000 // held if held else 0,
            )
        )
    return sorted(rows, key=lambda row: (-row.power, row.name.casefold(), row.address.lower()))


def delegate_detail(community: Community, address: str, now: datetime) -> DelegateDetail:
    """Return one delegate; raise NotFound for what is no address."""
    try:
        address = parse_address(address)
    except AddressError as error:
        raise NotFound("unknown_member", "there is no such member", field="address", found=address) from error
    row = next((row for row in delegates(community, now) if row.address == address), None)
    if row is None:
        row = DelegateRow(address, "", "", 0, 0, 0, 0)
    in_force = _in_force(community, now).order_by("topic", "-share_bps", "pk")
    received = list(in_force.filter(delegate=address))
    given = list(in_force.filter(delegator=address))
    names = member_names(community, {*(one.delegator for one in received), *(one.delegate for one in given)})
    return DelegateDetail(
        row=row,
        received=tuple(DelegationRow(one, one.delegator, names.get(one.delegator, "")) for one in received),
        given=tuple(DelegationRow(one, one.delegate, names.get(one.delegate, "")) for one in given),
        votes=tuple(_votes(community, address)),
    )


def _in_force(community: Community, now: datetime) -> QuerySet[Delegation]:
    holding = community.delegations.filter(superseded_at__isnull=True, share_bps__gt=0)
    return holding.exclude(expires_at__gt=0, expires_at__lte=unix(now))


def _newest_powers(community: Community) -> dict[str, int]:
    """Return the powers of the newest census: what the members could vote with last."""
    newest = community.proposals.filter(census_at__isnull=False).order_by("-census_at").first()
    if newest is None:
        return {}
    return dict(CensusEntry.objects.filter(proposal=newest, power__isnull=False).values_list("voter", "power"))


def _participation(community: Community, now: datetime) -> tuple[dict[str, int], int]:
    """Return the number of votes of each voter, and how many votes there were to take part in."""
    held = community.proposals.submitted().filter(census_at__isnull=False, opens_at__lte=now).count()
    voted = Ballot.objects.filter(proposal__community=community, superseded_at__isnull=True).order_by().values("voter")
    return dict(voted.annotate(rows=SqlCount("pk")).values_list("voter", "rows")), held


def _votes(community: Community, address: str) -> Iterable[VoteRow]:
    ballots = (
        Ballot.objects.filter(proposal__community=community, voter=address, superseded_at__isnull=True)
        .select_related("proposal__record")
        .order_by("-cast_at", "-pk")[:VOTES_SHOWN_MAX]
    )
    for ballot in ballots:
        terms = terms_of(ballot.proposal)
        parts = parts_of(terms.method, terms.choices, ballot.choice)
        yield VoteRow(ballot.proposal, ballot.choice, parts, ballot.reason, ballot.cast_at, ballot.record_id)
