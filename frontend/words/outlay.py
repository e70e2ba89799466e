"""What work would take, in words: energy, carbon and money, as spans where places differ."""

from collections.abc import Callable
from fractions import Fraction

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from frontend.templatetags.charts import energy, mass
from frontend.words.books import amount
from frontend.words.rules import Rule
from training_jobs.scheduling.outlay import Outlay, Span

_SECONDS_PER_HOUR = 3_600
_MILLIGRAMS_PER_GRAM = 1_000
_MICRO_UNITS = 1_000_000


def lines(of: Outlay) -> list[Rule]:
    """Return what is known of each, and why not where nothing is; money only where computing is shared."""
    found = [Rule(_("Energy"), _energy(of)), Rule(_("Carbon"), _carbon(of))]
    return found + [Rule(_("Money"), _money(of, currency, span)) for currency, span in of.money]


def basis(of: Outlay) -> str:
    """Return what the estimate rests on; nothing where nothing is declared."""
    if of.joules is None:
        return ""
    if any(place.site for place in of.places):
        names = ", ".join(place.site for place in of.places)
        text = ngettext(
            "Estimated by what the site that shares its computing declares: %(names)s.",
            "Estimated by what the %(n)d sites that share their computing declare, from the least to the most: "
            "%(names)s.",
            len(of.places),
        )
        return text % {"n": len(of.places), "names": names}
    (place,) = of.places
    if place.grams_per_kwh is None:
        return _("Estimated from %(watts)s W for each device, as this site declares.") % {"watts": place.watts}
    text = _("Estimated from %(watts)s W for each device and %(grid)s g for each kWh, as this site declares.")
    return text % {"watts": place.watts, "grid": place.grams_per_kwh[0]}


def _energy(of: Outlay) -> str:
    if of.joules is None:
        return _("not known: no power declared")
    return _span(of.joules, lambda joules: energy(Fraction(joules, _SECONDS_PER_HOUR))) + _known(of, of.joules)


def _carbon(of: Outlay) -> str:
    if of.milligrams is None:
        if of.carbon_unknown == "no_power":
            return _("not known: no power declared")
        return _("not known: no carbon intensity of the grid is known")
    said = _span(of.milligrams, lambda milligrams: mass(Fraction(milligrams, _MILLIGRAMS_PER_GRAM)))
    return _("%(mass)s of CO₂e") % {"mass": said} + _known(of, of.milligrams)


def _money(of: Outlay, currency: str, span: Span) -> str:
    # rounded up to minor units: nobody pays a part of a cent
    said = _span(span, lambda units: amount(-(-units // _MICRO_UNITS) * _MICRO_UNITS, currency))
    return said + _known(of, span)


def _span(span: Span, say: Callable[[int], str]) -> str:
    most = say(span.most)
    if span.least is None or span.about is None:
        return _("at most %(most)s") % {"most": most}
    least, about = say(span.least), say(span.about)
    if least == about:
        return _("about %(estimate)s, at most %(most)s") % {"estimate": about, "most": most}
    text = _("about %(least)s to %(estimate)s, at most %(most)s")
    return text % {"least": least, "estimate": about, "most": most}


def _known(of: Outlay, span: Span) -> str:
    """Return of how many places an amount is known, where not of all."""
    if span.places == len(of.places):
        return ""
    known = _("known for %(known)d of %(all)d sites") % {"known": span.places, "all": len(of.places)}
    return f" ({known})"
