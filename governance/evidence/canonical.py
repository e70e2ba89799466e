"""The one canonical form of everything that is hashed or signed, and the one strict JSON parser.

`canonical_bytes` follows RFC 8785 (JSON Canonicalization Scheme) with two refusals of our own: floats, because a
decision must not depend on one, and integers that JSON readers elsewhere would round, because the same record must have
the same digest everywhere. Powers and amounts therefore travel as decimal strings. `strict_loads` reads JSON from
strangers.
"""

import hashlib
import json
import re
from decimal import Decimal, InvalidOperation
from itertools import accumulate
from typing import Any, NoReturn

import rfc8785

INTEGER_MAX = 2**53 - 1
DEPTH_MAX = 16
NUMBER_CHARACTERS_MAX = 100
# JSON numbers beyond what a double can hold are refused at the door, as every browser would turn them into infinity.
EXPONENT_MAX = 308

# For the values that are accepted here, json writes exactly what RFC 8785 asks for, at twice the speed of the
# pure-Python library, with one exception: it sorts keys by code points, the standard by UTF-16 code units. The two
# orders differ only when a key holds a character beyond U+FFFF.
_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":"))
_BEYOND_UTF16_UNIT = re.compile("[\U00010000-\U0010ffff]")
# Texts, closed or not, and whatever else stands between brackets.
_NO_BRACKETS = re.compile(r'(?:"(?:[^"\\]|\\.)*+"?|[^"\[\]{}]++)++', re.DOTALL)
_LEVELS = {"[": 1, "{": 1, "]": -1, "}": -1}


class CanonicalError(ValueError):
    """Data that has no canonical form. `code` is stable, `detail` says what was found and what is allowed."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep the stable code beside the readable sentence."""
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def canonical_bytes(value: object) -> bytes:
    """Return the RFC 8785 bytes of `value`; raise CanonicalError for floats, large integers, NUL or lone surrogates."""
    _check(value, depth=0)
    text = _ENCODER.encode(value)
    if not text.isascii() and _BEYOND_UTF16_UNIT.search(text):
        data: bytes = rfc8785.dumps(value)
        return data
    return text.encode()


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical bytes, as 64 lower-case hex characters."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def strict_loads(data: bytes, *, max_bytes: int, max_depth: int = DEPTH_MAX) -> Any:  # noqa: ANN401 - JSON is any shape
    """Parse JSON of bounded size (bytes) and depth (levels), refusing whatever two parsers could read differently.

    Numbers with a fraction or an exponent come back as Decimal, never float. Raises CanonicalError with code
    `too_large`, `malformed_json`, `duplicate_key`, `too_deep`, `number_out_of_range` or `forbidden_character`.
    """
    if len(data) > max_bytes:
        raise CanonicalError("too_large", f"{len(data)} bytes found, at most {max_bytes} allowed")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CanonicalError("malformed_json", f"not UTF-8 at byte {error.start}") from error
    if text.startswith("\ufeff"):
        raise CanonicalError("malformed_json", "a byte order mark is not allowed")
    _check_depth(text, max_depth)
    try:
        value = _DECODER.decode(text)
    except CanonicalError:
        raise
    except ValueError as error:
        raise CanonicalError("malformed_json", str(error)) from error
    _check_text(value)
    return value


def _check(value: object, depth: int) -> None:
    """Refuse what must not be hashed, naming the reason."""
    if isinstance(value, str):
        _check_string(value)
    elif isinstance(value, int):  # True and False are small enough
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise CanonicalError("number_out_of_range", f"{value} is beyond 2^53-1; write it as a decimal string")
    elif isinstance(value, dict | list | tuple):
        _check_items(value, depth)
    elif value is not None:
        raise CanonicalError("malformed_json", f"{type(value).__name__} has no canonical form; use text or integers")


def _check_items(value: dict[object, object] | list[object] | tuple[object, ...], depth: int) -> None:
    if value and depth >= DEPTH_MAX * 2:
        raise CanonicalError("too_deep", f"more than {DEPTH_MAX * 2} levels")
    if not isinstance(value, dict):
        for item in value:
            _check(item, depth + 1)
        return
    for key, item in value.items():
        if not isinstance(key, str):
            raise CanonicalError("malformed_json", f"object keys are text, found {type(key).__name__}")
        _check_string(key)
        _check(item, depth + 1)


def _check_string(value: str) -> None:
    if "\x00" in value:
        raise CanonicalError("forbidden_character", "the NUL character is not allowed")
    if value.isascii():
        return
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CanonicalError("forbidden_character", "a lone surrogate is not allowed") from error


def _check_text(value: object) -> None:
    """Walk a parsed value (its depth is already bounded) and refuse NUL and lone surrogates."""
    if isinstance(value, str):
        _check_string(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_string(key)
            _check_text(item)
    elif isinstance(value, list):
        for item in value:
            _check_text(item)


def _check_depth(text: str, max_depth: int) -> None:
    """Bound the nesting before parsing: the standard parser recurses, so deep input would exhaust the stack."""
    if text.count("[") + text.count("{") <= max_depth:
        return
    brackets = _NO_BRACKETS.sub("", text)
    if max(accumulate(map(_LEVELS.__getitem__, brackets)), default=0) > max_depth:
        raise CanonicalError("too_deep", f"more than {max_depth} levels of nesting")


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result: dict[str, object] = {}
    for key, value in pairs:
        if key in result:
            raise CanonicalError("duplicate_key", f"the key {key[:80]!r} appears twice")
        result[key] = value
    return result


def _decimal(text: str) -> Decimal:
    if len(text) > NUMBER_CHARACTERS_MAX:
        raise CanonicalError("number_out_of_range", f"a number of {len(text)} characters")
    try:
        value = Decimal(text)
    except InvalidOperation as error:  # an exponent that not even Decimal keeps
        raise CanonicalError("number_out_of_range", f"{text} is beyond what a JSON number can hold") from error
    if value and abs(value.adjusted()) > EXPONENT_MAX:
        raise CanonicalError("number_out_of_range", f"{text} is beyond what a JSON number can hold")
    return value


def _integer(text: str) -> int:
    if len(text) > NUMBER_CHARACTERS_MAX:
        raise CanonicalError("number_out_of_range", f"a number of {len(text)} characters")
    return int(text)


def _refuse_constant(text: str) -> NoReturn:
    raise CanonicalError("malformed_json", f"{text} is not a JSON number")


# Made once: making one costs as much as reading a small record with it.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique_keys, parse_float=_decimal, parse_int=_integer, parse_constant=_refuse_constant
)
