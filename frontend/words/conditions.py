"""Why a decision passed or failed: each condition with its numbers in a sentence.

The numbers are those that `governance.outcome.decide` used; nothing is judged here.
"""

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from frontend import numbers
from governance.outcome import AGAINST, BASIS_POINTS, FOR, Condition as Judged
from governance.selectors import Results


@dataclass(frozen=True)
class Condition:
    """One condition as it is shown: its name's key, whether it holds, a bar in basis points, and the sentence.

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
    limit = name in {"rejection", "objection"}
    bar = None if name == "winner" else min(BASIS_POINTS, judged.found * BASIS_POINTS // max(1, judged.needed))
    return Condition(name, judged.holds, bar, limit, _sentence(judged, results))


def _sentence(judged: Judged, results: Results) -> str:
    if judged.condition == "winner":
        return _winner(judged)
    if judged.condition == "majority" and not _any_for_or_against(results):
        return _("Majority: nobody voted for or against.")
    decimals = results.house_decimals if judged.condition == "objection" else results.decimals
    values = {
        "found": numbers.power(judged.found, decimals=decimals),
        "needed": numbers.power(judged.needed, decimals=decimals),
    }
    sentence = _both(judged.condition)[0 if judged.holds else 1]
    return sentence % values


def _any_for_or_against(results: Results) -> bool:
    return any(option.power for option in results.options if option.name in {FOR, AGAINST})


def _winner(judged: Judged) -> str:
    if judged.holds:
        return ngettext(
            "Winner: one choice has won.", "Winners: all %(seats)s seats are filled.", judged.needed
        ) % {"seats": judged.needed}
    if judged.found:
        return _("Winners: only %(found)s of %(needed)s seats could be filled.") % {
            "found": judged.found,
            "needed": judged.needed,
        }
    return _("Winner: none; either nothing was chosen, or several choices have equally much.")


def _both(name: str) -> tuple[str, str]:
    """Return the two sentences of a condition: when it holds, and when it does not."""
    sentences = {
        "quorum": (
            _("Quorum: %(found)s votes took part, %(needed)s were needed."),
            _("Quorum: only %(found)s votes took part of the %(needed)s needed."),
        ),
        "majority": (
            _("Majority: %(found)s votes in favour, %(needed)s were needed."),
            _("Majority: only %(found)s votes in favour of the %(needed)s needed."),
        ),
        "support": (
            _("Support: %(found)s votes of all that exist are in favour, %(needed)s were needed."),
            _("Support: only %(found)s votes of all that exist are in favour of the %(needed)s needed."),
        ),
        "rejection": (
            _("Rejection: %(found)s votes against; only more than %(needed)s would stop it."),
            _("Rejection: %(found)s votes against, more than the %(needed)s that it could bear."),
        ),
        "objection": (
            _("Second house: %(found)s against; %(needed)s would stop it."),
            _("Second house: %(found)s against, and %(needed)s are enough to stop it."),
        ),
    }
    other = f"{name}: %(found)s / %(needed)s"
    return sentences.get(name, (other, other))
