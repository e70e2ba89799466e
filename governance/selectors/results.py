"""How votes stand, ready to be shown: options with shares, conditions, rounds and the pairwise matrix."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from governance.outcome import ABSTAIN, AGAINST, BASIS_POINTS, FOR, Condition
from governance.power import DECIMALS


@dataclass(frozen=True)
class Option:
    """One choice with its score in units of power; `exact` spells it out where it is no whole number.

    Shares are basis points: of the power cast, and of the whole width of a bar.
    """

    name: str
    position: int
    power: int
    exact: str
    share_bps: int
    bar_bps: int
    bar_start_bps: int
    won: bool


@dataclass(frozen=True)
class RoundRow:
    """One choice in one round of a count by elimination."""

    name: str
    power: int
    exact: str
    share_bps: int
    elected: bool
    eliminated: bool
    transferred: int
    transferred_exact: str
    out: bool


@dataclass(frozen=True)
class RoundShown:
    """One round of a count by elimination."""

    number: int
    rows: tuple[RoundRow, ...]
    exhausted: int
    exhausted_exact: str


@dataclass(frozen=True)
class Duel:
    """One cell of the pairwise matrix: the power that prefers the row to the column, against the other way round."""

    power: int
    wins: bool
    ties: bool


@dataclass(frozen=True)
class DuelRow:
    """One row of the pairwise matrix; None stands on the diagonal."""

    name: str
    duels: tuple[Duel | None, ...]


@dataclass(frozen=True)
class HouseOption:
    """What the second house says of one choice."""

    name: str
    power: int


@dataclass(frozen=True)
class Told:
    """One sentence of the count's own explanation: a key with values, for `words` to put into language."""

    key: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Results:
    """The count of a proposal, judged. Before the end it says what would be decided if voting closed now.

    While ballots are `sealed` it says nothing: all numbers are those of a vote without ballots.
    """

    options: tuple[Option, ...]
    binary: bool
    cast: int
    ballot_count: int
    invalid_count: int
    total_supply: int
    conditions: tuple[Condition, ...]
    passed: bool
    final: bool
    quorum_left: int
    winners: tuple[str, ...]
    rounds: tuple[RoundShown, ...]
    pairwise: tuple[DuelRow, ...]
    house: tuple[HouseOption, ...]
    explanation: tuple[Told, ...]
    decimals: int
    house_decimals: int
    as_of: datetime | None
    sealed: bool = False

    def condition(self, name: str) -> Condition | None:
        """Return the condition with this name."""
        return next((condition for condition in self.conditions if condition.condition == name), None)


def results(body: Mapping[str, Any], snapshot: Mapping[str, Any]) -> Results:
    """Return a standing (see `governance.standing`) as it is shown, with the snapshot of the proposal's record."""
    names: list[str] = body["choices"]
    scores = [Fraction(body["totals"][name]) for name in names]
    conditions = tuple(Condition.from_body(item) for item in body["conditions"])
    quorum = next((condition for condition in conditions if condition.condition == "quorum"), None)
    quorum_left = max(0, quorum.needed - quorum.found) if quorum else 0
    binary = set(names) == {FOR, AGAINST, ABSTAIN}
    return Results(
        options=_options(body, names, scores, quorum_left if binary else 0, binary=binary),
        binary=binary,
        cast=int(body["cast"]),
        ballot_count=body["ballot_count"],
        invalid_count=body["invalid_count"],
        total_supply=int(snapshot["total_supply"]),
        conditions=conditions,
        passed=body["passed"],
        final=body["final"],
        quorum_left=quorum_left,
        winners=tuple(body["winners"]),
        rounds=_rounds(body, names),
        pairwise=_pairwise(body, names),
        house=tuple(HouseOption(name, int(power)) for name, power in (body["house"] or {}).items()),
        explanation=tuple(Told(told["key"], told["values"]) for told in body["explanation"]),
        decimals=DECIMALS.get(snapshot["source"]["name"], 0),
        house_decimals=DECIMALS.get(snapshot["house"]["source"]["name"], 0) if snapshot["house"] else 0,
        as_of=body.get("as_of"),
        sealed=body.get("sealed", False),
    )


def _options(
    body: Mapping[str, Any], names: list[str], scores: list[Fraction], quorum_left: int, *, binary: bool
) -> tuple[Option, ...]:
    """Return the options as they are read: in favour first, or the highest score first."""
    cast = int(body["cast"])
    # Approval gives each choice the whole power of a ballot, so scores can exceed what was cast.
    width = max(1, int(sum(scores)) + quorum_left)
    if binary:
        order = sorted(range(len(names)), key=lambda at: names[at] != FOR)
    else:
        order = sorted(range(len(names)), key=lambda at: (-scores[at], at))
    options, start = [], 0
    for at in order:
        bar = int(scores[at] * BASIS_POINTS) // width
        options.append(
            Option(
                name=names[at],
                position=at,
                power=int(scores[at]),
                exact=body["totals"][names[at]],
                share_bps=share(int(scores[at]), cast),
                bar_bps=bar,
                bar_start_bps=start,
                won=names[at] in body["winners"],
            )
        )
        start += bar
    return tuple(options)


def _rounds(body: Mapping[str, Any], names: list[str]) -> tuple[RoundShown, ...]:
    """Return the rounds; a choice that was eliminated in an earlier one is out."""
    out: set[int] = set()
    rounds = []
    for each in body["rounds"]:
        scores = [Fraction(score) for score in each["scores"]]
        whole = max(1, int(sum(scores)))
        rows = tuple(
            RoundRow(
                name=name,
                power=int(scores[at]),
                exact=str(scores[at]),
                share_bps=share(int(scores[at]), whole),
                elected=at in each["elected"],
                eliminated=at in each["eliminated"],
                transferred=int(Fraction(each["transferred"][at])) if each["transferred"] else 0,
                transferred_exact=str(each["transferred"][at]) if each["transferred"] else "0",
                out=at in out,
            )
            for at, name in enumerate(names)
        )
        rounds.append(RoundShown(each["number"], rows, int(Fraction(each["exhausted"])), str(each["exhausted"])))
        out |= set(each["eliminated"])
    return tuple(rounds)


def _pairwise(body: Mapping[str, Any], names: list[str]) -> tuple[DuelRow, ...]:
    matrix = [[int(power) for power in row] for row in body["pairwise"]]
    return tuple(
        DuelRow(
            names[row],
            tuple(
                None
                if row == column
                else Duel(
                    matrix[row][column],
                    matrix[row][column] > matrix[column][row],
                    matrix[row][column] == matrix[column][row],
                )
                for column in range(len(matrix))
            ),
        )
        for row in range(len(matrix))
    )


def share(part: int, whole: int) -> int:
    """Return a share in basis points, rounded down; of nothing it is nothing."""
    return part * BASIS_POINTS // whole if whole else 0
