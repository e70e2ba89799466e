"""Communities let sites in and out: by a vote, or by their stewards between votes; and sites are suspended.

Stewards are those whom a vote of the kind "Stewards of sites" named, else the council in office. A steward decides for
one community. A suspension holds everywhere: a site that lies to one community lies. Any community that it serves can
say so, with evidence that all of them read, and any of their stewards but the operator can end it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from governance.errors import Conflict, Forbidden, Invalid
from governance.evidence.canonical import CanonicalError, canonical_bytes
from governance.models import Community, Proposal
from governance.services import council_in_office, note
from training_jobs.models import Admission, Site, SiteStewards
from training_jobs.sites import declared, lifecycle, telling
from training_jobs.sites.lifecycle import Action
from training_jobs.sites.services import locked

EVIDENCE_BYTES_MAX = 8_000


def admit(slug: str, community: Community, actor: str, reason: str, now: datetime) -> Admission:
    """Let a site in, as a steward, with a public reason."""
    reason = declared.text("reason", reason, declared.REASON_MAX)
    with transaction.atomic():
        site = locked(slug)
        require_steward(community, actor, site, now)
        return _admit(site, community, now, admitted_by=actor, reason=reason)


def admit_by_vote(proposal: Proposal, now: datetime) -> Admission | None:
    """Let a site in that a vote admits. Runs inside the execution's transaction; one that is in already stays in."""
    site = locked(proposal.payload["site"])
    if Admission.objects.in_force().filter(site=site, community=proposal.community).exists():
        return None
    return _admit(site, proposal.community, now, proposal=proposal, reason=proposal.payload["reason"])


def remove(slug: str, community: Community, actor: str, reason: str, now: datetime) -> Admission:
    """Take a site out, as a steward, with a public reason. What runs there may end; it gets nothing new."""
    reason = declared.text("reason", reason, declared.REASON_MAX)
    with transaction.atomic():
        site = locked(slug)
        require_steward(community, actor, site, now)
        admission = _in_force(site, community)
        if admission is None:
            raise Conflict("not_admitted", "this community has not let the site in", found=slug)
        admission.removed_by = actor
        return _remove(admission, "stewards", reason, now, actor)


def remove_by_vote(proposal: Proposal, now: datetime) -> Admission | None:
    """Take a site out that a vote removes. Runs inside the execution's transaction; one that is out stays out."""
    admission = _in_force(locked(proposal.payload["site"]), proposal.community)
    if admission is None:
        return None
    admission.removal = proposal
    return _remove(admission, "voted", proposal.payload["reason"], now, "")


def suspend(slug: str, actor: str, reason: str, evidence: Mapping[str, Any], now: datetime) -> Site:
    """Suspend a site everywhere, with evidence for everybody: as a steward of a community that it serves.

    An empty `actor` is the platform itself, after a check that the site did not pass.
    """
    reason = declared.text("reason", reason, declared.REASON_MAX)
    kept = _evidence(evidence)
    with transaction.atomic():
        site = locked(slug)
        if actor:
            _require_any_steward(site, actor, now)
        lifecycle.require(Action.SUSPEND, site.facts, now)
        site.suspended_at, site.suspended_by = now, actor
        site.suspended_reason, site.suspended_evidence = reason, kept
        site.save(update_fields=["suspended_at", "suspended_by", "suspended_reason", "suspended_evidence"])
        telling.everywhere("site_suspended", site, now, actor, reason=reason, evidence=kept)
        telling.standing(site, "suspended", now, actor)
    return site


def restore(slug: str, actor: str, reason: str, now: datetime) -> Site:
    """End a suspension, as a steward of a community that the site serves, with a public reason."""
    reason = declared.text("reason", reason, declared.REASON_MAX)
    with transaction.atomic():
        site = locked(slug)
        _require_any_steward(site, actor, now)
        lifecycle.require(Action.RESTORE, site.facts, now)
        site.suspended_at, site.suspended_by, site.suspended_reason, site.suspended_evidence = None, "", "", {}
        site.save(update_fields=["suspended_at", "suspended_by", "suspended_reason", "suspended_evidence"])
        telling.everywhere("site_restored", site, now, actor, reason=reason)
        telling.standing(site, "restored", now, actor)
    return site


def name_stewards(proposal: Proposal, now: datetime) -> SiteStewards:
    """Put the stewards of a vote in office. Runs inside the execution's transaction."""
    members = proposal.payload["members"]
    named = SiteStewards.objects.create(community=proposal.community, members=members, proposal=proposal, named_at=now)
    note("site_stewards_named", now, proposal=proposal, stewards=[member["address"] for member in members])
    return named


def stewards_of(community: Community, now: datetime) -> tuple[dict[str, str], ...]:
    """Return who decides about sites between votes (address and name): those whom a vote named, else the council."""
    named = community.site_stewards.first()
    if named is not None and named.members:
        return tuple(named.members)
    council = council_in_office(community, now)
    return tuple(council.members) if council is not None else ()


def is_steward(community: Community, actor: str, now: datetime) -> bool:
    """Say whether this person decides about sites of a community now."""
    return bool(actor) and actor in {member["address"] for member in stewards_of(community, now)}


def require_steward(community: Community, actor: str, site: Site, now: datetime) -> None:
    """Raise Forbidden unless this person decides about this site for a community: nobody does about their own."""
    if not is_steward(community, actor, now):
        raise Forbidden("not_a_steward", "only stewards of sites may do this; members can propose it")
    if site.operator == actor:
        raise Forbidden("own_site", "another steward, or a vote, decides about your own site")


def _require_any_steward(site: Site, actor: str, now: datetime) -> None:
    serves = [each for each in telling.communities_of(site) if is_steward(each, actor, now)]
    if not serves:
        raise Forbidden("not_a_steward", "only stewards of a community that the site serves may do this")
    require_steward(serves[0], actor, site, now)


def _admit(site: Site, community: Community, now: datetime, **by: Any) -> Admission:  # noqa: ANN401 - columns
    lifecycle.require(Action.ADMIT, site.facts, now)
    if _in_force(site, community) is not None:
        raise Conflict("already_admitted", "this community has let the site in already", found=site.slug)
    admission = Admission.objects.create(site=site, community=community, admitted_at=now, **by)
    telling.admitted(admission, now, admission.admitted_by)
    return admission


def _remove(admission: Admission, why: str, reason: str, now: datetime, actor: str) -> Admission:
    admission.removed_at, admission.removed_reason = now, reason
    admission.save(update_fields=["removed_at", "removed_by", "removal", "removed_reason"])
    telling.removed(admission, why, now, actor)
    return admission


def _in_force(site: Site, community: Community) -> Admission | None:
    found = Admission.objects.in_force().filter(site=site, community=community)
    return found.select_related("site", "community").first()


def _evidence(evidence: Mapping[str, Any]) -> dict[str, Any]:
    try:
        size = len(canonical_bytes(dict(evidence)))
    except CanonicalError as error:
        raise Invalid("malformed_field", str(error), field="evidence") from error
    if not evidence or size > EVIDENCE_BYTES_MAX:
        detail = "say what was found, in at most so many bytes of JSON"
        raise Invalid("length_out_of_range", detail, field="evidence", found=size, allowed=EVIDENCE_BYTES_MAX)
    return dict(evidence)
