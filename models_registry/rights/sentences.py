"""The one English sentence that clients of the hub and of the API read about removed data."""

from models_registry.models import Removal
from models_registry.rights.lifecycle import Owed
from models_registry.rights.selectors import Warned

_STATES = {
    Owed.DUE: "due by {due:%Y-%m-%d}",
    Owed.OVERDUE: "overdue since {due:%Y-%m-%d}",
    Owed.SETTLED: "done",
}
_WORK = {"retrain": "retraining", "rollback": "withdrawal"}


def removed_sentence(removal: Removal) -> str:
    """Say that a dataset is not handed out, and what took its place."""
    what = "this dataset" if removal.records is None else "records of this dataset"
    who = "The community has" if removal.proposal_id else "A contributor has"
    left = f" What is left is {removal.successor.digest}." if removal.successor else ""
    return f"{who} removed {what} on {removal.removed_at:%Y-%m-%d}: {removal.why}{left}"


def warning_sentence(warned: Warned) -> str:
    """Say that a model learnt from removed data, and by when what must follow is due."""
    removal = warned.removal
    said = f"Learnt from data removed on {removal.removed_at:%Y-%m-%d}"
    if warned.state is Owed.NONE or removal.due_at is None:
        return f"{said}; the community decided that nothing follows: {removal.follow_up_because}"
    return f"{said}; {_WORK[removal.follow_up]} {_STATES[warned.state].format(due=removal.due_at)}."
