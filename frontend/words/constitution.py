"""Words of ethics rules: what gates demand, where articles stand, what differs, and what the lint says."""

import re

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from frontend.words.base import Text, Word

COMPARATORS: dict[str, Word] = {
    "at_most": Word(_("at most")),
    "at_least": Word(_("at least")),
    "not_below_parent": Word(_("not below the version before, less a margin of")),
    "not_above_parent": Word(_("not above the version before, plus a margin of")),
}

RULE_SEVERITIES: dict[str, Word] = {
    "block": Word(_("Blocks"), "shield", "yes", _("A result that breaks it is not published.")),
    "warn": Word(_("Warns"), "warning", "warn", _("A result that breaks it is published with a warning.")),
}

JUDGED: dict[str, Word] = {
    "value": Word(_("the value itself")),
    "cautious": Word(_("the worse end of its interval")),
    "lenient": Word(_("the better end of its interval")),
}

ARTICLE_STATES: dict[str, Word] = {
    "not_yet": Word(_("Not yet in force"), "clock", "quiet"),
    "in_force": Word(_("In force"), "shield", "yes"),
    "over": Word(_("Its time is over"), "clock", "quiet"),
    "changed": Word(_("Changed"), "pencil", "quiet"),
    "repealed": Word(_("Repealed"), "minus", "quiet"),
}

DIFFERENCES: dict[str, Word] = {
    "added": Word(_("Added"), "shield", "yes"),
    "changed": Word(_("Changed"), "pencil", "warn"),
    "repealed": Word(_("Repealed"), "minus", "no"),
    "sunset": Word(_("Its time ran out"), "clock", "quiet"),
}

# The parts of a rule, as the page names them.
RULE_PARTS: dict[str, Word] = {
    "title": Word(_("Rule")),
    "why": Word(_("Why")),
    "metric": Word(_("Metric")),
    "suite": Word(_("Measured on")),
    "scope": Word(_("Applies to")),
    "comparator": Word(_("The result must be")),
    "bound": Word(_("Bound")),
    "judged": Word(_("What is judged")),
    "duty": Word(_("Duty")),
    "severity": Word(_("When it is broken")),
    "sunset": Word(_("Until")),
}

CLASHES: dict[str, Word] = {
    "excludes": Word(_("They exclude each other"), "warning", "no", _("No model can keep both.")),
    "duplicate": Word(_("They say the same"), "layers", "warn", _("One of them would be enough.")),
    "impossible": Word(_("Nothing can keep it"), "warning", "no", _("Its bound lies outside what can be measured.")),
    "never_breaks": Word(_("Nothing can break it"), "warning", "warn", _("Every possible value keeps its bound.")),
}

OUTLOOK: dict[str, Word] = {
    "kept": Word(_("kept by the version before"), "check", "yes"),
    "broken_now": Word(
        _("broken already"), "warning", "no", _("The version that it starts from does not keep this rule.")
    ),
    "suite_missing": Word(
        _("its suite is missing"), "warning", "no", _("Nothing can be measured on it, so the rule refuses.")
    ),
    "suite_empty": Word(
        _("its suite is empty"), "warning", "no", _("Nothing can be measured on it, so the rule refuses.")
    ),
    "suite_used": Word(
        _("its hidden suite was opened"),
        "warning",
        "no",
        _("A suite is hidden once; the rule refuses every later model until it names another suite."),
    ),
    "never_measured": Word(
        _("never measured"), "clock", "warn", _("Nothing is known about the version that it starts from.")
    ),
    "tight": Word(
        _("hardly kept"), "scale", "warn", _("The interval reaches across the bound; measured again, it could break.")
    ),
    "against_parent": Word(
        _("told only by the run"), "clock", "quiet", _("It compares with the version that the update starts from.")
    ),
    "people_asked": Word(
        _("asks people"), "people", "quiet", _("Members look at the result before it is judged; it waits for them.")
    ),
    "few_questions": Word(
        _("little to read"), "warning", "warn", _("The suite has fewer questions than people are to read samples.")
    ),
    "sunset_over": Word(_("its time is over"), "clock", "quiet", _("It binds no new run.")),
    "sunset_soon": Word(_("ends soon"), "clock", "quiet", _("After that day it binds no new run.")),
    "warns_only": Word(_("warns only"), "scale", "quiet", _("Breaking it does not stop the release.")),
}

# What a gate says it found where there is no value.
UNMEASURED: dict[str, Text] = {
    "the suite was not measured": _("nothing: its suite was not measured"),
    "the hidden suite was not opened for this model": _("nothing: its hidden suite was not opened for this model"),
    "no measurement": _("no measurement"),
    "no samples": _("no samples"),
    "no interval": _("no interval"),
    "an interval that ends before it begins": _("an interval that ends before it begins"),
    "no numerator and denominator": _("no numerator and denominator"),
    "a numerator or denominator that is not an integer": _("a numerator or denominator that is not an integer"),
    "a denominator that is not above zero": _("a denominator that is not above zero"),
    "the value": pgettext_lazy("of the version before", "the value"),
}
_BUT = re.compile(r"(.+?), but (the parent has )?(.+)")

GATES: dict[str, Text] = {
    "at_most": _("at most %(bound)s"),
    "at_least": _("at least %(bound)s"),
    "not_below_parent": _("at least %(parent)s (the version before) less %(bound)s"),
    "not_above_parent": _("at most %(parent)s (the version before) plus %(bound)s"),
}
# The same where an end of the interval is judged.
GATE_ENDS: dict[str, Text] = {
    "at_most": _("at most %(bound)s, at the %(end)s end of the interval"),
    "at_least": _("at least %(bound)s, at the %(end)s end of the interval"),
    "not_below_parent": _("below the version before by at most %(bound)s, at the %(end)s end of the interval"),
    "not_above_parent": _("above the version before by at most %(bound)s, at the %(end)s end of the interval"),
}
ENDS: dict[str, Text] = {
    "low": pgettext_lazy("end of an interval", "low"),
    "high": pgettext_lazy("end of an interval", "high"),
}


def unmeasured(found: str) -> str:
    """Return in the reader's language why a gate had nothing to judge; what no gate writes stays as it is."""
    match = _BUT.fullmatch(found)
    if match is None:
        return str(UNMEASURED.get(found, found))
    value, of_parent, reason = match.groups()
    if reason not in UNMEASURED:
        return found
    pattern = _("%(value)s, but the version before has %(reason)s") if of_parent else _("%(value)s, but %(reason)s")
    return str(pattern) % {"value": value, "reason": UNMEASURED[reason]}


def gate(comparator: str, values: dict[str, str]) -> str:
    """Return what a gate demands; with an `end` among the values, of that end of the interval."""
    if "end" in values:
        return str(GATE_ENDS[comparator]) % {**values, "end": ENDS[values["end"]]}
    return str(GATES[comparator]) % values
