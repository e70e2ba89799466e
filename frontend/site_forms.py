"""The form in which an operator describes a site: in units of people, read into those of `sites.declared`.

Memory is in GB, shares in percent, money in minor units such as cents. Whole numbers come of it exactly, without
floats; what the values may be is judged by `declared`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Text
from governance.errors import Malformed
from training_jobs.models import Site

GB = 9  # decimal places between bytes and GB
_DECIMAL = re.compile(r"([0-9]{1,16})(?:[.,]([0-9]{1,9}))?")
KINDS_MAX = 400


@dataclass(frozen=True)
class Input:
    """An input of the price as the form asks for it; `places` lie between what is written and what is kept."""

    name: str
    label: Text
    unit: Text
    places: int


INPUTS = (
    Input("watts", _("Power of one device at work"), _("watts, with its share of the machine"), 0),
    Input(
        "pue_permille", _("Energy of the building by energy of its machines (PUE)"), _("1 at least, such as 1.25"), 3
    ),
    Input("tariff", _("Price of energy"), _("minor units of money, such as cents, per kWh"), 6),
    Input("purchase", _("Price of one device"), _("minor units of money, such as cents; 0 if it is paid for"), 6),
    Input("lifetime_hours", _("Lifetime of a device"), _("hours until it is written off"), 0),
    Input("utilisation_bps", _("Share of its lifetime in which it is expected to work"), _("percent"), 2),
    Input("operations_bps", _("People, room and network, on top of the rest"), _("percent"), 2),
)
TEXTS = ("slug", "name", "region", "country", "device_kind", "currency", "payout_address")
# name, decimal places between what is written and what is kept
NUMBERS = (("devices", 0), ("memory_bytes", GB), ("hours_max", 0), ("commons_share_bps", 2))
KINDS = ("data_in", "data_out")
PARTS = ("value", "dated", "source")


def names() -> list[str]:
    """Return the names of all fields of the form."""
    inputs = [f"{each.name}_{part}" for each in INPUTS for part in PARTS]
    return [*TEXTS, *(name for name, _places in NUMBERS), *KINDS, *inputs]


def read(said: Mapping[str, str]) -> dict[str, Any]:
    """Return what a posted form says of a site, as `declared` takes it; raise Malformed for what cannot be read."""
    values: dict[str, Any] = {name: said.get(name, "").strip() for name in TEXTS if name in said}
    values |= {name: scaled(name, said.get(name, ""), places) for name, places in NUMBERS}
    values |= {name: _kinds(said.get(name, "")) for name in KINDS}
    values["inputs"] = {
        each.name: {
            "value": scaled(f"{each.name}_value", said.get(f"{each.name}_value", ""), each.places),
            "dated": said.get(f"{each.name}_dated", "").strip(),
            "source": said.get(f"{each.name}_source", "").strip(),
        }
        for each in INPUTS
    }
    return values


def written(site: Site) -> dict[str, str]:
    """Return what a site says of itself as the form has it."""
    found = {name: str(getattr(site, name)) for name in TEXTS}
    found |= {name: unscaled(getattr(site, name), places) for name, places in NUMBERS}
    found |= {name: _kinds_written(getattr(site, name)) for name in KINDS}
    for each in INPUTS:
        kept = site.inputs[each.name]
        found[f"{each.name}_value"] = unscaled(kept["value"], each.places)
        found[f"{each.name}_dated"], found[f"{each.name}_source"] = kept["dated"], kept["source"]
    return found


def field_of(path: str) -> str:
    """Return the name of the field that a refusal is about, as the form has it: inputs.tariff.value, or what stands."""
    parts = path.split(".")
    if parts[0] != "inputs":
        return path
    return "_".join(parts[1:]) if len(parts) > 2 else f"{parts[1]}_value" if len(parts) > 1 else ""  # noqa: PLR2004


def scaled(name: str, text: str, places: int) -> int:
    """Return a decimal number times a power of ten, exactly; raise Malformed for what is none, or has more digits."""
    found = _DECIMAL.fullmatch(text.strip())
    part = (found[2] or "") if found else ""
    if found is None or len(part.rstrip("0")) > places:
        detail = "a number without a sign, with few digits after the point"
        raise Malformed("malformed_number", detail, field=name, found=text[:40], allowed=places)
    return int(found[1] + part[:places].ljust(places, "0"))


def unscaled(value: int, places: int) -> str:
    """Return a whole number divided by a power of ten, as it is written."""
    whole, rest = divmod(value, 10**places)
    shown = f"{rest:0{places}d}".rstrip("0") if places else ""
    return f"{whole}.{shown}" if shown else str(whole)


def _kinds(text: str) -> list[str] | None:
    """Return kinds of data: none said is any, a dash is none at all."""
    words = re.split(r"[\s,;]+", text.strip()[:KINDS_MAX])
    if words == [""]:
        return None
    return [] if words == ["-"] else [word for word in words if word]


def _kinds_written(kinds: list[str] | None) -> str:
    return "" if kinds is None else ", ".join(kinds) or "-"
