"""Sponsors: members who co-sign a draft, so that their powers together reach the threshold."""

from datetime import datetime
from typing import Any

from django.db import transaction

from governance import eip712, lifecycle
from governance.charter import BACKED, draft_digest
from governance.errors import Conflict, Invalid, NotFound
from governance.lifecycle import Action
from governance.models import Proposal, Sponsorship
from governance.services.common import get_proposal, locked_proposal, require_author
from governance.services.communities import require_power
from governance.services.events import note
from governance.wallets.checking import asks_wallets_of, signed_by_member

SPONSORS_MAX = 100


def sponsorship_offer(proposal: Proposal, sponsor: str) -> dict[str, Any]:
    """Return the message by which a member backs exactly this draft."""
    return eip712.sponsorship_message(**_sponsorship(proposal, sponsor))


def sponsor(proposal_id: int, sponsor: str, signature: str, now: datetime) -> Proposal:
    """Back a draft with one's own power, so that it reaches the threshold. An edit of the draft ends the backing.

    Only who has power can: otherwise a stranger's many wallets could take all the places. Backing it again changes
    nothing.
    """
    sponsor = eip712.parse_address(sponsor)
    draft = get_proposal(proposal_id)
    asked = _require_sought(draft, sponsor, now)
    content = asked["draft"][2:]
    if draft.sponsorships.filter(content_digest=content, sponsor=sponsor, signature=signature).exists():
        return draft  # no wallet has to be asked a second time
    digest = eip712.sponsorship_digest(**asked)
    wallet = signed_by_member(
        draft.community, sponsor, digest, signature, lambda: require_power(draft.community, sponsor, "sponsor")
    )
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        if _require_sought(proposal, sponsor, now) != asked:
            raise Conflict("draft_changed", "the draft was changed just now; read it and sign it again")
        if proposal.sponsorships.filter(content_digest=content, sponsor=sponsor).exists():
            return proposal
        others = proposal.sponsorships.filter(content_digest=content).exclude(sponsor=sponsor)
        if others.count() >= SPONSORS_MAX:
            raise Conflict("too_many_sponsors", "a draft has at most so many sponsors", allowed=SPONSORS_MAX)
        values: dict[str, Any] = {"content_digest": content, "signature": signature, "at": now}
        values["wallet"] = wallet.to_body() if wallet else None
        proposal.sponsorships.update_or_create(sponsor=sponsor, defaults=values)
        note("draft_sponsored", now, proposal=proposal, actor=sponsor)
    return proposal


def _require_sought(draft: Proposal, sponsor: str, now: datetime) -> dict[str, Any]:
    """Return what this sponsor signs of the draft as it is; raise unless it seeks sponsors."""
    if not draft.seeks_sponsors:
        raise NotFound("unknown_draft", "there is no draft with this number that seeks sponsors", found=draft.pk)
    lifecycle.require(Action.SPONSOR, draft.facts, now)
    if sponsor == draft.author:
        raise Invalid("own_draft", "authors back their own drafts anyway", field="sponsor", found=sponsor)
    return _sponsorship(draft, sponsor)


def seek_sponsors(proposal_id: int, actor: str, now: datetime) -> Proposal:
    """Show a draft to the members, so that they can back it."""
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        require_author(proposal, actor)
        lifecycle.require(Action.SPONSOR, proposal.facts, now)
        if not proposal.seeks_sponsors:
            proposal.seeks_sponsors, proposal.shared_at = True, proposal.shared_at or now
            proposal.save(update_fields=["seeks_sponsors", "shared_at"])
            note("draft_seeks_sponsors", now, proposal=proposal, actor=actor)
    return proposal


def sponsors_of(proposal: Proposal) -> list[Sponsorship]:
    """Return those who back the draft as it is now, in the order of their addresses.

    Where power is no longer read from a chain, no verifier could ask a contract wallet: its backing ends there.
    """
    backing = proposal.sponsorships.filter(content_digest=_content_digest(proposal))
    if not asks_wallets_of(proposal.community):
        backing = backing.filter(wallet__isnull=True)
    return list(backing.order_by("sponsor"))


def _content_digest(proposal: Proposal) -> str:
    return draft_digest({name: getattr(proposal, name) for name in BACKED})


def _sponsorship(proposal: Proposal, sponsor: str) -> dict[str, Any]:
    community = proposal.community
    return {
        "chain_id": community.chain_id,
        "token": community.token,
        "instance": community.instance,
        "community": community.slug,
        "draft": f"0x{_content_digest(proposal)}",
        "sponsor": sponsor,
    }
