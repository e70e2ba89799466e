"""The kinds of data that are recommended for datasets, in words."""

from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from models_registry.datasets.data_kinds import UNCLASSIFIED

DATA_KINDS: dict[str, str | Promise] = {
    "public": _("public"),
    "personal": _("about persons"),
    "health": _("about health"),
    "confidential": _("confidential"),
    "licensed": _("under a licence that limits its use"),
    UNCLASSIFIED: _("of no kind that anybody named"),
}


def data_kind_names(kinds: Iterable[str]) -> str:
    """Return kinds of data in words, separated by commas; a kind of somebody's own stays its word."""
    return ", ".join(str(DATA_KINDS.get(kind, kind)) for kind in kinds)
