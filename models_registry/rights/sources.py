"""Where the rows of a dataset come from, read strictly: name, address, licence, consent and whom to ask. Pure.

A source says what whoever registers the dataset knows; nothing here checks that it is true. What is not known is an
empty text, never a guess. The form of a licence is that of SPDX expressions (SPDX 2.3, annex D).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

from governance.errors import Invalid, Malformed

Source = dict[str, str]

SOURCES_MAX: Final = 50
# On what ground the rows may be learnt from, as whoever registers them says.
CONSENT: Final = (
    "public_domain",
    "licence",
    "contract",
    "consent_of_persons",
    "own_work",
    "unknown",
)
REQUIRED: Final = ("name", "license", "consent")
# The rest may be left out, and is then the empty text: not known.
OPTIONAL: Final = ("url", "contact", "collected_from", "collected_to", "place")
# What records say of a source. They are for ever; how to reach somebody stands beside the dataset until it is erased.
RECORDED: Final = tuple(name for name in (*REQUIRED, *OPTIONAL) if name != "contact")
_LENGTHS: Final = {"name": 200, "url": 500, "license": 100, "contact": 200, "place": 200}
_LICENCE = re.compile(r"\(?[A-Za-z0-9.+-]+(?::[A-Za-z0-9.-]+)?(?:\)?\s+(?:AND|OR|WITH)\s+\(?[A-Za-z0-9.+-]+)*\)?")
_MAIL = re.compile(r"[^@\s<>\"]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_sources(value: object, place: str = "sources") -> list[Source]:
    """Return sources with every key written out; raise Malformed or Invalid with the place of the first that is wrong.

    `place` is what the refusal calls the list. Two sources of one name are refused: requests name a source by it.
    """
    if not isinstance(value, list):
        raise Malformed("malformed_field", "sources are a list of objects", field=place, found=type(value).__name__)
    if len(value) > SOURCES_MAX:
        raise Invalid("too_many_sources", "name fewer sources", field=place, found=len(value), allowed=SOURCES_MAX)
    read = [_source(entry, f"{place}[{index}]") for index, entry in enumerate(value)]
    names = [source["name"] for source in read]
    for index, name in enumerate(names):
        if name in names[:index]:
            detail = "two sources have this name"
            raise Invalid("source_twice", detail, field=f"{place}[{index}].name", found=name)
    return read


def recorded(sources: Iterable[Mapping[str, str]]) -> list[Source]:
    """Return sources as votes and records have them."""
    return [{name: source[name] for name in RECORDED} for source in sources]


def _source(entry: object, place: str) -> Source:
    if not isinstance(entry, Mapping):
        raise Malformed("malformed_field", "a source is an object", field=place, found=type(entry).__name__)
    known = (*REQUIRED, *OPTIONAL)
    unknown = sorted(set(map(str, entry)) - set(known))
    if unknown:
        raise Malformed("unknown_field", "a source has no such key", field=f"{place}.{unknown[0][:40]}", allowed=known)
    missing = [name for name in REQUIRED if name not in entry]
    if missing:
        raise Malformed("missing_field", "a source says this", field=f"{place}.{missing[0]}", allowed=known)
    source = {name: _text(entry.get(name, ""), name, place) for name in known}
    if source["consent"] not in CONSENT:
        raise _wrong("consent", place, source["consent"], "unknown_consent", "this is none of them", CONSENT)
    if not source["name"]:
        raise _wrong("name", place, "", "malformed_field", "a source has a name")
    if not _LICENCE.fullmatch(source["license"]):
        detail = "a licence is an SPDX identifier or expression such as CC-BY-4.0, or NOASSERTION"
        raise _wrong("license", place, source["license"], "malformed_licence", detail)
    if source["url"]:
        _require_address(source["url"], f"{place}.url")
    if source["contact"] and not _MAIL.fullmatch(source["contact"]):
        _require_address(source["contact"], f"{place}.contact")
    _require_period(source, place)
    return source


def _text(value: object, name: str, place: str) -> str:
    if not isinstance(value, str):
        raise Malformed("malformed_field", "this is text", field=f"{place}.{name}", found=value)
    text = value.strip()
    longest = _LENGTHS.get(name, 100)
    if len(text) > longest:
        detail = f"{len(text)} characters found, at most {longest} allowed"
        raise Invalid("length_out_of_range", detail, field=f"{place}.{name}")
    if not text.isprintable():
        detail = "only characters that can be seen are allowed"
        raise Malformed("forbidden_character", detail, field=f"{place}.{name}", found=text)
    return text


def _require_address(text: str, place: str) -> None:
    """Refuse what is no plain web address: another scheme, a password in it, no host."""
    try:
        parts = urlsplit(text)
        fits = parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.username and not parts.password
    except ValueError:
        fits = False
    if not fits or " " in text:
        detail = "a web address (http or https, without a password in it)"
        raise Invalid("malformed_address", detail, field=place, found=text)


def _require_period(source: Mapping[str, str], place: str) -> None:
    for name in ("collected_from", "collected_to"):
        if source[name] and not _is_day(source[name]):
            raise _wrong(name, place, source[name], "malformed_date", "a day is written like 2026-03-31")
    start, end = source["collected_from"], source["collected_to"]
    if start and end and end < start:
        raise _wrong("collected_to", place, end, "malformed_date", f"it ends before it begins ({start})")


def _is_day(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _wrong(name: str, place: str, found: Any, code: str, detail: str, allowed: object = None) -> Invalid:  # noqa: ANN401
    return Invalid(code, detail, field=f"{place}.{name}", found=found, allowed=allowed)
