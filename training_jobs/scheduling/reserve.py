"""How many devices of each kind are reserved for newcomers: whole devices, of a share that was voted. Pure.

The share of all devices is rounded up, so that a vote for a reserve reserves something where there are few. It is
divided among the kinds of devices by largest remainder (Hamilton), so each kind keeps its part of it to less than one
device, and no kind stands in for another. Of no kind all devices are reserved, for what runs on that kind alone would
then wait for ever: a kind of one device is shared by all.
"""

from collections.abc import Mapping

from training_jobs.scheduling.values import BPS


def reserved(devices: Mapping[str, int], share_bps: int) -> dict[str, int]:
    """Return the reserved devices of each kind, of so many devices of each; ties go to the larger kind, then by name.

    A share of nothing reserves nothing, and one of everything all.
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
    parted = [kind for kind, count in kinds.items() if whole * count % total and found[kind] < count - 1]
    parted.sort(key=lambda kind: (-(whole * kinds[kind] % total), -kinds[kind], kind))
    for kind in parted[:left]:
        found[kind] += 1
    return {kind: found.get(kind, 0) for kind in devices}
