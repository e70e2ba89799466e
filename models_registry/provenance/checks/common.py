"""What several checks need: the way back from a record to its vote, and values put into words. Pure."""

from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record
from models_registry.provenance.case import Case
from models_registry.provenance.shapes import parent_of

_SHOWN_CHARACTERS = 300  # a few lines on a screen


def executed_at(record: Record, case: Case) -> int:
    """Return when the execution that made this record took place, in UNIX seconds."""
    return int(parent_of(record, "execution", case.records).body["executed_at"])


def removed_at(removal: Record, case: Case) -> int:
    """Return when data was taken out, in UNIX seconds: when the vote was executed, or a contributor took it back."""
    taken_back = removal.body["taken_back"]
    return executed_at(removal, case) if taken_back is None else int(taken_back["at"])


def proposal_of(record: Record, case: Case) -> Record:
    """Return the proposal whose execution made this record."""
    decision = parent_of(parent_of(record, "execution", case.records), "decision", case.records)
    return parent_of(decision, "proposal", case.records)


def same(left: object, right: object) -> bool:
    """Compare as written: to Python 1 equals true, to a trainer it may not."""
    return canonical_bytes(left) == canonical_bytes(right)


def shown(value: object) -> str:
    """Shorten a value for a sentence."""
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[: _SHOWN_CHARACTERS - 3]}..."
