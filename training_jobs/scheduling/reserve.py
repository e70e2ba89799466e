"""How many devices of each kind are reserved for newcomers: whole devices, of a share that was voted. Pure.

The share of all devices is rounded up, so that a vote for a reserve reserves something where there are few, but never
all of them. It is divided among the kinds of devices by largest remainder (Hamilton), so each kind keeps its part of it
to less than one device, and no kind stands in for another.
"""

from collections.abc import Mapping

from training_jobs.scheduling.values import BPS


def reserved(devices: Mapping[str, int], share_bps: int) -> dict[str, int]:
    """Return the reserved devices of each kind, of so many devices of each; ties go to the larger kind, then by name.

    A share of nothing reserves nothing, and one of everything all. One device alone is shared by all, for a reserve of
    it would leave nobody else any.
    """
    share = min(max(share_bps, 0), BPS)
    kinds = {kind: count for kind, count in devices.items() if count > 0}
    total = sum(kinds.values())
    whole = -(-total * share // BPS)
    if share < BPS:
        whole = min(whole, total - 1)
    if whole <= 0:
        return dict.fromkeys(devices, 0)
    found = {kind: whole * count // total for kind, count in kinds.items()}
    left = whole - sum(found.values())
    by_remainder = sorted(kinds, key=lambda kind: (-(whole * kinds[kind] % total), -kinds[kind], kind))
    for kind in by_remainder[:left]:
        found[kind] += 1
    return {kind: found.get(kind, 0) for kind in devices}
