"""Who goes first: a total order of all that waits, the same whatever the order in which it was told.

First come requests that have waited for `policy.wait_max`, the oldest first. Then what was voted, then sandbox
requests; within each the highest weighted sum of fair share, age and tier (Slurm's multifactor form). Newcomers have
no bonus here: they have the reserve. Ties go to the earlier request, then to the smaller id.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import compress, count, islice
from operator import attrgetter, eq

from training_jobs.scheduling import fair_share
from training_jobs.scheduling.values import Origin, Policy, Request, Usage

_CAME = attrgetter("submitted_at")

_Kind = tuple[str, str, Origin, int]  # community, member, origin, tier


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
    return list(map(queue.__getitem__, places_in_order(queue, usage, policy, now)))


def places_in_order(queue: Sequence[Request], usage: Usage, policy: Policy, now: int) -> list[int]:
    """Return the index in the queue of each request, those that go first in front."""
    # `priority` less what `now` adds to all alike, in columns: these lines decide how long ten thousand requests take
    ranks = _ranks(queue, usage, policy, now)
    order = sorted(range(len(queue)), key=ranks.__getitem__)
    ranked = list(map(ranks.__getitem__, order))
    ends = 0
    for first in compress(count(), map(eq, ranked, islice(ranked, 1, None))):
        if first >= ends:  # the first of those with one rank: they are sorted by ties, which few need
            ends = first + 1
            while ends < len(ranked) and ranked[ends] == ranked[first]:
                ends += 1
            order[first:ends] = sorted(order[first:ends], key=lambda at: (queue[at].submitted_at, queue[at].id))
    return order


def _ranks(queue: Sequence[Request], usage: Usage, policy: Policy, now: int) -> list[int]:
    """Return a number for each request; the lowest goes first, and those that are overdue share the lowest."""
    # requests that differ by their age alone are one kind; the kinds are numbered as they are met
    kinds: dict[_Kind, int] = defaultdict(count().__next__)
    kind_of = [kinds[each.community, each.member, each.origin, each.tier] for each in queue]
    factors = fair_share.factors(usage, {kind[:2] for kind in kinds}, policy)
    fair = {each: -policy.weight_fair * factor for each, factor in factors.items()}
    tiers = {tier: -policy.weight_tier * fair_share.ONE * tier for _, _, _, tier in kinds}
    full = max(policy.age_full, 1)
    each_second = policy.weight_age * fair_share.ONE // full
    # wider than what any two of one origin may differ by: sandbox requests come after all that was voted
    width = _spread(fair.values()) + _spread(tiers.values()) + abs(each_second) * full + 1
    standing = [
        fair[community, member] + tiers[tier] + (width if origin is Origin.SANDBOX else 0)
        for community, member, origin, tier in kinds
    ]
    before_all = min(standing, default=0) - abs(each_second) * full - 1
    oldest, overdue = now - full, now - policy.wait_max
    return [
        before_all
        if came <= overdue
        else standing[kind] + (each_second * ((came if came < now else now) - oldest) if came > oldest else 0)  # noqa: FURB136 - no call
        for kind, came in zip(kind_of, map(_CAME, queue), strict=True)
    ]


def _spread(values: Iterable[int]) -> int:
    values = list(values)
    return max(values) - min(values) if values else 0
