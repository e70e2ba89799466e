"""Where a site stands, as a pure function of stored facts and a clock; and what may be done with it where.

The first row of the table in `standing` that matches wins. A site that was not heard of for SILENT_AFTER is silent,
whether it was asked to drain or not: what it had goes on elsewhere. It stands again where it stood when it is heard of.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from governance.errors import Conflict

# A bot asks for work every two minutes at most; what it hands over may keep it busy for ten.
SILENT_AFTER = timedelta(minutes=15)


class Standing(StrEnum):
    """Where a site stands. The names but LEFT are those of `scheduling.values.Standing`."""

    OPEN = "open"
    DRAINING = "draining"  # ends what it has, takes nothing new
    SILENT = "silent"
    SUSPENDED = "suspended"
    LEFT = "left"


class Action(StrEnum):
    """What somebody may try to do with a site."""

    DESCRIBE = "describe"
    MEASURE = "measure"
    SHOW_LIFE = "show_life"
    DRAIN = "drain"
    UNDRAIN = "undrain"
    LEAVE = "leave"
    ADMIT = "admit"
    SUSPEND = "suspend"
    RESTORE = "restore"


_HERE = frozenset({Standing.OPEN, Standing.DRAINING, Standing.SILENT})
_NOT_LEFT = _HERE | {Standing.SUSPENDED}
ALLOWED: dict[Action, frozenset[Standing]] = {
    Action.DESCRIBE: _NOT_LEFT,
    Action.MEASURE: _NOT_LEFT,
    Action.SHOW_LIFE: _NOT_LEFT,
    Action.DRAIN: _NOT_LEFT,
    Action.UNDRAIN: _NOT_LEFT,
    Action.LEAVE: _NOT_LEFT,
    Action.ADMIT: _HERE,
    Action.SUSPEND: _HERE,
    Action.RESTORE: frozenset({Standing.SUSPENDED}),
}


@dataclass(frozen=True)
class Facts:
    """The facts that a standing is computed from."""

    seen_at: datetime | None = None
    drained_at: datetime | None = None
    suspended_at: datetime | None = None
    left_at: datetime | None = None


def standing(facts: Facts, now: datetime) -> Standing:
    """Return the standing at `now`: the first row that matches."""
    for row, matches in _ROWS:
        if matches(facts, now):
            return row
    raise AssertionError("the last row matches everything")


def require(action: Action, facts: Facts, now: datetime) -> Standing:
    """Return the standing if it allows `action`; raise Conflict with what was found and what is allowed otherwise."""
    found, allowed = standing(facts, now), ALLOWED[action]
    if found not in allowed:
        names = sorted(map(str, allowed))
        detail = f"this site is {found}; for this it must be {' or '.join(names)}"
        raise Conflict("site_moved_on", detail, found=str(found), allowed=names)
    return found


def _silent(facts: Facts, now: datetime) -> bool:
    return facts.seen_at is None or now - facts.seen_at >= SILENT_AFTER


_ROWS: tuple[tuple[Standing, Callable[[Facts, datetime], bool]], ...] = (
    (Standing.LEFT, lambda facts, now: facts.left_at is not None),
    (Standing.SUSPENDED, lambda facts, now: facts.suspended_at is not None),
    (Standing.SILENT, _silent),
    (Standing.DRAINING, lambda facts, now: facts.drained_at is not None),
    (Standing.OPEN, lambda facts, now: True),
)
