"""How a count says why it ended as it did: the sentences of `governance.tally.sentences`, by their keys.

Values whose name begins with `choice` are positions of choices from 1; powers are in base units, perhaps as a fraction.
"""

from collections.abc import Mapping
from fractions import Fraction

from django.utils.translation import gettext_lazy as _

from frontend import numbers
from frontend.words.base import Text
from frontend.words.proposals import choice as choice_word

SENTENCES: dict[str, Text] = {
    "nothing_cast": _("No valid ballot was cast, so there is no winner."),
    "invalid": _("Ballots that could not be counted: %(count)s. Each is listed with its reason."),
    "binary_for": _("%(in_favour)s votes for are more than %(against)s against."),
    "binary_against": _("%(against)s votes against are more than %(in_favour)s for."),
    "binary_tie": _("%(in_favour)s votes for and as many against: a tie does not pass."),
    "unused": _("%(power)s votes of these ballots were not placed."),
    "winner": _("%(choice)s has the most: %(score)s of %(total)s votes."),
    "tie": _("%(choices)s have equally much, %(score)s votes. The rule for this: no winner."),
    "shares_rounded": _(
        "The weights were too varied for exact fractions; each share was rounded down to %(places)s binary places."
    ),
    "roots": _("Square roots were taken to %(places)s binary places, rounded down."),
    "irv_eliminated": _("Round %(round)s: %(choice)s has the least, %(score)s votes, and drops out."),
    "irv_tie_eliminated": _(
        "Round %(round)s: %(choices)s have the least, %(score)s votes each. The rule for this: the first of them in "
        "the list, %(choice)s, drops out."
    ),
    "irv_majority": _("Round %(round)s: %(choice)s has %(score)s votes, more than half of %(total)s, and wins."),
    "irv_last_two_tie": _(
        "Round %(round)s: %(choices)s remain with %(score)s votes each. The rule for this: no winner."
    ),
    "copeland_winner": _("%(choice)s wins %(wins)s and ties %(ties)s of %(duels)s comparisons, more than any other."),
    "copeland_support": _("%(choice)s wins by the most support in all comparisons; %(choices)s won equally many."),
    "stv_quota": _("The quota is %(quota)s votes: more than %(total)s / (%(seats)s + 1), for %(seats)s seats."),
    "stv_elected": _("Round %(round)s: %(choice)s reaches the quota with %(score)s votes and is elected."),
    "stv_filled": _("Round %(round)s: as many choices remain as seats; %(choice)s is elected with %(score)s votes."),
    "stv_surplus": _("Round %(round)s: the surplus of %(choice)s, %(surplus)s votes, passes to the next preferences."),
    "stv_eliminated": _("Round %(round)s: %(choice)s has the least, %(score)s votes, and drops out."),
    "stv_tie_earlier": _("Round %(round)s: %(choices)s are equal; an earlier round picks %(choice)s."),
    "stv_tie_position": _(
        "Round %(round)s: %(choices)s are equal in every round; the rule for this picks the first in the list, "
        "%(choice)s."
    ),
}
_POWERS = frozenset({"in_favour", "against", "power", "score", "total", "quota", "surplus"})


def told(key: str, values: Mapping[str, str], names: Mapping[int, str], decimals: int, *, binary: bool) -> str:
    """Return a sentence of a count; `names` are the choices by position from 0. A new key is shown with its values."""
    written = {name: _value(name, value, names, decimals, binary=binary) for name, value in values.items()}
    if key not in SENTENCES:
        return f"{key.replace('_', ' ')}: {', '.join(written.values())}"
    return str(SENTENCES[key]) % written


def _value(name: str, value: str, names: Mapping[int, str], decimals: int, *, binary: bool) -> str:
    if name.startswith("choice"):
        return ", ".join(_named(int(place) - 1, names, binary=binary) for place in value.split(", "))
    if name in _POWERS:
        # What would be too long to read comes rounded down already, after a sign that says so.
        units = int(Fraction(value.removeprefix("≈")))
        return ("≈\u00a0" if value.startswith("≈") else "") + numbers.power(units, decimals=decimals)
    return value


def _named(position: int, names: Mapping[int, str], *, binary: bool) -> str:
    return str(choice_word(names[position], binary=binary).label)
