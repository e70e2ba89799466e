"""Questions about how a vote stands and stood: over time, and what would have to change for it to end otherwise."""

from dataclasses import dataclass
from datetime import datetime

from governance import standing
from governance.missing import Missing
from governance.missing import missing as missing_of
from governance.models import Community, Council
from governance.outcome import AGAINST, FOR
from governance.score_over_time import Point, is_summed
from governance.selectors.proposals import ProposalDetail
from governance.selectors.voters import census_power
from governance.services.guardians import council_in_office

# With more delegations than these, the picture is left to the sweeper: each ballot may move many others.
DELEGATIONS_MAX = 200


@dataclass(frozen=True)
class ScoreOverTime:
    """How a vote stood. `places` are the choices, those with the most first; `until` is where the picture ends."""

    points: tuple[Point, ...]
    places: tuple[int, ...]
    is_turnout: bool
    until: datetime


def score_over_time(shown: ProposalDetail, now: datetime) -> ScoreOverTime | None:
    """Return how a vote stood after each ballot; nothing where there is none, or nothing to be told of it yet."""
    proposal = shown.proposal
    if not shown.results.ballot_count or proposal.census_record_id is None:
        return None
    count = getattr(proposal, "count_so_far", None)
    kept = count.over_time if count else ()
    if kept and (proposal.passed is not None or shown.results.as_of):
        points = [Point.from_body(body) for body in kept]
    elif shown.results.ballot_count <= standing.COUNTED_AT_ONCE_MAX and shown.electorate.is_simple(DELEGATIONS_MAX):
        points = standing.replayed(proposal, shown.electorate.roll)
    else:
        return None
    last = points[-1].sums
    is_turnout = not is_summed(shown.method.name)
    places = tuple(sorted(range(len(last)), key=lambda place: (-last[place], place)))
    closed = proposal.decided_at or proposal.closes_at or now
    return ScoreOverTime(tuple(points), places, is_turnout, min(now, closed))


def missing(shown: ProposalDetail) -> list[Missing]:
    """Return what would turn each condition of an open vote; nothing before anybody has voted."""
    found = shown.results
    if not found.conditions:
        return []
    powers = {option.name: option.power for option in found.options}
    left = max(0, census_power(shown.proposal) - found.cast)
    return missing_of(found.conditions, shown.rules.threshold_bps, powers.get(FOR, 0), powers.get(AGAINST, 0), left)


def council_of(community: Community, now: datetime) -> Council | None:
    """Return the council that can veto or pause, while its term lasts."""
    return council_in_office(community, now)
