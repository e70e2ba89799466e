"""What a duty may ask of people before a release, which samples it draws, and whether it was done. Pure.

A duty stands in a rule in the place of a gate. `TASKS` is the table of what it may ask; a duty without samples to read
asks to read the report alone. Standard of the draw: SHA-256 in counter mode, so that any language draws the same.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

NOTHING, OBJECTS = "nothing_to_object", "objects"
FINDINGS = (NOTHING, OBJECTS)
PEOPLE_MAX = 50
SAMPLES_MAX = 500
DAYS_MAX = 90
OBJECTIONS_MAX = 50
REASON_MAX = 1_000
DAY_SECONDS = 86_400
KEYS = ("task", "people", "samples", "days", "objections")
_NUMBER_BYTES = 8


@dataclass(frozen=True)
class Task:
    """One thing that people may be asked to do: how many samples it takes, at least and at most."""

    samples_min: int
    samples_max: int


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "read_samples": Task(1, SAMPLES_MAX),  # samples of the run, drawn by `draw`, and the report
        "read_report": Task(0, 0),  # what was measured
    }
)


@dataclass(frozen=True)
class Duty:
    """What a rule asks of people: so many have to attest within so many days that they found nothing to object.

    `samples`: how many each of them reads. `objections`: how many reviewers may object without breaking the rule.
    """

    task: str
    people: int
    samples: int
    days: int
    objections: int

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Duty":
        """Read a duty whose form was checked by `problem`."""
        return cls(**{name: body[name] for name in KEYS})

    def deadline(self, opened_at: int) -> int:
        """Return the second before which it has to be done, when people were asked at `opened_at` (UNIX seconds)."""
        return opened_at + self.days * DAY_SECONDS


@dataclass(frozen=True)
class Said:
    """What reviewers said under one duty: how many have nothing to object, and how many object."""

    agreeing: int
    objecting: int

    def holds(self, duty: Duty) -> bool:
        """Say whether the duty is done."""
        return self.agreeing >= duty.people and self.objecting <= duty.objections

    def is_settled(self, duty: Duty) -> bool:
        """Say whether nobody else need be asked: it is done, or broken by objections."""
        return self.holds(duty) or self.objecting > duty.objections


def problem(value: object) -> str:
    """Say what is wrong with a duty as it stands in a rule; empty for nothing."""
    if not isinstance(value, Mapping) or set(value) != set(KEYS):
        found = sorted(map(str, value)) if isinstance(value, Mapping) else value
        return f"a duty has exactly the keys {', '.join(KEYS)}, found {found}"
    task = TASKS.get(value["task"]) if isinstance(value["task"], str) else None
    if task is None:
        return f"the task {value['task']!r} is not one of {', '.join(TASKS)}"
    for name, (least, most) in bounds(task).items():
        if type(value[name]) is not int or not least <= value[name] <= most:
            return f"{name} is a whole number from {least} to {most}, found {value[name]!r}"
    return ""


def bounds(task: Task) -> dict[str, tuple[int, int]]:
    """Return from what to what each number of a duty goes."""
    return {
        "people": (1, PEOPLE_MAX),
        "samples": (task.samples_min, task.samples_max),
        "days": (1, DAYS_MAX),
        "objections": (0, OBJECTIONS_MAX),
    }


def draw(duty: Duty, candidate: str, rule: str, samples_sha256: str, samples: int) -> tuple[int, ...]:
    """Return which lines of the samples are to be read: places from 0, ascending, each once.

    `candidate` is the digest of the model's files, `rule` that of the rule's record, `samples` how many lines there
    are. The n-th number is the first eight bytes of SHA-256 over these and n, modulo `samples`; a place that was drawn
    already is passed over (the modulo prefers no place by more than one part in 2^40). Raises ValueError for more than
    there are.
    """
    if duty.samples > samples:
        raise ValueError(f"{duty.samples} samples are to be read, {samples} are there")
    found: set[int] = set()
    number = 0
    while len(found) < duty.samples:
        seed = hashlib.sha256(f"{candidate} {rule} {samples_sha256} {number}".encode()).digest()
        found.add(int.from_bytes(seed[:_NUMBER_BYTES], "big") % samples)
        number += 1
    return tuple(sorted(found))


def said_under(slug: str, attestations: Iterable[object]) -> Said:
    """Count what reviewers said under the rule of this name, each once; whoever also objects objects.

    Only what has the form of an attestation counts: anything else cannot make a duty done.
    """
    agreeing: set[str] = set()
    objecting: set[str] = set()
    for each in attestations:
        if not isinstance(each, Mapping) or each.get("rule") != slug or not isinstance(each.get("reviewer"), str):
            continue
        if each.get("finding") == OBJECTS:
            objecting.add(each["reviewer"].lower())
        elif each.get("finding") == NOTHING:
            agreeing.add(each["reviewer"].lower())
    return Said(len(agreeing - objecting), len(objecting))
