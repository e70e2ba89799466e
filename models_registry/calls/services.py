"""Opening, closing and taking up calls for another vote. No vote begins here: a member makes a draft of it, or nobody.

A cause has one open call at most. It is closed when its cause has ended, whether or not somebody took it up; a draft
that a member made of it is theirs, and stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from governance.clock import unix
from governance.errors import Conflict, NotFound
from governance.lifecycle import TERMINAL
from governance.models import Community, Proposal
from governance.services import Draft, create_draft, note
from governance.services.common import lock_community
from governance.services.communities import require_power
from models_registry.calls import words
from models_registry.models import Call, EthicsRule, Version

# For so long a draft that somebody took up is left to them before another member may take the call up.
TAKEN_FOR = timedelta(days=3)


@dataclass(frozen=True)
class Wanted:
    """What a call is for: its cause and subject, the proposal that would be made of it, and what was found."""

    cause: str
    subject: str
    kind: str
    payload: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)
    version: Version | None = None


def open_call(community: Community, wanted: Wanted, now: datetime) -> Call:
    """Open a call, or renew what the open one of the same cause says; return it."""
    with transaction.atomic():
        lock_community(community.pk)
        said = {"kind": wanted.kind, "payload": dict(wanted.payload), "facts": dict(wanted.facts)}
        call = Call.objects.open().filter(community=community, cause=wanted.cause, subject=wanted.subject).first()
        if call is None:
            call = Call.objects.create(
                community=community,
                cause=wanted.cause,
                subject=wanted.subject,
                version=wanted.version,
                opened_at=now,
                **said,
            )
            note("revote_called", now, community=community, **opened_event(call))
        elif {name: getattr(call, name) for name in said} != said:
            for name, value in said.items():
                setattr(call, name, value)
            call.save(update_fields=list(said))
    return call


def close_call(community: Community, cause: str, subject: str, because: str, now: datetime) -> bool:
    """Close the open call of a cause, if there is one; say whether there was."""
    with transaction.atomic():
        lock_community(community.pk)
        call = Call.objects.open().filter(community=community, cause=cause, subject=subject).first()
        if call is None:
            return False
        call.closed_at, call.closed_because = now, because
        call.save(update_fields=["closed_at", "closed_because"])
        note("revote_call_closed", now, community=community, **closed_event(call))
    return True


def take_up(call_id: int, actor: str, now: datetime) -> Proposal:
    """Make the call a draft of this member, to be edited and submitted by them; return the draft.

    1. It is open, and nobody else is at it.  2. They have voting power.  3. Write the draft, in the words of the
    language that is active, and remember who took it up.
    """
    community = _call(call_id).community
    _require_free(_call(call_id), actor, now)  # 1
    require_power(community, actor, "author")  # 2
    with transaction.atomic():
        lock_community(community.pk)  # whoever opens or closes calls holds it, too
        call = _call(call_id)
        _require_free(call, actor, now)
        draft = Draft(call.kind, words.title(call), words.text(call), call.payload, {})
        proposal = create_draft(call.community, actor, draft, now)  # 3
        call.proposal, call.taken_up_by, call.taken_up_at = proposal, actor, now
        call.save(update_fields=["proposal", "taken_up_by", "taken_up_at"])
        note("revote_taken_up", now, community=call.community, actor=actor, call=call.pk)
    return proposal


def is_taken(call: Call, actor: str, now: datetime) -> bool:
    """Say whether somebody is at it already, so that `actor` cannot take it up now."""
    proposal = call.proposal
    if proposal is None or call.taken_up_at is None or proposal.state(now) in TERMINAL:
        return False
    if proposal.submitted_at is not None or call.taken_up_by == actor:
        return True
    return now < call.taken_up_at + TAKEN_FOR


def opened_event(call: Call) -> dict[str, Any]:
    """Return what the log says of a call that was opened."""
    return {"call": call.pk, "cause": call.cause, **_about(call)}


def closed_event(call: Call) -> dict[str, Any]:
    """Return what the log says of a call that was closed."""
    return {"call": call.pk, "cause": call.cause, **_about(call), "because": call.closed_because}


def _about(call: Call) -> dict[str, Any]:
    return {"revision": call.subject} if call.version is not None else {"rule": call.subject}


def _require_free(call: Call, actor: str, now: datetime) -> None:
    if call.closed_at is not None:
        raise Conflict("call_closed", "what called for a vote has ended", found=call.closed_because)
    if is_taken(call, actor, now):
        raise Conflict("call_taken_up", "somebody has made a draft of this already", found=call.taken_up_by)


def _call(call_id: int) -> Call:
    found = Call.objects.select_related("community__charter", "proposal").filter(pk=call_id).first()
    if found is None:
        raise NotFound("unknown_call", "there is no call for a vote with this number", found=call_id)
    return found


# --- rules that are about to end ----------------------------------------------------------------------------------


def call_for_sunsets(notice: timedelta, now: datetime) -> int:
    """Open a call for each rule in force whose sunset is due within `notice`; close those of rules that are not.

    The draft is the same rule for as long again; whoever takes it up may write another one. Return how many are open.
    """
    limit = unix(now + notice)
    due = EthicsRule.objects.filter(revoked_at__isnull=True, sunset__isnull=False, sunset__lte=limit)
    subjects = set()
    for rule in due.select_related("community", "record").order_by("pk"):
        subjects.add(rule.record_id)
        if not Call.objects.open().filter(cause="sunset", subject=rule.record_id).exists():
            open_call(rule.community, sunset_of(rule, now), now)
    for call in Call.objects.open().filter(cause="sunset").exclude(subject__in=subjects).select_related("community"):
        close_call(call.community, "sunset", call.subject, "rule_changed", now)
    return len(subjects)


def sunset_of(rule: EthicsRule, now: datetime) -> Wanted:
    """Return the call for a rule that is about to end: the same text, until as long after its sunset as it has been."""
    assert rule.sunset is not None
    length = max(86_400, rule.sunset - unix(rule.adopted_at))
    missed = max(0, unix(now) - rule.sunset) // length
    body = {**rule.to_dict(), "sunset": rule.sunset + (missed + 1) * length}
    facts = {"rule": rule.slug, "title": rule.title, "sunset": rule.sunset}
    return Wanted("sunset", rule.record_id, "rule_change", {"rule": body}, facts)
