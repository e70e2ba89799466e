"""Which slice of an attempt is checked, and whether one is: by numbers that neither side chose alone. Pure.

A machine hands over the end of a slice, and the community's log gets its digest at once. The first root of the log
signed afterwards was not known to the machine before; the digest was not the platform's to choose. Both together
give the seed of the slice. Of all slices of an attempt the one with the least seed is the one that may be checked: each
is as likely as any other, only the files of one have to be kept, and what is kept tells nothing about what comes later.

Whoever reads the log can draw again. A platform that puts events into a log until it likes a root can steer towards a
slice, or away from it; it cannot make an honest slice differ.
"""

from collections.abc import Mapping
from hashlib import sha256

from governance.evidence.canonical import canonical_bytes

BPS = 10_000
HOW = "SHA-256 of {draw: slice, end, root, start} in canonical form; of an attempt the slice with the least is taken"


def seed(start: str, end: str, root: str) -> str:
    """Return the seed of a slice by the digests of its two ends and the root that was signed after both were logged."""
    return _sha256({"draw": "slice", "start": start, "end": end, "root": root})


def least(seeds: Mapping[int, str]) -> int:
    """Return the number of the slice with the least seed; of equal ones the least number."""
    return min(seeds, key=lambda number: (seeds[number], number))


def is_checked(least_seed: str, rate_bps: int) -> bool:
    """Say whether an attempt is checked, of which so many basis points are."""
    return int(_sha256({"draw": "attempt", "seed": least_seed}), 16) % BPS < rate_bps


def _sha256(said: Mapping[str, str]) -> str:
    return sha256(canonical_bytes(dict(said))).hexdigest()
