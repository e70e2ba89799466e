"""What an operator says of a site: which values there are, what each may be, and what a change of them changes.

Times are days (ISO 8601), memory is bytes, shares are basis points. The inputs of the price are those of
`scheduling.prices`. What is measured is no part of it, and who lets the site in is not either.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from governance.eip712 import AddressError, parse_address
from governance.errors import Conflict, Invalid
from models_registry.datasets.countries import COUNTRIES
from models_registry.datasets.data_kinds import WORD
from training_jobs.scheduling import prices
from training_jobs.scheduling.values import BPS
from training_jobs.sites.currencies import CURRENCIES

DEVICES_MAX = 100_000
MEMORY_MAX = 2**46  # 64 TiB for one device
HOURS_MAX = 8_760
KINDS_MAX = 32
NAME_MAX, REASON_MAX = 120, 1_000
# In the figures `all` is the sum of the sites.
_SLUG = re.compile(r"(?!all\Z)[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
_REGION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_FOUND_CHARACTERS = 80

ADDRESS_FORM = "0x and 40 hex digits, with the checksum of EIP-55"

# What identifies a site stays: a community let in this one, in this country. So does the currency of its old prices.
FIXED = ("slug", "country", "currency")
OPTIONAL: Mapping[str, Any] = {
    "hours_max": 0,
    "data_in": None,
    "data_out": None,
    "commons_share_bps": BPS,
    "payout_address": "",
}


def clean(values: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Return all that is said of a new site, checked; raise Invalid with the first field that is wrong."""
    missing = [name for name in _CHECKS if name not in values and name not in OPTIONAL]
    if missing:
        raise Invalid("missing_field", "a site is described in whole", field=missing[0], allowed=list(_CHECKS))
    return _checked({**OPTIONAL, **values}, today)


def changed(old: Mapping[str, Any], changes: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Return those of the changes that change something, checked against what stays; raise Invalid or Conflict.

    `old` has every value. An input of the price that gets another value gets its date and source with it: they are one.
    """
    fixed = [name for name in FIXED if name in changes and changes[name] != old[name]]
    if fixed:
        detail = "this stays as it was registered; a site that is another one registers anew"
        raise Conflict("field_is_fixed", detail, field=fixed[0], found=_found(changes[fixed[0]]), allowed=old[fixed[0]])
    given = dict(changes)
    if isinstance(given.get("inputs"), Mapping):
        given["inputs"] = {**old["inputs"], **given["inputs"]}
    # What stays was checked when it was said, and its dates are not of tomorrow since.
    new = _checked({**old, **given}, today)
    return {name: value for name, value in new.items() if value != old[name]}


def price_of(inputs: object) -> int:
    """Return micro-units of money per device-hour; raise Invalid for inputs that no price is made of."""
    try:
        return prices.price(prices.read(inputs))
    except prices.PriceError as error:
        field = f"inputs.{error.field}" if error.field else "inputs"
        raise Invalid(
            error.code, error.detail, field=field, found=_found(error.found), allowed=error.allowed
        ) from error


def text(name: str, value: object, most: int) -> str:
    """Return one line of characters that can be seen, trimmed; raise Invalid for anything else."""
    if not isinstance(value, str):
        raise Invalid("malformed_field", "this is text", field=name, found=_found(value))
    line = " ".join(value.split())
    if not 1 <= len(line) <= most or not line.isprintable():
        detail = f"one line of 1 to {most} characters that can be seen"
        raise Invalid("length_out_of_range", detail, field=name, found=len(line), allowed=most)
    return line


def payout(name: str, value: Any) -> str:  # noqa: ANN401 - any JSON
    """Return an address in the spelling of EIP-55, or nothing for none; raise Invalid for what is no account."""
    if value == "":
        return ""
    try:
        address = parse_address(value)
    except AddressError as error:
        raise Invalid(error.code, error.detail, field=name, found=_found(value), allowed=ADDRESS_FORM) from error
    if not int(address, 16):
        raise Invalid("address_zero", "nobody has this address", field=name, found=address, allowed=ADDRESS_FORM)
    return address


def _checked(values: Mapping[str, Any], today: date) -> dict[str, Any]:
    unknown = sorted(str(name) for name in values if name not in _CHECKS)
    if unknown:
        raise Invalid("unknown_field", "there is no such field", field=unknown[0][:40], allowed=list(_CHECKS))
    found = {name: check(name, values[name]) for name, check in _CHECKS.items()}
    late = [name for name, each in found["inputs"].items() if date.fromisoformat(each["dated"]) > today]
    if late:
        dated = found["inputs"][late[0]]["dated"]
        detail = "a value is of today at the latest"
        raise Invalid("date_in_future", detail, field=f"inputs.{late[0]}.dated", found=dated, allowed=today.isoformat())
    if given_devices(found["devices"], found["commons_share_bps"]) == 0:
        detail = "so small a share is less than one device; give one whole and block hours of it in the calendar"
        least = -(-BPS // found["devices"])
        raise Invalid(
            "share_too_small", detail, field="commons_share_bps", found=found["commons_share_bps"], allowed=least
        )
    return found


def given_devices(devices: int, share_bps: int) -> int:
    """Return how many whole devices a share is."""
    return devices * share_bps // BPS


def _whole(least: int, most: int) -> Callable[[str, object], int]:
    def check(name: str, value: object) -> int:
        if type(value) is not int or not least <= value <= most:  # a bool is no number here
            raise Invalid(
                "out_of_range", "a whole number", field=name, found=_found(value), allowed=f"{least} to {most}"
            )
        return value

    return check


def _form(pattern: re.Pattern[str]) -> Callable[[str, object], str]:
    def check(name: str, value: object) -> str:
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise Invalid(
                "malformed_field", "text of this form", field=name, found=_found(value), allowed=str(pattern.pattern)
            )
        return value

    return check


def _country(name: str, value: object) -> str:
    if not isinstance(value, str) or value not in COUNTRIES:
        raise Invalid("unknown_country", "two capital letters of ISO 3166-1", field=name, found=_found(value))
    return value


def _currency(name: str, value: object) -> str:
    if not isinstance(value, str) or value not in CURRENCIES:
        detail = "three capital letters of ISO 4217, such as EUR"
        raise Invalid("unknown_currency", detail, field=name, found=_found(value), allowed=sorted(CURRENCIES))
    return value


def _kinds(name: str, value: object) -> list[str] | None:
    """Return kinds of data in order, or None for any; an empty list is none at all."""
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > KINDS_MAX:
        detail = f"null for any, or a list of at most {KINDS_MAX} kinds of data"
        raise Invalid("malformed_field", detail, field=name, found=_found(value))
    kind = _form(WORD)
    return sorted({kind(name, each) for each in value})


def _inputs(value: object) -> dict[str, Any]:
    """Return the inputs as they are stored: exactly those that were read."""
    price_of(value)
    found: dict[str, Any] = prices.read(value).to_body()
    return found


def _found(value: object) -> object:
    """Return what can be shown of it: a short text, a number that JSON carries, or its type."""
    if isinstance(value, str):
        return value[:_FOUND_CHARACTERS]
    if isinstance(value, int) and abs(value) <= prices.MONEY_MAX:
        return value
    return type(value).__name__


_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "slug": _form(_SLUG),
    "name": lambda name, value: text(name, value, NAME_MAX),
    "region": _form(_REGION),
    "country": _country,
    "device_kind": _form(WORD),
    "devices": _whole(1, DEVICES_MAX),
    "memory_bytes": _whole(1, MEMORY_MAX),
    "currency": _currency,
    "inputs": lambda _name, value: _inputs(value),
    "hours_max": _whole(0, HOURS_MAX),
    "data_in": _kinds,
    "data_out": _kinds,
    "commons_share_bps": _whole(1, BPS),
    "payout_address": payout,
}
NAMES = tuple(_CHECKS)
