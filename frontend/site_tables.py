"""What a site offers and what its price is made of, as rows that a page shows: cells as they are read."""

from dataclasses import dataclass
from fractions import Fraction

from django.utils.translation import gettext as _

from frontend import numbers, site_forms
from frontend.words.base import Text
from training_jobs.models import Site
from training_jobs.scheduling import prices
from training_jobs.sites.selectors import Row

NOTHING = "—"


@dataclass(frozen=True)
class Offer:
    """One property of a site: what its operator says, and what was measured there."""

    label: str
    declared: str
    measured: str


@dataclass(frozen=True)
class InputRow:
    """An input of the price with its source."""

    label: Text
    value: str
    unit: Text
    dated: str
    source: str


def offer_of(row: Row) -> list[Offer]:
    """Return what a site offers; a dash where nothing was measured or nothing is said."""
    site = row.site
    known = site.measured_at is not None
    speed = _("%(n)s tokens a second") % {"n": numbers.grouped(site.speed_measured)}
    return [
        Offer(_("Devices"), numbers.grouped(site.devices), _known(numbers.grouped(site.devices_measured), known)),
        Offer(_("Memory of each"), numbers.size(site.memory_bytes), _known(numbers.size(site.memory_measured), known)),
        Offer(_("Speed of the slowest"), NOTHING, _known(speed, known)),
        Offer(_("Share for the commons"), numbers.percent(site.commons_share_bps), NOTHING),
        Offer(_("Devices for the commons"), NOTHING, numbers.grouped(row.devices)),
    ]


def inputs_of(inputs: prices.Inputs) -> list[InputRow]:
    """Return the inputs of a price in units of people."""
    rows = []
    for each in site_forms.INPUTS:
        given: prices.Given = getattr(inputs, each.name)
        value = numbers.ratio(Fraction(given.value, 10**each.places), "number")
        rows.append(InputRow(each.label, value, each.unit, given.dated.isoformat(), given.source))
    return rows


def rules_of(site: Site) -> list[tuple[str, str]]:
    """Return the rules of a site in words."""
    hours = _("any number of hours")
    if site.hours_max:
        hours = numbers.duration(site.hours_max * 3_600)
    return [
        (_("Longest run"), hours),
        (_("Data that may enter"), _kinds(site.data_in)),
        (_("Data that may leave"), _kinds(site.data_out)),
    ]


def _kinds(kinds: list[str] | None) -> str:
    if kinds is None:
        return _("any")
    return ", ".join(kinds) or _("none")


def _known(text: str, known: bool) -> str:  # noqa: FBT001 - whether it was measured
    return text if known else NOTHING
