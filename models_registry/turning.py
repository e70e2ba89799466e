"""Drafts about what is handed out, made in one step from the page of a version: go back to it, pause it, withdraw it.

The draft is an ordinary one, checked by its kind; whoever makes it still has to submit it, and a vote decides.
"""

from datetime import datetime

from django.utils.translation import gettext as _

from governance.errors import Invalid, NotFound
from governance.models import Proposal
from governance.services import Draft, create_draft, edit_draft
from models_registry.models import Version
from models_registry.withdrawals import REASON_MAX

BACK, PAUSE, WITHDRAW = "release_rollback", "release_pause", "release_withdrawal"
KINDS = (BACK, PAUSE, WITHDRAW)


def propose(revision: str, kind: str, reason: str, actor: str, now: datetime) -> Proposal:
    """Return a draft of this member about a version; a second call with the same kind and version changes the first.

    Refuses a version that nobody knows, a kind that is not about versions, an empty reason, and whatever the kind
    refuses: going back to what is in use, anything about what is withdrawn.
    """
    if kind not in KINDS:
        raise Invalid("unknown_kind", "this kind is not about a version", field="kind", found=kind, allowed=KINDS)
    version = Version.objects.select_related("model__community__charter").filter(revision=revision).first()
    if version is None:
        raise NotFound("unknown_release", "there is no such release", found=revision)
    reason = " ".join(reason.split())
    if not 1 <= len(reason) <= REASON_MAX:
        raise Invalid("length_out_of_range", f"a reason has 1 to {REASON_MAX} characters", field="reason")
    community = version.model.community
    payload = {"revision": version.revision, "reason": reason, **({"days": None} if kind == PAUSE else {})}
    draft = Draft(kind, _title(kind, version), reason, payload, {})
    mine = community.proposals.filter(author=actor, kind=kind, submitted_at__isnull=True, canceled_at__isnull=True)
    known = next((each for each in mine.order_by("-pk") if each.payload.get("revision") == revision), None)
    return edit_draft(known.pk, actor, draft, now) if known else create_draft(community, actor, draft, now)


def _title(kind: str, version: Version) -> str:
    """Return the title in the words of the language that is active."""
    about = {"number": version.number, "model": str(version.model)}
    if kind == BACK:
        return _("Go back to version %(number)d of %(model)s") % about
    if kind == PAUSE:
        return _("Pause version %(number)d of %(model)s") % about
    return _("Withdraw version %(number)d of %(model)s") % about
