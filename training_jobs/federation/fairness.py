"""How evenly compute was shared: Jain's index over communities of what each got of what it was entitled to.

Jain's index is (sum x)^2 / (n sum x^2) (Jain, Chiu, Hawe, DEC-TR-301, 1984): 1 where all are treated alike, 1/n where
one has all. x is delivered/entitled. A community is entitled to its weighted share of what was delivered, but never to
more than it asked for; what it does not ask for is shared among the others (max-min fairness, by filling up).
In a year everybody gets nearly all they asked for, sooner or later; so it is taken over windows of four weeks, and the
mean is weighted by what was delivered in each.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from training_jobs.federation.values import Ended, Outcome
from training_jobs.scheduling.values import BPS

WINDOW = 28 * 24 * 3_600


def jain(values: Sequence[Fraction]) -> Fraction:
    """Return the index of a list of non-negative numbers; 1 for an empty one, and for one of zeros."""
    squares = sum((value * value for value in values), Fraction(0))
    return sum(values, Fraction(0)) ** 2 / (len(values) * squares) if squares else Fraction(1)


def entitled(total: int, wanted: Mapping[str, int], shares: Mapping[str, int]) -> dict[str, Fraction]:
    """Return what each may have of a total: in proportion to its share (1 if none is named), at most what it wants."""
    left, weights = Fraction(total), sum(max(shares.get(name, 1), 0) for name in wanted)
    given = {}
    # who wants least for its share is filled first; then the rest has the same per share
    for name in sorted(wanted, key=lambda each: (_per_share(wanted[each], shares.get(each, 1)), each)):
        share = max(shares.get(name, 1), 0)
        given[name] = min(Fraction(wanted[name]), left * share / weights) if weights else Fraction(0)
        left -= given[name]
        weights -= share
    return given


def fairness_bps(outcome: Outcome) -> int:
    """Return Jain's index over the communities in basis points: the mean of windows of four weeks, rounded down."""
    world = outcome.world
    shares = outcome.policy.shares
    weighted = all_delivered = Fraction(0)
    for since in range(world.since, world.until, WINDOW):
        until = min(since + WINDOW, world.until)
        got, wanted = _window(outcome.ended, since, until)
        total = sum(got.values())
        due = entitled(total, wanted, shares)
        weighted += total * jain([got[name] / due[name] for name in sorted(due) if due[name]])
        all_delivered += total
    return int(weighted * BPS / all_delivered) if all_delivered else BPS


def _window(ended: Iterable[Ended], since: int, until: int) -> tuple[dict[str, int], dict[str, int]]:
    """Return what each community got in [since, until), and what it could have used: what was not done before."""
    got: dict[str, int] = {}
    wanted: dict[str, int] = {}
    for each in ended:
        request = each.asked.request
        if request.submitted_at >= until or not each.stays:
            continue
        inside = before = 0
        for stay in each.stays:
            begin, end = max(stay.since, since), min(stay.kept_until, until)
            inside += stay.devices * max(end - begin, 0)
            before += stay.devices * max(min(stay.kept_until, since) - stay.since, 0)
        got[request.community] = got.get(request.community, 0) + inside
        wanted[request.community] = wanted.get(request.community, 0) + each.delivered - before
    return got, wanted


def _per_share(wanted: int, share: int) -> Fraction:
    # without a share there is nothing to fill: last
    return Fraction(wanted, share) if share > 0 else Fraction(1 << 200)
