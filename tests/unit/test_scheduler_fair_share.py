"""Past use that halves with time, and the fair-share factor from it: integers that agree with the formula."""

import random
from fractions import Fraction
from math import isqrt

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from governance.errors import Invalid
from tests.unit.scheduler_worlds import NOW, request
from training_jobs.scheduling import fair_share, priority
from training_jobs.scheduling.fair_share import BITS, ONE, add, decayed, factors, two_to_minus
from training_jobs.scheduling.values import Origin, Policy, Usage

WEEK = 7 * 24 * 3_600


def used(at: int = 0, **communities: int) -> Usage:
    return Usage(at, communities, {(name, "m"): amount for name, amount in communities.items()})


def test_the_table_holds_roots_of_a_half_each_the_root_of_the_one_before():
    root, places = 1 << 199, 200
    for value in fair_share._ROOTS:
        root = isqrt(root << places)
        assert value == root >> places - BITS


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_a_power_of_two_agrees_with_the_formula(numerator: int, denominator: int):
    found = two_to_minus(numerator, denominator)
    # halves exactly with each whole step, never grows with the exponent, and squares as powers do
    assert two_to_minus(numerator + denominator, denominator) == found >> 1
    assert found <= two_to_minus(max(numerator - 1, 0), denominator) <= ONE
    assert abs(two_to_minus(numerator, 2 * denominator) ** 2 - (found << BITS)) <= ONE * 2**16


def test_usage_counts_half_after_a_half_life_and_is_forgotten_in_the_end():
    usage = used(a=1_000, b=3)
    assert decayed(usage, WEEK, WEEK).communities == {"a": 500, "b": 2}
    assert decayed(usage, 2 * WEEK, WEEK) == Usage(2 * WEEK, {"a": 250, "b": 1}, {("a", "m"): 250, ("b", "m"): 1})
    assert decayed(usage, 60 * WEEK, WEEK) == Usage(60 * WEEK)
    assert decayed(usage, 0, WEEK) == usage


def test_what_cannot_be_computed_is_refused():
    with pytest.raises(Invalid, match="usage_backwards"):
        decayed(used(10, a=1), 9, WEEK)
    with pytest.raises(Invalid, match="half_life"):
        decayed(used(a=1), 9, 0)
    with pytest.raises(Invalid, match="usage_negative"):
        add(used(), "a", "m", -1, 9, WEEK)


@example([(2_419_173, 302_511, "a")])
@given(st.lists(st.tuples(st.integers(0, 4 * WEEK), st.integers(0, 10**6), st.sampled_from("ab")), max_size=40))
@settings(max_examples=60, deadline=None)
def test_many_small_steps_agree_with_the_sum_of_what_is_left_of_each(work):
    """Late and early reports, in any order, lose next to nothing to rounding: exponents have 16 binary places."""
    usage = Usage(0)
    for at, amount, name in work:
        usage = add(usage, name, "m", amount, at, WEEK)
    end = 5 * WEEK
    found = decayed(usage, end, WEEK).communities
    for name in "ab":
        left = sum(Fraction(amount * two_to_minus(end - at, WEEK), ONE) for at, amount, who in work if who == name)
        assert abs(found.get(name, 0) - left) <= len(work) + 1 + left * (len(work) + 2) / 2**16
    members = decayed(usage, end, WEEK).members
    assert all(abs(members.get((name, "m"), 0) - found.get(name, 0)) == 0 for name in "ab")


def test_usage_decays_however_often_little_is_added():
    usage = used(a=1_000)
    for minute in range(WEEK // 60):
        usage = add(usage, "b", "m", 1, minute * 60, WEEK)
    assert abs(decayed(usage, WEEK, WEEK).communities["a"] - 500) <= 40


def test_the_factor_is_a_half_at_the_share_one_without_use_and_falls_with_use():
    asking = [("a", "m"), ("b", "m"), ("new", "m")]
    policy = Policy(shares={"a": 2, "b": 1, "new": 1})
    usage = Usage(0, {"a": 50, "b": 50}, {("a", "m"): 50, ("b", "m"): 50})
    found = factors(usage, asking, policy)
    # each member is all of its community, which halves: 2^-1 * 2^-1, 2^-2 * 2^-1, and 1
    assert found == {("a", "m"): ONE >> 2, ("b", "m"): ONE >> 3, ("new", "m"): ONE}


def test_members_share_what_their_community_has():
    usage = Usage(0, {"a": 100}, {("a", "much"): 75, ("a", "some"): 25})
    found = factors(usage, [("a", "much"), ("a", "some"), ("a", "none")], Policy())
    assert found["a", "much"] < found["a", "some"] < found["a", "none"] == ONE >> 1


def test_a_community_without_a_share_goes_last_once_it_has_used_something():
    policy = Policy(shares={"a": 0})
    assert factors(used(a=1, b=9), [("a", "m")], policy)["a", "m"] == 0
    assert factors(used(b=9), [("a", "m")], policy)["a", "m"] == ONE


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.integers(1, 4))
def test_only_ratios_of_usage_count(one: int, other: int, times: int):
    asking = [("a", "m"), ("b", "m")]
    assert factors(used(a=one, b=other), asking, Policy()) == factors(
        used(a=one * times, b=other * times), asking, Policy()
    )


@given(st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_the_order_is_that_of_the_written_rule(seed: int):

    draw = random.Random(seed)
    policy = Policy(wait_max=10 * 24 * 3_600, shares={"a": 3})
    usage = used(NOW, a=draw.randint(0, 9), b=draw.randint(0, 9))
    queue = [
        request(
            f"r{number}",
            community=draw.choice("ab"),
            member=draw.choice("mn"),
            origin=draw.choice(list(Origin)),
            tier=draw.randint(-1, 2),
            submitted_at=NOW
            - draw.choice([-5, 0, 3_600, 8 * 24 * 3_600, 9 * 24 * 3_600, 10 * 24 * 3_600, 11 * 24 * 3_600]),
        )
        for number in draw.sample(range(20), 12)
    ]
    fair = factors(usage, {(each.community, each.member) for each in queue}, policy)

    def key(each):
        if priority.is_overdue(each, policy, NOW):
            return (0, 0, 0, each.submitted_at, each.id)
        weight = priority.priority(each, fair[each.community, each.member], policy, NOW)
        return (1, each.origin is Origin.SANDBOX, -weight, each.submitted_at, each.id)

    assert priority.in_order(queue, usage, policy, NOW) == sorted(queue, key=key)
    assert priority.in_order([], usage, policy, NOW) == []
