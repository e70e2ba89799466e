"""Numbers and times in words: power, shares, sizes, durations. Integer arithmetic; the separators of the language."""

from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from functools import lru_cache

from django.utils.formats import number_format
from django.utils.translation import get_language, gettext, ngettext

TOKEN_DECIMALS = 18
POWER_PLACES = 2
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def power(value: int | str, places: int = POWER_PLACES, *, decimals: int = TOKEN_DECIMALS) -> str:
    """Return a voting power in whole votes: base units with `decimals`, cut (never rounded up) after `places`."""
    whole, rest = divmod(int(value), 10**decimals)
    shown = str(rest).zfill(decimals)[:places].rstrip("0") if decimals else ""
    text = grouped(whole) + (decimal_separator() + shown if shown else "")
    if whole == 0 and not shown and rest:
        return gettext("less than %(least)s") % {"least": "0" + decimal_separator() + "0" * (places - 1) + "1"}
    return text


def percent(basis_points: int) -> str:
    """Return basis points as a percentage with at most two decimals."""
    return _percent(int(basis_points), get_language())


@lru_cache(maxsize=4096)
def _percent(basis_points: int, _language: str | None) -> str:
    """Return it in the active language: lists repeat them."""
    whole, rest = divmod(basis_points, 100)
    shown = f"{rest:02d}".rstrip("0")
    number = grouped(whole) + (decimal_separator() + shown if shown else "")
    return gettext("%(number)s%%") % {"number": number}


def ratio(value: Fraction | None, unit: str = "") -> str:
    """Return an exact ratio: a percentage when it is a share, else three decimals; a dash when there is none."""
    if value is None:
        return "–"
    if unit in {"", "ratio", "share", "fraction"} and 0 <= value <= 1:
        return percent(round(value * 10_000))
    thousandths = round(value * 1000)
    sign = "−" if thousandths < 0 else ""
    whole, rest = divmod(abs(thousandths), 1000)
    shown = f"{rest:03d}".rstrip("0")
    return sign + grouped(whole) + (decimal_separator() + shown if shown else "")


def size(count: int) -> str:
    """Return a number of bytes in decimal units."""
    value = int(count)
    for factor, name in ((10**9, gettext("GB")), (10**6, gettext("MB")), (10**3, gettext("kB"))):
        if value >= factor:
            tenths = value * 10 // factor
            whole, rest = divmod(tenths, 10)
            return f"{grouped(whole)}{decimal_separator() + str(rest) if rest else ''}\u00a0{name}"
    return ngettext("%(count)s byte", "%(count)s bytes", value) % {"count": value}


def duration(seconds: int) -> str:
    """Return a duration in its largest unit, and the next one when that is not zero."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for name, length in _UNITS:
        count, left = divmod(left, length)
        if count:
            parts.append(_counted(name, count))
        if len(parts) == 2 or (parts and name != "second" and not count):  # noqa: PLR2004
            break
    return " ".join(parts) or _counted("second", 0)


def relative(moment: datetime, now: datetime) -> str:
    """Return how far a moment is from now: "in 3 hours", "5 minutes ago", "now"."""
    seconds = int((moment - now).total_seconds())
    if seconds == 0:
        return gettext("now")
    name, length = next((unit for unit in _UNITS if abs(seconds) >= unit[1]), _UNITS[-1])
    return _away(name, abs(seconds) // length, seconds > 0, get_language())


@lru_cache(maxsize=1024)
def _away(unit: str, count: int, ahead: bool, _language: str | None) -> str:  # noqa: FBT001 - a key
    """Return how far it is in one unit, in the active language: lists repeat them."""
    counted = _counted(unit, count)
    if ahead:
        return gettext("in %(duration)s") % {"duration": counted}
    return gettext("%(duration)s ago") % {"duration": counted}


def grouped(value: int) -> str:
    """Return a whole number with the locale's thousand separators."""
    return f"{int(value):,}".replace(",", _separators(get_language())[1])


def decimal_separator() -> str:
    """Return the locale's decimal separator."""
    return _separators(get_language())[0]


@lru_cache(maxsize=16)
def _separators(_language: str | None) -> tuple[str, str]:
    """Return what stands before decimals and between thousands in the active language, asked once for each."""
    return number_format("0.1", decimal_pos=1)[1], number_format(1_000, force_grouping=True)[1:-3]


def _counted(unit: str, count: int) -> str:
    return _COUNTED[unit](count) % {"count": count}


# One function for each unit, so that only the one that is shown is translated.
_COUNTED: dict[str, Callable[[int], str]] = {
    "day": lambda count: ngettext("%(count)s day", "%(count)s days", count),
    "hour": lambda count: ngettext("%(count)s hour", "%(count)s hours", count),
    "minute": lambda count: ngettext("%(count)s minute", "%(count)s minutes", count),
    "second": lambda count: ngettext("%(count)s second", "%(count)s seconds", count),
}
