"""Where somebody belongs, what they may decide with there, and what they have signed: the questions of their home."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from governance.choices import Part, parts_of
from governance.clock import unix
from governance.models import Ballot, CensusEntry, Community, Delegation, Member, Proposal
from governance.power import DECIMALS
from governance.selectors.delegates import DelegationRow
from governance.services.common import charter_of, required_record, terms_of

RECEIPTS_PER_PAGE = 20


@dataclass(frozen=True)
class Standing:
    """What somebody has in one community: power by its newest census, and what they lend and are lent.

    `power` is None where no census has counted them yet.
    """

    community: Community
    power: int | None
    decimals: int
    given: tuple[DelegationRow, ...]
    received: tuple[DelegationRow, ...]


@dataclass(frozen=True)
class ReceiptRow:
    """One accepted ballot of somebody: what they chose, and whether it still counts or a later one does."""

    ballot: Ballot
    proposal: Proposal
    parts: tuple[Part, ...]
    counting: bool
    decimals: int


@dataclass(frozen=True)
class ReceiptPage:
    """One page of somebody's ballots, the newest first."""

    rows: tuple[ReceiptRow, ...]
    number: int
    pages: int
    total: int


def belongs_to(address: str) -> list[Community]:
    """Return the communities in which somebody has a name, power, a delegation or a proposal, oldest first."""
    here = {"community": OuterRef("pk")}
    held = Delegation.objects.filter(superseded_at__isnull=True, **here)
    belonging = (
        Q(Exists(Member.objects.filter(address=address, **here)))
        | Q(Exists(held.filter(Q(delegator=address) | Q(delegate=address))))
        | Q(Exists(Proposal.objects.filter(author=address, **here)))
        | Q(pk__in=_newest_entries(address).values("proposal__community"))
    )
    return list(Community.objects.filter(belonging).select_related("charter").order_by("id"))


def standings_of(address: str, communities: Sequence[Community], now: datetime) -> list[Standing]:
    """Return what somebody has in each of these communities, in the same queries however many they are."""
    powers = dict(_newest_entries(address).values_list("proposal__community", "power"))
    held = Delegation.objects.filter(community__in=communities, superseded_at__isnull=True, share_bps__gt=0)
    held = held.exclude(expires_at__gt=0, expires_at__lte=unix(now)).filter(Q(delegator=address) | Q(delegate=address))
    rows = list(held.order_by("topic", "-share_bps", "pk"))
    names = _names(communities, rows)
    found = []
    for community in communities:
        here = [row for row in rows if row.community_id == community.pk]
        given = [_other_side(row, row.delegate, names) for row in here if row.delegator == address]
        received = [_other_side(row, row.delegator, names) for row in here if row.delegate == address]
        decimals = DECIMALS.get(charter_of(community).power["source"], 0)
        found.append(Standing(community, powers.get(community.pk), decimals, tuple(given), tuple(received)))
    return found


def receipts_of(address: str, page: int, per_page: int = RECEIPTS_PER_PAGE) -> ReceiptPage:
    """Return one page of somebody's ballots in all communities, also those that a later one replaced."""
    # Through the proposals: ballots have an index by proposal and voter, and none by voter alone.
    cast = Ballot.objects.filter(proposal__in=Proposal.objects.submitted().order_by().values("pk"), voter=address)
    total = cast.count()
    pages = max(1, -(-total // per_page))
    number = min(max(page, 1), pages)
    start = (number - 1) * per_page
    listed = cast.select_related("proposal__record", "proposal__community").order_by("-cast_at", "-pk")
    return ReceiptPage(tuple(map(_receipt, listed[start : start + per_page])), number, pages, total)


def _receipt(ballot: Ballot) -> ReceiptRow:
    terms = terms_of(ballot.proposal)
    parts = parts_of(terms.method, terms.choices, ballot.choice)
    source = required_record(ballot.proposal.record).body["snapshot"]["source"]["name"]
    counting = ballot.superseded_at is None
    return ReceiptRow(ballot, ballot.proposal, parts, counting=counting, decimals=DECIMALS.get(source, 0))


def _newest_entries(address: str) -> QuerySet[CensusEntry]:
    """Return what somebody has in the newest census of each community."""
    taken = Proposal.objects.filter(community=OuterRef("pk"), census_at__isnull=False).order_by("-census_at", "-pk")
    newest = Community.objects.annotate(counted=Subquery(taken.values("pk")[:1])).values("counted")
    return CensusEntry.objects.filter(proposal__in=newest, voter_key=address.lower(), power__isnull=False)


def _names(communities: Sequence[Community], rows: Sequence[Delegation]) -> dict[tuple[int, str], str]:
    """Return the names of both sides of delegations, by community and address."""
    wanted = {row.delegator for row in rows} | {row.delegate for row in rows}
    found = Member.objects.filter(community__in=communities, address__in=wanted)
    return {(pk, address): name for pk, address, name in found.values_list("community_id", "address", "name")}


def _other_side(row: Delegation, address: str, names: dict[tuple[int, str], str]) -> DelegationRow:
    return DelegationRow(row, address, names.get((row.community_id, address), ""))
