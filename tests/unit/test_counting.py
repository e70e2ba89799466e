"""Counting one vote: whatever is followed ballot by ballot equals a naive recount of everything, at every step."""

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from governance.counting import (
    Cast,
    QuorumMeter,
    Roll,
    Terms,
    closing_time,
    count_votes,
    edges_of,
    exact_text,
    reduced,
    tally_body,
    touched_by,
    weigh,
    weight_alone,
)
from governance.delegation import Edge
from governance.outcome import Rules, quorum_needed
from governance.tally import METHODS

RULES = Rules(
    quorum_bps=3_000,
    threshold_bps=5_000,
    proposal_threshold=0,
    voting_delay_seconds=0,
    voting_period_seconds=1_000,
    timelock_seconds=0,
    execution_window_seconds=1,
    late_quorum_seconds=100,
)
CLOSES = 1_000
PEOPLE = "ABCDEFGH"
POWERS = st.integers(0, 60) | st.integers(0, 10**30)


def terms_with(method: str = "governor", **rules: Any) -> Terms:
    """Return what a proposal of this method froze."""
    choices = {
        "governor": ("against", "for", "abstain"),
        "fractional": ("against", "for", "abstain"),
        "basic": ("for", "against", "abstain"),
    }.get(method, ("Spring", "River", "Well"))
    return Terms("poll", METHODS[method], choices, 1, replace(RULES, **rules), 10**31, CLOSES)


def choices_of(method: str) -> st.SearchStrategy[Any]:
    """Return choices that a ballot of this method may hold."""
    amounts = st.integers(0, 80)
    split = st.fixed_dictionaries({"0": amounts, "1": amounts, "2": amounts}).filter(lambda split: any(split.values()))
    return {
        "governor": st.integers(0, 2),
        "basic": st.integers(1, 3),
        "fractional": st.integers(0, 2) | split,
        "approval": st.lists(st.integers(1, 3), unique=True),
        "ranked-choice": st.permutations([1, 2, 3]).map(list),
        "weighted": st.fixed_dictionaries({"1": st.integers(1, 5), "3": st.integers(0, 5)}),
    }[method]


EDGES = st.lists(
    st.builds(Edge, st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.integers(1, 5_000)),
    max_size=12,
    unique_by=lambda edge: (edge.delegator, edge.delegate),
).map(
    lambda edges: tuple(
        edge for n, edge in enumerate(edges) if sum(e.delegator == edge.delegator for e in edges[:n]) < 2
    )
)


@st.composite
def votes(draw: st.DrawFn) -> tuple[Terms, Roll, list[Cast]]:
    """Draw a vote: method, powers, delegations, and ballots in order, among them changed ones."""
    method = draw(st.sampled_from(["governor", "basic", "fractional", "approval", "ranked-choice", "weighted"]))
    powers = draw(st.fixed_dictionaries(dict.fromkeys(PEOPLE, POWERS)))
    edges = draw(st.just(()) | EDGES)
    ballots = draw(st.lists(st.tuples(st.sampled_from(PEOPLE), choices_of(method)), max_size=14))
    delegators = {edge.delegator for edge in edges}
    total = max(1, sum(powers.values()))
    roll = Roll(total, 0, edges, {name: powers[name] for name in delegators})
    terms = replace(terms_with(method, quorum_bps=draw(st.integers(1, 10_000))), total_supply=total)
    return terms, roll, [Cast(name, choice, powers[name]) for name, choice in ballots]


def newest(casts: list[Cast]) -> list[Cast]:
    """Return the last ballot of each voter."""
    return list({cast.voter: cast for cast in casts}.values())


@given(vote=votes())
def test_the_meter_says_after_every_ballot_what_a_recount_of_all_says(vote):
    terms, roll, casts = vote
    meter = QuorumMeter(terms, roll)
    for place, cast in enumerate(casts, start=1):
        assert meter.cast(cast) == count_votes(terms, roll, newest(casts[:place])).count.quorum_power


@given(vote=votes(), times=st.lists(st.integers(0, CLOSES - 1), min_size=14, max_size=14))
def test_the_end_is_moved_by_the_first_ballot_that_reaches_the_quorum_and_by_no_other(vote, times):
    terms, roll, casts = vote
    accepted = list(zip(sorted(times), casts, strict=False))
    needed = quorum_needed(terms.rules, roll.electorate(terms))
    expected = (CLOSES, None)
    for place, (cast_at, _) in enumerate(accepted):
        if count_votes(terms, roll, newest(casts[: place + 1])).count.quorum_power >= needed:
            if cast_at + 100 > CLOSES:
                expected = (cast_at + 100, place)
            break
    assert closing_time(terms, roll, accepted, CLOSES) == expected


@given(vote=votes(), seed=st.randoms(use_true_random=False))
def test_the_order_of_ballots_is_irrelevant(vote, seed):
    terms, roll, casts = vote
    counting = newest(casts)
    shuffled = seed.sample(counting, len(counting))
    one, other = count_votes(terms, roll, counting), count_votes(terms, roll, shuffled)
    assert tally_body(terms, one) == tally_body(terms, other)
    assert (one.outcome, one.weights) == (other.outcome, other.weights)


@given(vote=votes())
def test_nobody_counts_twice_and_everybody_s_own_power_counts(vote):
    terms, roll, casts = vote
    counting = newest(casts)
    powers = {**roll.powers, **{cast.voter: cast.power for cast in counting}}
    result = count_votes(terms, roll, counting)
    assert sum(result.weights.values()) <= sum(powers.values())
    assert all(result.weights[cast.voter] >= cast.power for cast in counting)
    assert result.count.cast <= sum(result.weights.values())


@given(vote=votes())
def test_votes_of_others_only_take_from_what_a_ballot_weighs_alone(vote):
    """Everybody gives to somebody later in the alphabet: a vote that opens a circle may bring more (test_delegation)."""
    _, roll, casts = vote
    onward = tuple(
        Edge(min(edge.delegator, edge.delegate), max(edge.delegator, edge.delegate), edge.share_bps)
        for edge in roll.edges
        if edge.delegator != edge.delegate
    )
    roll = replace(roll, edges=tuple({(edge.delegator, edge.delegate): edge for edge in onward}.values()))
    whole = {edge.delegator: sum(e.share_bps for e in roll.edges if e.delegator == edge.delegator) for edge in onward}
    assume(all(share <= 10_000 for share in whole.values()))
    counting = newest(casts)
    weights = weigh(roll, counting)
    assert all(weights[cast.voter] <= weight_alone(roll, cast.voter, cast.power) for cast in counting)


def test_a_vote_that_opens_a_circle_sets_free_what_was_stuck_in_it():
    """A, B and C wait for each other, and B gives half to V: the power of A reaches V once C speaks for themselves."""
    roll = Roll(100, 0, (Edge("A", "B", 10_000), Edge("B", "C", 5_000), Edge("B", "V", 5_000), Edge("C", "A", 10_000)))
    roll = replace(roll, powers={"A": 60, "B": 0, "C": 40})
    assert weight_alone(roll, "V", 0) == 0
    assert weigh(roll, [Cast("V", 1, 0), Cast("C", 1, 40)]) == {"V": 30, "C": 70}


@given(vote=votes())
def test_no_split_of_a_valid_ballot_is_set_aside_however_its_weight_shrinks(vote):
    """Amounts were checked against the most that a ballot can weigh; votes of delegators take from that later."""
    terms, roll, casts = vote
    possible = []
    for cast in newest(casts):
        most = weight_alone(roll, cast.voter, cast.power)
        named = sum(cast.choice.values()) if isinstance(cast.choice, dict) and terms.binary else 0
        if most and named <= most:
            possible.append(cast)
    assert count_votes(terms, roll, possible).count.invalid == ()


@given(vote=votes())
def test_what_a_delegate_votes_reads_the_same_in_every_order_of_arrival(vote):
    """The sum of the meter depends on who has voted, never on who came first."""
    terms, roll, casts = vote
    counting = newest(casts)
    last = [0, 0]
    for number, order in enumerate((counting, counting[::-1])):
        meter = QuorumMeter(terms, roll)
        for cast in order:
            last[number] = meter.cast(cast)
    assert last[0] == last[1]


def test_a_split_shrinks_in_proportion_when_a_delegator_votes_alone():
    terms = terms_with("fractional")
    roll = Roll(100, 0, (Edge("A", "B", 10_000),), {"A": 60})
    delegate = Cast("B", {"0": "25", "1": "75"}, 40)
    together = count_votes(terms, roll, [delegate])
    assert tally_body(terms, together)["totals"] == {"against": "25", "for": "75", "abstain": "0"}
    alone = count_votes(terms, roll, [delegate, Cast("A", 0, 60)])
    assert tally_body(terms, alone)["totals"] == {"against": "70", "for": "30", "abstain": "0"}


def test_a_split_below_the_weight_stays_as_it_was_signed():
    terms = terms_with("fractional")
    assert reduced(terms.method, {"1": "5"}, 40) == {"1": "5"}
    assert reduced(METHODS["weighted"], {"1": 70, "2": 30}, 10) == {"1": 70, "2": 30}, "weights are no amounts"


def test_the_second_house_counts_each_member_once_and_without_delegation():
    terms = replace(terms_with("basic", objection_bps=5_000, quorum_bps=1), total_supply=100)
    roll = Roll(100, 4, (Edge("A", "B", 10_000),), {"A": 60})
    casts = [Cast("B", 1, 40, 1), Cast("C", 2, 0, 1), Cast("D", 2, 0, 1), Cast("E", 3, 0, 1)]
    result = count_votes(terms, roll, casts)
    assert result.house == {"for": 1, "against": 2, "abstain": 1}
    assert result.count.valid == 1, "members without tokens speak in their house alone"
    assert tally_body(terms, result)["house"] == {"for": "1", "against": "2", "abstain": "1"}
    assert {item.condition: item.holds for item in result.outcome.conditions} == {
        "quorum": True,
        "majority": True,
        "objection": False,
    }


def test_where_the_rules_give_the_second_house_no_say_it_is_not_counted():
    result = count_votes(terms_with(), Roll(100, 4), [Cast("A", 1, 50, 1)])
    assert result.house is None


@pytest.mark.parametrize(("cast_at", "expected"), [(899, 1_000), (900, 1_000), (901, 1_001), (999, 1_099)])
def test_a_late_quorum_leaves_everybody_the_same_time_to_answer(cast_at, expected):
    """Quorum is 30 % of 10^31 here: one ballot reaches it, and a later one changes nothing."""
    enough = Cast("A", 1, 3 * 10**30)
    accepted = [(10, Cast("B", 1, 1)), (cast_at, enough), (cast_at + 5, replace(enough, voter="C"))]
    closes_at, moved_by = closing_time(terms_with(), Roll(10**31, 0), accepted, CLOSES)
    assert (closes_at, moved_by) == (expected, 1 if expected > CLOSES else None)


def test_a_quorum_that_was_reached_and_lost_again_does_not_move_the_end_the_second_time():
    """A voter who helps the quorum with for, says against, and for again in the last second."""
    with_for, with_against = Cast("A", 1, 4 * 10**30), Cast("A", 0, 4 * 10**30)
    accepted = [(10, with_for), (20, with_against), (999, with_for)]
    assert closing_time(terms_with(), Roll(10**31, 0), accepted, CLOSES) == (CLOSES, None)


@pytest.mark.parametrize("rules", [{"late_quorum_seconds": 0}, {"rejection_bps": 1_000}])
def test_without_a_late_quorum_or_without_a_quorum_nothing_moves_the_end(rules):
    accepted = [(999, Cast("A", 1, 10**31))]
    assert closing_time(terms_with(**rules), Roll(10**31, 0), accepted, CLOSES) == (CLOSES, None)


def test_only_delegations_of_the_topic_that_outlast_the_vote_hold():
    def record(delegate: str, topic: str, expires_at: int, nonce: int, share: int = 10_000) -> dict[str, Any]:
        names = ("delegator", "delegate", "topic", "share_bps", "expires_at", "nonce")
        return dict(zip(names, ("A", delegate, topic, share, expires_at, nonce), strict=True))

    general, special = record("B", "", 0, 1), record("C", "poll", 0, 2)
    terms = terms_with()
    assert edges_of([general], terms) == (Edge("A", "B", 10_000),)
    assert edges_of([general, special], terms) == (Edge("A", "C", 10_000),)
    assert edges_of([general, record("C", "text_signal", 0, 2)], terms) == (Edge("A", "B", 10_000),)
    assert edges_of([general, record("C", "poll", CLOSES - 1, 2)], terms) == (Edge("A", "B", 10_000),)
    assert edges_of([general, record("C", "poll", CLOSES, 2)], terms) == (Edge("A", "C", 10_000),)
    assert edges_of([general, record("B", "", 0, 3, share=0)], terms) == ()


def test_twenty_thousand_ballots_without_delegations_are_followed_in_linear_time():
    meter = QuorumMeter(terms_with(), Roll(10**31, 0))
    ballots = [Cast(f"voter {number}", number % 3, 1) for number in range(20_000)]
    random.Random(1).shuffle(ballots)
    assert [meter.cast(ballot) for ballot in ballots][-1] == sum(ballot.choice != 0 for ballot in ballots)


def test_touched_are_both_ends_of_every_delegation():
    assert touched_by(Roll(1, 0, (Edge("A", "B", 1), Edge("B", "C", 1)))) == {"A", "B", "C"}


def test_exact_numbers_have_one_spelling():
    from fractions import Fraction

    assert [exact_text(value) for value in (12, Fraction(2, 6), Fraction(4, 2))] == ["12", "1/3", "2"]


@settings(max_examples=30)
@given(vote=votes())
def test_the_body_of_a_tally_has_a_canonical_form(vote):
    from governance.evidence.canonical import canonical_bytes

    terms, roll, casts = vote
    canonical_bytes(tally_body(terms, count_votes(terms, roll, newest(casts))))
