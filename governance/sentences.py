"""One sentence for each condition of a decision, in the reader's language: the page and the API say the same."""

from collections.abc import Callable

from django.utils.translation import gettext as _

from governance.outcome import Condition

Power = Callable[[int], str]  # how a power is written


def condition_sentence(condition: Condition, power: Power) -> str:
    """Return what a condition found and needed, and whether it holds, as one sentence."""
    values = {"found": power(condition.found), "needed": power(condition.needed)}
    if condition.condition == "majority" and (condition.found, condition.needed) == (0, 1):
        return _("Majority: nobody voted in favour.")
    if condition.condition in {"winner", "opened"}:
        values = {"found": str(condition.found), "needed": str(condition.needed)}
    return _sentence(condition.condition, holds=condition.holds) % values


def _sentence(name: str, *, holds: bool) -> str:
    sentences = {
        ("quorum", True): _("Quorum: %(found)s votes took part, %(needed)s were needed."),
        ("quorum", False): _("Quorum: only %(found)s votes took part of the %(needed)s needed."),
        ("majority", True): _("Majority: %(found)s votes in favour, %(needed)s were needed."),
        ("majority", False): _("Majority: only %(found)s votes in favour of the %(needed)s needed."),
        ("support", True): _("Support: %(found)s votes in favour are enough of everybody’s; %(needed)s were needed."),
        ("support", False): _("Support: %(found)s votes in favour are too few of everybody’s; %(needed)s were needed."),
        ("winner", True): _("Winners: %(found)s found, %(needed)s to be chosen."),
        ("winner", False): _("Winners: %(found)s found, but %(needed)s are to be chosen; a tie stays a tie."),
        ("rejection", True): _("Rejection: %(found)s votes against; more than %(needed)s would have stopped it."),
        ("rejection", False): _("Rejection: %(found)s votes against are more than the %(needed)s that are allowed."),
        ("opened", True): _("Sealed ballots: %(found)s keyholders opened them, %(needed)s were needed."),
        ("opened", False): _(
            "Sealed ballots: only %(found)s of the %(needed)s keyholders needed opened them, so nobody can count them."
        ),
        ("objection", True): _("Second house: %(found)s against; %(needed)s would have stopped it."),
        ("objection", False): _("Second house: %(found)s against, and %(needed)s are enough to stop it."),
    }
    return sentences[name, holds]
