"""The table of formats that intake reads. A new format is one file beside this one and one line here."""

from models_registry.datasets.formats import harness, json_lines, parquet, plain_text, separated
from models_registry.datasets.formats.base import Budget, Format, Source
from models_registry.datasets.magic import foreign_format
from models_registry.datasets.rows import format_not_allowed

__all__ = ["ENDINGS", "FORMATS", "Budget", "Format", "Source", "described", "format_of", "require_format"]

FORMATS: dict[str, Format] = {
    found.name: found
    for found in (json_lines.FORMAT, separated.FORMAT, parquet.FORMAT, plain_text.FORMAT, harness.FORMAT)
}
ENDINGS = {ending: found for found in FORMATS.values() for ending in found.endings}


def described() -> str:
    """Return the formats and their endings in words."""
    return ", ".join(f"{found.label} (*{', *'.join(found.endings)})" for found in FORMATS.values())


def format_of(name: str) -> Format:
    """Return the format that a file's name says; raise IntakeError for any other name."""
    for ending, found in ENDINGS.items():
        if name.lower().endswith(ending):
            return found
    raise format_not_allowed(f"the name {name[:80]!r}", described())


def require_format(found: Format, head: bytes) -> None:
    """Refuse a file whose first bytes are not those of the format that its name says."""
    if found is parquet.FORMAT:
        parquet.require_parquet(head)
        return
    foreign = foreign_format(head)
    if foreign is not None:
        raise format_not_allowed(foreign, described())
