"""Who goes first: a total order of all that waits, the same whatever the order in which it was told.

First come requests that have waited for `policy.wait_max`, the oldest first. Then what was voted, then sandbox
requests; within each the highest weighted sum of fair share, age and tier (Slurm's multifactor form). Newcomers have
no bonus here: they have the reserve. Ties go to the earlier request, then to the smaller id.
"""

from collections.abc import Iterable
from itertools import islice
from operator import attrgetter, eq

from training_jobs.scheduling import fair_share
from training_jobs.scheduling.values import Origin, Policy, Request, Usage

_CLASS = 1 << 100  # apart by more than any weighted sum, so that one number holds the order


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
    queue = list(queue)
    asking = [(each.community, each.member) for each in queue]
    factors = fair_share.factors(usage, set(asking), policy)
    full, sandbox = max(policy.age_full, 1), Origin.SANDBOX
    each_second, each_tier = policy.weight_age * fair_share.ONE // full, policy.weight_tier * fair_share.ONE
    fair = {who: policy.weight_fair * factor for who, factor in factors.items()}
    overdue, oldest = now - policy.wait_max, now - full
    came = [each.submitted_at for each in queue]
    first, last = min(came, default=0), max(came, default=0)
    since = came if last <= now else [min(each, now) for each in came]
    span, bits = last - first + 1, len(queue).bit_length()
    # `priority` less what `now` adds to all alike, written out: these lines decide how long ten thousand requests take.
    # One number holds the rank, when it came, and its place in the queue: numbers sort faster than tuples
    keys = [
        (
            (
                -_CLASS
                if submitted <= overdue
                else each_second * max(aged, oldest)
                + (_CLASS if each.origin is sandbox else 0)
                - fair[who]
                - each_tier * each.tier
            )
            * span
            + submitted
            - first
        )
        << bits
        | place
        for place, (each, who, submitted, aged) in enumerate(zip(queue, asking, came, since, strict=True))
    ]
    keys.sort()
    ranks = [key >> bits for key in keys]
    places = (1 << bits) - 1
    ordered = [queue[key & places] for key in keys]
    tied = [place for place, same in enumerate(map(eq, ranks, islice(ranks, 1, None))) if same]
    for place in tied:
        if place == 0 or ranks[place - 1] != ranks[place]:  # the first of those with this rank
            end = place + 1
            while end < len(ranks) and ranks[end] == ranks[place]:
                end += 1
            ordered[place:end] = sorted(ordered[place:end], key=attrgetter("id"))
    return ordered
