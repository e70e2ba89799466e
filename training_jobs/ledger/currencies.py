"""What the books count in: money in micro-units of ISO 4217 currencies, and device-seconds. Pure.

A micro-unit is a millionth of the currency's minor unit: 1 EUR = 100 cents = 100,000,000 micro-units. Device-seconds
are whole. Amounts are written with all of their digits, so that what is read back is what was written.
"""

import re
from typing import Final

from governance.errors import Invalid
from training_jobs.scheduling.prices import MONEY_MAX

DEVICE_SECOND: Final = "device-second"
MICRO_DIGITS: Final = 6
AMOUNT_MAX: Final = MONEY_MAX

# Digits of the minor unit where they are not two (ISO 4217, table A.1).
_NO_MINOR_UNIT: Final = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS: Final = "BHD IQD JOD KWD LYD OMR TND"
_MINOR_DIGITS: Final = {**dict.fromkeys(_NO_MINOR_UNIT.split(), 0), **dict.fromkeys(_THOUSANDTHS.split(), 3)}
_MONEY = re.compile(r"[A-Z]{3}")
_DECIMAL = re.compile(r"([0-9]{1,16})(?:\.([0-9]{1,9}))?")


def require_money(currency: object, field: str) -> str:
    """Return the code of a currency; raise Invalid for anything else, device-seconds included."""
    if not isinstance(currency, str) or not _MONEY.fullmatch(currency):
        detail = "three capital letters, as ISO 4217 has them"
        raise Invalid("unknown_currency", detail, field=field, found=_short(currency), allowed="such as EUR")
    return currency


def require_amount(amount: object, field: str) -> int:
    """Return an amount that can be booked: a whole number of micro-units above zero. Raise Invalid for others."""
    if type(amount) is not int or not 1 <= amount <= AMOUNT_MAX:
        found = amount if type(amount) is int and abs(amount) <= AMOUNT_MAX else _short(amount)
        detail = "a whole number of micro-units"
        raise Invalid("amount_out_of_range", detail, field=field, found=found, allowed=f"1 to {AMOUNT_MAX}")
    return amount


def require_written(text: object, currency: str, field: str) -> int:
    """Return the amount that a text writes in the currency itself, such as 12.50; raise Invalid for others."""
    found = read_amount(text, currency) if isinstance(text, str) else None
    if found is None:
        detail = "an amount in the currency itself, with a point and no other mark"
        allowed = f"such as 12.50, with at most {digits(currency)} digits after the point"
        raise Invalid("malformed_amount", detail, field=field, found=_short(text), allowed=allowed)
    return require_amount(found, field)


def digits(currency: str) -> int:
    """Return how many digits an amount has after the point when it is written in the currency itself."""
    return 0 if currency == DEVICE_SECOND else _MINOR_DIGITS.get(currency, 2) + MICRO_DIGITS


def in_full(amount: int, currency: str) -> str:
    """Return an amount in the currency itself with all of its digits, such as -12.50000000."""
    places = digits(currency)
    sign, size = "-" if amount < 0 else "", abs(amount)
    whole, part = divmod(size, 10**places)
    return f"{sign}{whole}.{part:0{places}}" if places else f"{sign}{whole}"


def for_people(amount: int, currency: str) -> str:
    """Return an amount as people write it, such as 12.50; micro-units are shown only where there are some."""
    whole, _point, part = in_full(amount, currency).partition(".")
    least = max(0, digits(currency) - MICRO_DIGITS)
    kept = part[:least] + part[least:].rstrip("0")
    return f"{whole}.{kept}" if kept else whole


def read_amount(text: str, currency: str) -> int | None:
    """Return the micro-units that somebody wrote in the currency itself, such as 12.5; None for what is no amount."""
    found = _DECIMAL.fullmatch(text)
    if found is None:
        return None
    whole, part = found[1], found[2] or ""
    places = digits(currency)
    return None if len(part) > places else int(whole) * 10**places + int(part.ljust(places, "0") or "0")


def _short(value: object) -> str:
    return value[:40] if isinstance(value, str) else type(value).__name__
