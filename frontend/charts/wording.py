"""The numbers and sentences of charts in the reader's language."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from functools import cache

from django.utils.dateformat import format as format_date
from django.utils.formats import get_format
from django.utils.translation import get_language, gettext

DIGITS = 4  # of a value that is read aloud
PLACES_MAX = 6  # of the labels of an axis
_PLAIN_LEAST, _PLAIN_MOST = Decimal("0.001"), Decimal("1e12")
_DAY = 86_400
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def value(number: Decimal, form: str) -> str:
    """Return a value of an axis as it is read: a number with four digits, a share (1 is all), a time (UNIX seconds)."""
    if form == "time":
        return f"{format_date(_moment(number), gettext('j M Y, H:i'))}\u00a0UTC"
    if form == "share":
        return gettext("%(number)s%%") % {"number": _number(_rounded(number * 100))}
    return _number(_rounded(number))


def ticks(values: Sequence[Decimal], form: str) -> list[str]:
    """Return the labels of the lines of a grid: all with the same decimals; times as short as they stay clear."""
    if form == "time":
        return _times(values)
    shown = [number * 100 for number in values] if form == "share" else list(values)
    places = max((-int(number.normalize().as_tuple().exponent) for number in shown), default=0)
    places_shown = max(0, places) if places <= PLACES_MAX else None
    texts = [_number(number, places_shown) if number else "0" for number in shown]
    return [gettext("%(number)s%%") % {"number": text} for text in texts] if form == "share" else texts


def sentence(name: str, first: tuple[str, str], last: tuple[str, str], lowest: str, highest: str) -> str:
    """Say a line in words: from where to where, and how far it went."""
    if first == last:
        return gettext("%(name)s: %(value)s at %(at)s.") % {"name": name, "value": first[1], "at": first[0]}
    return gettext(
        "%(name)s: from %(first)s at %(from)s to %(last)s at %(to)s; lowest %(lowest)s, highest %(highest)s."
    ) % {
        "name": name,
        "first": first[1],
        "from": first[0],
        "last": last[1],
        "to": last[0],
        "lowest": lowest,
        "highest": highest,
    }


def titled(label: str, unit: str) -> str:
    """Return the name of an axis with its unit."""
    return gettext("%(label)s (%(unit)s)") % {"label": label, "unit": unit} if unit else label


def _number(number: Decimal, places: int | None = None) -> str:
    """Return a number with the separators of the language; a very small or very large one as 2 × 10⁻⁴."""
    if number and not (_PLAIN_LEAST <= abs(number) < _PLAIN_MOST):
        power = number.adjusted()
        digits = number.scaleb(-power).normalize()
        exponent = str(power).translate(_SUPERSCRIPTS)
        return f"{_signed(digits, None)}\u00a0×\u00a010{exponent}"
    return _signed(number, places)


def _signed(number: Decimal, places: int | None) -> str:
    if places is None:
        places = max(0, -int(number.normalize().as_tuple().exponent))
    text = f"{abs(number):,.{places}f}".translate(_separators(get_language() or ""))
    return f"\N{MINUS SIGN}{text}" if number < 0 else text


@cache
def _separators(language: str) -> dict[int, str]:
    """Return how a language writes the comma and the point of Python's numbers: a chart has hundreds of them."""
    return {
        ord(","): str(get_format("THOUSAND_SEPARATOR", language or None)),
        ord("."): str(get_format("DECIMAL_SEPARATOR", language or None)),
    }


def _rounded(number: Decimal) -> Decimal:
    """Return a number with four digits, or with all digits before its point."""
    if 10**DIGITS <= abs(number) < _PLAIN_MOST:
        return round(number, 0)
    with localcontext(prec=DIGITS):
        return +number


def _times(values: Sequence[Decimal]) -> list[str]:
    if not values:
        return []
    step = int(values[1] - values[0]) if values[1:] else _DAY
    same_day = int(values[0]) // _DAY == int(values[-1]) // _DAY
    if step % _DAY == 0:
        # Translators: a short date format of Django's, day and month, on the axis of a chart
        pattern = gettext("j M")
    elif same_day or int(values[-1] - values[0]) < _DAY:
        # Translators: a time format of Django's, hours and minutes, on the axis of a chart
        pattern = gettext("H:i") if step % 60 == 0 else gettext("H:i:s")
    else:
        # Translators: a short date format of Django's with hours and minutes, on the axis of a chart
        pattern = gettext("j M, H:i")
    return [format_date(_moment(number), pattern) for number in values]


def _moment(number: Decimal) -> datetime:
    return datetime.fromtimestamp(int(number), UTC)
