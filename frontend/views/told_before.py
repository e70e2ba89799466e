"""What is told before a vote of what a proposal changes and takes, for its page, its draft and the check of a form."""

from datetime import datetime
from typing import Any

from frontend import data_places
from frontend.words.beginning import begins
from governance.models import Proposal
from governance.selectors.charters import charter_compared
from training_jobs import before_vote, recipe_changes
from training_jobs.commons.beginning import beginning_of


def told_before(proposal: Proposal, moment: datetime, *, ended: bool = False) -> dict[str, Any]:
    """Return what differs from the recipe or charter before, what the work takes, and when it could begin today.

    Once a vote has ended, the run says what it took.
    """
    beginning = None if ended else beginning_of(proposal, moment)  # None as well where no sites are shared
    return {
        "recipe": recipe_changes.against_base(proposal),
        "charter": charter_compared(proposal),
        "data_places": None if beginning is None else data_places.shown(proposal),
        "outlay": None if ended else before_vote.told_of(proposal, moment),
        "begins": begins(beginning, proposal.community, moment),
    }
