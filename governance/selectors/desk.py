"""The desk of a delegate: every open decision with what their ballot weighs there, who relies on it, and who voted.

One answer for all open decisions, in a number of queries that does not grow with them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from governance.choices import Part, parts_of
from governance.counting import Roll
from governance.delegation import Edge, resolve
from governance.lifecycle import State
from governance.models import Ballot, CensusEntry, Community, Member, Proposal
from governance.power import DECIMALS
from governance.selectors.belonging import Standing, standings_of
from governance.services.common import required_record, rolls_of, terms_of

OPEN_MAX = 200


@dataclass(frozen=True)
class DeskRow:
    """One open decision as its delegate sees it.

    `weight` is what a ballot of theirs weighs now: own power and what reaches them from those who have not voted.
    `relying` are the people whose power comes to them, also through others; `voted_themselves` those of them who need
    nobody now.
    """

    proposal: Proposal
    weight: int
    own_power: int
    decimals: int
    relying: int
    voted_themselves: int
    ballot: Ballot | None
    parts: tuple[Part, ...]

    @property
    def voted(self) -> bool:
        """Whether they have voted."""
        return self.ballot is not None

    @property
    def may_vote(self) -> bool:
        """Whether a ballot of theirs would weigh anything."""
        return self.weight > 0


@dataclass(frozen=True)
class Desk:
    """All of it: the rows that close first at the top, what is lent and borrowed, and what they said of themselves."""

    rows: tuple[DeskRow, ...]
    standing: Standing
    statement: str

    @property
    def missing(self) -> int:
        """Return on how many decisions they can vote and have not."""
        return sum(row.may_vote and not row.voted for row in self.rows)


def desk(community: Community, viewer: str, now: datetime) -> Desk:
    """Return the desk of somebody, who may be nobody's delegate."""
    active = community.proposals.in_state(State.ACTIVE, now).filter(census_at__isnull=False)
    listed = list(active.select_related("record", "census_record").order_by("closes_at", "pk")[:OPEN_MAX])
    said = Member.objects.filter(community=community, address=viewer).values_list("statement", flat=True).first()
    return Desk(_rows(community, listed, viewer), standings_of(viewer, [community], now)[0], said or "")


def _rows(community: Community, listed: Sequence[Proposal], viewer: str) -> tuple[DeskRow, ...]:
    rolls = rolls_of(listed)
    people = {name for roll in rolls.values() for name in _upstream(roll.edges, viewer)}
    voted = _voted(listed, {name for roll in rolls.values() for name in roll.people} if people else set())
    entries = CensusEntry.objects.filter(proposal__in=listed, voter_key=viewer.lower(), power__isnull=False)
    own = {pk: int(power) for pk, power in entries.values_list("proposal_id", "power")}
    mine = Ballot.objects.filter(proposal__in=listed, voter_key=viewer.lower(), superseded_at__isnull=True)
    ballots = {ballot.proposal_id: ballot for ballot in mine}
    rows = []
    for proposal in listed:
        proposal.community = community
        roll, ballot, terms = rolls[proposal.pk], ballots.get(proposal.pk), terms_of(proposal)
        power, voters = own.get(proposal.pk, 0), voted.get(proposal.pk, set())
        relying = _upstream(roll.edges, viewer)
        source = required_record(proposal.record).body["snapshot"]["source"]["name"]
        rows.append(
            DeskRow(
                proposal=proposal,
                weight=_weight(roll, viewer, power, voters) if relying else power,
                own_power=power,
                decimals=DECIMALS.get(source, 0),
                relying=len(relying),
                voted_themselves=len(relying & voters),
                ballot=ballot,
                parts=parts_of(terms.method, terms.choices, ballot.choice) if ballot else (),
            )
        )
    return tuple(rows)


def _weight(roll: Roll, viewer: str, power: int, voters: Collection[str]) -> int:
    """Return what a ballot weighs beside those of the others who have voted."""
    return resolve({**roll.powers, viewer: power}, roll.edges, {*voters, viewer})[viewer]


def _upstream(edges: Iterable[Edge], delegate: str) -> set[str]:
    """Return everybody whose power can come to a delegate, through however many others."""
    givers: dict[str, list[str]] = {}
    for edge in edges:
        givers.setdefault(edge.delegate, []).append(edge.delegator)
    found: set[str] = set()
    waiting = [delegate]
    while waiting:
        for giver in givers.get(waiting.pop(), ()):
            if giver not in found and giver != delegate:
                found.add(giver)
                waiting.append(giver)
    return found


def _voted(listed: Sequence[Proposal], people: Collection[str]) -> Mapping[int, set[str]]:
    """Return who of these people has voted on which proposal."""
    found: dict[int, set[str]] = {}
    if people:
        cast = Ballot.objects.filter(proposal__in=listed, voter__in=people, superseded_at__isnull=True)
        for pk, voter in cast.values_list("proposal_id", "voter"):
            found.setdefault(pk, set()).add(voter)
    return found
