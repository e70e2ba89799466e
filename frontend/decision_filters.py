"""The filters of the list of decisions as they stand in the address, for the page and for what other programs read.

What nobody knows matches nothing, and is shown as it was asked; a number that is none means nothing.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from frontend import words
from frontend.views.asked import plain
from governance.kinds import all_kinds
from governance.lifecycle import State
from governance.models import Community
from governance.selectors import decision_list
from governance.selectors.decision_list import Wanted
from models_registry import decided

_NAMES = ("state", "kind", "tier", "author", "search", "mine", "sort", "model", "closing")
# Those that stand folded away until one of them is used.
_FURTHER = ("tier", "author", "model", "closing", "mine", "sort")
_LISTED_STATES = [state for state in State if state is not State.DRAFT]
_DAYS_DIGITS_MAX = 3
MINE = {
    "needs": _("Needs my vote"),
    "unvoted": _("I have not voted"),
    "voted": _("I have voted"),
    "written": _("I wrote it"),
}
SORTS = {"newest": _("Newest first"), "oldest": _("Oldest first"), "closing": _("Closing first")}
CLOSING = {"1": _("A day"), "3": _("Three days"), "7": _("A week")}


@dataclass(frozen=True)
class Asked:
    """What the address says, and what it means."""

    values: dict[str, str]
    wanted: Wanted

    @property
    def filtered(self) -> bool:
        """Whether anything narrows the list."""
        return any(value for name, value in self.values.items() if name != "sort")

    @property
    def further(self) -> bool:
        """Whether a filter is used that stands folded away."""
        return any(self.values[name] for name in _FURTHER)


def asked(request: HttpRequest, community: Community) -> Asked:
    """Read the address."""
    values = {name: plain(request, name) for name in _NAMES}
    days = values["closing"]
    numbered = days.isascii() and days.isdigit() and len(days) <= _DAYS_DIGITS_MAX
    wanted = Wanted(
        state=values["state"],
        kind=values["kind"],
        tier=values["tier"],
        author=values["author"],
        search=values["search"],
        mine=values["mine"],
        sort=values["sort"],
        closing_days=int(days) if numbered else 0,
        among=decided.decisions_about(community, values["model"]) if values["model"] else None,
    )
    return Asked(values, wanted)


def shown(asked: Asked, community: Community, now: datetime, viewer: str) -> dict[str, Any]:
    """Return what the form shows: what was asked, and what can be."""
    return {
        "wanted": asked.values,
        "filtered": asked.filtered,
        "further": asked.further,
        "states": [(state.value, words.word("proposal_state", state).label) for state in _LISTED_STATES],
        "kinds": all_kinds(),
        "tiers": decision_list.tiers_used(community),
        "models": decided.model_names(community),
        "mine": MINE,
        "sorts": SORTS,
        "closing": CLOSING,
        "needing": decision_list.needing(community, now, viewer),
    }
