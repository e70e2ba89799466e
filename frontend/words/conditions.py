"""Why a decision passed or failed: each condition with a bar and its sentence. Nothing is judged here.

The sentences are `governance.sentences`, which the API answers too.
"""

from dataclasses import dataclass

from frontend import numbers
from governance.outcome import AGAINST, BASIS_POINTS, FOR
from governance.outcome import Condition as Judged
from governance.selectors import Results
from governance.sentences import condition_sentence

_LIMITS = frozenset({"rejection", "objection"})


@dataclass(frozen=True)
class Condition:
    """One condition as it is shown: its key, whether it holds, a bar in basis points, and the sentence.

    `mark_bps` is where the line stands that the bar has to reach; `needed` says its number. `limit` says that the bar
    must stay short: it is about power that stops a proposal. No bar: None.
    """

    name: str
    holds: bool
    bar_bps: int | None
    mark_bps: int
    needed: str
    limit: bool
    sentence: str

    @property
    def anchor(self) -> str:
        """Return on which side of its line the number stands, so that it stays within the picture."""
        return (
            "start"
            if self.mark_bps < BASIS_POINTS // 4
            else "end"
            if self.mark_bps > BASIS_POINTS * 3 // 4
            else "middle"
        )


def conditions(results: Results) -> list[Condition]:
    """Return the conditions of a count in words."""
    return [_shown(judged, results) for judged in results.conditions]


def _shown(judged: Judged, results: Results) -> Condition:
    name = judged.condition
    decimals = results.house_decimals if name == "objection" else results.decimals
    sentence = condition_sentence(judged, lambda power: numbers.power(power, decimals=decimals))
    whole = _whole(judged, results)
    is_empty = name == "majority" and not judged.found and judged.needed <= 1  # nobody voted: there is nothing to draw
    bar = None if is_empty or name in {"winner", "opened"} else min(BASIS_POINTS, judged.found * BASIS_POINTS // whole)
    mark = min(BASIS_POINTS, judged.needed * BASIS_POINTS // whole)
    needed = numbers.power(judged.needed, decimals=decimals)
    return Condition(name, judged.holds, bar, mark, needed, name in _LIMITS, sentence)


def _whole(judged: Judged, results: Results) -> int:
    """Return what the whole width of a bar stands for: room beyond the line, or all votes for and against."""
    if judged.condition == "majority":
        return max(1, sum(option.power for option in results.options if option.name in {FOR, AGAINST}), judged.needed)
    return max(1, judged.found, judged.needed + judged.needed // 4)
