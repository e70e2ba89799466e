"""What a machine measured of itself: what is believable, and what the machines of a site add up to.

A machine runs the reference benchmark (`trainer.reference`) and sends what it found. It could lie, but not beyond what
devices can do at all; what is within that is found out by recomputing slices of runs elsewhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median_low
from typing import Any

from governance.errors import Invalid

BENCHMARK = 1  # version of the workload: figures of two versions say nothing about each other
# Multiplications and additions that the workload does for a token, forward and back (`trainer.reference`).
OPERATIONS_PER_TOKEN = 18_000_000
# No device of a kind does more operations in a second (dense, of 16 bits, with years to spare).
OPERATIONS_MAX = {"cpu": 5 * 10**13, "other": 2 * 10**16}
DEVICES_MAX = 64  # of one machine, as when it says hello
MEMORY_MIN, MEMORY_MAX = 2**20, 2**46
REPEATS_MIN, REPEATS_MAX = 3, 9
# The reference device, by which `speed_permille` counts, does so much by definition: about one core of a processor.
REFERENCE_TOKENS_PER_SECOND = 1_000
SPEED_PERMILLE_MAX = 10**9


@dataclass(frozen=True)
class Measured:
    """What one machine measured. `tokens_per_second` is of one device: the median of `repeats`."""

    device_kind: str
    devices: int
    memory_bytes: int  # of the smallest device
    tokens_per_second: int
    repeats: tuple[int, ...]
    software: str  # SHA-256 of what it ran
    benchmark: int


@dataclass(frozen=True)
class Together:
    """What the machines of a site add up to: all devices, the smallest memory, the slowest speed."""

    devices: int = 0
    memory_bytes: int = 0
    tokens_per_second: int = 0


def believable(said: Mapping[str, Any], device_kind: str) -> Measured:
    """Return the measurement of a machine of a site that offers `device_kind`; raise Invalid for what cannot be.

    `said` has the fields of Measured but the speed, of the right types: the median is taken here.
    """
    if said["benchmark"] != BENCHMARK:
        raise _refusal("benchmark_unknown", "update the bot", "benchmark", said["benchmark"], BENCHMARK)
    if said["device_kind"] != device_kind:
        detail = "the site offers other devices"
        raise _refusal("other_device", detail, "device_kind", said["device_kind"], device_kind)
    _within("devices", said["devices"], 1, DEVICES_MAX)
    _within("memory_bytes", said["memory_bytes"], MEMORY_MIN, MEMORY_MAX)
    repeats = tuple(said["repeats"])
    if not REPEATS_MIN <= len(repeats) <= REPEATS_MAX:
        detail = "the benchmark repeats itself so often"
        raise _refusal("malformed_field", detail, "repeats", len(repeats), f"{REPEATS_MIN} to {REPEATS_MAX}")
    for each in repeats:
        _within("repeats", each, 1, tokens_max(device_kind))
    return Measured(
        device_kind,
        said["devices"],
        said["memory_bytes"],
        median_low(repeats),
        repeats,
        said["software"],
        said["benchmark"],
    )


def tokens_max(device_kind: str) -> int:
    """Return how many tokens per second no device of a kind can do."""
    return OPERATIONS_MAX.get(device_kind, OPERATIONS_MAX["other"]) // OPERATIONS_PER_TOKEN


def together(machines: Iterable[Together]) -> Together:
    """Return what machines add up to. Work may get any of their devices, so the least of each counts."""
    known = list(machines)
    if not known:
        return Together()
    return Together(
        sum(each.devices for each in known),
        min(each.memory_bytes for each in known),
        min(each.tokens_per_second for each in known),
    )


def speed_permille(tokens_per_second: int) -> int:
    """Return a speed against the reference device, rounded down, and never nothing."""
    return min(max(1, tokens_per_second * 1_000 // REFERENCE_TOKENS_PER_SECOND), SPEED_PERMILLE_MAX)


def _within(name: str, found: int, least: int, most: int) -> None:
    if not least <= found <= most:
        raise _refusal("not_believable", "no machine measures this", name, found, f"{least} to {most}")


def _refusal(code: str, detail: str, field: str, found: object, allowed: object) -> Invalid:
    return Invalid(code, detail, field=field, found=found, allowed=allowed)
