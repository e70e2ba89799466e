"""Template filters of what a proposal would take."""

from django import template

from frontend.compute_tables import FiguresTable
from frontend.words import outlay
from training_jobs.before_vote import Afterwards, BeforeVote
from training_jobs.ledger.estimates import Forecast

register = template.Library()


@register.filter
def outlay_table(of: BeforeVote) -> FiguresTable:
    """Return device-seconds, energy, carbon and money as a table."""
    return outlay.table(of)


@register.filter
def outlay_past(of: Forecast) -> list[str]:
    """Return where the interval is from and how often such ones held; or how many runs lack."""
    return list(outlay.past(of))


@register.filter
def afterwards_table(of: Afterwards) -> FiguresTable:
    """Return what was estimated of a run beside what it took."""
    return outlay.afterwards(of)


@register.filter
def outlay_notes(of: BeforeVote) -> list[str]:
    """Return what power, grid and prices the table rests on."""
    return outlay.notes(of)
