"""Why a decision passed or failed: each condition with a bar and its sentence. Nothing is judged here.

The sentences are `governance.sentences`, which the API answers too.
"""

from dataclasses import dataclass

from frontend import numbers
from governance.outcome import BASIS_POINTS
from governance.outcome import Condition as Judged
from governance.selectors import Results
from governance.sentences import condition_sentence

_LIMITS = frozenset({"rejection", "objection"})


@dataclass(frozen=True)
class Condition:
    """One condition as it is shown: its key, whether it holds, a bar in basis points, and the sentence.

    `limit` says that the bar must stay short: it is about power that stops a proposal. No bar: None.
    """

    name: str
    holds: bool
    bar_bps: int | None
    limit: bool
    sentence: str


def conditions(results: Results) -> list[Condition]:
    """Return the conditions of a count in words."""
    return [_shown(judged, results) for judged in results.conditions]


def _shown(judged: Judged, results: Results) -> Condition:
    name = judged.condition
    decimals = results.house_decimals if name == "objection" else results.decimals
    sentence = condition_sentence(judged, lambda power: numbers.power(power, decimals=decimals))
    bar = None if name == "winner" else min(BASIS_POINTS, judged.found * BASIS_POINTS // max(1, judged.needed))
    return Condition(name, judged.holds, bar, name in _LIMITS, sentence)
