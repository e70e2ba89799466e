"""How a model card writes texts, tables, numbers and days of records as Markdown, in English and French. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

NOTHING = "\N{EN DASH}"
DECIMALS = 4
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+!|~&:@=$^])")
_WEB = re.compile(r"(?i)\b(www)\.")
_NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def inline(text: str) -> str:
    """Return text from a record so that Markdown shows it as it is, on one line."""
    return _WEB.sub(r"\1\\.", _MARKUP.sub(r"\\\1", " ".join(str(text).split())))


def in_code(value: object) -> str:
    """Return a value for a code span in a table: no back-tick and no bar can end either of them."""
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return " ".join(shown.replace("`", "'").replace("|", "/").split())


def exact(value: Mapping[str, Any]) -> Fraction:
    """Return a measured value as a number."""
    return Fraction(value["numerator"], value["denominator"])


def quantity(value: Mapping[str, Any] | None, language: str) -> str:
    """Return a measured value: rounded for the eye, and exact."""
    if not value or not value.get("denominator"):
        return NOTHING
    ratio = exact(value)
    shown = decimal(ratio) if language == "en" else decimal(ratio).replace(".", ",")
    return shown if ratio.denominator == 1 else f"{shown} ({ratio})"


def difference(after: Mapping[str, Any], before: Mapping[str, Any] | None, language: str) -> str:
    """Return by how much a value changed, with its sign."""
    if not before or not before.get("denominator"):
        return NOTHING
    ratio = exact(after) - exact(before)
    shown = decimal(ratio) if language == "en" else decimal(ratio).replace(".", ",")
    return f"+{shown}" if ratio > 0 else shown.replace("-", "\N{MINUS SIGN}")


def decimal(ratio: Fraction, places: int = DECIMALS) -> str:
    """Round half up to `places` decimals, in integers; drop zeros at the end."""
    scaled = (ratio * 10**places + Fraction(1, 2)).__floor__()
    whole, rest = divmod(abs(scaled), 10**places)
    decimals = f"{rest:0{places}d}".rstrip("0")
    return f"{'-' if scaled < 0 else ''}{whole}{'.' if decimals else ''}{decimals}"


def percent(part: int | Fraction, whole: int, language: str) -> str:
    """Return a part of a whole in per cent."""
    shown = decimal(Fraction(part) * 100 / whole, places=2)
    return f"{shown}%" if language == "en" else f"{shown.replace('.', ',')}{_NO_BREAK_SPACE}%"


def day(seconds: int) -> str:
    """Return the day of a moment in UNIX seconds, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
