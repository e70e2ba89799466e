"""What templates need beside charts: values as charts write them, and estimates without digits that nobody knows."""

from decimal import Decimal, localcontext
from fractions import Fraction

from django import template
from django.utils.translation import gettext

from frontend.charts import wording

KILO = 1_000
register = template.Library()


@register.filter
def plotted(value: Decimal) -> str:
    """Return a value with four digits, as charts read it."""
    return wording.value(value, "number")


@register.filter
def energy(watt_hours: Fraction) -> str:
    """Return an estimated energy with two digits, in Wh or kWh."""
    if watt_hours < KILO:
        return gettext("%(number)s Wh") % {"number": _roughly(watt_hours)}
    return gettext("%(number)s kWh") % {"number": _roughly(watt_hours / KILO)}


@register.filter
def magnitude(value: Fraction) -> Fraction:
    """Return a number without its sign."""
    return abs(value)


@register.filter
def mass(grams: Fraction) -> str:
    """Return an estimated mass with two digits, in grams or kilograms."""
    if grams < KILO:
        return gettext("%(number)s g") % {"number": _roughly(grams)}
    return gettext("%(number)s kg") % {"number": _roughly(grams / KILO)}


def _roughly(value: Fraction) -> str:
    with localcontext(prec=2):
        return wording.value(Decimal(value.numerator) / value.denominator, "number")
