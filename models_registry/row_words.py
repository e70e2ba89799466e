"""The kinds of rows that datasets may hold, in words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

KINDS: dict[str, str | Promise] = {
    "dialogue": _("questions with their answers"),
    "text": _("plain text"),
    "preference": _("questions with a better and a worse answer"),
    "behaviour": _("requests to be answered or refused"),
    "pair": _("pairs of texts that differ in a group of people"),
    "harness": _("a task of lm-evaluation-harness"),
}
