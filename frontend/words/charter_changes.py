"""What a proposal changes in the voting rules, in words: each value that differs, before and after."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from frontend import numbers, words
from frontend.words.base import Text
from governance.charter import DEFAULT, Charter
from governance.charter_changes import COUNCIL, HOUSE, KINDS, POWER, SEALING, Change, CharterChanges, TierChanges
from governance.kinds import all_kinds
from governance.outcome import Rules
from governance.power import DECIMALS

# A list of members may change in thousands of lines.
ROWS_MAX = 100
NONE = "–"


@dataclass(frozen=True)
class Row:
    """One value: what it is, what it was, what it becomes."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Group:
    """What changes in one tier or part. `mark` is "new", "gone" or nothing; `left_out` rows are too many to list."""

    title: str
    rows: tuple[Row, ...]
    mark: str = ""
    left_out: int = 0


def groups(of: CharterChanges) -> list[Group]:
    """Return what changes, tier by tier and then the rest; what stays as it is, is not among it."""
    found = [_tier(tier, of) for tier in of.tiers if tier.changed]
    return found + [_part(part, changes, of) for part, changes in of.parts.items() if changes]


def unchanged(of: CharterChanges) -> list[str]:
    """Return the names of the tiers and parts in which nothing changes."""
    tiers = [_tier_name(tier.name) for tier in of.tiers if not tier.changed]
    return tiers + [str(_PARTS[part]) for part, changes in of.parts.items() if not changes]


def _tier(tier: TierChanges, of: CharterChanges) -> Group:
    title = _tier_name(tier.name)
    if tier.is_new:
        lines = words.rules(of.after.tiers[tier.name], _decimals(of.after))
        return Group(title, tuple(Row(line.label, NONE, line.text) for line in lines), "new")
    if tier.is_gone:
        lines = words.rules(of.before.tiers[tier.name], _decimals(of.before))
        return Group(title, tuple(Row(line.label, line.text, NONE) for line in lines), "gone")
    old, new = of.before.tiers[tier.name], of.after.tiers[tier.name]
    changed = {change.name: change for change in tier.changes}
    return Group(
        title,
        tuple(_rule(changed[name], old, new, of) for name in _RULES if name in changed),
    )


def _rule(change: Change, old: Rules, new: Rules, of: CharterChanges) -> Row:
    """Return one rule of a tier; where both values read alike, to the last unit."""
    label, say = _RULES[change.name]
    before, after = say(change.before, old, _decimals(of.before)), say(change.after, new, _decimals(of.after))
    if before == after:
        before, after = _exact(change.name, change.before, of.before), _exact(change.name, change.after, of.after)
    return Row(str(label), before, after)


def _part(part: str, changes: tuple[Change, ...], of: CharterChanges) -> Group:
    rows = tuple(
        Row(_called(part, change.name), _said(part, change.name, change.before), _said(part, change.name, change.after))
        for change in changes[:ROWS_MAX]
    )
    is_new, is_gone = (_lacks(part, charter) for charter in (of.before, of.after))
    return Group(
        str(_PARTS[part]), rows, "new" if is_new else "gone" if is_gone else "", max(0, len(changes) - ROWS_MAX)
    )


def _lacks(part: str, charter: Charter) -> bool:
    return (part == HOUSE and charter.house is None) or (part == SEALING and charter.sealing is None)


def _called(part: str, name: str) -> str:
    if part == KINDS:
        return _("Every other kind of proposal") if name == DEFAULT else _kind(name)
    if name in _NAMES:
        return str(_NAMES[name])
    *path, last = name.split("/")
    return last if path else name


def _said(part: str, name: str, value: Any) -> str:  # noqa: ANN401 - any value of a charter
    if value is None:
        return NONE
    if name.endswith(("_seconds", "_seconds_max")):
        return _duration_in_full(value)
    if name == "source":
        return str(words.word("source", value).label)
    if isinstance(value, list | tuple):
        return ", ".join(_tier_name(each) if name == "tiers" else str(each) for each in value)
    return _tier_name(value) if part == KINDS else str(value)


def _kind(name: str) -> str:
    kind = all_kinds().get(name)
    return name if kind is None else str(kind.label)


def _tier_name(name: str) -> str:
    """Return the name of a tier in words, with the key that the charter calls it by where both differ."""
    label = str(words.word("tier", name).label)
    return label if label.casefold().replace(" ", "_") == name else f"{label} ({name})"


def _decimals(charter: Charter) -> int:
    return DECIMALS.get(charter.power["source"], 0)


def _duration_in_full(seconds: int) -> str:
    """Return a duration in words, and in seconds where the words leave some out."""
    said = numbers.duration(seconds)
    rounded = any(seconds % length and seconds >= whole for whole, length in ((86_400, 3_600), (3_600, 60)))
    return f"{said} ({_seconds(seconds)})" if rounded else said


def _seconds(count: int) -> str:
    return ngettext("%(count)s second", "%(count)s seconds", count) % {"count": numbers.grouped(count)}


def _exact(name: str, value: Any, charter: Charter) -> str:  # noqa: ANN401 - of any rule
    if name.endswith("_seconds"):
        return _seconds(value)
    if name in {"proposal_threshold", "quorum_votes"}:
        decimals = _decimals(charter)
        return _("%(power)s votes") % {"power": numbers.power(value, decimals, decimals=decimals)}
    return str(value)


# --- the rules of a tier, in the order in which a proposal meets them ------------------------------------------------


def _votes(value: int, _of: Rules, decimals: int) -> str:
    return _("%(power)s votes") % {"power": numbers.power(value, decimals=decimals)} if value else _off()


def _duration(value: int, _of: Rules, _decimals: int) -> str:
    return _duration_in_full(value)


def _duration_or_off(value: int, _of: Rules, _decimals: int) -> str:
    return _duration_in_full(value) if value else _off()


def _share(value: int, of: Rules, _decimals: int) -> str:
    return _("%(share)s of %(base)s") % {"share": numbers.percent(value), "base": _base(of)} if value else _off()


def _basis(_value: str, of: Rules, _decimals: int) -> str:
    return _base(of)


def _majority(value: int, _of: Rules, _decimals: int) -> str:
    return _("more than %(share)s of the votes for or against") % {"share": numbers.percent(value)}


def _support(value: int, of: Rules, _decimals: int) -> str:
    if not value:
        return _off()
    return _("for from at least %(share)s of %(base)s") % {"share": numbers.percent(value), "base": _base(of)}


def _rejection(value: int, of: Rules, _decimals: int) -> str:
    if not value:
        return _off()
    text = _("it passes unless more than %(share)s of %(base)s is against")
    return text % {"share": numbers.percent(value), "base": _base(of)}


def _early(value: int, of: Rules, _decimals: int) -> str:
    if not value:
        return _off()
    text = _("voting closes early once %(share)s of %(base)s is for, and everything else is reached")
    return text % {"share": numbers.percent(value), "base": _base(of)}


def _objection(value: int, _of: Rules, _decimals: int) -> str:
    return _("stops it when %(share)s of it is against") % {"share": numbers.percent(value)} if value else _off()


def _base(of: Rules) -> str:
    return _("all votes") if of.quorum_basis == "supply" else _("the votes that were delegated to anybody")


def _off() -> str:
    return _("no such rule")


_RULES: Mapping[str, tuple[Text, Callable[[Any, Rules, int], str]]] = {
    "proposal_threshold": (gettext_lazy("Needed to submit"), _votes),
    "voting_delay_seconds": (gettext_lazy("Voting opens after"), _duration),
    "voting_period_seconds": (gettext_lazy("Voting lasts"), _duration),
    "late_quorum_seconds": (gettext_lazy("A late quorum keeps voting open for"), _duration_or_off),
    "rejection_bps": (gettext_lazy("Rejection"), _rejection),
    "quorum_bps": (gettext_lazy("Quorum"), _share),
    "quorum_basis": (gettext_lazy("What shares are shares of"), _basis),
    "quorum_votes": (gettext_lazy("Quorum, at least"), _votes),
    "threshold_bps": (gettext_lazy("Majority"), _majority),
    "support_bps": (gettext_lazy("Support"), _support),
    "super_quorum_bps": (gettext_lazy("Early end"), _early),
    "objection_bps": (gettext_lazy("Second house"), _objection),
    "timelock_seconds": (gettext_lazy("Waiting time"), _duration),
    "execution_window_seconds": (gettext_lazy("Carried out within"), _duration),
    "cool_down_seconds": (gettext_lazy("Cool-down"), _duration_or_off),
}

_PARTS: Mapping[str, Text] = {
    KINDS: gettext_lazy("Which tier decides on what"),
    POWER: gettext_lazy("Where voting power comes from"),
    HOUSE: gettext_lazy("Second house"),
    COUNCIL: gettext_lazy("The council"),
    SEALING: gettext_lazy("Sealed ballots"),
}

_NAMES: Mapping[str, Text] = {
    "source": gettext_lazy("Source of power"),
    "name/en": gettext_lazy("Name in English"),
    "name/fr": gettext_lazy("Name in French"),
    "pause_seconds_max": gettext_lazy("A guardian may pause a decision for at most"),
    "keyholders": gettext_lazy("Keyholders"),
    "threshold": gettext_lazy("Keyholders who are needed to open ballots"),
    "wait_seconds": gettext_lazy("Ballots must be opened within"),
    "keys_wait_seconds": gettext_lazy("Voting waits for missing keys for at most"),
    "tiers": gettext_lazy("Tiers whose ballots are sealed"),
}
