"""Words of the map of a model: what stands in a box, by kind and status of its node. Icons name marks of the map."""

from django.utils.translation import gettext_lazy as _

from frontend.words.base import Word

# How a version stands today.
VERSION_STATUS: dict[str, Word] = {
    "current": Word(_("in use"), "check", "yes"),
    "older": Word(_("older"), "drop", "quiet"),
    "set_back": Word(_("set back"), "undo", "warn"),
    "paused": Word(_("paused"), "pause", "warn"),
    "withdrawn": Word(_("withdrawn"), "cross", "no"),
    "unpublished": Word(_("not published yet"), "clock", "quiet"),
}

# What a decision did.
MAP_DECISIONS: dict[str, Word] = {
    "update": Word(_("Decision"), "pencil", "live"),
    "return": Word(_("Return"), "undo", "warn"),
    "withdrawal": Word(_("Withdrawal"), "cross", "no"),
    "pause": Word(_("Pause"), "pause", "warn"),
    "pause_ended": Word(_("End of the pause"), "check", "yes"),
}
