"""The rules of a tier as lines that a member can read. What is off is not mentioned."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from frontend import numbers
from governance.outcome import SECONDS_MAX, Rules


@dataclass(frozen=True)
class Rule:
    """One rule: what it is about, and what it says."""

    label: str
    text: str


def rules(of: Rules, decimals: int, *, binary: bool = True) -> list[Rule]:
    """Return the rules of a tier, in the order in which a proposal meets them; `binary`: of a vote for or against."""
    lines = [
        Rule(_("Needed to submit"), _votes(of.proposal_threshold, decimals)),
        Rule(_("Voting opens after"), numbers.duration(of.voting_delay_seconds)),
        Rule(_("Voting lasts"), numbers.duration(of.voting_period_seconds)),
    ]
    if of.late_quorum_seconds:
        text = _("a quorum that is reached late keeps voting open for %(duration)s more, once")
        lines.append(Rule(_("Late quorum"), text % {"duration": numbers.duration(of.late_quorum_seconds)}))
    lines += _rejection(of) if of.optimistic else [_quorum(of, decimals), *(_majority(of) if binary else [])]
    if of.super_quorum_bps and binary:
        text = _("voting closes early once %(share)s of %(base)s is for, and everything else is reached")
        lines.append(Rule(_("Early end"), text % _share(of.super_quorum_bps, of)))
    if of.objection_bps:
        text = _("stops it when %(share)s of it is against")
        lines.append(Rule(_("Second house"), text % {"share": numbers.percent(of.objection_bps)}))
    lines += [
        Rule(_("Waiting time"), numbers.duration(of.timelock_seconds)),
        Rule(_("Carried out within"), _window(of.execution_window_seconds)),
    ]
    if of.cool_down_seconds:
        text = _("what did not pass can come back after %(duration)s")
        lines.append(Rule(_("Cool-down"), text % {"duration": numbers.duration(of.cool_down_seconds)}))
    return lines


def _window(seconds: int) -> str:
    """Say the longest window, which is what a Governor takes, as people would."""
    return _("ten years") if seconds == SECONDS_MAX else numbers.duration(seconds)


def _rejection(of: Rules) -> list[Rule]:
    text = _("it passes unless more than %(share)s of %(base)s is against")
    return [Rule(_("Rejection"), text % _share(of.rejection_bps, of))]


def _quorum(of: Rules, decimals: int) -> Rule:
    if not of.quorum_bps:
        return Rule(_("Quorum"), _votes(of.quorum_votes, decimals))
    text = _("%(share)s of %(base)s")
    if of.quorum_votes:
        text = _("%(share)s of %(base)s, and never less than %(votes)s")
    return Rule(_("Quorum"), text % {**_share(of.quorum_bps, of), "votes": _votes(of.quorum_votes, decimals)})


def _majority(of: Rules) -> list[Rule]:
    majority = _("more than %(share)s of the votes for or against") % {"share": numbers.percent(of.threshold_bps)}
    lines = [Rule(_("Majority"), majority)]
    if of.support_bps:
        lines.append(Rule(_("Support"), _("for from at least %(share)s of %(base)s") % _share(of.support_bps, of)))
    return lines


def _share(bps: int, of: Rules) -> dict[str, str]:
    base = _("all votes") if of.quorum_basis == "supply" else _("the votes that were delegated to anybody")
    return {"share": numbers.percent(bps), "base": base}


def _votes(power: int, decimals: int) -> str:
    return _("%(power)s votes") % {"power": numbers.power(power, decimals=decimals)}
