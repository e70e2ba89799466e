"""Finding a proposal by what ballots sign, and taking one back."""

from datetime import datetime

from django.db import transaction

from governance import lifecycle
from governance.clock import whole_second
from governance.errors import Invalid, Malformed, NotFound
from governance.evidence.record import DIGEST_PATTERN
from governance.lifecycle import Action
from governance.models import Proposal
from governance.onchain import require_gasless
from governance.services.common import (
    charter_under,
    locked_proposal,
    require_author,
)
from governance.services.events import note


def cancel(proposal_id: int, actor: str, reason: str, now: datetime) -> Proposal:
    """Take one's own proposal back, with a reason that everybody can read."""
    reason = reason.strip()
    if not 1 <= len(reason) <= 500:  # noqa: PLR2004
        raise Invalid("length_out_of_range", "a reason has 1 to 500 characters", field="reason")
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        require_author(proposal, actor)
        lifecycle.require(Action.CANCEL, proposal.facts, now)
        if proposal.record_id:
            require_gasless(charter_under(proposal))
        proposal.canceled_at, proposal.canceled_by, proposal.cancel_reason = whole_second(now), actor, reason
        proposal.save()
        note("proposal_canceled", now, proposal=proposal, actor=actor, reason=reason)
    return proposal


def public_id_digest(public_id: str) -> str:
    """Return the digest in the id that ballots name; raise Malformed for another form."""
    digits = public_id[2:] if isinstance(public_id, str) and public_id.startswith("0x") else ""
    if not DIGEST_PATTERN.fullmatch(digits):
        raise Malformed(
            "malformed_field", "a proposal id is 0x and 64 lower-case hex digits", field="proposal", found=public_id
        )
    return digits


def proposal_by_public_id(public_id: str) -> Proposal:
    """Return the submitted proposal that ballots name; raise Malformed for another form, NotFound for no proposal."""
    found = Proposal.objects.select_related("community__charter", "record", "census_record")
    proposal = found.filter(record_id=public_id_digest(public_id)).first()
    if proposal is None:
        raise NotFound("unknown_proposal", "there is no such proposal", field="proposal", found=public_id)
    return proposal
