"""Who votes with whose power: worked examples first, then the laws over random graphs with circles."""

import itertools
import random
from collections.abc import Iterable
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.delegation import (
    WHOLE_BPS,
    Delegation,
    DelegationError,
    DelegationsDiffer,
    Edge,
    SharesTooLarge,
    in_force,
    require_whole,
    resolve,
)

CLOSES_AT = 1_800_000_000


def all_to(delegator: str, delegate: str) -> Edge:
    return Edge(delegator, delegate, WHOLE_BPS)


def made(delegator: str = "A", delegate: str = "B", **changes: object) -> Delegation:
    fields = {"topic": "", "share_bps": WHOLE_BPS, "expires_at": 0, "nonce": 1} | changes
    return Delegation(delegator, delegate, **fields)  # type: ignore[arg-type]


# --- the flow ---


def test_without_delegations_each_voter_has_their_own_power() -> None:
    assert resolve({"A": 3, "B": 5, "C": 7}, [], ["C", "A"]) == {"A": 3, "C": 7}


def test_power_flows_through_a_chain_of_people_who_do_not_vote() -> None:
    chain = [all_to("A", "B"), all_to("B", "C"), all_to("C", "D")]
    assert resolve({"A": 1, "B": 10, "C": 100, "D": 1000}, chain, ["D"]) == {"D": 1111}


def test_who_votes_in_the_middle_of_a_chain_keeps_what_reached_them() -> None:
    chain = [all_to("A", "B"), all_to("B", "C"), all_to("C", "D")]
    assert resolve({"A": 1, "B": 10, "C": 100, "D": 1000}, chain, ["B", "D"]) == {"B": 11, "D": 1100}


def test_ones_own_vote_overrides_ones_delegation() -> None:
    powers, edges = {"A": 4, "B": 6}, [all_to("A", "B")]
    assert resolve(powers, edges, ["B"]) == {"B": 10}
    assert resolve(powers, edges, ["B", "A"]) == {"A": 4, "B": 6}
    assert resolve(powers, edges, ["A"]) == {"A": 4}


def test_power_is_split_by_shares_and_each_share_is_rounded_down() -> None:
    edges = [Edge("A", "B", 3333), Edge("A", "C", 3333), Edge("A", "D", 3334)]
    assert resolve({"A": 100}, edges, ["B", "C", "D"]) == {"B": 33, "C": 33, "D": 33}
    assert resolve({"A": 10_000}, edges, ["B", "C", "D"]) == {"B": 3333, "C": 3333, "D": 3334}


def test_a_part_that_is_not_delegated_stays_unused() -> None:
    assert resolve({"A": 100, "B": 1}, [Edge("A", "B", 2500)], ["B"]) == {"B": 26}


def test_shares_of_shares_are_taken_from_all_that_reached_somebody() -> None:
    edges = [Edge("A", "B", 5000), Edge("A", "C", 5000), Edge("B", "C", 5000), Edge("B", "D", 5000), all_to("C", "D")]
    assert resolve({"A": 1000, "B": 200, "C": 30, "D": 4}, edges, ["D"]) == {"D": 1234}
    assert resolve({"A": 1000, "B": 200, "C": 30, "D": 4}, edges, ["C", "D"]) == {"C": 880, "D": 354}


def test_a_delegate_without_power_of_their_own_votes_with_what_they_receive() -> None:
    assert resolve({"A": 8}, [all_to("A", "nobody yet")], ["nobody yet"]) == {"nobody yet": 8}
    assert resolve({"A": 8}, [all_to("A", "between"), all_to("between", "D")], ["D"]) == {"D": 8}


def test_power_delegated_to_somebody_who_does_not_vote_stays_unused() -> None:
    assert resolve({"A": 8, "C": 1}, [all_to("A", "B")], ["C"]) == {"C": 1}


def test_a_voter_without_any_power_has_weight_zero() -> None:
    assert resolve({"A": 8}, [], ["stranger"]) == {"stranger": 0}


# --- circles ---


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_delegation_loop_carries_nothing_and_creates_nothing(size: int) -> None:
    people = "ABC"[:size]
    loop = [all_to(who, people[(place + 1) % size]) for place, who in enumerate(people)]
    powers = {"A": 1, "B": 10, "C": 100, "D": 1000, "E": 10_000}
    assert resolve(powers, loop, ["D"]) == {"D": 1000}
    # Who delegates into the loop gets lost in it too.
    assert resolve(powers, [*loop, all_to("E", "A")], ["D"]) == {"D": 1000}


@pytest.mark.parametrize("voter", ["A", "B", "C"])
def test_a_loop_is_open_as_soon_as_one_of_it_votes(voter: str) -> None:
    loop = [all_to("A", "B"), all_to("B", "C"), all_to("C", "A")]
    assert resolve({"A": 1, "B": 10, "C": 100}, loop, [voter]) == {voter: 111}


def test_a_split_into_a_loop_loses_only_the_part_inside() -> None:
    edges = [Edge("A", "B", 4000), Edge("A", "D", 6000), all_to("B", "A")]
    assert resolve({"A": 100, "B": 10, "D": 1}, edges, ["D"]) == {"D": 61}


def test_power_flows_out_of_a_loop_and_past_it() -> None:
    # E gives to the loop A ⇄ B, which gives half of what it holds to F, who passes all of it on to D.
    edges = [Edge("A", "B", 5000), Edge("A", "F", 5000), all_to("B", "A"), all_to("E", "A"), all_to("F", "D")]
    assert resolve({"A": 10, "B": 1000, "E": 100, "F": 1}, edges, ["D"]) == {"D": 56}


def test_two_loops_in_a_row_are_two_loops() -> None:
    edges = [
        Edge("A", "B", 5000), all_to("B", "A"), Edge("A", "C", 5000),
        Edge("C", "D", 5000), all_to("D", "C"), Edge("C", "V", 5000),
    ]  # fmt: skip
    assert resolve({"A": 100}, edges, ["V"]) == {"V": 25}


# --- what holds ---


def test_a_delegation_holds_for_every_topic_unless_one_on_the_topic_itself_replaces_it() -> None:
    given = [made(delegate="B"), made(delegate="C", topic="release"), made("D", "B")]
    assert in_force(given, "release", CLOSES_AT) == (all_to("A", "C"), all_to("D", "B"))
    assert in_force(given, "text", CLOSES_AT) == (all_to("A", "B"), all_to("D", "B"))


def test_a_topic_replaces_all_general_delegations_even_where_it_gives_less() -> None:
    given = [made(delegate="B", share_bps=6000), made(delegate="C", share_bps=4000)]
    special = made(delegate="D", topic="release", share_bps=100)
    assert in_force([*given, special], "release", CLOSES_AT) == (Edge("A", "D", 100),)


def test_a_delegation_that_expires_before_voting_closes_does_not_hold() -> None:
    for expires_at, holds in ((CLOSES_AT - 1, False), (CLOSES_AT, True), (CLOSES_AT + 1, True), (0, True)):
        assert bool(in_force([made(expires_at=expires_at)], "text", CLOSES_AT)) == holds


def test_where_the_one_on_the_topic_is_expired_or_taken_back_the_general_one_holds_again() -> None:
    general = made(delegate="B")
    for gone in (made(delegate="C", topic="text", expires_at=1), made(delegate="C", topic="text", share_bps=0)):
        assert in_force([general, gone], "text", CLOSES_AT) == (all_to("A", "B"),)


def test_delegating_a_topic_to_oneself_keeps_it() -> None:
    edges = in_force([made(delegate="B"), made(delegate="A", topic="text")], "text", CLOSES_AT)
    assert edges == (all_to("A", "A"),)
    assert resolve({"A": 5, "B": 1}, edges, ["B"]) == {"B": 1}
    assert resolve({"A": 5, "B": 1}, edges, ["A", "B"]) == {"A": 5, "B": 1}


def test_share_zero_takes_a_delegation_back_and_a_later_one_gives_it_again() -> None:
    given = [made(nonce=1), made(nonce=2, share_bps=0)]
    assert in_force(given, "text", CLOSES_AT) == ()
    assert in_force([*given, made(nonce=3, share_bps=70)], "text", CLOSES_AT) == (Edge("A", "B", 70),)


def test_replay_an_older_delegation_after_a_newer_one_changes_nothing() -> None:
    newer, older = made(nonce=9, share_bps=100), made(nonce=8)
    assert in_force([newer, older], "text", CLOSES_AT) == in_force([older, newer], "text", CLOSES_AT)
    # An expired one with a higher nonce still replaces the one before it.
    assert in_force([made(nonce=1), made(nonce=2, expires_at=1)], "text", CLOSES_AT) == ()


def test_two_different_delegations_with_one_nonce_are_refused() -> None:
    assert in_force([made(), made()], "text", CLOSES_AT) == (all_to("A", "B"),)
    with pytest.raises(DelegationsDiffer) as refusal:
        in_force([made(), made(share_bps=1)], "text", CLOSES_AT)
    assert refusal.value.code == "delegation_nonce"


def test_double_spend_of_delegated_power_is_refused() -> None:
    edges = [Edge("A", "B", 6000), Edge("A", "C", 4001)]
    for read in (lambda: require_whole(edges), lambda: resolve({"A": 1}, edges, ["B"])):
        with pytest.raises(SharesTooLarge) as refusal:
            read()
        assert (refusal.value.delegator, refusal.value.found_bps) == ("A", 10_001)
    require_whole([Edge("A", "B", 6000), Edge("A", "C", 4000), Edge("B", "C", 10_000)])


@pytest.mark.parametrize("share", [-1, 10_001])
def test_a_share_that_is_none_is_refused(share: int) -> None:
    with pytest.raises(DelegationError) as refusal:
        require_whole([Edge("A", "B", share)])
    assert refusal.value.code == "delegation_invalid"


# --- laws ---

PEOPLE = [f"p{number}" for number in range(9)]
POWERS = st.dictionaries(st.sampled_from(PEOPLE), st.integers(0, 2**208 - 1))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Edge, ...]:
    """Any graph whose shares are possible: circles, loops to oneself, several delegates."""
    edges = []
    for delegator in PEOPLE:
        left = WHOLE_BPS
        for delegate in draw(st.lists(st.sampled_from(PEOPLE), max_size=4, unique=True)):
            share = draw(st.sampled_from([left, left // 2]) | st.integers(0, left))
            left -= share
            edges.append(Edge(delegator, delegate, share))
    return tuple(edges)


VOTERS = st.sets(st.sampled_from(PEOPLE))


def peer(powers: dict[str, int], edges: Iterable[Edge], voters: set[str]) -> dict[str, int]:
    """Resolve in the slowest obvious way: who reaches whom, then again and again whoever waits for nobody."""
    carrying = [edge for edge in edges if edge.delegator not in voters]
    reached = {who: {who} for who in PEOPLE}
    for _ in PEOPLE:
        for edge in carrying:
            for seen in reached.values():
                if edge.delegator in seen:
                    seen.add(edge.delegate)
    carrying = [edge for edge in carrying if edge.delegator not in reached[edge.delegate]]
    amounts = {who: powers.get(who, 0) for who in PEOPLE}
    waiting = list(PEOPLE)
    while waiting:
        ready = next(who for who in waiting if not any(e.delegate == who and e.delegator in waiting for e in carrying))
        waiting.remove(ready)
        for edge in carrying:
            if edge.delegator == ready:
                amounts[edge.delegate] += int(Fraction(amounts[ready] * edge.share_bps, WHOLE_BPS))
    return {voter: amounts[voter] for voter in voters}


@given(POWERS, graphs(), VOTERS)
def test_power_is_conserved_and_equals_that_of_the_obvious_way(
    powers: dict[str, int], edges: tuple[Edge, ...], voters: set[str]
) -> None:
    weights = resolve(powers, edges, voters)
    assert set(weights) == voters
    assert sum(weights.values()) <= sum(powers.values())
    assert all(weights[voter] >= powers.get(voter, 0) for voter in voters)
    assert weights == peer(powers, edges, voters)


@given(POWERS, graphs(), VOTERS, st.randoms(use_true_random=False))
def test_the_order_of_edges_voters_and_powers_does_not_matter(
    powers: dict[str, int], edges: tuple[Edge, ...], voters: set[str], order: random.Random
) -> None:
    def shuffled(things: Iterable[object]) -> list:  # type: ignore[type-arg]
        return order.sample(things := list(things), len(things))

    assert resolve(dict(shuffled(powers.items())), shuffled(edges), shuffled(voters)) == resolve(powers, edges, voters)


@given(POWERS, graphs(), VOTERS, st.sampled_from(PEOPLE))
def test_one_more_voter_takes_only_from_delegates_and_creates_nothing(
    powers: dict[str, int], edges: tuple[Edge, ...], voters: set[str], another: str
) -> None:
    before, after = resolve(powers, edges, voters), resolve(powers, edges, voters | {another})
    assert sum(after.values()) <= sum(powers.values())
    # Opening a circle can only bring out power that was stuck in it; without circles nobody else gains.
    if peer_without_circles(edges):
        assert all(after[voter] <= before[voter] for voter in voters - {another})


def peer_without_circles(edges: tuple[Edge, ...]) -> bool:
    """Say whether taking away, again and again, whoever gives to nobody leaves nobody."""
    left = {edge.delegator for edge in edges}
    while stuck := {edge.delegator for edge in edges if edge.delegator in left and edge.delegate in left}:
        if stuck == left:
            return False
        left = stuck
    return True


@given(POWERS, st.lists(st.integers(0, 8), min_size=9, max_size=9), st.integers(1, 8))
def test_nothing_is_lost_where_everybody_reaches_a_voter_by_whole_delegations(
    powers: dict[str, int], targets: list[int], voting: int
) -> None:
    # The first `voting` people vote; everybody else delegates everything to somebody before them.
    edges = [all_to(PEOPLE[place], PEOPLE[targets[place] % place]) for place in range(voting, 9)]
    weights = resolve(powers, edges, PEOPLE[:voting])
    assert sum(weights.values()) == sum(powers.values())


DELEGATIONS = st.builds(
    Delegation,
    delegator=st.sampled_from("AB"),
    delegate=st.sampled_from("ABC"),
    topic=st.sampled_from(["", "text", "release"]),
    share_bps=st.integers(0, WHOLE_BPS),
    expires_at=st.sampled_from([0, 5, 10, 15]),
    nonce=st.integers(0, 2**64 - 1),
)


@given(
    st.lists(DELEGATIONS, unique_by=lambda d: (d.delegator, d.delegate, d.topic, d.nonce)),
    st.sampled_from(["text", "release", "other"]),
    st.randoms(use_true_random=False),
)
def test_what_holds_does_not_depend_on_the_order(given_: list[Delegation], topic: str, order: random.Random) -> None:
    edges = in_force(given_, topic, 10)
    assert in_force(order.sample(given_, len(given_)), topic, 10) == edges
    assert len({(edge.delegator, edge.delegate) for edge in edges}) == len(edges)
    assert all(edge.share_bps > 0 for edge in edges)


# --- size ---


def test_a_hundred_thousand_delegations_are_followed_however_long_their_chains() -> None:
    source = random.Random(7)
    size = 50_000
    people = [f"p{number}" for number in range(size)]
    powers = dict.fromkeys(people, 10**18)
    anywhere = [Edge(who, source.choice(people), 5000) for who in people for _ in range(2)]
    # One chain through everybody: far deeper than Python's recursion.
    chain = [Edge(one, other, 5000) for one, other in itertools.pairwise(people)] * 2
    for edges, voters in ((anywhere, people[::10]), (anywhere, people[:1]), (chain, people[-1:])):
        weights = resolve(powers, edges, voters)
        assert 0 < sum(weights.values()) <= size * 10**18
    assert weights[people[-1]] == size * 10**18
