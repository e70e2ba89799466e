"""Counting one vote: from what a proposal froze, the census, the delegations and the ballots to a count and a decision.

Pure. The closing of a vote, the page that shows it half-way, the recount of an audit bundle and the verifier of a
release all come here, so that they cannot differ. How a method counts stands in `tally`, how power flows in
`delegation`, what a count means in `outcome`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from governance import outcome
from governance.delegation import Delegation, Edge, in_force, resolve
from governance.onchain import SOURCE as BY_CONTRACT
from governance.outcome import Condition, Electorate, InvalidRules, Outcome, Rules
from governance.sealed.terms import Sealing
from governance.tally import Count, Method, method_named


@dataclass(frozen=True)
class Terms:
    """What the record of a proposal froze about its vote. With `sealing`, ballots are sealed until it has closed."""

    kind: str
    method: Method
    choices: tuple[str, ...]
    seats: int
    rules: Rules
    total_supply: int
    closes_at: int
    sealing: Sealing | None = None
    by_contract: bool = False

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Terms":
        """Read the body of a proposal record. Raises UnknownMethod or InvalidRules."""
        return cls(
            kind=body["kind"],
            method=method_named(body["method"]),
            choices=tuple(body["choices"]),
            seats=body["seats"],
            rules=Rules.from_body(body["rules"]),
            total_supply=int(body["snapshot"]["total_supply"]),
            closes_at=body["closes_at"],
            sealing=Sealing.from_body(body["sealing"]) if "sealing" in body else None,
            by_contract=body["snapshot"].get("source", {}).get("name") == BY_CONTRACT,
        )

    def under(self, census: Mapping[str, Any]) -> "Terms":
        """Return the terms by which a Governor counts: supply and quorum of the second of its snapshot.

        The body of the census says where they changed since the proposal was submitted; in a vote of this site nothing
        can change. Raises InvalidRules.
        """
        said = census.get("governor")
        if said is None:
            return self
        if not self.by_contract:
            raise InvalidRules("governor", said, "nothing: only a contract changes its numbers")
        bps = said["quorum_bps"]
        rules = replace(self.rules, quorum_bps=bps, quorum_votes=self.rules.quorum_votes if bps else 1)
        return replace(self, total_supply=int(said["total_supply"]), rules=rules)

    def late_quorum_seconds(self, tally: Mapping[str, Any]) -> int:
        """Return how long a late quorum keeps the vote open: by the tally where a Governor changed it."""
        said: int = tally.get("late_quorum_seconds", self.rules.late_quorum_seconds)
        return said

    def timelock_seconds(self, decision: Mapping[str, Any]) -> int:
        """Return how long the decision waits, by itself where a Governor's number changed meanwhile."""
        said: int = decision.get("timelock_seconds", self.rules.timelock_seconds)
        return said

    @property
    def follows_quorum(self) -> bool:
        """Whether the end may move once the quorum is reached. A Governor's number may change during the vote."""
        return self.by_contract or has_late_quorum(self.rules)

    def quorum_followed(self, roll: "Roll") -> int:
        """Return the power after which the end may move. A Governor's may be nothing: then its first vote moves it."""
        return self.governor_quorum if self.by_contract else outcome.quorum_needed(self.rules, roll.electorate(self))

    @property
    def governor_quorum(self) -> int:
        """The quorum as a Governor of these numbers has it, which may be nothing; `decide` asks for one unit."""
        return self.total_supply * self.rules.quorum_bps // outcome.BASIS_POINTS

    @property
    def weightless(self) -> bool:
        """Whether a vote without power is a ballot: where a Governor's quorum is nothing, it may move the end."""
        return self.by_contract and self.governor_quorum == 0

    @property
    def binary(self) -> bool:
        """Whether the vote is for or against one thing."""
        return self.method.binary


@dataclass(frozen=True, slots=True)
class Cast:
    """A ballot as it enters the count: the voter's own power, without what is delegated to them."""

    voter: str
    choice: Any
    power: int
    house_power: int = 0


@dataclass(frozen=True)
class Roll:
    """The electorate: sums of the census, the delegations that hold, and the own power of those who delegate."""

    total: int
    house_total: int
    edges: tuple[Edge, ...] = ()
    powers: Mapping[str, int] = field(default_factory=dict)

    def electorate(self, terms: Terms) -> Electorate:
        """Return the bases that shares are taken of."""
        return Electorate(terms.total_supply, self.total, self.house_total)

    @cached_property
    def people(self) -> frozenset[str]:
        """Everybody whom a delegation touches."""
        return frozenset(name for edge in self.edges for name in (edge.delegator, edge.delegate))

    @cached_property
    def groups(self) -> Mapping[str, "Roll"]:
        """For each person whom a delegation touches, the part of the roll that can change what their ballot weighs.

        Groups of people whom no delegation connects have nothing to do with each other's weights.
        """
        group: dict[str, list[str]] = {}
        for edge in self.edges:
            one, other = group.setdefault(edge.delegator, [edge.delegator]), group.get(edge.delegate, [edge.delegate])
            if one is not other:
                larger, smaller = (one, other) if len(one) >= len(other) else (other, one)
                larger.extend(smaller)
                group.update(dict.fromkeys(smaller, larger))
                group[edge.delegator] = group[edge.delegate] = larger
        edges: dict[int, list[Edge]] = {}
        for edge in self.edges:
            edges.setdefault(id(group[edge.delegator]), []).append(edge)
        parts = {}
        for people in {id(people): people for people in group.values()}.values():
            powers = {name: self.powers[name] for name in people if name in self.powers}
            part = Roll(self.total, self.house_total, tuple(edges[id(people)]), powers)
            parts.update(dict.fromkeys(people, part))
        return parts


@dataclass(frozen=True)
class Result:
    """A count with what follows from it. `house` is the second house by choice, where the rules give it a say."""

    count: Count
    house: dict[str, int] | None
    outcome: Outcome
    weights: Mapping[str, int]


def edges_of(delegations: Iterable[Mapping[str, Any]], terms: Terms) -> tuple[Edge, ...]:
    """Return what holds for this vote of the delegation records (their bodies) that were in force at submission."""
    read = (
        Delegation(
            delegator=body["delegator"],
            delegate=body["delegate"],
            topic=body["topic"],
            share_bps=body["share_bps"],
            expires_at=body["expires_at"],
            nonce=body["nonce"],
        )
        for body in delegations
    )
    return in_force(read, terms.kind, terms.closes_at)


def count_votes(terms: Terms, roll: Roll, casts: Sequence[Cast], secrets: int = 0) -> Result:
    """Count the newest ballot of each voter and judge the count; `secrets` is how many keyholders opened sealed ones.

    1. each voter's own power, and what flows to them from those who do not vote
    2. the method counts; ballots without weight (of the second house alone) are left out
    3. the second house counts one ballot with its own power
    4. the rules judge; a sealed vote that too few keyholders opened does not pass
    """
    weights = weigh(roll, casts)  # 1
    weighted = [
        (reduced(terms.method, cast.choice, weights[cast.voter]), weights[cast.voter])
        for cast in casts
        if weights[cast.voter]
    ]
    count = terms.method.count(weighted, len(terms.choices), terms.seats)  # 2
    house = _count_house(terms, casts) if terms.rules.objection_bps else None  # 3
    decided = outcome.decide(  # 4
        terms.rules, count, terms.choices, roll.electorate(terms), seats=terms.seats, house=house
    )
    if terms.sealing is not None:
        opened = Condition("opened", secrets >= terms.sealing.threshold, secrets, terms.sealing.threshold)
        # What decides stands first: where ballots stayed closed, nothing else was found out.
        conditions = (*decided.conditions, opened) if opened.holds else (opened, *decided.conditions)
        decided = Outcome(decided.passed and opened.holds, conditions, early=False)
    return Result(count, house, decided, weights)


def weigh(roll: Roll, casts: Iterable[Cast]) -> dict[str, int]:
    """Return the weight of each voter's ballot. Where nobody delegates, it is their own power."""
    own = {cast.voter: cast.power for cast in casts}
    if not roll.edges:
        return own
    return resolve({**roll.powers, **own}, roll.edges, own.keys())


def weight_alone(roll: Roll, voter: str, power: int) -> int:
    """Return what a ballot of this voter would weigh if nobody else voted.

    Votes of others only take from that, with one exception: where delegations above the voter run in a circle, a vote
    that opens the circle sets free what was stuck in it.
    """
    if not roll.edges:
        return power
    return resolve({**roll.powers, voter: power}, roll.edges, {voter})[voter]


def reduced(method: Method, choice: Any, weight: int) -> Any:  # noqa: ANN401 - choices are any JSON
    """Return a choice that names amounts, cut down in proportion where it names more than the ballot weighs now."""
    if not isinstance(choice, dict) or not method.binary:
        return choice
    try:
        named = sum(int(amount) for amount in choice.values())
    except (TypeError, ValueError):
        return choice  # the method sets it apart, with the reason
    return method.reduced(choice, named, weight) if named > weight else choice


def tally_body(terms: Terms, result: Result) -> dict[str, Any]:
    """Return the part of a tally record that follows from the count alone."""
    count = result.count
    return {
        "method": terms.method.name,
        "choices": list(terms.choices),
        "totals": {name: exact_text(score) for name, score in zip(terms.choices, count.scores, strict=True)},
        "winners": [terms.choices[position] for position in count.winners],
        "invalid_count": len(count.invalid),
        "cast": str(count.cast),
        "quorum_power": str(count.quorum_power),
        "house": None if result.house is None else {name: str(power) for name, power in result.house.items()},
    }


def exact_text(value: Fraction | int) -> str:
    """Return a number in its one spelling: "12", or "1/3" in lowest terms."""
    return str(Fraction(value))


class QuorumMeter:
    """Follows the quorum ballot by ballot, to see which one reached it first.

    A ballot changes its voter's part of the quorum, and the parts of those in the same group of delegations.
    """

    def __init__(self, terms: Terms, roll: Roll) -> None:
        """Begin before the first ballot."""
        self._terms, self._roll = terms, roll
        self._casts: dict[int, dict[str, Cast]] = {}  # by group
        self._parts: dict[int | str, int] = {}  # by group, or by voter where no delegation touches one
        self._sum = 0

    def cast(self, ballot: Cast) -> int:
        """Take in the next accepted ballot (a newer one of a voter replaces the older); return the power reached."""
        group = self._roll.groups.get(ballot.voter)
        if group is None:
            key: int | str = ballot.voter
            part = quorum_part(self._terms, ballot.choice, ballot.power)
        else:
            key = id(group)
            casts = self._casts.setdefault(id(group), {})
            casts[ballot.voter] = ballot
            part = group_quorum(self._terms, group, casts.values())
        self._sum += part - self._parts.get(key, 0)
        self._parts[key] = part
        return self._sum


def group_quorum(terms: Terms, group: Roll, casts: Collection[Cast]) -> int:
    """Return the power that the ballots of one group add to the quorum together."""
    weights = weigh(group, casts)
    return sum(quorum_part(terms, cast.choice, weights[cast.voter]) for cast in casts)


def touched_by(roll: Roll) -> Collection[str]:
    """Return everybody whose ballot may weigh more or less than their own power."""
    return roll.groups.keys()


def quorum_part(terms: Terms, choice: Any, weight: int) -> int:  # noqa: ANN401 - choices are any JSON
    """Return the power that one ballot of this weight adds to the quorum."""
    if not weight:
        return 0
    ballot = (reduced(terms.method, choice, weight), weight)
    return terms.method.count([ballot], len(terms.choices)).quorum_power


def closing_time(
    terms: Terms, roll: Roll, accepted: Iterable[tuple[int, Cast]], closes_at: int
) -> tuple[int, int | None]:
    """Return when voting closes (UNIX seconds), and the position in `accepted` of the ballot that moved it, if one did.

    `accepted` are all ballots in order of acceptance as (cast_at, ballot). The first one that reaches the quorum moves
    the end to `late_quorum_seconds` after itself, if that is later; nothing moves it again (GovernorPreventLateQuorum,
    whose last moment is still open, where ours is closed).
    """
    if not has_late_quorum(terms.rules):
        return closes_at, None
    needed, meter = terms.quorum_followed(roll), QuorumMeter(terms, roll)
    for position, (cast_at, ballot) in enumerate(accepted):
        if meter.cast(ballot) >= needed:
            extended = cast_at + terms.rules.late_quorum_seconds
            return (extended, position) if extended > closes_at else (closes_at, None)
    return closes_at, None


def has_late_quorum(rules: Rules) -> bool:
    """Say whether a late quorum can move the end of the vote; an optimistic vote has no quorum to reach."""
    return bool(rules.late_quorum_seconds) and not rules.optimistic


def _count_house(terms: Terms, casts: Iterable[Cast]) -> dict[str, int]:
    """Count the second house, with its own power and without delegation: its members speak for themselves."""
    weighted = [(cast.choice, cast.house_power) for cast in casts if cast.house_power]
    count = terms.method.count(weighted, len(terms.choices))
    return {name: int(score) for name, score in zip(terms.choices, count.scores, strict=True)}
