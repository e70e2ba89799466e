"""Who votes with whose power: which delegations hold for a proposal, and how power flows along them.

Pure: no Django, no chain, no clock. Holds no signature and no record; whoever reads those makes `Delegation`s of them.
All numbers are whole. Nothing is added and nothing is counted twice: the weights of all voters never exceed the powers.

The rules, in words:
- A delegation on the proposal's own topic takes the place of all the delegator's general ones (topic "").
- Whoever votes keeps all that is theirs and all that reached them: one's own vote overrides one's delegations.
- The power of who does not vote flows on, and through others who do not vote, until it meets somebody who does.
- In a circle of people who all wait for each other nobody decides: the delegations inside the circle carry nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

WHOLE_BPS: Final = 10_000
# The topic of a delegation that holds for every kind of proposal.
EVERY_TOPIC: Final = ""


@dataclass(frozen=True, slots=True)
class Delegation:
    """One signed statement: `share_bps` of the delegator's power goes to the delegate; 0 takes an earlier one back.

    Addresses are checksummed. `topic` is a proposal kind or "". `expires_at` is in UNIX seconds, 0 for never.
    """

    delegator: str
    delegate: str
    topic: str
    share_bps: int
    expires_at: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A delegation that holds: this share of the delegator's power goes to the delegate, in basis points."""

    delegator: str
    delegate: str
    share_bps: int


class DelegationError(ValueError):
    """Delegations that cannot be followed. `code` is stable."""

    code = "delegation_invalid"

    def __init__(self, detail: str) -> None:
        """Keep the readable sentence beside the stable code."""
        super().__init__(f"{self.code}: {detail}")
        self.detail = detail


class SharesTooLarge(DelegationError):
    """Somebody gives away more than all they have."""

    code = "delegation_shares"

    def __init__(self, delegator: str, found_bps: int) -> None:
        """Keep who it is, and the sum of their shares."""
        super().__init__(f"{delegator} delegates {found_bps} of {WHOLE_BPS} basis points")
        self.delegator = delegator
        self.found_bps = found_bps


class DelegationsDiffer(DelegationError):
    """Two different delegations with one nonce: neither of them is the later one."""

    code = "delegation_nonce"

    def __init__(self, one: Delegation, other: Delegation) -> None:
        """Keep both."""
        super().__init__(f"nonce {one.nonce} of {one.delegator} to {one.delegate} was signed twice, differently")
        self.one = one
        self.other = other


def in_force(delegations: Iterable[Delegation], topic: str, closes_at: int) -> tuple[Edge, ...]:
    """Return the delegations that hold for a proposal on `topic` whose voting closes at `closes_at` (UNIX seconds).

    1. of several from one delegator to one delegate on one topic, the one with the highest nonce
    2. without those that were taken back (share 0) or expire before voting closes
    3. for each delegator those on this topic, or else the general ones

    Sorted by delegator and delegate. Delegating a topic to oneself therefore means: nobody else, on this topic.
    Raises DelegationsDiffer when two different ones have the same nonce.
    """
    # 1. the newest
    newest: dict[tuple[str, str, str], Delegation] = {}
    for delegation in delegations:
        key = (delegation.delegator, delegation.delegate, delegation.topic)
        known = newest.setdefault(key, delegation)
        if delegation.nonce == known.nonce and delegation != known:
            raise DelegationsDiffer(known, delegation)
        if delegation.nonce > known.nonce:
            newest[key] = delegation
    # 2. and 3. those that hold, on this topic and in general
    special: dict[str, list[Edge]] = {}
    general: dict[str, list[Edge]] = {}
    for delegation in newest.values():
        if delegation.share_bps and (delegation.expires_at == 0 or delegation.expires_at >= closes_at):
            edge = Edge(delegation.delegator, delegation.delegate, delegation.share_bps)
            if delegation.topic == topic:
                special.setdefault(edge.delegator, []).append(edge)
            elif delegation.topic == EVERY_TOPIC:
                general.setdefault(edge.delegator, []).append(edge)
    chosen = (edge for edges in (general | special).values() for edge in edges)
    return tuple(sorted(chosen, key=lambda edge: (edge.delegator.lower(), edge.delegate.lower())))


def require_whole(edges: Iterable[Edge]) -> None:
    """Raise SharesTooLarge if somebody gives away more than everything, DelegationError if a share is none."""
    given: dict[str, int] = {}
    for edge in edges:
        if not 0 <= edge.share_bps <= WHOLE_BPS:
            raise DelegationError(f"a share is 0 to {WHOLE_BPS} basis points, {edge.share_bps} found: {edge.delegator}")
        given[edge.delegator] = given.get(edge.delegator, 0) + edge.share_bps
    for delegator, found_bps in given.items():
        if found_bps > WHOLE_BPS:
            raise SharesTooLarge(delegator, found_bps)


def resolve(powers: Mapping[str, int], edges: Iterable[Edge], voters: Collection[str]) -> dict[str, int]:
    """Return the weight of each voter: their own power and what flows to them, in the unit of `powers`.

    Each share is rounded down; what rounding or a delegation to nobody who votes leaves over stays unused, so
    Σ weights ≤ Σ powers. The order of edges and voters does not matter. Time and memory are linear in both.

    1. drop the delegations of those who vote
    2. order the others so that whoever gives comes before whoever receives
    3. let the power flow, except inside a circle

    Raises what `require_whole` raises.
    """
    edges = tuple(edges)
    require_whole(edges)
    # 1. who votes keeps everything
    voting = frozenset(voters)
    outgoing: dict[str, list[Edge]] = {}
    for edge in edges:
        if edge.delegator not in voting:
            outgoing.setdefault(edge.delegator, []).append(edge)
    # 2. givers first
    circles = _circles(outgoing)
    # 3. the flow
    amounts = dict(powers)
    for giver in reversed(circles):
        amount = amounts.get(giver, 0)
        for edge in outgoing[giver]:
            if circles.get(edge.delegate) != circles[giver]:
                amounts[edge.delegate] = amounts.get(edge.delegate, 0) + amount * edge.share_bps // WHOLE_BPS
    return {voter: amounts.get(voter, 0) for voter in sorted(voting)}


def _circles(outgoing: Mapping[str, list[Edge]]) -> dict[str, int]:
    """Return for each giver the number of their circle; who is in none has a number alone. Receivers come first.

    A circle is a strongly connected component: Tarjan's algorithm (1972), which finds components in exactly this order.
    It keeps its own path, because Python's recursion would end at a chain of a thousand people.
    """
    seen: dict[str, int] = {}  # the order in which givers were first met
    lowest: dict[str, int] = {}  # the earliest one still open that can be reached from here
    circles: dict[str, int] = {}
    still_open: list[str] = []
    for start in outgoing:
        path = [(start, iter(outgoing[start]))] if start not in seen else []
        while path:
            giver, rest = path[-1]
            if giver not in seen:
                seen[giver] = lowest[giver] = len(seen)
                still_open.append(giver)
            for edge in rest:
                receiver = edge.delegate
                if receiver not in outgoing or receiver in circles:
                    continue
                if receiver not in seen:
                    path.append((receiver, iter(outgoing[receiver])))
                    break
                lowest[giver] = min(lowest[giver], seen[receiver])
            else:
                path.pop()
                if path:
                    parent = path[-1][0]
                    lowest[parent] = min(lowest[parent], lowest[giver])
                if lowest[giver] == seen[giver]:
                    # Everybody met since is in the circle of this giver.
                    while giver not in circles:
                        circles[still_open.pop()] = seen[giver]
    return circles
