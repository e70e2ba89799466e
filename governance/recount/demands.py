"""How the parts of a recount demand something of a line: one refusal, with what was found and what is needed. Pure."""

from collections.abc import Mapping
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from governance.recount.lines import Lines
from governance.recount.report import BadEntry

POWER_DIGITS_MAX = 78
_OBJECT_BYTES_MAX = 400_000  # a signed note with many witnesses


def require(holds: object, line: int, code: str, found: object, needed: str) -> None:
    """Raise BadEntry unless a demand holds."""
    if not holds:
        raise BadEntry(line, code, found, needed)


def check_body(line: int, body: Mapping[str, Any], types: Mapping[str, type]) -> None:
    """Raise BadEntry unless a body has exactly these keys with values of these types; `object` is any JSON."""
    require(set(body) == set(types), line, "body_wrong", sorted(body), f"exactly the keys {sorted(types)}")
    for name, kind in types.items():
        holds = kind is object or type(body[name]) is kind
        require(holds, line, "body_wrong", f"{name} {body[name]!r}", f"{name}: {kind.__name__}")


def power(line: int, text: object) -> int:
    """Return a power that is written as decimal text in its one spelling."""
    if isinstance(text, str) and text.isascii() and text.isdecimal() and len(text) <= POWER_DIGITS_MAX:
        value = int(text)
        if str(value) == text:
            return value
    raise BadEntry(line, "power_wrong", text, "a whole number as decimal text")


def read_object(lines: Lines, keys: set[str], what: str) -> dict[str, Any]:
    """Take the next line as a canonical object, not a record, with exactly these keys."""
    line = lines.take(what)
    try:
        value = strict_loads(line, max_bytes=_OBJECT_BYTES_MAX)
        spelled = canonical_bytes(value)
    except CanonicalError as error:
        raise BadEntry(lines.number, error.code, error.detail, what) from error
    known = isinstance(value, dict) and set(value) == keys
    require(known, lines.number, "entry_misplaced", line.decode(), f"{what}, with exactly {sorted(keys)}")
    require(spelled == line, lines.number, "not_canonical", line.decode(), f"{what} in its canonical form (RFC 8785)")
    return dict(value)
