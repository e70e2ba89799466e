"""Who contributed which rows of a dataset, and what share of a model's training that makes. Pure, exact.

Whoever registers a dataset says who contributed: all of it one address, rows by the beginning of their `id`, or rows by
`id` or digest. Rows that nobody is named for stay nobody's (null). A row counts once, whatever its length: a share
says how much was given, not how much the model learnt from it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from governance import eip712
from governance.errors import Invalid, Malformed
from governance.evidence.canonical import canonical_bytes
from models_registry.rights.leaves import numbered

CONTRIBUTORS_MAX: Final = 1_000
FORMS: Final = ("all", "prefixes", "records")
# The language of a row, and whose it is.
Owned = tuple[str, str | None]


@dataclass(frozen=True)
class Declared:
    """Who is said to have contributed what. `names` leads from a beginning of ids, or from an id or digest, to whom."""

    form: str
    names: Mapping[str, str]


@dataclass(frozen=True)
class Attribution:
    """The result for one dataset: entries as its record has them, and the row numbers of each contributor as bytes."""

    entries: tuple[dict[str, Any], ...]
    rows: bytes  # canonical JSON {address: [row numbers]}; empty when nobody is named


def read_declared(value: object, place: str = "contributors") -> Declared | None:
    """Read one of the three forms; nothing is named by null. Raises Malformed or Invalid with the place."""
    if value is None:
        return None
    if not isinstance(value, Mapping) or len(value) != 1 or next(iter(value)) not in FORMS:
        found = sorted(map(str, value))[:5] if isinstance(value, Mapping) else type(value).__name__
        raise Malformed("malformed_field", "an object of exactly one key", field=place, found=found, allowed=FORMS)
    form, said = next(iter(value.items()))
    if form == "all":
        return Declared("all", {"": _address(said, f"{place}.all")})
    if not isinstance(said, Mapping) or not 0 < len(said) <= CONTRIBUTORS_MAX:
        detail = f"an object of 1 to {CONTRIBUTORS_MAX} addresses, each with a list of texts"
        raise Malformed("malformed_field", detail, field=f"{place}.{form}")
    names: dict[str, str] = {}
    seen: set[str] = set()
    for spelled, listed in said.items():
        where = f"{place}.{form}.{str(spelled)[:42]}"
        address = _address(spelled, where)
        if address in seen:
            raise Invalid("contributor_twice", "this address is named twice", field=where, found=address)
        seen.add(address)
        if not isinstance(listed, list) or not listed or not all(isinstance(name, str) and name for name in listed):
            raise Malformed("malformed_field", "a list of texts, none of them empty", field=where)
        for name in listed:
            if names.setdefault(name, address) != address:
                raise Invalid("claimed_twice", "two contributors are named for it", field=where, found=name[:80])
    return Declared(str(form), names)


def attribute(lines: Iterable[bytes], declared: Declared | None, place: str = "contributors") -> Attribution:
    """Go through the canonical rows once and say whose each one is.

    Refused is a row that two are named for, and a name that fits no row: nobody gets a share by a slip of the pen.
    """
    unused = set(declared.names) if declared else set()

    def owned() -> Iterator[Owned]:
        for _number, leaf, line in numbered(lines):
            row = json.loads(line)
            yield str(row["language"]), _owner(declared, str(row["id"]), leaf, unused, place)

    found = attribution_of(owned())
    if unused:
        name = min(unused)[:80]
        raise Invalid("fits_no_record", "no record of the dataset fits this name", field=place, found=name)
    return found


def attribution_of(rows: Iterable[Owned]) -> Attribution:
    """Count the rows, in canonical order, by whose they are."""
    counts: dict[str | None, dict[str, int]] = {}
    numbers: dict[str, list[int]] = {}
    for number, (language, owner) in enumerate(rows):
        counted = counts.setdefault(owner, {})
        counted[language] = counted.get(language, 0) + 1
        if owner is not None:
            numbers.setdefault(owner, []).append(number)
    return Attribution(entries_of(counts), canonical_bytes(numbers) if numbers else b"")


def owners_of(rows: bytes) -> dict[int, str]:
    """Return whose each row is, by its number, from the bytes of an attribution; rows of nobody are not there."""
    listed: Mapping[str, list[int]] = json.loads(rows) if rows else {}
    return {number: owner for owner, numbers in listed.items() for number in numbers}


def entries_of(counts: Mapping[str | None, Mapping[str, int]]) -> tuple[dict[str, Any], ...]:
    """Return the entries of a record from the counts by contributor and language: addresses first, nobody's last."""
    total = sum(sum(by_language.values()) for by_language in counts.values())
    entries = []
    for owner in sorted(counts, key=lambda owner: (owner is None, owner or "")):
        share = Fraction(sum(counts[owner].values()), total)
        entries.append(
            {
                "contributor": owner,
                "records": dict(sorted(counts[owner].items())),
                "share": {"numerator": share.numerator, "denominator": share.denominator},
            }
        )
    return tuple(entries)


def problem_of(entries: Iterable[Mapping[str, Any]], records: int) -> str | None:
    """Say what is wrong with the entries of a record that holds so many rows, or return nothing."""
    listed = list(entries)
    owners = [entry["contributor"] for entry in listed]
    if len(set(owners)) != len(owners):
        return "names a contributor twice"
    total = sum(sum(entry["records"].values()) for entry in listed)
    if total != records:
        return f"attributes {total} of {records} records"
    counts = {entry["contributor"]: entry["records"] for entry in listed}
    if records and list(entries_of(counts)) != [dict(entry) for entry in listed]:
        return "gives a share that is not the contributor's part of the records"
    return None


def shares_of_training(
    spec: Mapping[str, Any], datasets: Mapping[str, Mapping[str, Any]]
) -> dict[str | None, Fraction]:
    """Return who gave which part of the rows that one run learns from, in each epoch, by the mixture of its spec.

    `datasets` are the bodies of the dataset records by digest. Rows in other languages than the spec uses do not count,
    and a dataset that is repeated counts as often. Raises KeyError for a dataset that is not there.
    """
    counted: dict[str | None, int] = {}
    for use in spec["datasets"]:
        for entry in datasets[use["digest"]]["contributors"]:
            rows = sum(entry["records"].get(language, 0) for language in set(use["languages"]))
            if rows:
                owner = entry["contributor"]
                counted[owner] = counted.get(owner, 0) + rows * use.get("weight", 1)
    total = sum(counted.values())
    return {owner: Fraction(rows, total) for owner, rows in counted.items()}


def credits_of(datasets: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return how many records each address gave, as the power source `contribution_credits` reads it.

    `datasets` are bodies of dataset records. A contributor is counted for each dataset once more, so whoever calls this
    leaves out those that were removed or replaced.
    """
    given: dict[str, int] = {}
    for body in datasets:
        for entry in body["contributors"]:
            if entry["contributor"] is not None:
                given[entry["contributor"]] = given.get(entry["contributor"], 0) + sum(entry["records"].values())
    return {address: str(records) for address, records in sorted(given.items())}


def _owner(declared: Declared | None, identifier: str, leaf: str, unused: set[str], place: str) -> str | None:
    if declared is None:
        return None
    if declared.form == "records":
        fitting = [name for name in (identifier, leaf) if name in declared.names]
    else:
        starts = (identifier[:length] for length in range(len(identifier) + 1))
        fitting = [start for start in starts if start in declared.names]
    unused.difference_update(fitting)
    owners = {declared.names[name] for name in fitting}
    if len(owners) > 1:
        detail = "two contributors are named for this record"
        raise Invalid("claimed_twice", detail, field=place, found=identifier[:80])
    return owners.pop() if owners else None


def _address(text: object, place: str) -> str:
    try:
        return eip712.parse_address(text)  # type: ignore[arg-type]  # it refuses what is no text
    except eip712.AddressError as error:
        raise Malformed(error.code, error.detail, field=place, found=text) from error
