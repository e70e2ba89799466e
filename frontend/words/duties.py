"""Words of duties: what the gates say of reviewers in English, in the reader's language; findings and tasks."""

import re

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from frontend.words.base import Word

FINDINGS_OF_REVIEWERS: dict[str, Word] = {
    "nothing_to_object": Word(_("nothing to object"), "check", "yes"),
    "objects": Word(_("objects"), "cross", "no"),
}
TASKS: dict[str, Word] = {
    "read_samples": Word(_("Samples read by people"), says=_("Members read samples, drawn by lot, and sign.")),
    "read_report": Word(_("Report read by people"), says=_("Members read what was measured, and sign.")),
}
# Why somebody cannot review a run.
KEPT_OUT: dict[str, Word] = {
    "own_proposal": Word(_("You proposed this training, so others review its result.")),
    "own_run": Word(_("A machine of yours worked on this run, so others review its result.")),
    "no_voting_power": Word(_("You had no voting power of your own in the vote on this training.")),
}
_NEEDED = re.compile(r"(\d+) without an objection, at most (\d+) with one")
_COUNTED = re.compile(r"(\d+) without an objection, (\d+) with one")
_TOO_FEW = re.compile(r"(\d+) samples, (\d+) are to be read")


def needed(text: str) -> str | None:
    """Return what a duty demands, or None for text that no duty writes."""
    match = _NEEDED.fullmatch(text)
    if match is None:
        return None
    people, objections = (int(number) for number in match.groups())
    said = ngettext("%(n)d reviewer without an objection", "%(n)d reviewers without an objection", people)
    borne = ngettext("at most %(n)d who objects", "at most %(n)d who object", objections)
    return f"{said % {'n': people}}, {borne % {'n': objections}}"


def found(text: str) -> str | None:
    """Return what a duty found, or None for text that no duty writes."""
    if text == "nobody was asked":
        return gettext("nobody was asked")
    few, counted = _TOO_FEW.fullmatch(text), _COUNTED.fullmatch(text)
    if few is not None:
        there, wanted = few.groups()
        return gettext("%(there)s samples, %(wanted)s are to be read") % {"there": there, "wanted": wanted}
    if counted is None:
        return None
    agreeing, objecting = (int(number) for number in counted.groups())
    said = ngettext("%(n)d reviewer without an objection", "%(n)d reviewers without an objection", agreeing)
    against = ngettext("%(n)d who objects", "%(n)d who object", objecting)
    return f"{said % {'n': agreeing}}, {against % {'n': objecting}}"
