"""Who goes first: a total order of all that waits, the same whatever the order in which it was told.

First come requests that have waited for `policy.wait_max`, the oldest first. Then what was voted, then sandbox
requests; within each the highest weighted sum of fair share, age and tier (Slurm's multifactor form). Newcomers have
no bonus here: they have the reserve. Ties go to the earlier request, then to the smaller id.
"""

from collections.abc import Iterable
from itertools import compress, count, islice, repeat
from operator import add, attrgetter, eq, mul

from training_jobs.scheduling import fair_share
from training_jobs.scheduling.values import Origin, Policy, Request, Usage

_CLASS = 1 << 100  # apart by more than any weighted sum, so that one number holds the order
_KIND = attrgetter("community", "member", "origin", "tier")
_CAME = attrgetter("submitted_at")
_TIE = attrgetter("submitted_at", "id")

Kind = tuple[str, str, Origin, int]


def is_overdue(request: Request, policy: Policy, now: int) -> bool:
    """Say whether a request has waited so long that it goes before all others."""
    return now - request.submitted_at >= policy.wait_max


def priority(request: Request, factor: int, policy: Policy, now: int) -> int:
    """Return the weighted sum for one request, in parts of fair_share.ONE; `factor` is its fair share.

    Age counts in full after `policy.age_full` seconds; each step of the tier counts `policy.weight_tier`.
    """
    full = max(policy.age_full, 1)
    each_second = policy.weight_age * fair_share.ONE // full
    age = each_second * min(max(now - request.submitted_at, 0), full)
    return policy.weight_fair * factor + age + policy.weight_tier * request.tier * fair_share.ONE


def in_order(queue: Iterable[Request], usage: Usage, policy: Policy, now: int) -> list[Request]:
    """Return all requests, those that go first in front."""
    # `priority` less what `now` adds to all alike, in columns: these lines decide how long ten thousand requests take
    queue = list(queue)
    kinds = list(map(_KIND, queue))
    came = list(map(_CAME, queue))
    standing = _standing(set(kinds), usage, policy)
    full = max(policy.age_full, 1)
    oldest, overdue = now - full, now - policy.wait_max
    aged = [oldest if each < oldest else min(each, now) for each in came]
    each_second = policy.weight_age * fair_share.ONE // full
    ranks = list(map(add, map(standing.__getitem__, kinds), map(mul, aged, repeat(each_second))))
    for place in [place for place, each in enumerate(came) if each <= overdue]:
        ranks[place] = -_CLASS
    order = sorted(range(len(queue)), key=ranks.__getitem__)
    ordered = list(map(queue.__getitem__, order))
    ranks = list(map(ranks.__getitem__, order))
    for place in compress(count(), map(eq, ranks, islice(ranks, 1, None))):
        if place == 0 or ranks[place - 1] != ranks[place]:  # the first of those with this rank
            end = place + 1
            while end < len(ranks) and ranks[end] == ranks[place]:
                end += 1
            ordered[place:end] = sorted(ordered[place:end], key=_TIE)
    return ordered


def _standing(kinds: Iterable[Kind], usage: Usage, policy: Policy) -> dict[Kind, int]:
    """Return what each kind of request ranks by, but for its age; the lowest goes first."""
    kinds = list(kinds)
    factors = fair_share.factors(usage, {(community, member) for community, member, _, _ in kinds}, policy)
    fair = {who: policy.weight_fair * factor for who, factor in factors.items()}
    each_tier = policy.weight_tier * fair_share.ONE
    sandbox = Origin.SANDBOX
    return {
        kind: (_CLASS if kind[2] is sandbox else 0) - fair[kind[0], kind[1]] - each_tier * kind[3] for kind in kinds
    }
