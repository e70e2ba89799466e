"""What a Governor does, as members read it: what its votes changed of its numbers, and what is not taken up of it."""

import re
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from frontend import numbers
from governance.onchain.promised import OF_CHARTER, TIMELOCK, Changed
from governance.onchain.waiting import GIVEN_UP


@dataclass(frozen=True)
class Line:
    """One number: what it is about, what the charter says of it, what the Governor does now, and each change."""

    label: str
    promised: str
    now: str
    kept: bool
    is_address: bool
    steps: tuple[tuple[str, str, datetime], ...]


def lines(changed: tuple[Changed, ...], decimals: int) -> list[Line]:
    """Return the numbers that were changed, in the order in which a proposal meets them."""
    return [_line(each, decimals) for each in changed]


def _line(of: Changed, decimals: int) -> Line:
    def say(value: str) -> str:
        return _value(of.rule, value, decimals)

    return Line(
        label=_label(of.rule),
        promised=", ".join(map(say, of.promised)) or _("nothing is said of it"),
        now=_("as its new timelock has it") if of.now is None else say(of.now),
        kept=of.kept,
        is_address=of.rule == TIMELOCK,
        steps=tuple((say(step.before), say(step.after), step.at) for step in of.steps),
    )


def _label(rule: str) -> str:
    return {
        "voting_delay_seconds": _("Voting opens after"),
        "voting_period_seconds": _("Voting lasts"),
        "late_quorum_seconds": _("Late quorum"),
        "proposal_threshold": _("Needed to submit"),
        "quorum_bps": _("Quorum"),
        "timelock_seconds": _("Waiting time"),
        TIMELOCK: _("Timelock"),
    }[rule]


def _value(rule: str, value: str, decimals: int) -> str:
    if rule == TIMELOCK:
        return value
    if rule == "quorum_bps":
        return _("%(share)s of all votes") % {"share": numbers.percent(int(value))}
    if rule == "proposal_threshold":
        return _("%(power)s votes") % {"power": numbers.power(value, decimals=decimals)}
    if rule == "late_quorum_seconds" and value == "0":
        return _("does not keep voting open")
    return numbers.duration(int(value))


_RULES_DIFFERED = re.compile(r"the Governor's rules were not those of the charter: (\w+) (.+), the charter says (.+)")


def refusal(text: str, decimals: int) -> str:
    """Return why what stands on the chain was not taken up here, as a sentence."""
    found = _RULES_DIFFERED.fullmatch(text)
    if found and found[1] in OF_CHARTER.values() and found[2].isdecimal() and found[3].isdecimal():
        said = {"rule": _label(found[1]), "found": _value(found[1], found[2], decimals)}
        said["promised"] = _value(found[1], found[3], decimals)
        text = _("The Governor’s rules were not those of the charter. %(rule)s: %(found)s; the charter: %(promised)s.")
        return text % said
    return {
        "another version of this draft was proposed before": _("Another version of this draft was proposed before."),
        "its author had thrown the draft away": _("Its author had thrown the draft away."),
        "the community's charter names another Governor now": _("The charter names another Governor now."),
        "the anchor approved this digest for another proposal": _("The anchor approved this for another proposal."),
        GIVEN_UP: _("A former timelock carried this out after the Governor had given it up."),
    }.get(text, text)
