"""How votes stand: counts with their conditions, rounds and reasons, as JSON that is stored and shown.

What was counted once is kept: for good when voting closes, for some seconds while an open vote has more ballots than a
page should read.
"""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from governance.clock import unix
from governance.counting import Cast, Result, Roll, Terms, count_votes, exact_text, tally_body
from governance.models import Ballot, CountSoFar, Proposal
from governance.score_over_time import Point, extended, is_summed, over_time
from governance.sealed.facts import secrets_in_count
from governance.services.common import roll_of, rolls_of, terms_of

# Up to here an open vote is counted when it is looked at.
COUNTED_AT_ONCE_MAX = 1_000
INVALID_SHOWN_MAX = 100
# Up to here the picture of a vote over time is drawn from all its ballots; from there on, from one count to the next.
REPLAYED_MAX = 5_000
_COLUMNS = ("voter", "choice", "power", "house_power")


def count_so_far(proposal: Proposal) -> Result:
    """Count the newest ballot of each voter and judge the count: what page, API and execution show and use."""
    ballots = proposal.ballots.counting().values_list(*_COLUMNS)
    casts = [Cast(*row) for row in ballots.iterator(chunk_size=5_000)]
    return count_votes(terms_of(proposal), roll_of(proposal), casts, secrets_in_count(proposal))


def keep_standing(proposal: Proposal, result: Result, now: datetime) -> None:
    """Keep what was counted, so that nobody has to count it again to show it."""
    accepted = proposal.ballots.count()
    body = _complete(body_of(terms_of(proposal), result), proposal, proposal.ballots.counting().count())
    points = [point.to_body() for point in _followed(proposal, result, accepted, now)]
    kept = {"ballots": accepted, "at": now, "body": body, "over_time": points}
    CountSoFar.objects.update_or_create(proposal=proposal, defaults=kept)


def refresh_standing(proposal: Proposal, now: datetime) -> bool:
    """Count a large open vote again if ballots have come since; say whether it was done. The sweeper calls this."""
    accepted = proposal.ballots.count()
    kept = CountSoFar.objects.filter(proposal=proposal).first()
    if accepted <= COUNTED_AT_ONCE_MAX or (kept is not None and kept.ballots == accepted):
        return False
    keep_standing(proposal, count_so_far(proposal), now)
    return True


def standings(proposals: Iterable[Proposal]) -> dict[int, dict[str, Any]]:
    """Return how submitted proposals stand: kept where it is kept, else counted now; a handful of queries for all.

    A proposal comes with its `record` and `census_record`; one that was read with its `count_so_far` saves a query.
    """
    listed = {proposal.pk: proposal for proposal in proposals}
    found: dict[int, dict[str, Any]] = {}
    for kept in _kept(listed):
        open_vote = listed[kept.proposal_id].passed is None
        if not open_vote or kept.ballots > COUNTED_AT_ONCE_MAX:
            found[kept.proposal_id] = {**kept.body, "as_of": kept.at if open_vote else None}
    rest = {pk: proposal for pk, proposal in listed.items() if pk not in found}
    counted = {pk: proposal for pk, proposal in rest.items() if proposal.census_record_id is not None}
    found |= {pk: _nothing_yet(terms_of(proposal)) for pk, proposal in rest.items() if pk not in counted}
    if counted:
        found |= _counted_now(counted)
    return found


def _kept(listed: dict[int, Proposal]) -> list[CountSoFar]:
    came_with = [getattr(one, "count_so_far", None) for one in listed.values() if _came_with_count(one)]
    rest = [pk for pk, one in listed.items() if not _came_with_count(one)]
    asked = CountSoFar.objects.filter(proposal__in=rest).defer("over_time") if rest else ()
    return [*(kept for kept in came_with if kept is not None), *asked]


def _came_with_count(proposal: Proposal) -> bool:
    return bool(Proposal.count_so_far.is_cached(proposal))


def _counted_now(proposals: dict[int, Proposal]) -> dict[int, dict[str, Any]]:
    casts: dict[int, list[Cast]] = {pk: [] for pk in proposals}
    ballots = Ballot.objects.filter(proposal__in=proposals, superseded_at__isnull=True)
    for pk, *row in ballots.values_list("proposal_id", *_COLUMNS):
        casts[pk].append(Cast(*row))
    rolls = rolls_of(proposals.values())
    found = {}
    for pk, proposal in proposals.items():
        terms = terms_of(proposal)
        result = count_votes(terms, rolls[pk], casts[pk], secrets_in_count(proposal))
        found[pk] = _complete(body_of(terms, result), proposal, len(casts[pk]))
        found[pk]["sealed"] = terms.sealing is not None and proposal.passed is None
    return found


def replayed(proposal: Proposal, roll: Roll | None = None) -> list[Point]:
    """Return how a vote whose census was taken stood over time, from its first ballots: all, unless they are many."""
    rows = proposal.ballots.order_by("pk").values_list("cast_at", *_COLUMNS)[:REPLAYED_MAX]
    accepted = [(unix(at), Cast(*row)) for at, *row in rows]
    since = proposal.opens_at or proposal.submitted_at or proposal.created_at
    return over_time(terms_of(proposal), roll or roll_of(proposal), accepted, unix(since))


def _followed(proposal: Proposal, result: Result, accepted: int, now: datetime) -> list[Point]:
    """Return how the vote stood over time: from all ballots, or what is kept with this count at its end."""
    if accepted <= REPLAYED_MAX:
        return replayed(proposal)
    kept = CountSoFar.objects.filter(proposal=proposal).values_list("over_time", flat=True).first()
    points = [Point.from_body(body) for body in kept] if kept else replayed(proposal)
    scores = result.count.scores if is_summed(terms_of(proposal).method.name) else (result.count.cast,)
    moment = min(now, proposal.closes_at) if proposal.closes_at else now
    return extended(points, Point(unix(moment), tuple(int(score) for score in scores)))


def body_of(terms: Terms, result: Result) -> dict[str, Any]:
    """Return the whole of a count as JSON: exact numbers as text, choices by their place."""
    count = result.count
    return {
        **tally_body(terms, result),
        "passed": result.outcome.passed,
        "conditions": [condition.to_body() for condition in result.outcome.conditions],
        "rounds": [
            {
                "number": each.number,
                "scores": [exact_text(score) for score in each.scores],
                "elected": list(each.elected),
                "eliminated": list(each.eliminated),
                "transferred": [exact_text(power) for power in each.transferred],
                "exhausted": exact_text(each.exhausted),
            }
            for each in count.rounds
        ],
        "pairwise": [[str(power) for power in row] for row in count.pairwise],
        "explanation": [{"key": told.key, "values": dict(told.values)} for told in count.explanation],
        "invalid": [asdict(ballot) for ballot in count.invalid[:INVALID_SHOWN_MAX]],
    }


def _complete(body: dict[str, Any], proposal: Proposal, ballot_count: int) -> dict[str, Any]:
    return {**body, "final": proposal.passed is not None, "ballot_count": ballot_count}


def _nothing_yet(terms: Terms) -> dict[str, Any]:
    """Return the standing of a vote whose census is still being taken: nothing was cast, nothing is judged."""
    return {
        "method": terms.method.name,
        "choices": list(terms.choices),
        "totals": dict.fromkeys(terms.choices, "0"),
        "winners": [],
        "invalid_count": 0,
        "cast": "0",
        "quorum_power": "0",
        "house": None,
        "passed": False,
        "conditions": [],
        "rounds": [],
        "pairwise": [],
        "explanation": [],
        "invalid": [],
        "final": False,
        "ballot_count": 0,
    }
