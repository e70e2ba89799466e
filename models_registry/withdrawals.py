"""Versions that are stopped: withdrawn for good by a vote, or paused for a bounded time by a guardian.

Nothing is deleted: the files, the records and the log stay, and whoever has a copy can still verify it. The hub stops
handing the version out and says why, and no update can be proposed on a withdrawn version.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from governance.charter import Charter
from governance.clock import unix, whole_second
from governance.errors import Conflict, Forbidden, Invalid, NotFound
from governance.models import Proposal
from governance.services import council_in_office, note
from models_registry.models import Version

REASON_MAX = 500


@dataclass(frozen=True)
class Stop:
    """Why a version is not handed out. `until` is set for a pause and None for a withdrawal.

    `told` is the sentence of the hub that a mirrored version comes from, which knows more than this site.
    """

    reason: str
    since: datetime | None
    until: datetime | None
    told: str = ""

    @property
    def withdrawn(self) -> bool:
        """Whether it is for good."""
        return self.until is None

    @property
    def sentence(self) -> str:
        """Say it in one English sentence, as clients of the hub show it."""
        if self.told:
            return self.told
        if self.until is None:
            return f"The community has withdrawn this release: {self.reason}"
        return f"A guardian has paused this release until {self.until:%Y-%m-%d %H:%M} UTC: {self.reason}"


def stop_of(version: Version, now: datetime) -> Stop | None:
    """Return what stops a version at `now`, or None: a withdrawal before a pause."""
    if version.withdrawn_at is not None:
        return Stop(version.withdrawn_reason, version.withdrawn_at, None)
    if version.paused_until is not None and now < version.paused_until:
        return Stop(version.paused_reason, None, version.paused_until)
    return None


def require_usable(version: Version) -> None:
    """Refuse a withdrawn version as the base of an update. A pause ends by itself: votes take longer."""
    if version.withdrawn_at is not None:
        raise Conflict(
            "base_withdrawn",
            f"{version} was withdrawn: {version.withdrawn_reason}",
            field="payload.spec.base",
            found=version.revision,
        )


def withdraw(proposal: Proposal, now: datetime) -> Version:
    """Withdraw the version that a vote named. Runs inside the execution's transaction."""
    payload = proposal.payload
    version = Version.objects.select_for_update().get(model__community=proposal.community, revision=payload["revision"])
    if version.withdrawn_at is not None:
        raise Conflict("already_withdrawn", "this release is withdrawn already", found=version.revision)
    version.withdrawn_at, version.withdrawn_reason, version.withdrawal = now, payload["reason"], proposal
    version.save(update_fields=["withdrawn_at", "withdrawn_reason", "withdrawal"])
    note("release_withdrawn", now, proposal=proposal, revision=version.revision, reason=payload["reason"])
    return version


def may_pause(version: Version, actor: str, now: datetime) -> bool:
    """Say whether this person could pause the version now."""
    if not actor or version.paused_until is not None or version.withdrawn_at is not None:
        return False
    council = council_in_office(version.model.community, now)
    return council is not None and actor in {member["address"] for member in council.members}


def pause_release(revision: str, actor: str, reason: str, now: datetime) -> Version:
    """Stop handing a version out for as long as the charter lets one guardian hold things up, once for each version."""
    reason = reason.strip()
    if not 1 <= len(reason) <= REASON_MAX:
        raise Invalid("length_out_of_range", f"a reason has 1 to {REASON_MAX} characters", field="reason")
    with transaction.atomic():
        version = _locked(revision)
        community = version.model.community
        council = council_in_office(community, now)
        if council is None:
            raise Conflict("no_council", "no council is in office; a council is elected by a proposal")
        if actor not in {member["address"] for member in council.members}:
            raise Forbidden("not_a_guardian", "only members of the council may do this", found=actor)
        if version.withdrawn_at is not None:
            raise Conflict("already_withdrawn", "this release is withdrawn already", found=revision)
        if version.paused_until is not None:
            raise Conflict("release_paused_before", "a release is paused at most once", found=revision)
        longest = timedelta(seconds=Charter.from_body(community.charter.body).pause_seconds_max)
        until = whole_second(now) + longest
        if until <= now:
            raise Conflict("pause_not_possible", "the charter allows no pause")
        version.paused_by, version.paused_reason, version.paused_until = actor, reason, until
        version.save(update_fields=["paused_by", "paused_reason", "paused_until"])
        what = {"revision": revision, "reason": reason, "until": unix(until)}
        note("release_paused", now, community=community, actor=actor, **what)
    return version


def _locked(revision: str) -> Version:
    version = (
        Version.objects.select_for_update(of=("self",))
        .select_related("model__community__charter")
        .filter(revision=revision)
        .first()
    )
    if version is None:
        raise NotFound("unknown_release", "there is no such release", found=revision)
    return version
