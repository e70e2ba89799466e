"""What a machine says of the energy of an attempt, as lines among its events, and how they are read: not believed.

One line for each child process, numbered within the attempt: {"event": "energy", "child": 1, "joules": …, "how": …,
"by": […], "covers": […], "seconds": …, "note": …}. A line that was sent twice counts once. Lines come from whoever ran
the child; the child itself may not say them, or it could say anything (the supervisor drops those).
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, get_args

from governance.errors import Invalid
from training_jobs.carbon.meters.base import JOULES_MAX, Energy, How, Part

EVENT = "energy"
CHILDREN_MAX = 1_000
SECONDS_MAX = 10**9
METERS_MAX = 10
NAME_CHARACTERS_MAX = 40
NOTE_CHARACTERS_MAX = 500


def line_of(energy: Energy, child: int) -> dict[str, Any]:
    """Return the line that says what a child used; `child` counts from 1 within an attempt."""
    said = asdict(energy)
    return {"event": EVENT, "child": child, **said, "by": list(energy.by), "covers": list(energy.covers)}


def read(line: Mapping[str, Any]) -> tuple[int, Energy]:
    """Return the number of the child and its energy; raise Invalid for a line of another form."""
    child = _whole(line, "child", 1, CHILDREN_MAX)
    how: Any = line.get("how")
    if how not in get_args(How):
        raise _invalid("how", how, ", ".join(get_args(How)))
    covers = _names(line, "covers")
    if not set(covers) <= set(get_args(Part)):
        raise _invalid("covers", covers, ", ".join(get_args(Part)))
    note = line.get("note")
    if not isinstance(note, str) or len(note) > NOTE_CHARACTERS_MAX or not (note.isprintable() or not note):
        raise _invalid("note", note, f"at most {NOTE_CHARACTERS_MAX} printable characters")
    joules, seconds = _whole(line, "joules", 0, JOULES_MAX), _whole(line, "seconds", 0, SECONDS_MAX)
    return child, Energy(joules, how, _names(line, "by"), covers, seconds, note)


def total(lines: Iterable[Mapping[str, Any]]) -> Energy | None:
    """Return the energy of an attempt from its lines, the last one of each child; None where there are none.

    `metered` only where every child was. A line that cannot be read counts for nothing and makes the whole an estimate.
    """
    children: dict[int, Energy] = {}
    unread = 0
    for line in lines:
        try:
            child, energy = read(line)
        except Invalid:
            unread += 1
        else:
            children[child] = energy
    if not children:
        return None
    parts = [children[child] for child in sorted(children)]
    metered = not unread and all(part.how == "metered" for part in parts)
    notes = dict.fromkeys(
        [*(part.note for part in parts if part.note), *(["a line could not be read"] if unread else [])]
    )
    return Energy(
        joules=sum(part.joules for part in parts),
        how="metered" if metered else "estimated",
        by=tuple(dict.fromkeys(name for part in parts for name in part.by)),
        covers=tuple(sorted(set.intersection(*(set(part.covers) for part in parts)))),
        seconds=sum(part.seconds for part in parts),
        note="; ".join(notes)[:NOTE_CHARACTERS_MAX],
    )


def _whole(line: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = line.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _invalid(name, value, f"a whole number from {least} to {most}")
    return value


def _names(line: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    value = line.get(name)
    if not isinstance(value, list) or len(value) > METERS_MAX or not all(map(_is_name, value)):
        raise _invalid(name, value, f"at most {METERS_MAX} names")
    return tuple(value)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= NAME_CHARACTERS_MAX and value.isascii() and value.isprintable()


def _invalid(name: str, found: object, allowed: str) -> Invalid:
    return Invalid(
        "energy_malformed",
        "what was said of energy cannot be read",
        field=name,
        found=repr(found)[:80],
        allowed=allowed,
    )
