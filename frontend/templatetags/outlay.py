"""Template filters of what a proposal would take."""

from django import template

from frontend.words import outlay
from frontend.words.rules import Rule
from training_jobs.scheduling.outlay import Outlay

register = template.Library()


@register.filter
def outlay_lines(of: Outlay) -> list[Rule]:
    """Return energy, carbon and money, each with its label."""
    return outlay.lines(of)


@register.filter
def outlay_basis(of: Outlay) -> str:
    """Return what the estimate rests on."""
    return outlay.basis(of)
