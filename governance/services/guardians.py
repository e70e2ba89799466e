"""The council: elected guardians who can stop or delay what waits in its timelock. Never approve, never shorten.

One guardian can pause a proposal, once, for as long as the charter allows, and always so that time is left to carry it
out. More than half of the seats, each with a reason, veto it for good.
"""

from datetime import datetime, timedelta

from django.db import transaction

from governance import lifecycle
from governance.clock import unix, whole_second
from governance.errors import Conflict, Forbidden, Invalid
from governance.lifecycle import Action
from governance.models import Community, Council, GuardianVoice, Proposal
from governance.onchain import require_gasless
from governance.services.common import charter_under, locked_proposal, terms_of
from governance.services.events import note

REASON_MAX = 500


def council_in_office(community: Community, now: datetime) -> Council | None:
    """Return the council elected last, while its term lasts."""
    council = community.councils.first()
    return council if council is not None and now < council.term_ends_at else None


def veto(proposal_id: int, actor: str, reason: str, now: datetime) -> Proposal:
    """Speak for a veto. It is done when more than half of the council's seats have spoken for it."""
    reason = _clean(reason)
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        council = _require_guardian(proposal, actor, now)
        lifecycle.require(Action.VETO, proposal.facts, now)
        _speak(proposal, actor, GuardianVoice.VETO, reason, now)
        seats = {member["address"] for member in council.members}
        voices = proposal.guardian_voices.filter(action=GuardianVoice.VETO, guardian__in=seats).count()
        needed = len(seats) // 2 + 1
        note("veto_voiced", now, proposal=proposal, actor=actor, reason=reason, voices=voices, needed=needed)
        if voices >= needed:
            proposal.vetoed_at = whole_second(now)
            proposal.save(update_fields=["vetoed_at"])
            note("proposal_vetoed", now, proposal=proposal, actor=actor)
    return proposal


def pause(proposal_id: int, actor: str, reason: str, now: datetime) -> Proposal:
    """Hold the execution back for a bounded time, once for each proposal. It leaves half the window to carry it out."""
    reason = _clean(reason)
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        _require_guardian(proposal, actor, now)
        lifecycle.require(Action.PAUSE, proposal.facts, now)
        if proposal.guardian_voices.filter(action=GuardianVoice.PAUSE).exists():
            raise Conflict("already_paused", "a proposal is paused at most once")
        window = timedelta(seconds=terms_of(proposal).rules.execution_window_seconds)
        longest = timedelta(seconds=charter_under(proposal).pause_seconds_max)
        begins = max(whole_second(now), proposal.eta or whole_second(now))
        latest = (proposal.expires_at or begins) - window / 2
        until = whole_second(min(begins + longest, latest))
        if until <= begins:
            raise Conflict("pause_not_possible", "the charter allows no pause, or too little time is left for one")
        _speak(proposal, actor, GuardianVoice.PAUSE, reason, now)
        proposal.paused_until = until
        proposal.save(update_fields=["paused_until"])
        note("execution_paused", now, proposal=proposal, actor=actor, reason=reason, until=unix(until))
    return proposal


def _require_guardian(proposal: Proposal, actor: str, now: datetime) -> Council:
    if proposal.record_id:
        require_gasless(charter_under(proposal))
    council = council_in_office(proposal.community, now)
    if council is None:
        raise Conflict("no_council", "no council is in office; a council is elected by a proposal")
    if actor not in {member["address"] for member in council.members}:
        raise Forbidden("not_a_guardian", "only members of the council may do this", found=actor)
    return council


def _speak(proposal: Proposal, actor: str, action: str, reason: str, now: datetime) -> None:
    _, new = GuardianVoice.objects.get_or_create(
        proposal=proposal, guardian=actor, action=action, defaults={"reason": reason, "at": now}
    )
    if not new:
        raise Conflict("already_spoken", "this guardian has spoken on this proposal already")


def _clean(reason: str) -> str:
    reason = reason.strip()
    if not 1 <= len(reason) <= REASON_MAX:
        raise Invalid("length_out_of_range", f"a reason has 1 to {REASON_MAX} characters", field="reason")
    return reason
