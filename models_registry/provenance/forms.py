"""Forms of values: functions that say what is wrong with a value, or nothing, and others that put them together. Pure.

What a record of each kind holds is written down with them in `shapes`.
"""

import re
from collections.abc import Callable, Iterator

Form = Callable[[object], str | None]  # says what is wrong, or nothing
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,100}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_POWER = re.compile(r"0|[1-9][0-9]{0,77}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SCORE = re.compile(r"(?:0|[1-9][0-9]*)(?:/[1-9][0-9]*)?")
_HEX32 = re.compile(r"0x[0-9a-f]{64}")
_HEX40 = re.compile(r"[0-9a-f]{40}")


def _matches(pattern: re.Pattern[str], words: str) -> Form:
    return lambda value: None if isinstance(value, str) and pattern.fullmatch(value) else f"is not {words}"


def text(value: object) -> str | None:
    """Accept any text."""
    return None if isinstance(value, str) else "is not text"


def count(value: object) -> str | None:
    """Accept an integer of at least zero: numbers, sizes, UNIX seconds."""
    return None if type(value) is int and value >= 0 else "is not an integer of at least 0"


def boolean(value: object) -> str | None:
    """Accept true or false."""
    return None if isinstance(value, bool) else "is not true or false"


def anything(value: object) -> str | None:
    """Accept any JSON object; whoever owns it says more."""
    return None if isinstance(value, dict) else "is not an object"


def choice(value: object) -> str | None:
    """Accept what a ballot may say: a number, a list or a map. Whether it can be counted, the method says."""
    return None if type(value) is int or isinstance(value, list | dict) else "is not a number, a list or a map"


def one_of(*allowed: str) -> Form:
    """Accept one of these words."""
    return lambda value: None if isinstance(value, str) and value in allowed else f"is not one of {', '.join(allowed)}"


def or_null(form: Form) -> Form:
    """Accept this form, or null."""
    return lambda value: None if value is None else form(value)


def keys(**forms: Form) -> Form:
    """Accept an object with exactly these keys."""

    def form(value: object) -> str | None:
        if not isinstance(value, dict):
            return "is not an object"
        if set(value) != set(forms):
            missing, unknown = sorted(set(forms) - set(value)), sorted(set(value) - set(forms))
            unknown_keys = ", ".join(map(str, unknown)) or "any other"
            return f"lacks {', '.join(missing) or 'no key'} and should not have {unknown_keys}"
        return _first((f"{name}", each(value[name])) for name, each in forms.items())

    return form


def and_maybe(name: str, form: Form, rest: Form) -> Form:
    """Accept an object of the form `rest` that may have one key more."""

    def check(value: object) -> str | None:
        if not isinstance(value, dict) or name not in value:
            return rest(value)
        others = {key: each for key, each in value.items() if key != name}
        return rest(others) or _first(iter([(name, form(value[name]))]))

    return check


def either(name: str, form: Form, rest: Form) -> Form:
    """Accept an object of the one form if it has this key, and of the other if it has not."""
    return lambda value: form(value) if isinstance(value, dict) and name in value else rest(value)


def every(form: Form) -> Form:
    """Accept a list in which each item has this form."""

    def check(value: object) -> str | None:
        if not isinstance(value, list):
            return "is not a list"
        return _first((f"[{index}]", form(item)) for index, item in enumerate(value))

    return check


def table(form: Form) -> Form:
    """Accept an object whose values all have this form, under any keys."""

    def check(value: object) -> str | None:
        if not isinstance(value, dict):
            return "is not an object"
        return _first((str(name), form(item)) for name, item in value.items())

    return check


def at_least_keys(**forms: Form) -> Form:
    """Accept an object with these keys and maybe others, where another part of the project owns the rest."""

    def check(value: object) -> str | None:
        if not isinstance(value, dict):
            return "is not an object"
        missing = sorted(set(forms) - set(value))
        if missing:
            return f"lacks {', '.join(missing)}"
        return _first((name, form(value[name])) for name, form in forms.items())

    return check


def _first(results: Iterator[tuple[str, str | None]]) -> str | None:
    return next((f"{name} {wrong}" for name, wrong in results if wrong), None)


digest = _matches(_DIGEST, "a digest (64 lower-case hex characters)")
power = _matches(_POWER, "a whole number as text")
address = _matches(_ADDRESS, "an address")
slug = _matches(_SLUG, "a slug (letters, digits, hyphens and underscores)")
score = _matches(_SCORE, "a whole number or a fraction as text")
block_hash = _matches(_HEX32, "a block hash (0x and 64 lower-case hex characters)")
revision = _matches(_HEX40, "a revision (40 lower-case hex characters)")
model_name = _matches(_MODEL, "<namespace>/<name>")
ratio = keys(numerator=lambda value: None if type(value) is int else "is not an integer", denominator=count)


def by_digest(form: Form) -> Form:
    """Accept an object whose keys are digests and whose values all have this form."""

    def check(value: object) -> str | None:
        wrong = table(form)(value)
        names = value if isinstance(value, dict) else {}
        return wrong or _first((str(name), digest(name)) for name in names)

    return check
