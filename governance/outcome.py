"""The one `decide()`: from a count and the proposal's frozen rules to pass or fail, with the numbers of each condition.

The page, the API, the execution, the offline verifier and the recount all call this function. Pure; integers only.
Shares are basis points of a base: the total supply at the snapshot, or the part of it that was delegated to anybody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any

from governance.tally.base import Count

BASIS_POINTS = 10_000
# No calendar ends within a few of these: a moment that cannot be computed would hold up everything after it.
SECONDS_MAX = 10 * 365 * 24 * 3600
BASES = ("supply", "delegated")
AGAINST, FOR, ABSTAIN = "against", "for", "abstain"
# Written as decimal text in records, because a token's units exceed what a JSON number keeps.
_POWERS = ("quorum_votes", "proposal_threshold")
_POWER_DIGITS_MAX = 78


@dataclass(frozen=True)
class Rules:
    """What a proposal is judged by, frozen into it at submission. Times are seconds, shares are basis points.

    `quorum_bps` of the base `quorum_basis`, and never less than `quorum_votes` units, must take part. `threshold_bps`
    of the power for and against must be for, strictly. With `support_bps`, that share of the base must be for, too.
    With `rejection_bps` the proposal is optimistic: it passes unless more than that share of the base is against. With
    `super_quorum_bps` a vote closes early once that share is for. With `late_quorum_seconds`, a quorum that is first
    reached shortly before the end keeps the vote open for that long. With `objection_bps`, the second house stops the
    proposal when that share of it is against.
    """

    quorum_bps: int
    threshold_bps: int
    proposal_threshold: int
    voting_delay_seconds: int
    voting_period_seconds: int
    timelock_seconds: int
    execution_window_seconds: int
    quorum_basis: str = "supply"
    quorum_votes: int = 0
    support_bps: int = 0
    rejection_bps: int = 0
    super_quorum_bps: int = 0
    late_quorum_seconds: int = 0
    objection_bps: int = 0
    cool_down_seconds: int = 0

    def __post_init__(self) -> None:
        """Refuse rules under which a decision would mean nothing."""
        self._check_ranges()
        if self.quorum_basis not in BASES:
            raise InvalidRules("quorum_basis", self.quorum_basis, " or ".join(BASES))
        if not (self.quorum_bps or self.quorum_votes or self.optimistic):
            raise InvalidRules("quorum_bps", 0, f"1 to {BASIS_POINTS}, or quorum_votes or rejection_bps above 0")
        if not BASIS_POINTS // 2 <= self.threshold_bps < BASIS_POINTS:
            raise InvalidRules("threshold_bps", self.threshold_bps, "5000 to 9999")
        for name in ("voting_period_seconds", "execution_window_seconds"):
            if getattr(self, name) == 0:
                raise InvalidRules(name, 0, "at least 1")
        if self.late_quorum_seconds > self.voting_period_seconds:
            raise InvalidRules("late_quorum_seconds", self.late_quorum_seconds, "at most voting_period_seconds")
        self._check_super_quorum()

    def _check_ranges(self) -> None:
        for name, value in asdict(self).items():
            if name != "quorum_basis" and (type(value) is not int or value < 0):
                raise InvalidRules(name, value, "a whole number of at least 0")
            if name.endswith("_bps") and value > BASIS_POINTS:
                raise InvalidRules(name, value, f"0 to {BASIS_POINTS}")
            if name.endswith("_seconds") and value > SECONDS_MAX:
                raise InvalidRules(name, value, f"0 to {SECONDS_MAX}, which is ten years")

    def _check_super_quorum(self) -> None:
        if not self.super_quorum_bps:
            return
        if self.super_quorum_bps < self.quorum_bps:
            raise InvalidRules("super_quorum_bps", self.super_quorum_bps, "0, or at least quorum_bps")
        if self.optimistic or self.objection_bps:
            allowed = "0 where the vote is optimistic or a second house needs its time"
            raise InvalidRules("super_quorum_bps", self.super_quorum_bps, allowed)

    @property
    def optimistic(self) -> bool:
        """Whether the proposal passes unless it is rejected."""
        return self.rejection_bps > 0

    def to_body(self) -> dict[str, Any]:
        """Return the form that is frozen into records: every key, powers as decimal text."""
        return {name: str(value) if name in _POWERS else value for name, value in asdict(self).items()}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Rules":
        """Read exactly the form that `to_body` writes; raise InvalidRules for anything else."""
        if not isinstance(body, Mapping) or set(body) != set(cls.__dataclass_fields__):
            found = sorted(map(str, body)) if isinstance(body, Mapping) else body
            raise InvalidRules("rules", found, f"exactly {sorted(cls.__dataclass_fields__)}")
        read: dict[str, Any] = {name: _power(name, v) if name in _POWERS else v for name, v in body.items()}
        return cls(**read)

    @classmethod
    def from_partial(cls, body: Mapping[str, Any]) -> "Rules":
        """Read rules as people write them: what is not mentioned is off. Raises InvalidRules."""
        if not isinstance(body, Mapping):
            raise InvalidRules("rules", body, "an object")
        known = {field.name: field for field in fields(cls)}
        unknown = sorted(set(map(str, body)) - set(known))
        if unknown:
            raise InvalidRules(unknown[0], "an unknown rule", f"only {sorted(known)}")
        missing = [name for name, field in known.items() if name not in body and field.default is MISSING]
        if missing:
            raise InvalidRules(missing[0], "nothing", "this rule must be given")
        absent = {name: field.default for name, field in known.items() if name not in body}
        return cls.from_body({**{name: str(v) if name in _POWERS else v for name, v in absent.items()}, **body})


class InvalidRules(ValueError):
    """Rules that cannot judge anything."""

    def __init__(self, field: str, found: object, allowed: str) -> None:
        """Carry what was found and what is allowed."""
        super().__init__(f"{field}: found {found!r}, allowed: {allowed}")
        self.field = field
        self.found = found
        self.allowed = allowed


@dataclass(frozen=True)
class Electorate:
    """Who could have voted, in units of power: what shares are shares of."""

    total_supply: int
    delegated_supply: int
    house_total: int = 0


@dataclass(frozen=True)
class Condition:
    """One condition with its numbers, in units of voting power (for `winner`: in choices).

    `found` is held against `needed`; of `rejection` and `objection` it must stay within or below it.
    """

    condition: str
    holds: bool
    found: int
    needed: int

    def to_body(self) -> dict[str, Any]:
        """Return the form that stands in the decision record."""
        return {
            "condition": self.condition,
            "holds": self.holds,
            "found": str(self.found),
            "needed": str(self.needed),
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Condition":
        """Read what `to_body` wrote."""
        return cls(body["condition"], body["holds"], int(body["found"]), int(body["needed"]))


@dataclass(frozen=True)
class Outcome:
    """Passed or not, and why. `early` says that a super-quorum allows closing before the end."""

    passed: bool
    conditions: tuple[Condition, ...]
    early: bool = False


def decide(
    rules: Rules,
    count: Count,
    choices: Sequence[str],
    electorate: Electorate,
    *,
    seats: int = 1,
    house: Mapping[str, int] | None = None,
) -> Outcome:
    """Judge a count of `choices` by the rules.

    1. optimistic rules ask for one thing: no more than the rejection quorum is against (Snapshot's quorum_type
       "rejection"; no vote at all passes);
    2. otherwise the quorum is floor(base × bps / 10000), as in GovernorVotesQuorumFraction, never less than 1 unit: an
       empty vote passes nothing;
    3. between for and against, the power for must exceed its threshold, strictly, so a tie fails; `needed` is the
       smallest power for that would have been enough. Between other choices there must be as many winners as seats;
    4. the second house, where the rules give it a say, must not object; `house` is its count by choice.
    """
    if electorate.total_supply <= 0:
        raise InvalidRules("total_supply", electorate.total_supply, "at least 1")
    base = electorate.total_supply if rules.quorum_basis == "supply" else electorate.delegated_supply
    binary = FOR in choices and AGAINST in choices
    for name in ("rejection_bps", "objection_bps"):
        if getattr(rules, name) and not binary:
            raise InvalidRules(name, getattr(rules, name), "0 for a vote that is not for or against")
    if rules.optimistic:
        conditions = [_rejection(rules, _power_of(count, choices, AGAINST), base)]  # 1
    else:
        conditions = [_quorum(rules, count, base)]  # 2
        conditions += _majority(rules, count, choices, base) if binary else [_winner(count, seats)]  # 3
    if rules.objection_bps:
        conditions.append(_objection(rules, house, electorate.house_total))  # 4
    passed = all(condition.holds for condition in conditions)
    in_favour = _power_of(count, choices, FOR) if binary else 0
    early = bool(rules.super_quorum_bps) and passed and in_favour >= _share(base, rules.super_quorum_bps)
    return Outcome(passed, tuple(conditions), early)


def quorum_needed(rules: Rules, electorate: Electorate) -> int:
    """Return the power that must take part, in units; at least 1."""
    base = electorate.total_supply if rules.quorum_basis == "supply" else electorate.delegated_supply
    return max(rules.quorum_votes, _share(base, rules.quorum_bps))


def _quorum(rules: Rules, count: Count, base: int) -> Condition:
    needed = max(rules.quorum_votes, _share(base, rules.quorum_bps))
    return Condition("quorum", count.quorum_power >= needed, count.quorum_power, needed)


def _majority(rules: Rules, count: Count, choices: Sequence[str], base: int) -> list[Condition]:
    in_favour, against = _power_of(count, choices, FOR), _power_of(count, choices, AGAINST)
    needed = (in_favour + against) * rules.threshold_bps // BASIS_POINTS + 1
    conditions = [Condition("majority", in_favour >= needed, in_favour, needed)]
    if rules.support_bps:
        needed = _share(base, rules.support_bps)
        conditions.append(Condition("support", in_favour >= needed, in_favour, needed))
    return conditions


def _winner(count: Count, seats: int) -> Condition:
    return Condition("winner", len(count.winners) == seats, len(count.winners), seats)


def _rejection(rules: Rules, against: int, base: int) -> Condition:
    limit = base * rules.rejection_bps // BASIS_POINTS
    return Condition("rejection", against <= limit, against, limit)


def _objection(rules: Rules, house: Mapping[str, int] | None, house_total: int) -> Condition:
    if house is None or house_total <= 0:
        raise InvalidRules("objection_bps", rules.objection_bps, "0 where there is no second house")
    needed = _share(house_total, rules.objection_bps)
    return Condition("objection", house[AGAINST] < needed, house[AGAINST], needed)


def _share(base: int, bps: int) -> int:
    return max(1, base * bps // BASIS_POINTS)


def _power_of(count: Count, choices: Sequence[str], name: str) -> int:
    """Return the power of a choice between for and against, which these methods count in whole units."""
    return int(count.scores[list(choices).index(name)])


def _power(name: str, value: object) -> int:
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > _POWER_DIGITS_MAX:
        raise InvalidRules(name, value, "a whole number as text")
    return int(value)
