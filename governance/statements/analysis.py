"""What people agree on and where they differ, from their answers alone. Pure, whole numbers only.

For each statement and group of opinion the share that agrees is smoothed, (agree + 1) / (answers + 2), so that few
answers say little; the group-aware consensus is the product of these shares over all groups (Small, Bjorkegren,
Erkkilä, Shaw and Megill 2021, "Polis: Scaling Deliberation by Mapping High Dimensional Opinion Spaces"): high only
where every group agrees. Shares are printed in millionths, rounded down; they are ordered by their exact values, and
equals by the number of the statement.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from governance.statements import clusters, principal
from governance.statements.rules import AGREE, DISAGREE, PASS, PEOPLE_MIN, answers_needed

VERSION = 1
MILLION = 1_000_000
APART_MAX = 3
HOUSES = (("holders", True), ("others", False))
_NAMES = {AGREE: "agree", DISAGREE: "disagree", PASS: "pass"}

Tallied = dict[int, dict[str, int]]


@dataclass(frozen=True)
class Row:
    """The answers of one person, and whether they hold votes; None where that is not told."""

    holds_votes: bool | None
    answers: Mapping[int, int]


def sorted_rows(rows: Iterable[Row], statements: Sequence[int]) -> list[Row]:
    """Return rows with answers to these statements alone, in the order of what they say: no other order is in them.

    Where fewer people than are ever shown hold votes, or do not, nobody's row says which.
    """
    shown = frozenset(statements)
    kept = [Row(row.holds_votes, {k: v for k, v in sorted(row.answers.items()) if k in shown}) for row in rows]
    kept = [row for row in kept if row.answers]
    if _house_sizes(kept) is None:
        kept = [Row(None, row.answers) for row in kept]
    return sorted(kept, key=lambda row: (sorted(row.answers.items()), str(row.holds_votes)))


def analyse(rows: Sequence[Row], statements: Sequence[int]) -> dict[str, Any]:
    """Return the result of a consultation as JSON.

    1. Too few people: how many statements there are, and nothing else. 2. Who answered enough lies in a group.
    3. Each statement is counted, by group, and by who holds votes. 4. What sets each group apart is named.
    """
    numbers = sorted(statements)
    rows = sorted_rows(rows, numbers)
    found: dict[str, Any] = {"version": VERSION, "people_min": PEOPLE_MIN, "answers_min": answers_needed(len(numbers))}
    if len(rows) < PEOPLE_MIN:  # 1
        return found | {"participants": None, "houses": None, "groups": [], "statements": []}
    members = _members([row.answers for row in rows if len(row.answers) >= found["answers_min"]], numbers)  # 2
    houses = _house_sizes(rows)
    tallies = _Tallies(
        _tallied([row.answers for row in rows], numbers),
        [_tallied(group, numbers) for group in members],
        {name: _tallied([row.answers for row in rows if row.holds_votes is holds], numbers) for name, holds in HOUSES}
        if houses
        else None,
    )
    counted = [_statement(number, tallies) for number in numbers]  # 3
    return found | {
        "participants": len(rows),
        "houses": houses,
        "groups": [_group(index, len(group), tallies, numbers) for index, group in enumerate(members)],  # 4
        "statements": counted,
    }


def by_consensus(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statements that most of every group agrees with, the first of equals first."""
    return sorted(result["statements"], key=lambda each: (-exact_consensus(each), each["number"]))


def by_difference(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statements on which groups differ, the most different first; none where there are no groups."""
    differing = [each for each in result["statements"] if each["groups"]]
    return sorted(differing, key=lambda each: (-_gap(each["groups"]), each["number"]))


def exact_consensus(statement: Mapping[str, Any]) -> Fraction:
    """Return the group-aware consensus of a counted statement."""
    product = Fraction(1)
    for tally in statement["groups"] or [statement]:
        product *= _agreeing(tally)
    return product


def group_name(index: int) -> str:
    """Return the letter of a group."""
    return chr(ord("A") + index)


def _members(rows: Sequence[Mapping[int, int]], numbers: Sequence[int]) -> list[list[Mapping[int, int]]]:
    """Return the answers of each group of opinion; nothing where no two groups can be told apart."""
    if not rows:
        return []
    member_of = clusters.groups(principal.positions(rows, numbers), PEOPLE_MIN)
    count = max(member_of) + 1
    if count == 1:
        return []
    return [[row for row, index in zip(rows, member_of, strict=True) if index == each] for each in range(count)]


def _statement(number: int, tallies: "_Tallies") -> dict[str, Any]:
    groups: list[dict[str, int]] = [dict(group[number]) for group in tallies.groups]
    for each in groups:
        each["agree_ppm"] = _ppm(_agreeing(each))
    found: dict[str, Any] = {"number": number, **tallies.all[number], "groups": groups}
    found["consensus_ppm"] = _ppm(exact_consensus(found))
    found["gap_ppm"] = _ppm(_gap(groups)) if groups else None
    found["houses"] = {name: own[number] for name, own in tallies.houses.items()} if tallies.houses else None
    return found


def _group(index: int, people: int, tallies: "_Tallies", numbers: Sequence[int]) -> dict[str, Any]:
    """Describe a group: its size, and the few statements that it answers most unlike everybody else."""
    ratios = []
    for number in numbers:
        here, everybody = tallies.groups[index][number], tallies.all_grouped[number]
        there = {name: everybody[name] - here[name] for name in here}
        for says in ("agree", "disagree"):
            share, other = _smoothed(here, says), _smoothed(there, says)
            if share > Fraction(1, 2):
                ratios.append((share / other, -number, says, share, other))
    ratios.sort(reverse=True)
    apart = [
        {"number": -number, "says": says, "share_ppm": _ppm(share), "rest_ppm": _ppm(other)}
        for ratio, number, says, share, other in ratios[:APART_MAX]
        if ratio > 1
    ]
    return {"name": group_name(index), "people": people, "apart": apart}


class _Tallies:
    """How often each statement was answered how: by all, by each group, by each house where these are told."""

    def __init__(self, of_all: Tallied, of_groups: list[Tallied], of_houses: dict[str, Tallied] | None) -> None:
        """Keep them, and add the groups up."""
        self.all, self.groups, self.houses = of_all, of_groups, of_houses
        self.all_grouped = {
            number: {name: sum(group[number][name] for group in of_groups) for name in tally}
            for number, tally in of_all.items()
        }


def _tallied(rows: Iterable[Mapping[int, int]], numbers: Sequence[int]) -> Tallied:
    found: Tallied = {number: {"agree": 0, "disagree": 0, "pass": 0} for number in numbers}
    for row in rows:
        for number, value in row.items():
            found[number][_NAMES[value]] += 1
    return found


def _smoothed(tally: Mapping[str, int], says: str) -> Fraction:
    return Fraction(tally[says] + 1, tally["agree"] + tally["disagree"] + tally["pass"] + 2)


def _agreeing(tally: Mapping[str, int]) -> Fraction:
    return _smoothed(tally, "agree")


def _gap(groups: Sequence[Mapping[str, int]]) -> Fraction:
    shares = [_agreeing(each) for each in groups]
    return max(shares) - min(shares)


def _ppm(share: Fraction) -> int:
    return share.numerator * MILLION // share.denominator


def _house_sizes(rows: Sequence[Row]) -> dict[str, int] | None:
    """Return how many hold votes and how many do not; None where either are fewer than are ever shown."""
    if any(row.holds_votes is None for row in rows):
        return None
    holders = sum(1 for row in rows if row.holds_votes)
    others = len(rows) - holders
    return None if min(holders, others) < PEOPLE_MIN else {"holders": holders, "others": others}
