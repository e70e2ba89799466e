"""The tables under a decision's results as values for files: rounds, one against one, over time.

Each table comes twice: nested, for JSON, and in long form with one row for each number, for CSV. Both say the same.
`votes` is in whole votes and says what the page says: parts of the smallest unit of power are left out. `exact` is the
number itself, as a fraction where it is none. A vote whose ballots are still sealed has no rows at all.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from governance import selectors
from governance.selectors.results import Duel, Results

ROUNDS, PAIRWISE, OVER_TIME = "rounds", "pairwise", "over-time"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    ROUNDS: ("round", "part", "name", "votes", "exact", "transferred", "elected", "eliminated", "out"),
    PAIRWISE: ("name", "against", "votes", "outcome"),
    OVER_TIME: ("at", "part", "name", "votes"),
}


def nested(shown: selectors.ProposalDetail, now: datetime) -> dict[str, Any]:
    """Return all tables as they stand in the JSON file."""
    return {"rounds": _rounds(shown.results), "pairwise": _pairwise(shown.results), "over_time": _over_time(shown, now)}


def rows(table: str, shown: selectors.ProposalDetail, now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the rows of one table as they stand in its CSV file."""
    if table == ROUNDS:
        yield from _round_rows(_rounds(shown.results))
    elif table == PAIRWISE:
        yield from ({"name": row["name"], **duel} for row in _pairwise(shown.results) for duel in row["duels"])
    else:
        followed = _over_time(shown, now)
        for point in followed["points"] if followed else ():
            yield from ({"at": point["at"], "part": followed["counts"], **each} for each in point["values"])


def votes(power: int, decimals: int) -> str:
    """Return power exactly, in whole votes with a point, whatever the language."""
    whole, rest = divmod(abs(power), 10**decimals)
    places = str(rest).zfill(decimals).rstrip("0") if decimals else ""
    return f"{'-' if power < 0 else ''}{whole}{'.' + places if places else ''}"


def _rounds(found: Results) -> list[dict[str, Any]]:
    if found.sealed:
        return []
    return [
        {
            "round": each.number,
            "choices": [
                {
                    "name": row.name,
                    "votes": votes(row.power, found.decimals),
                    "exact": _exact(row.exact, found.decimals),
                    "transferred": _exact(row.transferred_exact, found.decimals),
                    "elected": row.elected,
                    "eliminated": row.eliminated,
                    "out": row.out,
                }
                for row in each.rows
            ],
            "exhausted": {
                "votes": votes(each.exhausted, found.decimals),
                "exact": _exact(each.exhausted_exact, found.decimals),
            },
        }
        for each in found.rounds
    ]


def _round_rows(rounds: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a row for each choice of each round, and one for the ballots that name no further choice."""
    nothing = dict.fromkeys(COLUMNS[ROUNDS])
    for each in rounds:
        yield from ({"round": each["round"], "part": "choice", **row} for row in each["choices"])
        yield {**nothing, "round": each["round"], "part": "exhausted", **each["exhausted"]}


def _pairwise(found: Results) -> list[dict[str, Any]]:
    if found.sealed or not found.ballot_count:
        return []
    names = [row.name for row in found.pairwise]
    return [
        {
            "name": row.name,
            "duels": [
                {"against": name, "votes": votes(duel.power, found.decimals), "outcome": _outcome(duel)}
                for name, duel in zip(names, row.duels, strict=True)
                if duel is not None
            ],
        }
        for row in found.pairwise
    ]


def _outcome(duel: Duel) -> str:
    return "wins" if duel.wins else "ties" if duel.ties else "loses"


def _over_time(shown: selectors.ProposalDetail, now: datetime) -> dict[str, Any] | None:
    """Return how the vote stood at each moment that is kept; of methods without sums, how much was cast."""
    found = None if shown.results.sealed else selectors.score_over_time(shown, now)
    if found is None:
        return None
    names: list[str | None] = [None] if found.is_turnout else [*shown.electorate.terms.choices]
    return {
        "counts": "cast" if found.is_turnout else "choice",
        "until": _iso(found.until),
        "points": [
            {
                "at": _iso(datetime.fromtimestamp(point.at, UTC)),
                "values": [
                    {"name": name, "votes": votes(power, shown.results.decimals)}
                    for name, power in zip(names, point.sums, strict=True)
                ],
            }
            for point in found.points
        ],
    }


def _exact(power: str, decimals: int) -> str:
    return str(Fraction(power) / 10**decimals)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
