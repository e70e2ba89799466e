"""Going back: a vote makes an earlier version of a model the one that is handed out as `main`, at once.

Later versions keep their names, their files and their records, and are handed out by name; the next release is `main`
again, because it was voted for after this. Nothing points anywhere: each version says whether it was set back.
"""

from datetime import datetime

from governance.errors import Conflict
from governance.models import Proposal
from governance.services import note
from models_registry.models import Version


def newer_in_use(version: Version) -> list[Version]:
    """Return the published versions after this one that were not set back, newest first."""
    later = version.model.versions.filter(number__gt=version.number, published_at__isnull=False)
    return list(later.filter(set_back_at__isnull=True).order_by("-number"))


def require_something_to_undo(version: Version, field: str = "") -> None:
    """Refuse to go back to what is in use: nothing newer is, and it was not set back itself."""
    if version.set_back_at is None and not newer_in_use(version):
        raise Conflict("already_current", "no newer version is in use", field=field, found=version.revision)


def roll_back(proposal: Proposal, now: datetime) -> Version:
    """Go back to the version that a vote named. Runs inside the execution's transaction."""
    payload = proposal.payload
    locked = Version.objects.select_for_update(of=("self",)).select_related("model")
    version = locked.get(model__community=proposal.community, revision=payload["revision"])
    if version.withdrawn_at is not None:
        raise Conflict("already_withdrawn", "this release is withdrawn already", found=version.revision)
    require_something_to_undo(version)
    later = newer_in_use(version)
    for each in later:
        each.set_back_at, each.set_back_reason, each.set_back_by = now, payload["reason"], proposal
        each.save(update_fields=["set_back_at", "set_back_reason", "set_back_by"])
    version.set_back_at, version.set_back_reason, version.set_back_by = None, "", None
    version.save(update_fields=["set_back_at", "set_back_reason", "set_back_by"])
    left = [each.revision for each in later]
    note("release_rolled_back", now, proposal=proposal, revision=version.revision, left=left, reason=payload["reason"])
    return version
