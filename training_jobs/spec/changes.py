"""What differs between two specifications, as data. Sentences are made where translations live.

Complete by construction: the canonical forms are compared, so two specifications without a change have one digest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from training_jobs.spec.shape import TrainingSpec

# Numbers of which "the double" means something. A seed has no more and less.
_AMOUNTS = frozenset(
    {
        "learning_rate",
        "weight_decay",
        "gradient_clip",
        "warmup_steps",
        "batch_size",
        "accumulation",
        "sequence_length",
        "epochs",
        "checkpoint_steps",
        "deadline_seconds",
        "budget.device_seconds",
        "budget.carbon_grams",
        "preference.beta",
        "lora.rank",
        "lora.alpha",
        "topology.workers",
        "topology.local_steps",
        "topology.outer_learning_rate",
        "topology.rank",
        "topology.stages",
    }
)
# A choice and the part that only makes sense with it: when the choice changes, both are one change.
_PAIRS = {"objective": "preference", "method": "lora", "strategy": "topology"}


@dataclass(frozen=True)
class Change:
    """One thing that differs. `field` is its path in the payload, `old` and `new` are JSON, None where there is none.

    `code`: `added` or `removed` (a dataset, or a value where there was none), `times` (an amount that is `times` the
    old one), `changed` (everything else). A change of objective, method or strategy holds the part that belongs to it:
    {"strategy": "ddp", "topology": {…}}. `subject` is the dataset's digest where the change is about one.
    """

    field: str
    code: str
    old: Any
    new: Any
    times: Fraction | None = None
    subject: str = ""


def difference(old: TrainingSpec, new: TrainingSpec) -> list[Change]:
    """Return what `new` does otherwise than `old`, in the order of the payload's keys."""
    before, after = old.to_dict(), new.to_dict()
    found: list[Change] = []
    parts_told = {part for chosen, part in _PAIRS.items() if before[chosen] != after[chosen]}
    for key in before:
        if key == "datasets":
            found += _datasets(before[key], after[key])
        elif _PAIRS.get(key) in parts_told:
            keys = (key, _PAIRS[key])
            old_pair, new_pair = ({name: side[name] for name in keys} for side in (before, after))
            found.append(Change(key, "changed", old_pair, new_pair))
        elif key not in parts_told:
            found += _between(key, before[key], after[key])
    return found


def _datasets(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> Iterator[Change]:
    old, new = ({use["digest"]: use for use in uses} for uses in (before, after))
    for digest in sorted(old.keys() | new.keys()):
        if digest not in old:
            yield Change("datasets", "added", None, new[digest], subject=digest)
        elif digest not in new:
            yield Change("datasets", "removed", old[digest], None, subject=digest)
        else:
            for key in ("languages", "weight"):
                if old[digest][key] != new[digest][key]:
                    yield Change(f"datasets.{key}", "changed", old[digest][key], new[digest][key], subject=digest)


def _between(field: str, old: Any, new: Any) -> Iterator[Change]:  # noqa: ANN401 - JSON is any shape
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict) and field not in {"base", "budget.money"}:
        for key in old:
            yield from _between(f"{field}.{key}", old[key], new[key])
    elif old is None:
        yield Change(field, "added", None, new)
    elif new is None:
        yield Change(field, "removed", old, None)
    elif field in _AMOUNTS and Decimal(old) > 0 and Decimal(new) > 0:
        yield Change(field, "times", old, new, times=Fraction(Decimal(new)) / Fraction(Decimal(old)))
    else:
        yield Change(field, "changed", old, new)
