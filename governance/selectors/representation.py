"""Who votes with whose power on one proposal: where a member's votes go, why there, and whose votes a delegate carries.

Reads only. How power flows is `governance.delegation`; here its answer is asked for one person at a time, among the few
people whom their delegations reach. QUERIES_MAX holds however many people take part.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from governance.choices import Part, parts_of
from governance.counting import Cast, Roll, Terms, weigh, weight_alone
from governance.delegation import EVERY_TOPIC, WHOLE_BPS, Edge, resolve
from governance.eip712 import parse_address
from governance.models import Ballot, Proposal
from governance.selectors.communities import member_names
from governance.services.common import roll_of, terms_of

# Census record, electorate (two), the voter's entry, ballots, names, topics of the voter's own delegations.
QUERIES_MAX: Final = 8


class Representative(StrEnum):
    """What became of the votes that were lent to one delegate."""

    OVERRIDDEN = "overridden"  # the member has voted
    VOTED = "voted"
    PASSED_ON = "passed_on"  # the delegate has not, and lends on to somebody who has
    WAITING = "waiting"


@dataclass(frozen=True)
class PassedOn:
    """Somebody who votes with the power after the delegate lent it on, and how."""

    address: str
    name: str
    power: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Spokesperson:
    """One delegate of a member: the share lent, what it is of the member's own power, and what became of it.

    `topic` is the kind of proposal that the delegation was made for, or "" for every kind: why it holds here.
    `power` counts what is used of the member's own votes now; while nobody uses it, what would be.
    """

    address: str
    name: str
    share_bps: int
    topic: str
    state: Representative
    power: int
    parts: tuple[Part, ...]
    reason: str
    passed_on: tuple[PassedOn, ...]


@dataclass(frozen=True)
class Carried:
    """What others lend to a member: all of it (`most`), what is left of it now, from how many, who took theirs back."""

    people: int
    overriding: int
    power: int
    most: int


@dataclass(frozen=True)
class Representation:
    """Who speaks for a member on a proposal, and for whom the member speaks. Powers are in units of the census."""

    voter: str
    census_done: bool
    own_power: int
    voted: bool
    unlent: int
    delegates: tuple[Spokesperson, ...]
    carried: Carried

    @property
    def concerns(self) -> bool:
        """Say whether a delegation touches the member at all."""
        return bool(self.delegates or self.carried.people)


def representation(proposal: Proposal, voter: str, roll: Roll | None = None) -> Representation:
    """Return who votes with a member's power, and with whose power the member votes; raise AddressError for no address.

    `roll` is the electorate where the caller has read it already.

    1. the delegations that hold, as they were frozen with the proposal
    2. the people whom they reach from the member, and those who reach the member
    3. for each delegate, where the member's own power ends through them
    4. what flows to the member from those who have not voted
    """
    voter = parse_address(voter)
    if proposal.census_record_id is None:
        return Representation(voter, False, 0, False, 0, (), Carried(0, 0, 0, 0))
    roll = roll or roll_of(proposal)  # 1
    entry = proposal.census.filter(voter_key=voter.lower()).first()
    own = int(entry.power or 0) if entry else 0
    given = [edge for edge in roll.edges if edge.delegator == voter]
    downstream = _reached(voter, _forwards(roll.edges))  # 2
    upstream = _reached(voter, _backwards(roll.edges))
    ballots = _ballots(proposal, downstream | upstream | {voter}) if given or upstream else {}
    voted = _voted(proposal, voter, ballots, asked=bool(given or upstream))
    delegates = _delegates(proposal, roll, voter, own, given, downstream, ballots, voted=voted)  # 3
    carried = _carried(roll, voter, own, upstream, ballots)  # 4
    unlent = own - sum(own * edge.share_bps // WHOLE_BPS for edge in given)
    return Representation(voter, True, own, voted, unlent, delegates, carried)


def _delegates(
    proposal: Proposal,
    roll: Roll,
    voter: str,
    own: int,
    given: list[Edge],
    downstream: Collection[str],
    ballots: Mapping[str, Ballot],
    *,
    voted: bool,
) -> tuple[Spokesperson, ...]:
    if not given:
        return ()
    terms = terms_of(proposal)
    # Whoever cannot be reached from the member can neither receive the member's power nor close a circle with them.
    edges = [edge for edge in roll.edges if edge.delegator == voter or edge.delegator in downstream]
    voters = ballots.keys() & downstream
    names = member_names(proposal.community, downstream)
    topics = _topics(proposal, terms, voter)
    rows = []
    for edge in given:
        through = [_silenced(other) if other.delegator == voter and other != edge else other for other in edges]
        ends = {name: power for name, power in resolve({voter: own}, through, voters).items() if power}
        ballot = ballots.get(edge.delegate)
        state = _state(voted=voted, ballot=ballot, ends=ends)
        lent = own * edge.share_bps // WHOLE_BPS
        rows.append(
            Spokesperson(
                address=edge.delegate,
                name=names.get(edge.delegate, ""),
                share_bps=edge.share_bps,
                topic=topics.get(edge.delegate, EVERY_TOPIC),
                state=state,
                power=sum(ends.values()) if state is Representative.PASSED_ON else lent,
                parts=parts_of(terms.method, terms.choices, ballot.choice) if ballot else (),
                reason=ballot.reason if ballot else "",
                passed_on=tuple(
                    PassedOn(
                        name, names.get(name, ""), power, parts_of(terms.method, terms.choices, ballots[name].choice)
                    )
                    for name, power in ends.items()
                )
                if state is Representative.PASSED_ON
                else (),
            )
        )
    return tuple(sorted(rows, key=lambda row: (-row.share_bps, row.address.lower())))


def _state(*, voted: bool, ballot: Ballot | None, ends: Mapping[str, int]) -> Representative:
    if voted:
        return Representative.OVERRIDDEN
    if ballot is not None:
        return Representative.VOTED
    return Representative.PASSED_ON if ends else Representative.WAITING


def _carried(roll: Roll, voter: str, own: int, upstream: Collection[str], ballots: Mapping[str, Ballot]) -> Carried:
    if not upstream:
        return Carried(0, 0, 0, 0)
    group = replace(roll, edges=tuple(edge for edge in roll.edges if edge.delegator in upstream))
    casts = [Cast(name, None, int(ballot.power)) for name, ballot in ballots.items() if name in upstream]
    now = weigh(group, [*casts, Cast(voter, None, own)])[voter] - own
    with_power = {name for name in upstream if roll.powers.get(name)}
    overriding = len(with_power & ballots.keys())
    return Carried(len(with_power) - overriding, overriding, now, weight_alone(group, voter, own) - own)


def _silenced(edge: Edge) -> Edge:
    """Return a delegation that carries nothing and still closes a circle as it did."""
    return replace(edge, share_bps=0)


def _forwards(edges: Iterable[Edge]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in edges:
        found.setdefault(edge.delegator, []).append(edge.delegate)
    return found


def _backwards(edges: Iterable[Edge]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in edges:
        found.setdefault(edge.delegate, []).append(edge.delegator)
    return found


def _reached(start: str, steps: Mapping[str, list[str]]) -> frozenset[str]:
    """Return everybody who is reached from one person, without that person."""
    seen, waiting = {start}, [start]
    while waiting:
        for name in steps.get(waiting.pop(), ()):
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return frozenset(seen - {start})


def _ballots(proposal: Proposal, people: Collection[str]) -> dict[str, Ballot]:
    found = proposal.ballots.counting().filter(voter__in=people).only("proposal", "voter", "choice", "reason", "power")
    return {ballot.voter: ballot for ballot in found}


def _voted(proposal: Proposal, voter: str, ballots: Mapping[str, Ballot], *, asked: bool) -> bool:
    return voter in ballots if asked else proposal.ballots.counting().filter(voter=voter).exists()


def _topics(proposal: Proposal, terms: Terms, voter: str) -> dict[str, str]:
    """Return for which topic each delegate of a member was chosen, of the delegations that hold here.

    One on the proposal's own topic takes the place of all general ones, so that there is one reason for all of them.
    """
    held = proposal.delegations.filter(delegator=voter, share_bps__gt=0)
    held = held.exclude(expires_at__gt=0, expires_at__lt=terms.closes_at)
    pairs = list(held.values_list("delegate", "topic"))
    topic = terms.kind if any(found == terms.kind for _, found in pairs) else EVERY_TOPIC
    return {delegate: topic for delegate, found in pairs if found == topic}
