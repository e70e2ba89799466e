"""Incidents are reported, triaged, answered, withheld, and lead to a pause; and who answers them is settled.

Each service locks, reads the facts, asks the pure rules, writes facts and an event. The clock is a parameter. The log
has the digest of what was reported and every answer word for word, never the report itself: it could name somebody.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from governance.errors import Conflict, Forbidden, Invalid, NotFound
from governance.evidence.canonical import digest
from governance.models import Community, Proposal
from governance.services import council_in_office, note
from governance.services.common import lock_community
from models_registry import withdrawals
from models_registry.attestations import release_named
from models_registry.incidents import lifecycle, room
from models_registry.incidents.lifecycle import Action, State
from models_registry.models import Incident, IncidentStewards, Version, WaitingReport

PROMPT_MAX, EXPECTED_MAX, SEEN_MAX, CONTACT_MAX = 4_000, 2_000, 4_000, 200
REASON_MAX, ANSWER_MAX = 1_000, 2_000


@dataclass(frozen=True)
class Report:
    """What somebody reports: what to ask the version, what it should say, what it said if known."""

    category: str
    severity: str
    prompt: str
    expected: str
    seen: str = ""
    contact: str = ""


def report(
    revision: str, reporter: str, told: Report, now: datetime, network: str = ""
) -> tuple[Incident | WaitingReport, bool]:
    """Take a report in; return what became of it, and whether it is new. `reporter` is empty for who did not sign in.

    1. There is such a release. 2. The report can be looked into. 3. The same one again changes nothing. 4. Keep it,
    within bounds (`room`), and write it into the log; where too many strangers came today, it waits in line.
    `network` names where it comes from today (`networks`).
    """
    version = release_named(revision)  # 1
    told = _clean(told)  # 2
    named = digest(content_of(told))
    community = version.model.community
    with transaction.atomic():
        lock_community(community.pk)
        same = {"version": version, "digest": named}
        kept = Incident.objects.filter(**same).first() or WaitingReport.objects.filter(**same).first()  # 3
        if kept is not None:
            return kept, False
        room.require_room(community, reporter, network, now)  # 4
        if not reporter and room.must_wait(community, now):
            return room.wait(version, asdict(told), named, network, now), True
        return keep_report(version, reporter, told, named, "" if reporter else network, now), True


def keep_report(version: Version, reporter: str, told: Report, named: str, network: str, now: datetime) -> Incident:
    """Give a report its number and write it into the log; `named` is its digest. The caller holds the community."""
    community = version.model.community
    highest = community.incidents.aggregate(highest=Max("number"))["highest"] or 0
    incident = Incident.objects.create(
        community=community,
        version=version,
        number=highest + 1,
        digest=named,
        category=told.category,
        claimed_severity=told.severity,
        prompt=told.prompt,
        expected=told.expected,
        seen=told.seen,
        contact=told.contact,
        network=network,
        reporter=reporter,
        reported_at=now,
    )
    note("incident_reported", now, community=community, actor=reporter, **reported_event(incident))
    return incident


def triage(slug: str, number: int, actor: str, severity: str, reason: str, now: datetime) -> Incident:
    """Say how severe it is, as a steward. From now on everybody can read the report, unless it is withheld."""
    if severity not in lifecycle.SEVERITIES:
        raise Invalid(
            "unknown_severity", "no such severity", field="severity", found=severity, allowed=list(lifecycle.SEVERITIES)
        )
    reason = line(reason, "reason", REASON_MAX)
    with transaction.atomic():
        incident = _held_by_steward(slug, number, actor, Action.TRIAGE, now)
        incident.triaged_at, incident.triaged_by = now, actor
        incident.severity, incident.triage_reason = severity, reason
        incident.save()
        note("incident_triaged", now, community=incident.community, actor=actor, **triaged_event(incident))
    return incident


@dataclass(frozen=True)
class Answer:
    """What the stewards found. `reproduced` is what the version said when they asked; `duplicate_of` a number."""

    outcome: str
    reason: str
    reproduced: str = ""
    duplicate_of: int | None = None


def answer(slug: str, number: int, actor: str, said: Answer, now: datetime) -> Incident:
    """End the look into an incident with one outcome and a public reason, as a steward."""
    allowed = [str(each) for each in lifecycle.OUTCOMES]
    if said.outcome not in allowed:
        raise Invalid("unknown_outcome", "no such outcome", field="outcome", found=said.outcome, allowed=allowed)
    reason = line(said.reason, "reason", ANSWER_MAX)
    reproduced = _text(said.reproduced, "reproduced", SEEN_MAX, required=False)
    with transaction.atomic():
        incident = _held_by_steward(slug, number, actor, Action.ANSWER, now)
        incident.duplicate_of = _other(incident, said)
        incident.outcome, incident.answered_at, incident.answered_by = said.outcome, now, actor
        incident.answer, incident.reproduced = reason, reproduced
        incident.save()
        note("incident_answered", now, community=incident.community, actor=actor, **answered_event(incident))
    return incident


def withhold(slug: str, number: int, actor: str, reason: str, now: datetime) -> Incident:
    """Keep the texts of a report from the public for good, as a steward, with a public reason. The row stays."""
    reason = line(reason, "reason", REASON_MAX)
    with transaction.atomic():
        incident = _held_by_steward(slug, number, actor, None, now)
        if incident.withheld_at is not None:
            raise Conflict("already_withheld", f"it is withheld already: {incident.withheld_reason}", found=number)
        incident.withheld_at, incident.withheld_reason = now, reason
        incident.save(update_fields=["withheld_at", "withheld_reason"])
        note("incident_withheld", now, community=incident.community, actor=actor, incident=number, reason=reason)
    return incident


def pause(slug: str, number: int, actor: str, reason: str, now: datetime) -> Incident:
    """Pause the release because of an incident that is severe enough, as a guardian; `withdrawals` sets the bounds."""
    with transaction.atomic():
        incident = _locked(slug, number)
        lifecycle.require(Action.PAUSE, incident.facts)
        if not lifecycle.SEVERITIES[incident.severity].may_pause:
            allowed = [name for name, severity in lifecycle.SEVERITIES.items() if severity.may_pause]
            detail = "an incident of this severity does not pause a release"
            raise Conflict("not_severe_enough", detail, found=incident.severity, allowed=allowed)
        withdrawals.pause_release(incident.version.revision, actor, reason, now, incident=number)
        incident.paused_at = now
        incident.save(update_fields=["paused_at"])
    return incident


def name_stewards(proposal: Proposal, now: datetime) -> IncidentStewards:
    """Put the stewards of a vote in office. Runs inside the execution's transaction."""
    members = proposal.payload["members"]
    named = IncidentStewards.objects.create(
        community=proposal.community, members=members, proposal=proposal, named_at=now
    )
    addresses = [member["address"] for member in members]
    note("incident_stewards_named", now, proposal=proposal, stewards=addresses)
    return named


def stewards_of(community: Community, now: datetime) -> tuple[dict[str, str], ...]:
    """Return who answers incidents (address and name): those whom a vote named, else the council in office."""
    named = community.incident_stewards.first()
    if named is not None and named.members:
        return tuple(named.members)
    council = council_in_office(community, now)
    return tuple(council.members) if council is not None else ()


def is_steward(community: Community, actor: str, now: datetime) -> bool:
    """Say whether this person answers incidents now."""
    return bool(actor) and actor in {member["address"] for member in stewards_of(community, now)}


def content_of(told: Report | Incident) -> dict[str, str]:
    """Return what the digest of a report is made of: all that can ever be public of it."""
    severity = told.severity if isinstance(told, Report) else told.claimed_severity
    return {
        "category": told.category,
        "severity": severity,
        "prompt": told.prompt,
        "expected": told.expected,
        "seen": told.seen,
    }


def reported_event(incident: Incident) -> dict[str, Any]:
    """Return what the log says of a report."""
    return {
        "incident": incident.number,
        "revision": incident.version.revision,
        "category": incident.category,
        "severity": incident.claimed_severity,
        "report": incident.digest,
    }


def triaged_event(incident: Incident) -> dict[str, Any]:
    """Return what the log says of a triage."""
    what = {"incident": incident.number, "revision": incident.version.revision, "severity": incident.severity}
    return {**what, "reason": incident.triage_reason}


def answered_event(incident: Incident) -> dict[str, Any]:
    """Return what the log says of an answer."""
    other = incident.duplicate_of.number if incident.duplicate_of else None
    what = {"incident": incident.number, "revision": incident.version.revision, "outcome": incident.outcome}
    return {**what, "reason": incident.answer, "duplicate_of": other}


def _held_by_steward(slug: str, number: int, actor: str, action: Action | None, now: datetime) -> Incident:
    """Return the incident, locked, for a steward who may do this to it now."""
    incident = _locked(slug, number)
    if not is_steward(incident.community, actor, now):
        raise Forbidden("not_a_steward", "only the stewards of this community may do this", found=actor)
    if action is not None:
        lifecycle.require(action, incident.facts)
    return incident


def _locked(slug: str, number: int) -> Incident:
    found = Incident.objects.select_for_update(of=("self",)).select_related("community", "version__model")
    incident = found.filter(community__slug=slug, number=number).first()
    if incident is None:
        raise NotFound("unknown_incident", "there is no incident with this number", found=number)
    return incident


def _other(incident: Incident, said: Answer) -> Incident | None:
    """Return the incident that this one repeats; refuse one where there is none to name, and a chain."""
    if said.outcome != State.DUPLICATE:
        if said.duplicate_of is not None:
            detail = "only a duplicate names another incident"
            raise Invalid("malformed_field", detail, field="duplicate_of", found=said.duplicate_of)
        return None
    others = incident.community.incidents.exclude(pk=incident.pk).exclude(outcome=State.DUPLICATE)
    other = None if said.duplicate_of is None else others.filter(number=said.duplicate_of).first()
    if other is None:
        detail = "a duplicate names another incident of this community that is no duplicate itself"
        raise Invalid("unknown_incident", detail, field="duplicate_of", found=said.duplicate_of)
    return other


def _clean(told: Report) -> Report:
    if told.category not in lifecycle.CATEGORIES:
        allowed = list(lifecycle.CATEGORIES)
        raise Invalid("unknown_category", "no such category", field="category", found=told.category, allowed=allowed)
    if told.severity not in lifecycle.SEVERITIES:
        allowed = list(lifecycle.SEVERITIES)
        raise Invalid("unknown_severity", "no such severity", field="severity", found=told.severity, allowed=allowed)
    contact = " ".join(told.contact.split())
    if len(contact) > CONTACT_MAX:
        raise Invalid("length_out_of_range", f"at most {CONTACT_MAX} characters", field="contact")
    return Report(
        told.category,
        told.severity,
        _text(told.prompt, "prompt", PROMPT_MAX),
        _text(told.expected, "expected", EXPECTED_MAX),
        _text(told.seen, "seen", SEEN_MAX, required=False),
        contact,
    )


def _text(text: str, field: str, most: int, *, required: bool = True) -> str:
    """Return a text of several lines, trimmed, with one kind of line ends."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    least = 1 if required else 0
    if not least <= len(text) <= most:
        raise Invalid("length_out_of_range", f"{len(text)} characters found, {least} to {most} allowed", field=field)
    return text


def line(text: str, field: str, most: int) -> str:
    """Return a reason on one line."""
    text = " ".join(text.split())
    if not 1 <= len(text) <= most or not text.isprintable():
        raise Invalid("length_out_of_range", f"a reason has 1 to {most} printable characters", field=field)
    return text
