"""How a vote stands, as one short sentence for those who hear a page: it is told whenever it changes, and only then.

Nothing is said of a vote whose ballots are sealed, and nothing before voting opens.
"""

from django.utils.translation import gettext as _

from frontend import numbers
from frontend.words.base import Text
from frontend.words.proposals import PROPOSAL_STATES
from governance.lifecycle import State
from governance.outcome import AGAINST, FOR
from governance.selectors import Results

_STOPPED = frozenset({State.CANCELED, State.VETOED, State.EXPIRED})


def stands(results: Results, state: str) -> Text:
    """Return the sentence; empty where there is nothing to be said."""
    if state in _STOPPED:
        return PROPOSAL_STATES[state].says
    if results.sealed or state in {State.DRAFT, State.PENDING}:
        return ""
    if not results.ballot_count and not results.final:
        return _("Voting is open; nobody has voted yet.")
    return _of_one_thing(results) if results.binary else _of_choices(results)


def _of_one_thing(results: Results) -> str:
    """Say it of a vote for or against one thing."""
    powers = {option.name: numbers.power(option.power, decimals=results.decimals) for option in results.options}
    values = {"in_favour": powers[FOR], "against": powers[AGAINST]}
    if results.final and results.passed:
        return _("It passed: for %(in_favour)s, against %(against)s.") % values
    if results.final:
        return _("It did not pass: for %(in_favour)s, against %(against)s.") % values
    quorum = results.condition("quorum")
    if quorum is None:
        return _("For %(in_favour)s, against %(against)s.") % values
    if quorum.holds:
        return _("For %(in_favour)s, against %(against)s; the quorum is met.") % values
    return _("For %(in_favour)s, against %(against)s; the quorum is not met yet.") % values


def _of_choices(results: Results) -> str:
    """Say it of a vote among several choices: who leads, not by how much, so that not every ballot is told."""
    values = {"choices": ", ".join(results.winners)}
    if results.final and results.passed:
        return _("It passed: %(choices)s.") % values
    if results.final:
        return _("It did not pass.")
    quorum = results.condition("quorum")
    is_met = quorum is None or quorum.holds
    if not results.winners:
        return _("No choice leads.") if is_met else _("No choice leads; the quorum is not met yet.")
    if quorum is None:
        return _("In the lead: %(choices)s.") % values
    if is_met:
        return _("In the lead: %(choices)s; the quorum is met.") % values
    return _("In the lead: %(choices)s; the quorum is not met yet.") % values
