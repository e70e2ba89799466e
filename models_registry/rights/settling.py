"""What whoever registers a dataset says of its rights: read, held against the rows, and kept beside them."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from governance.errors import Malformed
from governance.evidence.canonical import CanonicalError, strict_loads
from models_registry.rights import croissant
from models_registry.rights.contributors import Attribution, attribute, read_declared
from models_registry.rights.sources import Source, read_sources

TEXT_BYTES_MAX = 1_000_000


@dataclass(frozen=True)
class Rights:
    """What was said, as it came: JSON of sources and contributors, the text of a Croissant file. None is nothing."""

    sources: object = None
    contributors: object = None
    croissant: str | None = None


@dataclass(frozen=True)
class Settled:
    """What was said, checked: the sources with every key, and whose each row is."""

    sources: tuple[Source, ...]
    attribution: Attribution

    def columns(self) -> dict[str, Any]:
        """Return what the dataset's row keeps of it."""
        rows = self.attribution.rows
        return {
            "sources": list(self.sources),
            "contributors": list(self.attribution.entries),
            "contributions": hashlib.sha256(rows).hexdigest() if rows else "",
        }

    def keep(self, rows: Path) -> None:
        """Write whose each row is beside the canonical rows, which lie at `rows`; nothing where nobody is named."""
        if self.attribution.rows:
            contributions_path(rows).write_bytes(self.attribution.rows)


def settle(rights: Rights, lines: Iterable[bytes], *, digests: Collection[str], columns: Collection[str]) -> Settled:
    """Read what was said and hold it against the data; raise Malformed or Invalid with the place of what is wrong.

    `lines` are the canonical rows; `digests` the SHA-256 of the files as sent and of the canonical rows.
    """
    if rights.sources is not None and rights.croissant is not None:
        raise Malformed("sources_twice", "send sources or a Croissant file, not both", field="croissant")
    sources: Collection[Source] = ()
    if rights.croissant is not None:
        described = croissant.read(rights.croissant.encode())
        croissant.check(described, digests, columns)
        sources = described.sources
    elif rights.sources is not None:
        sources = read_sources(rights.sources)
    return Settled(tuple(sources), attribute(lines, read_declared(rights.contributors)))


def read_rights(values: Mapping[str, Any]) -> Rights:
    """Return what a form or a JSON body says under `sources`, `contributors` and `croissant`, if it does.

    A form sends JSON as text, and the Croissant file as a file. The form of each is judged here, so that it is refused
    before any row is read; whether it fits the rows, `settle` says.
    """
    sources = _json(values.get("sources"), "sources")
    contributors = _json(values.get("contributors"), "contributors")
    described: Any = values.get("croissant")
    if hasattr(described, "read"):
        described = described.read(croissant.BYTES_MAX + 1)
        try:
            described = described.decode("utf-8")
        except UnicodeDecodeError as error:
            detail = f"not UTF-8 at byte {error.start}"
            raise Malformed("croissant_malformed", detail, field="croissant") from error
    elif isinstance(described, dict):
        described = json.dumps(described, ensure_ascii=False)
    elif described is not None and not isinstance(described, str):
        raise Malformed("croissant_malformed", "a Croissant file is a JSON object", field="croissant")
    rights = Rights(sources, contributors, described or None)
    if rights.sources is not None:
        read_sources(rights.sources)
    if rights.croissant is not None:
        croissant.read(rights.croissant.encode())
    read_declared(rights.contributors)
    return rights


def _json(value: object, place: str) -> object:
    """Return JSON that came as text in its values; an empty text says nothing."""
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return strict_loads(value.encode(), max_bytes=TEXT_BYTES_MAX)
    except CanonicalError as error:
        raise Malformed("malformed_json", error.detail, field=place) from error


def contributions_path(rows: Path) -> Path:
    """Return where it lies who contributed which rows of the dataset whose canonical rows lie at `rows`."""
    return rows.with_suffix(".contributors.json")
