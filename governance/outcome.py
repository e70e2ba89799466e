"""The one `decide()`: from a count and the proposal's frozen rules to pass or fail, with the numbers of each condition.

The page, the API, the execution and the offline verifier all call this function. Pure; integers only.
"""

from dataclasses import asdict, dataclass
from typing import Any

from governance.tally.base import Count, Method

BASIS_POINTS = 10_000


@dataclass(frozen=True)
class Rules:
    """What a proposal is judged by, frozen into it at submission. Times are seconds, shares are basis points."""

    quorum_bps: int
    threshold_bps: int
    proposal_threshold: int
    voting_delay_seconds: int
    voting_period_seconds: int
    timelock_seconds: int
    execution_window_seconds: int

    def __post_init__(self) -> None:
        """Refuse rules under which a decision would mean nothing."""
        for name, value in asdict(self).items():
            if type(value) is not int or value < 0:
                raise InvalidRules(name, value, "a whole number of at least 0")
        if not 0 < self.quorum_bps <= BASIS_POINTS:
            raise InvalidRules("quorum_bps", self.quorum_bps, "1 to 10000")
        if not BASIS_POINTS // 2 <= self.threshold_bps < BASIS_POINTS:
            raise InvalidRules("threshold_bps", self.threshold_bps, "5000 to 9999")
        for name in ("voting_period_seconds", "execution_window_seconds"):
            if getattr(self, name) == 0:
                raise InvalidRules(name, 0, "at least 1")

    def to_body(self) -> dict[str, Any]:
        """Return the form that is frozen into the proposal's record (power as decimal text)."""
        return {**asdict(self), "proposal_threshold": str(self.proposal_threshold)}

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> "Rules":
        """Read the form that `to_body` wrote; raise InvalidRules for anything else."""
        if set(body) != set(cls.__dataclass_fields__):
            raise InvalidRules("rules", sorted(body), f"exactly {sorted(cls.__dataclass_fields__)}")
        threshold = body["proposal_threshold"]
        if not isinstance(threshold, str) or not threshold.isascii() or not threshold.isdigit():
            raise InvalidRules("proposal_threshold", threshold, "a whole number as text")
        return cls(**{**body, "proposal_threshold": int(threshold)})


class InvalidRules(ValueError):
    """Rules that cannot judge anything."""

    def __init__(self, field: str, found: object, allowed: str) -> None:
        """Carry what was found and what is allowed."""
        super().__init__(f"{field}: found {found!r}, allowed: {allowed}")
        self.field = field


@dataclass(frozen=True)
class Condition:
    """One condition with its numbers: `found` against `needed`, in units of voting power."""

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


@dataclass(frozen=True)
class Outcome:
    """Passed or not, and why."""

    passed: bool
    conditions: tuple[Condition, ...]


def decide(method: Method, count: Count, rules: Rules, total_supply: int) -> Outcome:
    """Judge a count.

    1. quorum: the method's quorum votes reach floor(total supply × quorum_bps / 10000), as GovernorVotesQuorumFraction
       does, but never less than 1 unit: an empty vote passes nothing;
    2. majority: power for × 10000 > deciding power × threshold_bps, strictly, so a tie fails. `needed` is the smallest
       power for that would have been enough with the same deciding power.
    """
    if total_supply <= 0:
        raise InvalidRules("total_supply", total_supply, "at least 1")
    quorum_needed = max(1, total_supply * rules.quorum_bps // BASIS_POINTS)
    quorum_found = method.quorum_votes(count)
    in_favour, deciding = method.support(count)
    majority_needed = deciding * rules.threshold_bps // BASIS_POINTS + 1
    conditions = (
        Condition("quorum", quorum_found >= quorum_needed, quorum_found, quorum_needed),
        Condition("majority", in_favour >= majority_needed, in_favour, majority_needed),
    )
    return Outcome(all(condition.holds for condition in conditions), conditions)
