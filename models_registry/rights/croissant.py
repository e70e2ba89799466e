"""A Croissant file beside an upload: read strictly, held against the data, and turned into sources. Pure.

The vocabulary is that of MLCommons Croissant 1.0 (http://mlcommons.org/croissant/1.0) with the responsible-AI fields
(http://mlcommons.org/croissant/RAI/1.0). Only the compact form with the usual prefixes is read: a context that gives
the names another meaning is not resolved, and nothing is fetched. The sources are those under `isBasedOn`, or the
dataset itself where there is none.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from governance.errors import Invalid, Malformed
from governance.evidence.canonical import CanonicalError, strict_loads
from models_registry.rights.sources import CONSENT, Source, read_sources

BYTES_MAX: Final = 1_000_000
FIELD: Final = "croissant"
_CONFORMS = "http://mlcommons.org/croissant/1."
_DATASET = frozenset({"Dataset", "sc:Dataset", "https://schema.org/Dataset", "http://schema.org/Dataset"})
_FILE = frozenset({"cr:FileObject", "FileObject", "http://mlcommons.org/croissant/FileObject"})
_SPDX = "https://spdx.org/licenses/"
# Addresses of licences that descriptions often name in the place of an SPDX identifier.
_LICENCES: Final = {
    "https://creativecommons.org/publicdomain/zero/1.0": "CC0-1.0",
    "https://creativecommons.org/licenses/by/4.0": "CC-BY-4.0",
    "https://creativecommons.org/licenses/by-sa/4.0": "CC-BY-SA-4.0",
    "https://www.apache.org/licenses/LICENSE-2.0": "Apache-2.0",
    "https://opensource.org/license/mit": "MIT",
}


@dataclass(frozen=True)
class Described:
    """What a Croissant file says: sources, the SHA-256 of its files, and for each record set its columns by place."""

    sources: tuple[Source, ...]
    digests: Mapping[str, str]
    columns: Mapping[str, frozenset[str]]


def read(document: bytes) -> Described:
    """Read a Croissant file; raise Malformed or Invalid that say what was found, and where in the document."""
    try:
        root = strict_loads(document, max_bytes=BYTES_MAX)
    except CanonicalError as error:
        raise Malformed("croissant_malformed", error.detail, field=FIELD) from error
    if not isinstance(root, dict):
        raise _wrong("", "the document is not an object", type(root).__name__, "one JSON object")
    if "@context" not in root:
        raise _wrong("@context", "JSON-LD has a context", None, "the context of Croissant 1.0")
    if not isinstance(root.get("@type"), str) or root["@type"] not in _DATASET:
        raise _wrong("@type", "this is not a dataset", root.get("@type"), sorted(_DATASET))
    conforms = _listed(root.get("conformsTo", root.get("dct:conformsTo")))
    if not any(isinstance(each, str) and each.startswith(_CONFORMS) for each in conforms):
        raise _wrong("conformsTo", "it does not say that it is Croissant 1", conforms, f"{_CONFORMS}0")
    return Described(tuple(_sources(root)), _digests(root), _columns(root))


def check(described: Described, digests: Collection[str], columns: Collection[str]) -> None:
    """Refuse a description of other data: no file has one of these SHA-256, or a record set has other columns.

    `digests` are those of the file as it was sent and of the canonical rows; `columns` those of the rows. A record set
    may describe fewer columns than there are, never one that is missing.
    """
    if not set(described.digests.values()) & set(digests):
        detail = "it describes other files: none of them has the SHA-256 of what was sent"
        found = [f"{place}: {digest}" for place, digest in described.digests.items()] or None
        raise Invalid(
            "croissant_of_other_data", detail, field=f"{FIELD}.distribution", found=found, allowed=sorted(digests)
        )
    for place, named in described.columns.items():
        foreign = sorted(named - set(columns))
        if foreign:
            detail = "it describes columns that the rows do not have"
            raise Invalid("croissant_of_other_data", detail, field=place, found=foreign, allowed=sorted(columns))


def _sources(root: Mapping[str, Any]) -> list[Source]:
    based_on = _listed(root.get("isBasedOn", root.get("sc:isBasedOn")))
    if not based_on:
        return read_sources([_source(root, FIELD)], FIELD)
    entries = []
    for index, entry in enumerate(based_on):
        place = f"{FIELD}.isBasedOn[{index}]"
        if not isinstance(entry, dict):
            raise _wrong(f"isBasedOn[{index}]", "a source is an object here", entry, "an object with a name")
        entries.append(_source(entry, place))
    return read_sources(entries, f"{FIELD}.isBasedOn")


def _source(node: Mapping[str, Any], place: str) -> dict[str, str]:
    """Return a source from a dataset or creative work; what it does not say of itself is not known."""
    start, end = _period(node)
    usage = _text(node, "usageInfo", place).removeprefix("consent:").strip()
    return {
        "name": _text(node, "name", place) or _text(node, "url", place),
        "url": _text(node, "url", place),
        "license": _licence(node.get("license"), f"{place}.license"),
        "consent": usage if usage in CONSENT else "unknown",
        "contact": _contact(node),
        "collected_from": start,
        "collected_to": end,
        "place": _text(node, "spatialCoverage", place),
    }


def _licence(value: object, place: str) -> str:
    """Return the SPDX identifier of a licence: named, by its address, or as a creative work with either."""
    first = next(iter(_listed(value)), "")
    if isinstance(first, Mapping):
        first = first.get("url") or first.get("name") or ""
    if not isinstance(first, str):
        raise Malformed("croissant_malformed", "a licence is text or an object with a name", field=place, found=first)
    if first.startswith(_SPDX):
        return first.removeprefix(_SPDX).removesuffix(".html").removesuffix(".json")
    if "://" not in first:
        return first or "NOASSERTION"
    plain = first.replace("http://", "https://", 1).rstrip("/").removesuffix("/legalcode")
    return _LICENCES.get(plain, "NOASSERTION")


def _contact(node: Mapping[str, Any]) -> str:
    """Return the address of the first creator or publisher who gives one."""
    for name in ("creator", "publisher"):
        for who in _listed(node.get(name)):
            if isinstance(who, Mapping):
                for key in ("email", "url"):
                    if isinstance(who.get(key), str) and who[key]:
                        return str(who[key]).removeprefix("mailto:")
    return ""


def _period(node: Mapping[str, Any]) -> tuple[str, str]:
    """Return the first and last day of collection: `temporalCoverage`, else the RAI field."""
    covered = node.get("temporalCoverage")
    if isinstance(covered, str) and covered:
        start, _slash, end = covered.partition("/")
        return _day(start), _day(end or start)
    named = node.get("rai:dataCollectionTimeframe", node.get("rai:dataCollectionTimeFrame"))
    days = [day[:10] for day in _listed(named) if isinstance(day, str)]
    return (days[0], days[-1]) if days else ("", "")


def _day(text: str) -> str:
    """Return the day of a moment (ISO 8601); an open end is not known."""
    return "" if text == ".." else text[:10]


def _digests(root: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of every file object that says one, by its place."""
    found = {}
    for index, entry in enumerate(_listed(root.get("distribution"))):
        place = f"distribution[{index}]"
        if not isinstance(entry, dict):
            raise _wrong(place, "a file is an object", entry, "an object of the type cr:FileObject")
        if isinstance(entry.get("@type"), str) and entry["@type"] in _FILE and "sha256" in entry:
            digest = entry["sha256"]
            if not isinstance(digest, str) or len(digest) != 64 or set(digest.lower()) - set("0123456789abcdef"):  # noqa: PLR2004
                raise _wrong(f"{place}.sha256", "this is no SHA-256", digest, "64 hex digits")
            found[f"{FIELD}.{place}"] = digest.lower()
    if not found:
        raise _wrong("distribution", "no file says its SHA-256, so nothing ties it to the data", None, "sha256")
    return found


def _columns(root: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the columns that each record set extracts, by its place."""
    found = {}
    for index, entry in enumerate(_listed(root.get("recordSet"))):
        place = f"recordSet[{index}]"
        if not isinstance(entry, dict):
            raise _wrong(place, "a record set is an object", entry, "an object of the type cr:RecordSet")
        columns = set()
        for number, field in enumerate(_listed(entry.get("field"))):
            if not isinstance(field, dict):
                raise _wrong(
                    f"{place}.field[{number}]", "a field is an object", field, "an object of the type cr:Field"
                )
            source = field.get("source")
            extract = source.get("extract") if isinstance(source, dict) else None
            column = extract.get("column") if isinstance(extract, dict) else None
            if isinstance(column, str):
                columns.add(column)
        found[f"{FIELD}.{place}"] = frozenset(columns)
    return found


def _listed(value: object) -> list[Any]:
    """Return what stands there as a list: JSON-LD writes a list of one as its one entry."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(node: Mapping[str, Any], name: str, place: str) -> str:
    value = node.get(name, "")
    if isinstance(value, Mapping) and isinstance(value.get("@value"), str):
        value = value["@value"]
    if not isinstance(value, str):
        raise Malformed("croissant_malformed", "this is text", field=f"{place}.{name}", found=value)
    return value


def _wrong(place: str, detail: str, found: object, allowed: object) -> Malformed:
    field = f"{FIELD}.{place}" if place else FIELD
    return Malformed("croissant_malformed", detail, field=field, found=found, allowed=allowed)
