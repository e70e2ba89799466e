"""The one sentence on top of a decision: what happens, when at the earliest, and what it costs."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from governance.lifecycle import State
from governance.outcome import Rules


@dataclass(frozen=True)
class Passing:
    """The facts of the sentence. `at` is when it happens at the earliest, or when it happened."""

    state: State
    effect: str
    at: datetime
    cost: str
    may_close_early: bool


def earliest(
    state: State, closes_at: datetime, eta: datetime | None, executed_at: datetime | None, rules: Rules
) -> datetime:
    """Return when it takes effect at the earliest, or when it took effect."""
    if state is State.EXECUTED and executed_at:
        return executed_at
    return eta or closes_at + timedelta(seconds=rules.timelock_seconds)


def sentence(of: Passing, day: str) -> str:
    """Return the sentence; `day` is `of.at` as the reader writes it."""
    cost = _("at a cost of %(cost)s") % {"cost": of.cost} if of.cost else _("at no computing cost")
    values = {"day": day, "cost": cost, "effect": of.effect}
    nothing_changed = {
        State.DEFEATED: _("It did not pass, so nothing changed. Had it passed: %(effect)s"),
        State.VETOED: _("It passed, but the council stopped it, so nothing changed. Otherwise: %(effect)s"),
        State.CANCELED: _("It was withdrawn, so nothing changed. Had it passed: %(effect)s"),
        State.EXPIRED: _("It passed, but was not carried out in time, so nothing changed. Otherwise: %(effect)s"),
    }
    if of.state in nothing_changed:
        return nothing_changed[of.state] % values
    if of.state is State.EXECUTED:
        return _("It passed and was carried out on %(day)s, %(cost)s: %(effect)s") % values
    if of.state in {State.SUCCEEDED, State.QUEUED, State.PAUSED, State.READY}:
        return _("It passed. On %(day)s at the earliest, %(cost)s: %(effect)s") % values
    if of.may_close_early:
        early = _("If this passes, then on %(day)s or earlier, if voting closes early, and %(cost)s: %(effect)s")
        return early % values
    return _("If this passes, then on %(day)s at the earliest and %(cost)s: %(effect)s") % values
