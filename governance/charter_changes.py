"""What a charter says otherwise than another: every value that differs, with both, in a fixed order. Pure.

Nothing is weighed: whether a change is a great one is for those who vote. A kind of proposal is compared by the tier
that decides it, so a charter that only spells out what its default said already changes nothing there.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from governance.charter import DEFAULT, Charter

KINDS, POWER, HOUSE, COUNCIL, SEALING = "kinds", "power", "house", "council", "sealing"
PARTS = (KINDS, POWER, HOUSE, COUNCIL, SEALING)


@dataclass(frozen=True)
class Change:
    """One value that differs; None: there is no such value. `name` is its path within its tier or part."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True)
class TierChanges:
    """One tier of both charters, or of one of them."""

    name: str
    changes: tuple[Change, ...]
    is_new: bool = False
    is_gone: bool = False

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return bool(self.changes)


@dataclass(frozen=True)
class CharterChanges:
    """All that differs: tier by tier (those of the later charter first), and in the other parts by name."""

    before: Charter
    after: Charter
    tiers: tuple[TierChanges, ...]
    parts: Mapping[str, tuple[Change, ...]]

    @property
    def nothing(self) -> bool:
        """Whether the later charter decides everything as the earlier one did."""
        return not any(tier.changed for tier in self.tiers) and not any(self.parts.values())


def compare(before: Charter, after: Charter) -> CharterChanges:
    """Return all that differs between two charters."""
    names = [*after.tiers, *(name for name in before.tiers if name not in after.tiers)]
    parts = {part: _differing(_values(before, part), _values(after, part)) for part in PARTS[1:]}
    return CharterChanges(
        before, after, tuple(_tier(name, before, after) for name in names), {KINDS: _kinds(before, after), **parts}
    )


def _tier(name: str, before: Charter, after: Charter) -> TierChanges:
    old, new = before.tiers.get(name), after.tiers.get(name)
    changes = _differing({} if old is None else asdict(old), {} if new is None else asdict(new))
    return TierChanges(name, changes, is_new=old is None, is_gone=new is None)


def _kinds(before: Charter, after: Charter) -> tuple[Change, ...]:
    """Return the kinds that another tier decides, the default one last."""
    named = sorted({*before.kinds, *after.kinds} - {DEFAULT})
    found = (Change(kind, before.tier_of(kind), after.tier_of(kind)) for kind in [*named, DEFAULT])
    return tuple(change for change in found if change.before != change.after)


def _values(of: Charter, part: str) -> dict[str, Any]:
    """Return the values of a part by their path; nothing where the charter has no such part."""
    if part == COUNCIL:
        return {"pause_seconds_max": of.pause_seconds_max}
    if part == SEALING:
        if of.sealing is None:
            return {}
        return of.sealing.to_body() | {"tiers": list(of.sealed_tiers)}
    found = of.power if part == POWER else of.house
    return {} if found is None else _flat(found)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}/")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    names = [*new, *(name for name in old if name not in new)]
    found = (Change(name, old.get(name), new.get(name)) for name in names)
    return tuple(change for change in found if change.before != change.after)
