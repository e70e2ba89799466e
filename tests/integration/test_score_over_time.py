"""How a vote stood over time: what a naive recount at each moment says, thinned, kept by the sweeper, drawn with its table."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance import services, standing
from governance.clock import unix
from governance.counting import Cast, Roll, Terms, count_votes
from governance.delegation import Edge
from governance.models import CountSoFar, Proposal
from governance.outcome import Rules
from governance.score_over_time import POINTS_MAX, Point, extended, is_summed, over_time, thinned
from governance.tally import METHODS
from tests.integration.conftest import NOON

RULES = Rules(
    quorum_bps=100, threshold_bps=5_000, proposal_threshold=0, voting_delay_seconds=0, voting_period_seconds=1_000,
    timelock_seconds=0, execution_window_seconds=100,
)  # fmt: skip
VOTERS = ["0xa", "0xb", "0xc", "0xd"]
CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "governor": st.integers(0, 2),
    "basic": st.integers(1, 2),
    "single-choice": st.integers(1, 3),
    "approval": st.lists(st.integers(1, 3), unique=True, max_size=3),
    "weighted": st.dictionaries(st.sampled_from("123"), st.integers(1, 9), min_size=1),
    "fractional": st.dictionaries(st.sampled_from("012"), st.integers(1, 40).map(str), min_size=1),
    "ranked-choice": st.permutations([1, 2, 3]),
    "quadratic": st.dictionaries(st.sampled_from("123"), st.integers(1, 9), min_size=1),
}


def terms_for(name: str) -> Terms:
    method = METHODS[name]
    names = ("against", "for", "abstain") if name in {"governor", "fractional"} else ("for", "against")
    names = names if method.binary else ("wells", "gauges", "pumps")
    return Terms("poll", method, names, 1, RULES, 1_000, 2_000)


def sums_of(terms: Terms, roll: Roll, accepted: list[tuple[int, Cast]], until: int) -> tuple[int, ...]:
    """Count the newest ballots of everybody at a moment, from the beginning."""
    newest = {cast.voter: cast for at, cast in accepted if at <= until}
    count = count_votes(terms, roll, list(newest.values())).count
    return tuple(int(score) for score in count.scores) if is_summed(terms.method.name) else (count.cast,)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_each_point_is_what_a_recount_of_all_ballots_until_then_says(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(CHOICES)))
    terms = terms_for(name)
    pairs = st.tuples(st.sampled_from(VOTERS), st.sampled_from(VOTERS)).filter(lambda pair: pair[0] != pair[1])
    edges = tuple(Edge(giver, taker, 5_000) for giver, taker in data.draw(st.lists(pairs, unique=True, max_size=3)))
    if len({edge.delegator for edge in edges}) < len(edges):
        edges = edges[:1]
    powers = {voter: data.draw(st.integers(1, 100)) for voter in VOTERS}
    roll = Roll(sum(powers.values()), 0, edges, {edge.delegator: powers[edge.delegator] for edge in edges})
    at, accepted = 1_000, []
    for _ in range(data.draw(st.integers(0, 12))):
        at += data.draw(st.integers(0, 5))
        voter = data.draw(st.sampled_from(VOTERS))
        accepted.append((at, Cast(voter, data.draw(CHOICES[name]), powers[voter])))
    points = over_time(terms, roll, accepted, 1_000)
    assert [each.at for each in points] == sorted({1_000, *(at for at, _ in accepted)}) or points[0].at == 1_000
    for point in points[1:]:
        expected = sums_of(terms, roll, accepted, point.at)
        # Weights are rounded down ballot by ballot, which the exact count does not do.
        assert all(0 <= right - ours <= len(VOTERS) for ours, right in zip(point.sums, expected, strict=True))
        if name != "weighted":
            assert point.sums == expected


def test_many_moments_are_thinned_to_what_a_picture_shows_and_the_end_is_exact() -> None:
    terms = terms_for("basic")
    accepted = [(1_000 + number, Cast(f"0x{number}", 1 + number % 2, 1)) for number in range(3_000)]
    points = over_time(terms, Roll(3_000, 0), accepted, 1_000)
    assert len(points) <= POINTS_MAX
    assert points[0] == Point(1_000, (0, 0))
    assert points[-1] == Point(3_999, (1_500, 1_500))
    assert all(sums_of(terms, Roll(3_000, 0), accepted, each.at) == each.sums for each in points[1::10])


def test_what_is_kept_from_count_to_count_stays_short_and_in_order() -> None:
    points = [Point(0, (0,))]
    for number in range(1, 2_000):
        points = extended(points, Point(number, (number,)))
    assert len(points) <= POINTS_MAX
    assert points[0].at == 0
    assert points[-1] == Point(1_999, (1_999,))
    assert [each.at for each in points] == sorted({each.at for each in points})
    assert extended(points, Point(5_000, points[-1].sums)) == points, "nothing has changed"
    assert thinned(points, 5)[-1] == points[-1]
    assert [Point.from_body(each.to_body()) for each in points] == points


# --- kept, asked for, shown -------------------------------------------------------------------------------------------


@pytest.fixture
def commons(list_community):
    return list_community()


def voted(commons: Any) -> tuple[Proposal, Any]:
    proposal = commons.propose(now=NOON)
    opens = proposal.opens_at
    commons.vote(proposal, "Alice", 1, now=opens + timedelta(seconds=1))
    commons.vote(proposal, "Bob", 0, now=opens + timedelta(seconds=20))
    commons.vote(proposal, "Alice", 0, now=opens + timedelta(seconds=40))
    return proposal, opens


def test_a_changed_vote_moves_its_power_at_its_time_and_the_closing_keeps_the_picture(commons: Any) -> None:
    proposal, opens = voted(commons)
    moments = [(point.at - unix(opens), point.sums) for point in standing.replayed(proposal)]
    assert moments == [(0, (0, 0, 0)), (1, (0, 40, 0)), (20, (30, 40, 0)), (40, (70, 0, 0))]
    services.close_voting(proposal.pk, proposal.closes_at)
    kept = CountSoFar.objects.get(proposal=proposal)
    assert [Point.from_body(body) for body in kept.over_time] == standing.replayed(proposal)


def test_beyond_so_many_ballots_each_count_adds_one_point(commons: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(standing, "REPLAYED_MAX", 2)
    monkeypatch.setattr(standing, "COUNTED_AT_ONCE_MAX", 1)
    proposal, opens = voted(commons)
    services.refresh_standing(proposal, opens + timedelta(seconds=50))
    commons.vote(proposal, "Daouda", 2, now=opens + timedelta(seconds=60))
    services.refresh_standing(proposal, opens + timedelta(seconds=70))
    kept = CountSoFar.objects.get(proposal=proposal)
    points = [(body[0] - unix(opens), body[1]) for body in kept.over_time]
    assert points == [
        (0, ["0", "0", "0"]), (1, ["0", "40", "0"]), (20, ["30", "40", "0"]), (50, ["70", "0", "0"]),
        (70, ["70", "0", "10"]),
    ]  # fmt: skip
