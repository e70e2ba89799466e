"""Template filters of the compute commons: money in minor units, requests by name, what became of them."""

from collections.abc import Mapping
from fractions import Fraction

from django import template

from frontend import words
from frontend.templatetags.commonweights import moment_text
from frontend.words import waiting
from frontend.words.books import amount
from governance.models import Event
from training_jobs.commons.naming import OF_A_RUN
from training_jobs.commons.timetable import Bar, Use
from training_jobs.models import ComputeRequest

register = template.Library()


@register.filter
def amount_in(units: int | Fraction, currency: str) -> str:
    """Return an amount of the books, or a part of a price, in its currency."""
    return amount(round(units), currency)


@register.filter
def name_in(address: str, names: Mapping[str, str]) -> str:
    """Return the name of a member, or nothing."""
    return names.get(address, "")


@register.filter
def run_in(name: str, runs: Mapping[str, int]) -> int:
    """Return the number of the run that a request is of; 0 where it is of none."""
    return runs.get(name, 0)


@register.filter
def request_name(name: str) -> str:
    """Return a request as people call it."""
    return waiting.request_name(name)


@register.filter
def refused_words(reason: str) -> str:
    """Return why a request was refused."""
    return waiting.refused_words(reason)


@register.filter
def told_words(event: Event) -> str:
    """Return what an entry of the log says of why a request of computing waits or was refused, if it does."""
    return waiting.told_words(event.kind, event.data, event.at)


@register.filter
def name_in_log(request: ComputeRequest) -> str:
    """Return how the log calls the run of a request, where it is not by the number that the run has here."""
    name = request.name.partition("/")[0]
    return "" if name == f"{OF_A_RUN}{request.run_id}" else name


@register.filter
def bar_state(bar: Bar) -> str:
    """Return what became of devices that somebody has, or where it stands."""
    if bar.use is Use.BUSY:
        return str(words.word("allotment_end", "busy").label)
    if not bar.ended and not bar.taken:
        return str(words.word("allotment_end", "held").label)
    return str(words.word("allotment_end", bar.ended).label)


@register.filter
def bar_name(bar: Bar) -> str:
    """Return what a bar is for, in short."""
    return bar.title if bar.use is Use.BUSY else waiting.request_name(bar.name)


@register.filter
def bar_title(bar: Bar) -> str:
    """Return what a bar says of itself to whoever points at it."""
    ends = f"{moment_text(bar.since)} – {moment_text(bar.until)}"
    return f"{bar_name(bar)} · {ends} · {bar_state(bar)}"
