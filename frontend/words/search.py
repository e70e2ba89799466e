"""Words of what can be found: the kinds of things that have a page."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from frontend.words.base import Word

FOUND_KINDS: dict[str, Word] = {
    "community": Word(pgettext_lazy("found", "Community"), "people"),
    "decision": Word(pgettext_lazy("found", "Decision"), "drop"),
    "model": Word(pgettext_lazy("found", "Model"), "wave"),
    "release": Word(pgettext_lazy("found", "Version"), "check-circle"),
    "dataset": Word(pgettext_lazy("found", "Dataset"), "layers"),
    "rule": Word(pgettext_lazy("found", "Rule"), "shield"),
    "run": Word(pgettext_lazy("found", "Training run"), "hourglass"),
    "incident": Word(pgettext_lazy("found", "Incident"), "warning"),
    "consultation": Word(pgettext_lazy("found", "Question to the community"), "people"),
    "statement": Word(pgettext_lazy("found", "Statement"), "scale"),
    "comment": Word(pgettext_lazy("found", "Comment"), "pencil"),
    "delegate": Word(pgettext_lazy("found", "Member"), "people"),
    "history": Word(_("Vote from elsewhere"), "download"),
}
