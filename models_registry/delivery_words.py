"""What an errand is doing, and why one failed, in words: one sentence and one thing to do for each stable code.

The codes come from the targets (`publishing`), `delivering` and `noticing`. One that is not in the table is shown as it
is, with what the target said.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from models_registry import errands
from models_registry.errands import Row
from models_registry.publishing.delivery import ATTEMPTS_MAX, State
from models_registry.publishing.discussion import Stage


@dataclass(frozen=True)
class Reason:
    """How a code is told: what happened, and what to do."""

    says: str | Promise
    suggestion: str | Promise


STATES: dict[State, str | Promise] = {
    State.PUBLISHED: _("Published"),
    State.FAILED: _("Given up"),
    State.PUBLISHING: _("Being published"),
    State.PLANNED: _("Planned"),
    State.WAITING: _("Waits for the next attempt"),
}

STAGES: dict[Stage, str | Promise] = {
    Stage.OPENED: _("The discussion was opened"),
    Stage.PASSED: _("The proposal passed"),
    Stage.REJECTED: _("The proposal was voted down"),
    Stage.CANCELED: _("The proposal was withdrawn"),
    Stage.VETOED: _("Guardians stopped the proposal"),
    Stage.EXPIRED: _("The proposal expired"),
    Stage.RUN_FAILED: _("The training failed"),
    Stage.RUN_CANCELED: _("The training was stopped"),
    Stage.RUN_REJECTED: _("The result broke a rule"),
    Stage.RELEASED: _("The release was published there"),
    Stage.WITHDRAWN: _("The release was withdrawn"),
}

_NOTHING = _("Nothing has to be done: it is tried again by itself.")
_CHECK_FOLDER = _("Let the operator run the verifier on the release's folder: a file was changed after it was signed.")

REASONS: dict[str, Reason] = {
    "hub_unavailable": Reason(_("The target did not answer, or asked to wait."), _NOTHING),
    "stale_parent": Reason(_("Somebody else wrote to the target at the same moment."), _NOTHING),
    "publisher_died": Reason(
        _("The process that publishes ended without an answer."),
        _("If it happens again, let the operator look for missing memory on the worker."),
    ),
    "storage_failed": Reason(
        _("The files could not be read or written."),
        _("Let the operator look whether the disk is full or gone; it is tried again by itself."),
    ),
    "target_missing": Reason(
        _("The folder is not there."),
        _("Let the operator create or mount it; it is tried again by itself."),
    ),
    "release_paused": Reason(_("A guardian has paused this release."), _NOTHING),
    "release_withdrawn": Reason(
        _("The community has withdrawn this release before it was published here."),
        _("Nothing has to be done: it stays unpublished here."),
    ),
    "token_missing": Reason(
        _("The worker has no token for this target."),
        _("Give the worker a token, then let the operator try again: manage.py deliveries --again"),
    ),
    "hub_refused": Reason(
        _("The target refused the release."),
        _("Check that the token may write there, then let the operator try again: manage.py deliveries --again"),
    ),
    "hub_differs": Reason(
        _("The target holds other bytes than were sent."),
        _("Look at what stands there before anybody uses it, and publish at another place if it cannot be explained."),
    ),
    "tag_conflict": Reason(
        _("The target has another release under this version's tag."),
        _("Find out who wrote there; tags are never moved by this site. Publish in another repository if in doubt."),
    ),
    "publication_conflict": Reason(
        _("Another release stands at this place."),
        _("Find out who wrote there; nothing was changed. Choose an empty place for this site's releases."),
    ),
    "manifest_mismatch": Reason(_("The files are not those that were signed."), _CHECK_FOLDER),
    "path_forbidden": Reason(_("The release's folder holds something that is no plain file."), _CHECK_FOLDER),
    "file_not_allowed": Reason(_("The release's folder holds a file that does not belong there."), _CHECK_FOLDER),
    "format_not_allowed": Reason(_("The release's folder holds a file that does not belong there."), _CHECK_FOLDER),
    "target_not_configured": Reason(
        _("This site does not publish there any more, or lacks what it needs for it."),
        _("Configure the target again, then let the operator try again: manage.py deliveries --again"),
    ),
    "discussions_off": Reason(
        _("The repository there has no discussions, or this one is gone."),
        _(
            "Switch them on in the repository’s settings, then let the operator try again: "
            "manage.py deliveries --say-again"
        ),
    ),
    "discussion_refused": Reason(
        _("The hub did not take what was to be said."),
        _(
            "Check that the token may write discussions there, then let the operator try again: "
            "manage.py deliveries --say-again"
        ),
    ),
}


def told_errand(row: Row, now: datetime) -> dict[str, Any]:
    """Return how an errand stands, as pages and the API tell it; times as the database has them."""
    reason = REASONS.get(row.error_code)
    state = errands.state(row, now)
    return {
        "state": state.value,
        "state_words": str(STATES[state]),
        "attempts": row.attempts,
        "attempts_max": ATTEMPTS_MAX,
        "next_at": row.next_at,
        "error": {
            "code": row.error_code,
            "says": str(reason.says) if reason else row.error_code,
            "detail": row.error_detail,
            "suggestion": str(reason.suggestion) if reason else "",
        }
        if row.error_code
        else None,
    }
