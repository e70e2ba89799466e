"""What every source of voting power has in common.

A census is made in steps that can be interrupted: `candidates` from position 0 until `next_start` is None, each answer
stored together with the position to go on from; then `powers_of` for the candidates, some at a time; then `confirm`. A
step repeated after a crash gives the same answer, because everything is read at the pinned moment.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Snapshot:
    """When and of what power is read: a moment pinned by number and hash, a token or a list."""

    block_number: int
    block_hash: str
    total_supply: int
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Candidates:
    """One step towards everybody who may have power: checksummed addresses, sorted, and where to go on.

    A later step may name an address again. `next_start` is None after the last step.
    """

    addresses: tuple[str, ...]
    next_start: int | None


class PowerError(ValueError):
    """Parameters or data of a source that cannot be used. `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class PowerSource(Protocol):
    """Reads voting power at a pinned moment, as whole numbers; missing data raises."""

    name: str
    version: str
    label: str
    description: str

    def snapshot(self, parameters: Mapping[str, Any]) -> Snapshot:
        """Pin the newest moment that can no longer change."""
        ...

    def candidates(self, snapshot: Snapshot, start: int = 0) -> Candidates:
        """Return some of those who may have power, from position `start` on (0 at first, then each `next_start`).

        All steps together name everybody whose power at the snapshot is not zero, and perhaps others.
        """
        ...

    def power_of(self, voter: str, snapshot: Snapshot) -> int:
        """Return the power of one voter at the snapshot; zero only if the source says zero."""
        ...

    def powers_of(self, voters: Iterable[str], snapshot: Snapshot) -> dict[str, int]:
        """Return the power of many voters, by checksummed address."""
        ...

    def confirm(self, snapshot: Snapshot) -> None:
        """Raise if the pinned moment is no longer what it was; called again before a tally."""
        ...
