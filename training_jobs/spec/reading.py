"""How single values of a payload are read: one function per form, each refusal with field, found and allowed."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from training_jobs.spec.shape import decimal_text

FOUND_CHARACTERS_MAX = 80

DIGEST = re.compile(r"[0-9a-f]{64}")
MODEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}/[a-z0-9][a-z0-9._-]{0,63}")
_DECIMAL = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,18})?")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)

_CODE_KEYS = re.compile(r"trust_remote_code|auto_map|.*attn_implementation.*|custom_.*|.*code_revision", re.IGNORECASE)
_PATH_KEYS = re.compile(r"output_dir|output_path|.*_dir|.*_path|path|dir|directory|folder", re.IGNORECASE)
_URL_KEYS = re.compile(r"ur[li]|.*_ur[li]|endpoint", re.IGNORECASE)

_HOLDS: dict[str, Callable[[Decimal, int], bool]] = {
    "above": operator.gt,
    "at least": operator.ge,
    "at most": operator.le,
    "below": operator.lt,
}


class SpecError(ValueError):
    """A specification that is refused: `code` is stable, `field` says where, `found` and `allowed` say why."""

    def __init__(self, code: str, field: str, found: object, allowed: str) -> None:
        """Keep the four parts; `found` is shortened, because it comes from a stranger."""
        self.code = code
        self.field = field
        self.found = _shown(found)
        self.allowed = allowed
        super().__init__(f"{code}: {field or 'the specification'} is {self.found}; allowed: {allowed}")


def refuse_dangerous_keys(value: object, where: str = "") -> None:
    """Walk the whole payload: a dangerous key is named as such even where no key would be expected."""
    for key, item, field in _children(value, where):
        if isinstance(key, str):
            if _CODE_KEYS.fullmatch(key):
                raise SpecError("spec_forbidden_key", field, item, "no key that loads or runs code")
            if _URL_KEYS.fullmatch(key):
                raise SpecError("url_forbidden", field, item, "inputs are named by digest, never by address")
            if _PATH_KEYS.fullmatch(key):
                raise SpecError("path_forbidden", field, item, "outputs are named, never placed")
        refuse_dangerous_keys(item, field)


def require_keys(
    value: object, keys: Sequence[str], where: str, *, defaults: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return an object with exactly `keys`; those that are missing come from `defaults`, or are refused."""
    if not isinstance(value, Mapping):
        raise SpecError("malformed_field", where, value, "an object")
    for key in value:
        if key not in keys:
            raise SpecError("spec_unknown_key", _below(where, _shown(key)), key, f"only {', '.join(keys)}")
    whole = {**(defaults or {}), **value}
    for key in keys:
        if key not in whole:
            raise SpecError("malformed_field", _below(where, key), "missing", "a value")
    return whole


def choice(values: Mapping[str, Any], key: str, allowed: Sequence[Any], *, where: str = "") -> Any:  # noqa: ANN401
    """Read one of a few texts or integers."""
    value, field = values[key], _below(where, key)
    if isinstance(value, bool) or type(value) is not type(allowed[0]):
        raise SpecError("malformed_field", field, value, f"one of {', '.join(map(str, allowed))}")
    if value not in allowed:
        raise SpecError("value_out_of_range", field, value, f"one of {', '.join(map(str, allowed))}")
    return value


def boolean(values: Mapping[str, Any], key: str, *, where: str = "") -> bool:
    """Read true or false; 0 and 1 are integers."""
    value = values[key]
    if not isinstance(value, bool):
        raise SpecError("malformed_field", _below(where, key), value, "true or false")
    return value


def integer(values: Mapping[str, Any], key: str, smallest: int, largest: int | None, *, where: str = "") -> int:
    """Read an integer. Booleans and whole decimals are not integers here: one spelling, one digest."""
    value, field = values[key], _below(where, key)
    if type(value) is not int:
        raise SpecError("malformed_field", field, value, "an integer")
    if value < smallest or (largest is not None and value > largest):
        allowed = f"{smallest} to {largest}" if largest is not None else f"at least {smallest}"
        raise SpecError("value_out_of_range", field, value, allowed)
    return value


def decimal(
    values: Mapping[str, Any],
    key: str,
    *,
    above: int | None = None,
    smallest: int | None = None,
    largest: int | None = None,
    below: int | None = None,
    where: str = "",
) -> Decimal:
    """Read a decimal from plain text or a parsed JSON number; a float has already lost digits, so it is refused."""
    field = _below(where, key)
    number = _decimal(values[key], field)
    bounds = {"above": above, "at least": smallest, "at most": largest, "below": below}
    wanted = {words: bound for words, bound in bounds.items() if bound is not None}
    if not all(_HOLDS[words](number, bound) for words, bound in wanted.items()):
        allowed = ", ".join(f"{words} {bound}" for words, bound in wanted.items())
        raise SpecError("value_out_of_range", field, values[key], allowed)
    return number


def digest_of(value: object, field: str) -> str:
    """Read a SHA-256."""
    return name(value, field, DIGEST, "a SHA-256 of 64 lower-case hex characters")


def name(value: object, field: str, pattern: re.Pattern[str], allowed: str) -> str:
    """Read a name or digest; say so when somebody wrote an address or a path instead."""
    if isinstance(value, str) and pattern.fullmatch(value) and ".." not in value:
        return value
    if isinstance(value, str):
        if _SCHEME.match(value) or "://" in value:
            raise SpecError("url_forbidden", field, value, allowed)
        slashes_allowed = 1 if pattern is MODEL else 0
        if ".." in value or "\\" in value or value.startswith(("/", ".", "~")) or value.count("/") > slashes_allowed:
            raise SpecError("path_forbidden", field, value, allowed)
    raise SpecError("malformed_field", field, value, allowed)


def _decimal(value: object, field: str) -> Decimal:
    number = Decimal(value) if type(value) is int else value
    if isinstance(number, Decimal):
        # Bounded before it is spelled out: 1e400 in plain digits is a long text.
        plain = number.is_finite() and -18 <= number.adjusted() <= 12  # noqa: PLR2004 - the digits that _DECIMAL allows
        text = decimal_text(number) if plain or number.is_zero() else ""
    else:
        text = value if isinstance(value, str) else ""
    if not _DECIMAL.fullmatch(text):
        raise SpecError("malformed_field", field, value, "a plain decimal such as 0.003, as text or a JSON number")
    return Decimal(decimal_text(Decimal(text)))


def _children(value: object, where: str) -> Iterator[tuple[object, object, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key, item, _below(where, _shown(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield None, item, f"{where}[{index}]"


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _shown(value: object) -> str:
    text = value if isinstance(value, str) and value else repr(value)
    return text if len(text) <= FOUND_CHARACTERS_MAX else f"{text[:FOUND_CHARACTERS_MAX]}…"
