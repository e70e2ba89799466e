"""The replay of a proposed compute policy as a table in words: as it is, as it would have been, better or worse."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction

from frontend import numbers
from frontend.compute_tables import NOTHING
from frontend.words import word
from frontend.words.base import Text, Word
from frontend.words.replays import LEFT_OUT, REPLAY_FIGURES, Better
from training_jobs.commons.replaying import is_current, state_of
from training_jobs.models import PolicyReplay

_WHOLES = {"device-seconds": 3_600, "micro-units": 1_000_000}
_WAITS = "waits."


@dataclass(frozen=True)
class ReplayRow:
    """One figure. `really`: what it was, where that is known; a dash elsewhere."""

    label: Text
    really: str
    before: str
    after: str
    verdict: Word


@dataclass(frozen=True)
class ReplayShown:
    """A replay as a page shows it."""

    replay: PolicyReplay
    state: str
    current: bool
    rows: tuple[ReplayRow, ...]
    left_out: tuple[str, ...]
    since: datetime | None
    until: datetime | None
    failure: Word | None

    @property
    def unfinished(self) -> bool:
        """Say whether more is to come."""
        return self.state in ("ordered", "running")


def shown(replay: PolicyReplay, now: datetime) -> ReplayShown:
    """Return a replay in words."""
    about = replay.about
    found = {name: (before, after) for name, before, after in replay.rows}
    return ReplayShown(
        replay,
        state_of(replay, now),
        is_current(replay),
        tuple(_row(name, *found[name], about.get("waits_really", {})) for name in REPLAY_FIGURES if name in found),
        tuple(str(LEFT_OUT[code] % {"n": n}) for code, n in about.get("left_out", {}).items() if code in LEFT_OUT),
        _moment(about, "since"),
        _moment(about, "until"),
        word("replay_failure", replay.failure) if replay.failure else None,
    )


def _row(name: str, before: int, after: int, really: Mapping[str, Mapping[str, int]]) -> ReplayRow:
    figure = REPLAY_FIGURES[name]
    was = NOTHING
    if name.startswith(_WAITS):
        _waits, kind, part = name.split(".")
        was = _in_words(really[kind][part], figure.unit) if really.get(kind, {}).get("count") else NOTHING
    return ReplayRow(
        figure.label,
        was,
        _in_words(before, figure.unit),
        _in_words(after, figure.unit),
        word("replay_verdict", _verdict(figure.better, before, after)),
    )


def _verdict(better: Better, before: int, after: int) -> str:
    if before == after:
        return "same"
    grows = after > before
    if better is Better.NEITHER:
        return "more" if grows else "less"
    return "better" if grows == (better is Better.MORE) else "worse"


def _in_words(value: int, unit: str) -> str:
    if unit == "seconds":
        return numbers.duration(value)
    if unit == "bps":
        return numbers.percent(value)
    if unit in _WHOLES:
        return numbers.ratio(Fraction(value, _WHOLES[unit]), "number")
    return numbers.grouped(value)


def _moment(about: Mapping[str, int], name: str) -> datetime | None:
    return datetime.fromtimestamp(about[name], UTC) if name in about else None
