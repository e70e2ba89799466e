"""The languages that datasets may hold, in words."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

LANGUAGES = {"en": _("English"), "fr": _("French")}


def language_names(codes: Iterable[str]) -> str:
    """Return the languages in words, separated by commas; a code without a name stays a code."""
    return ", ".join(str(LANGUAGES.get(code, code)) for code in codes)
