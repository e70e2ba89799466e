"""What is told before a vote of what a proposal changes and takes, for its page, its draft and the check of a form."""

from datetime import datetime
from typing import Any

from governance.models import Proposal
from governance.selectors.charters import charter_compared
from training_jobs import before_vote, recipe_changes


def told_before(proposal: Proposal, moment: datetime, *, ended: bool = False) -> dict[str, Any]:
    """Return what differs from the recipe or charter before, and what the work takes, by what is declared today.

    Once a vote has ended, the run says what it took.
    """
    return {
        "recipe": recipe_changes.against_base(proposal),
        "charter": charter_compared(proposal),
        "outlay": None if ended else before_vote.outlay_of(proposal, moment),
    }
