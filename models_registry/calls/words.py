"""What a call for another vote says: the title and text of the draft that a member makes of it, in their language."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from models_registry import metrics
from models_registry.constitution.payloads import day
from models_registry.models import Call
from models_registry.models.calls import SUNSET


def title(call: Call) -> str:
    """Return the title."""
    facts = call.facts
    if call.cause == SUNSET:
        return _("Keep the rule “%(title)s” beyond %(day)s") % {
            "title": facts["title"][:120],
            "day": day(facts["sunset"]),
        }
    if call.kind == "release_rollback":
        return _("Go back from version %(number)d of %(model)s") % facts
    return _("Pause version %(number)d of %(model)s") % facts


def text(call: Call) -> str:
    """Return the text: what was found, and that no person wrote it."""
    origin = _("The watch of this site prepared this draft. A member took it up and answers for it.")
    return f"{found(call)}\n\n{origin}"


def found(call: Call) -> str:
    """Return what was found, as sentences."""
    facts = call.facts
    if call.cause == SUNSET:
        return _("The rule “%(title)s” binds no new run from %(day)s on, unless a vote keeps or changes it.") % {
            "title": facts["title"],
            "day": day(facts["sunset"]),
        }
    said = [_("Version %(number)d of %(model)s was measured again on %(day)s.") % {**facts, "day": day(facts["at"])}]
    broken = facts["broken"]
    if broken:
        rules = ngettext("It does not keep the rule %(rules)s.", "It does not keep the rules %(rules)s.", len(broken))
        said.append(rules % {"rules": ", ".join(broken)})
    if facts["worse"]:
        names = sorted({_metric(each["metric"]) for each in facts["worse"]})
        worse = _("It measures worse than at its release, beyond the interval of then: %(metrics)s.")
        said.append(worse % {"metrics": ", ".join(names)})
    return " ".join(said)


def _metric(name: str) -> str:
    known = metrics.find(name)
    return name if known is None else str(known.label)
