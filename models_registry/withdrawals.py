"""Versions that are stopped: withdrawn for good by a vote, or paused by a guardian for a bounded time or by a vote.

Nothing is deleted: the files, the records and the log stay, and whoever has a copy can still verify it. The hub stops
handing the version out and says why, and no update can be proposed on a withdrawn version. A guardian's pause ends by
itself; a vote can keep it (`hold`), end it, or withdraw the version. Going back to an earlier version is `rollbacks`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

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
    """Why a version is not handed out. `until` is the end of a pause; a pause by vote (`voted`) may have none.

    `told` is the sentence of the hub that a mirrored version comes from, which knows more than this site.
    """

    reason: str
    since: datetime | None
    until: datetime | None
    told: str = ""
    voted: bool = False

    @property
    def withdrawn(self) -> bool:
        """Whether it is for good."""
        return self.until is None and not self.voted

    @property
    def sentence(self) -> str:
        """Say it in one English sentence, as clients of the hub show it."""
        if self.told:
            return self.told
        if self.withdrawn:
            return f"The community has withdrawn this release: {self.reason}"
        until = f"{self.until:%Y-%m-%d %H:%M} UTC" if self.until else "it decides otherwise"
        if self.voted:
            return f"The community has paused this release until {until}: {self.reason}"
        return f"A guardian has paused this release until {until}: {self.reason}"


def stop_of(version: Version, now: datetime) -> Stop | None:
    """Return what stops a version at `now`, or None: a withdrawal before a vote's pause before a guardian's."""
    if version.withdrawn_at is not None:
        return Stop(version.withdrawn_reason, version.withdrawn_at, None)
    if version.held_at is not None and (version.held_until is None or now < version.held_until):
        return Stop(version.held_reason, version.held_at, version.held_until, voted=True)
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
    version = _voted_on(proposal)
    version.withdrawn_at, version.withdrawn_reason, version.withdrawal = now, payload["reason"], proposal
    version.save(update_fields=["withdrawn_at", "withdrawn_reason", "withdrawal"])
    note("release_withdrawn", now, proposal=proposal, revision=version.revision, reason=payload["reason"])
    return version


def hold(proposal: Proposal, now: datetime) -> Version:
    """Keep a version paused as a vote says, or end its pause. Runs inside the execution's transaction.

    `days` of the payload count from now; None is until another vote, 0 ends every pause. A later vote replaces an
    earlier one.
    """
    payload = proposal.payload
    version = _voted_on(proposal)
    begins, days = whole_second(now), payload["days"]
    version.held_by, version.held_reason = proposal, payload["reason"]
    if days == 0:
        version.held_at = version.held_until = None
        if version.paused_until is not None and version.paused_until > begins:
            version.paused_until = begins
    else:
        version.held_at = begins
        version.held_until = None if days is None else begins + timedelta(days=days)
    version.save(update_fields=["held_at", "held_until", "held_reason", "held_by", "paused_until"])
    what: dict[str, Any] = {"revision": version.revision, "reason": payload["reason"]}
    if days == 0:
        note("release_pause_ended", now, proposal=proposal, **what)
    else:
        until = None if version.held_until is None else unix(version.held_until)
        note("release_held", now, proposal=proposal, **what, until=until)
    return version


def may_pause(version: Version, actor: str, now: datetime) -> bool:
    """Say whether this person could pause the version now."""
    if not actor or version.paused_until is not None or version.withdrawn_at is not None:
        return False
    council = council_in_office(version.model.community, now)
    return council is not None and actor in {member["address"] for member in council.members}


def pause_release(revision: str, actor: str, reason: str, now: datetime, *, incident: int | None = None) -> Version:
    """Stop handing a version out for as long as the charter lets one guardian hold things up, once for each version.

    `incident` is the number of what led to it, for the log; `incidents.services` checks it.
    """
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
        what: dict[str, Any] = {"revision": revision, "reason": reason, "until": unix(until)}
        if incident is not None:
            what["incident"] = incident
        note("release_paused", now, community=community, actor=actor, **what)
    return version


def _voted_on(proposal: Proposal) -> Version:
    """Return the version that a vote is about, locked; raise Conflict if it is withdrawn."""
    found = Version.objects.select_for_update().filter(model__community=proposal.community)
    version = found.get(revision=proposal.payload["revision"])
    if version.withdrawn_at is not None:
        raise Conflict("already_withdrawn", "this release is withdrawn already", found=version.revision)
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
