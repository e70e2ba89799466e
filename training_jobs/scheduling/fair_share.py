"""How much of its share each community and member has used: past use that halves with time, and the factor from it.

The factor is that of Slurm's multifactor priority plugin, F = 2^(-usage / share), where usage and share are fractions
of all usage and of all shares (SchedMD, "Multifactor Priority Plugin", classic fair share); the half-life is its
PriorityDecayHalfLife. Two levels: the community among communities, times the member among the members of its
community. Fixed point throughout, no floats: powers of two come from a table of roots of a half, 30 bits each.

Only ratios of usage count for the factor, and all usage decays alike. So `add` needs no new decay at each run that
ends: it moves `at` in ticks of a 64th of the half-life, and writes what came later with its weight as of `at`.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from functools import cache
from typing import TypeVar

from governance.errors import Invalid
from training_jobs.scheduling.values import Policy, Usage

BITS = 30
ONE = 1 << BITS
# 2^(-1/2), 2^(-1/4), 2^(-1/8), ... as fractions of ONE, rounded down: each is the root of the one before it
_ROOTS = (
    759250124, 902905650, 984625593, 1028218693, 1050733750, 1062175491, 1067942999, 1070838486,
    1072289172, 1073015252, 1073378476, 1073560134, 1073650975, 1073696398, 1073719111, 1073730467,
)  # fmt: skip
_FINE = 6  # the last places are multiplied each time, what comes before is kept
_TICKS = 64  # per half-life

Key = TypeVar("Key", bound=Hashable)


def two_to_minus(numerator: int, denominator: int) -> int:
    """Return 2^(-numerator / denominator) as a fraction of ONE, rounded down; the exponent has 16 binary places."""
    exponent = (numerator << len(_ROOTS)) // denominator
    whole, rest = exponent >> len(_ROOTS), exponent & ((1 << len(_ROOTS)) - 1)
    if whole > BITS:
        return 0
    value = _coarse(rest >> _FINE)
    for place, root in enumerate(_ROOTS[-_FINE:], start=1):
        if rest >> (_FINE - place) & 1:
            value = value * root >> BITS
    return value >> whole


@cache
def _coarse(places: int) -> int:
    """Return the product of the first roots, those whose binary place is set."""
    value = ONE
    for place, root in enumerate(_ROOTS[:-_FINE], start=1):
        if places >> (len(_ROOTS) - _FINE - place) & 1:
            value = value * root >> BITS
    return value


def decayed(usage: Usage, at: int, half_life: int) -> Usage:
    """Return what of a usage counts at a later time, each entry rounded to the nearest device-second, without zeros.

    Raises Invalid for a half-life below one second, and for a time before `usage.at`: what faded is not known again.
    """
    _checked(half_life)
    if at < usage.at:
        raise Invalid("usage_backwards", "usage is known from its own time on", field="at", found=at, allowed=usage.at)
    if at == usage.at:
        return usage
    factor = two_to_minus(at - usage.at, half_life)
    return Usage(at, _scaled(usage.communities, factor), _scaled(usage.members, factor))


def add(usage: Usage, community: str, member: str, device_seconds: int, at: int, half_life: int) -> Usage:
    """Return the usage with work that ended at `at` added to a community and its member.

    Late reports count with the weight that is left of them. Raises Invalid for a half-life below one second and for a
    negative amount.
    """
    _checked(half_life)
    if device_seconds < 0:
        raise Invalid("usage_negative", "usage is not negative", field="device_seconds", found=device_seconds)
    tick = max(half_life // _TICKS, 1)
    if at - usage.at >= tick:
        usage = decayed(usage, at - (at - usage.at) % tick, half_life)
    if at >= usage.at:
        weighed = (device_seconds << BITS) // two_to_minus(at - usage.at, half_life)
    else:
        weighed = device_seconds * two_to_minus(usage.at - at, half_life) >> BITS
    communities, members = dict(usage.communities), dict(usage.members)
    communities[community] = communities.get(community, 0) + weighed
    members[community, member] = members.get((community, member), 0) + weighed
    return Usage(usage.at, communities, members)


def factors(usage: Usage, asking: Iterable[tuple[str, str]], policy: Policy) -> dict[tuple[str, str], int]:
    """Return the fair-share factor of each (community, member) that asks, as a fraction of ONE.

    Shares are normalised over all communities that ask, have used something or are named in the policy, and evenly over
    the known members of a community. A community with a share of 0 or less has factor 0 once it has used something.
    """
    asking = set(asking)
    amounts: dict[str, list[int]] = defaultdict(list)  # of the members of each community; thousands pass here
    for (community, _), amount in usage.members.items():
        amounts[community].append(amount)
    for each in asking:
        if each not in usage.members:
            amounts[each[0]].append(0)
    shares = {
        community: max(policy.shares.get(community, 1), 0)
        for community in {*usage.communities, *policy.shares, *amounts}
    }
    share_all, used_all = sum(shares.values()), sum(usage.communities.values())
    used_within = {community: sum(amounts[community]) for community, _ in asking}
    of_community = {
        community: _factor(usage.communities.get(community, 0), used_all, shares[community], share_all)
        for community in {community for community, _ in asking}
    }
    return {
        (community, member): of_community[community]
        * _factor(usage.members.get((community, member), 0), used_within[community], 1, len(amounts[community]))
        >> BITS
        for community, member in asking
    }


def _factor(used: int, used_all: int, share: int, share_all: int) -> int:
    """Return 2^(-(used / used_all) / (share / share_all)) as a fraction of ONE; ONE where nothing was used."""
    if used <= 0 or used_all <= 0:
        return ONE
    return two_to_minus(used * share_all, used_all * share) if share > 0 else 0


def _scaled(amounts: Mapping[Key, int], factor: int) -> dict[Key, int]:
    half = ONE >> 1
    scaled = {key: amount * factor + half >> BITS for key, amount in amounts.items()}
    return {key: amount for key, amount in scaled.items() if amount}


def _checked(half_life: int) -> None:
    if half_life < 1:
        raise Invalid("half_life", "a half-life is at least a second", field="half_life", found=half_life, allowed=1)
