"""The kinds of rows that datasets may hold, in words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

KINDS: dict[str, str | Promise] = {
    "dialogue": _("questions with their answers"),
    "text": _("plain text"),
    "preference": _("questions with a better and a worse answer"),
}
