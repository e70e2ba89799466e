"""Our counting against Snapshot's own (snapshot.js 0.17.5, through snapshot_peer.cjs), on seeded random polls.

Balances are whole numbers, so Snapshot's floats are exact wherever its formula only adds: there the scores must be
equal. Weighted, quadratic and Copeland divide or take roots: there the scores agree to 1e-9. Snapshot counts a few
choices as valid that we refuse (`["1"]`, the key "01"); these are not drawn. The last tests show the polls in which
floats name the wrong winner.
"""

import json
import random
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import pytest

from governance.tally import METHODS, Count
from tests.vectors.batch import ask_all

PEER = "snapshot_peer.cjs"
EXACT = ("basic", "single-choice", "approval", "ranked-choice")
DIVIDING = ("weighted", "quadratic", "copeland")
POLLS = 1500
TOLERANCE = Fraction(1, 10**9)
EXAMPLES = Path(__file__).parents[2] / "node_modules/@snapshot-labs/snapshot.js/src/voting/examples"
INVALID: dict[str, tuple[Any, ...]] = {
    "index": (0, -1, 99, "1", None, [1], {"1": 1}),
    "approval": ([1, 1], [0], [99], None, 1, {"1": 1}),
    "ranking": ([], [1], [1, 1], [99, 1], None, 1, {"1": 1}),
    "weights": ({}, {"1": -1}, {"99": 1}, {"1": 0}, {"1": "1"}, None, 1, [1], {"1": None}),
}
SHAPE = {
    "basic": "index",
    "single-choice": "index",
    "approval": "approval",
    "ranked-choice": "ranking",
    "copeland": "ranking",
    "weighted": "weights",
    "quadratic": "weights",
}
Poll = dict[str, Any]


def draw_choice(rng: random.Random, shape: str, choices: int) -> Any:
    """Return a random choice; one in twelve is invalid."""
    if rng.random() < 1 / 12:
        return rng.choice(INVALID[shape])
    everything = rng.sample(range(1, choices + 1), choices)
    if shape == "index":
        return everything[0]
    if shape == "approval":
        return everything[: rng.randint(0, choices)]
    if shape == "ranking":
        return everything
    return {str(place): rng.choice((0, 1, 1, 2, 3, 50)) or 1 for place in everything[: rng.randint(1, choices)]}


def draw_polls(method: str) -> Iterator[Poll]:
    """Yield polls of zero to thirty ballots; small balances make many ties."""
    rng = random.Random(f"polls for {method}")
    for _ in range(POLLS):
        choices = rng.randint(2, 3 if method == "basic" else 6)
        largest = rng.choice((1, 3, 100, 2**40))
        ballots = [
            (draw_choice(rng, SHAPE[method], choices), rng.randint(1, largest)) for _ in range(rng.randint(0, 30))
        ]
        yield {"type": method, "choices": choices, "votes": ballots}


def ours(poll: Poll) -> Count:
    return METHODS[poll["type"]].count([(choice, power) for choice, power in poll["votes"]], poll["choices"])


@pytest.mark.parametrize("method", EXACT)
def test_scores_equal_those_of_snapshot_where_its_floats_are_exact(method: str) -> None:
    polls = list(draw_polls(method))
    for poll, theirs in zip(polls, ask_all(PEER, polls), strict=True):
        count = ours(poll)
        assert list(count.scores) == [Fraction(score) for score in theirs["scores"]], poll
        assert count.valid == theirs["valid"], poll


@pytest.mark.parametrize("method", DIVIDING)
def test_scores_agree_with_snapshot_where_it_divides_or_takes_roots(method: str) -> None:
    polls = list(draw_polls(method))
    same_leader = 0
    for poll, theirs in zip(polls, ask_all(PEER, polls), strict=True):
        count = ours(poll)
        assert count.valid == theirs["valid"], poll
        scores = [Fraction(score or 0) for score in theirs["scores"]]  # NaN, null in JSON, for an empty poll
        for our, their in zip(count.scores, scores, strict=True):
            assert abs(our - their) <= TOLERANCE * max(count.cast, 1), poll
        near = [score for score in scores if max(scores) - score <= TOLERANCE * max(count.cast, 1)]
        if len(near) == 1:
            assert count.winners == (scores.index(max(scores)),), poll
            same_leader += 1
    assert same_leader > POLLS // 2


def test_roots_that_are_whole_numbers_are_equal_too() -> None:
    everyone = {str(place): 1 for place in range(1, 9)}
    poll = {"type": "quadratic", "choices": 8, "votes": [(everyone, 8), ({"1": 1}, 4)]}
    expected = [6.75, *[0.75] * 7]
    assert ask_all(PEER, [poll])[0]["scores"] == expected
    assert list(ours(poll).scores) == [Fraction(score) for score in expected]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_the_example_polls_that_snapshot_ships_are_counted_as_it_counts_them(path: Path) -> None:
    method = {"singleChoice": "single-choice", "rankedChoice": "ranked-choice"}.get(path.stem, path.stem)
    theirs, exact = json.loads(path.read_text()), json.loads(path.read_text(), parse_float=Decimal)
    balances = [Fraction(vote["balance"]) for vote in exact["votes"]]
    unit = lcm(*(balance.denominator for balance in balances))
    ballots = [(vote["choice"], int(balance * unit)) for vote, balance in zip(exact["votes"], balances, strict=True)]
    choices = len(exact["proposal"]["choices"])
    votes = [(vote["choice"], vote["balance"]) for vote in theirs["votes"]]
    answer = ask_all(PEER, [{"type": method, "choices": choices, "votes": votes}])[0]
    count = METHODS[method].count(ballots, choices)
    assert count.valid >= answer["valid"] - balances.count(Fraction(0))
    for our, their in zip(count.scores, answer["scores"], strict=True):
        assert abs(our / unit - Fraction(their)) <= TOLERANCE * count.cast / unit


def in_tenths(poll: Poll) -> Poll:
    """Return the poll with balances in tenths as floats, as Snapshot is given them."""
    return {**poll, "votes": [(choice, tenths / 10) for choice, tenths in poll["votes"]]}


def test_for_of_a_tenth_and_two_tenths_against_three_tenths_passes_in_floats_and_is_a_tie_here() -> None:
    poll = {"type": "basic", "choices": 2, "votes": [(1, 1), (1, 2), (2, 3)]}
    in_favour, against = ask_all(PEER, [in_tenths(poll)])[0]["scores"]
    assert in_favour > against, "snapshot.js: 0.30000000000000004 > 0.3"
    count = ours(poll)
    assert (count.scores, count.winners) == ((3, 3), ())
    assert [sentence.key for sentence in count.explanation] == ["binary_tie"]


@pytest.mark.parametrize("method", ["single-choice", "approval", "weighted"])
def test_the_same_numbers_name_a_leader_in_floats_and_nobody_here(method: str) -> None:
    shape = {"single-choice": lambda place: place, "approval": lambda place: [place]}.get(
        method, lambda place: {str(place): 1}
    )
    poll = {"type": method, "choices": 2, "votes": [(shape(1), 1), (shape(1), 2), (shape(2), 3)]}
    first, second = ask_all(PEER, [in_tenths(poll)])[0]["scores"]
    assert first > second
    assert ours(poll).winners == ()


def test_a_run_off_with_these_numbers_elects_the_first_choice_in_floats_and_the_second_here() -> None:
    # The first and the third choice have 3 tenths each. Exactly, the first falls, as it comes first in the list; in
    # floats it has 0.30000000000000004 and the third falls, whose ballots then elect the first.
    poll = {
        "type": "ranked-choice",
        "choices": 3,
        "votes": [([1, 2, 3], 1), ([1, 2, 3], 2), ([3, 1, 2], 3), ([2, 1, 3], 4)],
    }
    theirs = ask_all(PEER, [in_tenths(poll)])[0]["scores"]
    assert theirs.index(max(theirs)) == 0
    count = ours(poll)
    assert (count.scores, count.winners) == ((0, 7, 3), (1,))
    assert count.explanation[0].key == "irv_tie_eliminated"
