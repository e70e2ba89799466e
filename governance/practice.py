"""Counting a practice vote: the real methods and rules, over ballots that somebody made up. Pure, keeps nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from governance.counting import Cast, Roll, Terms, count_votes
from governance.errors import Invalid
from governance.outcome import Rules
from governance.standing import body_of
from governance.tally import InvalidChoice, Method, method_named

_DAY = 24 * 3600
# A fifth of the votes must take part, and more than half must be for: as communities usually begin.
RULES: Final = Rules(
    quorum_bps=2_000,
    threshold_bps=5_000,
    proposal_threshold=0,
    voting_delay_seconds=0,
    voting_period_seconds=_DAY,
    timelock_seconds=0,
    execution_window_seconds=_DAY,
)


@dataclass(frozen=True)
class Practised:
    """A practice count: its method, and its standing as `governance.standing` writes it for real votes."""

    method: Method
    standing: dict[str, Any]
    snapshot: Mapping[str, Any]


def count(method: str, choices: Sequence[str], ballots: Mapping[str, tuple[Any, int]]) -> Practised:
    """Count ballots, given as voter to (choice, votes); raise Invalid for a choice that the method does not know.

    Everybody who exists has voted, so that the whole supply takes part.
    """
    how = method_named(method)
    supply = sum(votes for _, votes in ballots.values())
    terms = Terms("practice", how, tuple(choices), 1, RULES, supply, 0)
    casts = [
        Cast(voter, require_choice(method, len(choices), choice), votes) for voter, (choice, votes) in ballots.items()
    ]
    result = count_votes(terms, Roll(supply, 0), casts)
    standing = {**body_of(terms, result), "final": True, "ballot_count": len(casts)}
    return Practised(how, standing, {"total_supply": str(supply), "source": {"name": "fixed_list"}, "house": None})


def require_choice(method: str, choices: int, choice: Any) -> Any:  # noqa: ANN401 - choices are any JSON
    """Return the choice if a ballot of this method may say it; raise Invalid with what is allowed."""
    try:
        method_named(method).validate(choice, choices)
    except InvalidChoice as error:
        raise Invalid("choice_invalid", str(error), field="choice", found=choice, allowed=error.allowed) from error
    return choice
