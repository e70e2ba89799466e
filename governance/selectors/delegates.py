"""Questions about delegates: who may be trusted with power, what they said, how they voted, who delegates to them."""

from collections.abc import Iterable, Mapping, Sequence
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
# Of those who have power and nothing else, so many are listed; a search finds the others by their address.
LISTED_MAX = 500
ASKED_AT_ONCE = 5_000


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


@dataclass(frozen=True)
class DelegateList:
    """Those who may be trusted with power, the most power first. What a page shows of each is read for that page.

    Of those who have power and nothing else, the `LISTED_MAX` with the most are in it; `is_cut`: there are more.
    """

    community: Community
    now: datetime
    ranked: tuple[tuple[int, str, str], ...]  # power, name, address
    trust: Mapping[str, int]
    is_cut: bool

    def __len__(self) -> int:
        """Return how many are listed."""
        return len(self.ranked)

    def rows(self, start: int = 0, stop: int | None = None) -> list[DelegateRow]:
        """Return a part of the list."""
        return _rows(self.community, self.ranked[start:stop], self.trust, self.now)


def delegates(community: Community, now: datetime, search: str = "") -> DelegateList:
    """Return the named members, those who received delegations and those with power; the most power first.

    A search finds a part of a name or of an address among those who are known, and the beginning of any address.
    """
    # Anybody can say something about themselves; that alone puts nobody on the list.
    known = dict(community.members.exclude(name="").values_list("address", "name"))
    trust = _trust(community, now)
    people = {address: known.get(address, "") for address in {*known, *trust}}
    if search:
        people = {address: name for address, name in people.items() if _matches(search, name, address)}
    newest = _newest_census(community)
    powers = _powers(newest, people)
    largest = _largest(newest, search)
    is_cut = len(largest) > LISTED_MAX
    powers |= dict(largest[:LISTED_MAX])
    ranked = [(powers.get(address, 0), people.get(address, ""), address) for address in {*people, *powers}]
    ranked.sort(key=lambda row: (-row[0], row[1].casefold(), row[2].lower()))
    return DelegateList(community, now, tuple(ranked), trust, is_cut)


def delegate_detail(community: Community, address: str, now: datetime) -> DelegateDetail:
    """Return one delegate; raise NotFound for what is no address."""
    try:
        address = parse_address(address)
    except AddressError as error:
        raise NotFound("unknown_member", "there is no such member", field="address", found=address) from error
    trust = {address: _in_force(community, now).filter(delegate=address).values("delegator").distinct().count()}
    power = _powers(_newest_census(community), [address]).get(address, 0)
    name = member_names(community, {address}).get(address, "")
    (row,) = _rows(community, [(power, name, address)], trust, now)
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


def _trust(community: Community, now: datetime) -> dict[str, int]:
    """Return how many lend power to each who received any."""
    received = (
        _in_force(community, now).order_by().values("delegate").annotate(rows=SqlCount("delegator", distinct=True))
    )
    return dict(received.values_list("delegate", "rows"))


def _newest_census(community: Community) -> Proposal | None:
    """Return the proposal with the newest census: what the members could vote with last."""
    return community.proposals.filter(census_at__isnull=False).order_by("-census_at").first()


def _powers(newest: Proposal | None, addresses: Iterable[str]) -> dict[str, int]:
    """Return what these have in a census, as far as they stand in it."""
    keys = sorted({address.lower() for address in addresses})
    found: dict[str, int] = {}
    for first in range(0, len(keys) if newest else 0, ASKED_AT_ONCE):
        entries = CensusEntry.objects.filter(proposal=newest, voter_key__in=keys[first : first + ASKED_AT_ONCE])
        found |= dict(entries.filter(power__isnull=False).values_list("voter", "power"))
    return found


def _largest(newest: Proposal | None, search: str) -> list[tuple[str, int]]:
    """Return those with the most power of a census, one more than are listed; of a search, the addresses meant."""
    if newest is None:
        return []
    entries = CensusEntry.objects.filter(proposal=newest, power__isnull=False).order_by("-power", "voter_key")
    if search:
        start = search.lower()
        if not start.startswith("0x") or not start.isascii():
            return []
        entries = entries.filter(voter_key__gte=start, voter_key__lt=start + "g").order_by("voter_key")
    return list(entries.values_list("voter", "power")[: LISTED_MAX + 1])


def _rows(
    community: Community, ranked: Sequence[tuple[int, str, str]], trust: Mapping[str, int], now: datetime
) -> list[DelegateRow]:
    """Return people with what they say of themselves, and in how many of the votes that were held they took part."""
    people = [address for _power, _name, address in ranked]
    statements = dict(community.members.filter(address__in=people).values_list("address", "statement"))
    held = community.proposals.submitted().filter(census_at__isnull=False, opens_at__lte=now).count()
    counting = Ballot.objects.filter(proposal__community=community, voter__in=people, superseded_at__isnull=True)
    votes = dict(counting.order_by().values("voter").annotate(rows=SqlCount("pk")).values_list("voter", "rows"))
    return [
        DelegateRow(
            address=address,
            name=name,
            statement=statements.get(address, ""),
            power=power,
            delegators=trust.get(address, 0),
            votes=votes.get(address, 0),
            participation_bps=votes.get(address, 0) * 10_000 // held if held else 0,
        )
        for power, name, address in ranked
    ]


def _matches(search: str, *texts: str) -> bool:
    return any(search.casefold() in text.casefold() for text in texts)


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
