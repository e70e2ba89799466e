"""Writing a draft together, and showing it before it is submitted.

The author asks others; whoever accepts may edit until the draft is submitted, and is named beside the author. The
author alone submits, and what ballots sign names the author. Sharing shows a draft to everybody, for good.
"""

from datetime import datetime

from django.db import transaction

from governance import lifecycle
from governance.eip712 import AddressError, parse_address
from governance.errors import Conflict, Invalid, NotFound
from governance.lifecycle import Action
from governance.models import CoAuthor, Proposal
from governance.services.common import locked_proposal, require_author
from governance.services.events import note

CO_AUTHORS_MAX = 10


def share(proposal_id: int, actor: str, now: datetime) -> Proposal:
    """Show a draft to everybody, so that it can be talked about before it is submitted. Safe to repeat."""
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        require_author(proposal, actor)
        lifecycle.require(Action.EDIT, proposal.facts, now)
        if proposal.shared_at is None:
            proposal.shared_at = now
            proposal.save(update_fields=["shared_at"])
            note("draft_shared", now, proposal=proposal, actor=actor)
    return proposal


def invite(proposal_id: int, actor: str, address: str, now: datetime) -> CoAuthor:
    """Ask somebody to write a draft together. The log does not name them before they accept."""
    try:
        address = parse_address(address.strip())
    except AddressError as error:
        raise Invalid(error.code, error.detail, field="address") from error
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        require_author(proposal, actor)
        lifecycle.require(Action.EDIT, proposal.facts, now)
        if address == actor:
            raise Invalid("author_already", "you are the author already", field="address", found=address)
        standing = proposal.co_authors.filter(ended_at__isnull=True)
        found = standing.filter(address=address).first()
        if found is not None:
            return found
        if standing.count() >= CO_AUTHORS_MAX:
            raise Conflict("too_many_co_authors", "so many co-authors are enough", allowed=CO_AUTHORS_MAX)
        fresh = {"invited_at": now, "accepted_at": None, "ended_at": None}
        made, _new = proposal.co_authors.update_or_create(address=address, defaults=fresh)
        note("draft_co_author_invited", now, proposal=proposal, actor=actor)
    return made


def answer(proposal_id: int, actor: str, now: datetime, *, accept: bool) -> CoAuthor:
    """Accept an invitation, or decline it; whoever has accepted leaves by declining. Safe to repeat."""
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        found = proposal.co_authors.filter(address=actor, ended_at__isnull=True).first()
        if found is None:
            raise NotFound("not_invited", "nobody asks you to write this draft", found=proposal_id)
        lifecycle.require(Action.EDIT, proposal.facts, now)
        if accept and found.accepted_at is None:
            found.accepted_at = now
            note("draft_co_author_joined", now, proposal=proposal, actor=actor)
        if not accept:
            _end(found, actor, now)
        found.save()
    return found


def remove(proposal_id: int, actor: str, address: str, now: datetime) -> None:
    """End the part of a co-author, or an invitation. Safe to repeat."""
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        require_author(proposal, actor)
        lifecycle.require(Action.EDIT, proposal.facts, now)
        for found in proposal.co_authors.filter(address=address, ended_at__isnull=True):
            _end(found, actor, now)
            found.save()


def draft_of(slug: str, draft_id: int, actor: str) -> Proposal:
    """Return a draft that somebody writes, or was asked to write; anybody else's is not found."""
    rows = Proposal.objects.select_related("community").filter(community__slug=slug, pk=draft_id)
    found = rows.filter(submitted_at__isnull=True, canceled_at__isnull=True).first()
    asked = found is not None and found.co_authors.filter(address=actor, ended_at__isnull=True).exists()
    if found is None or not (asked or found.author == actor):
        raise NotFound("draft_not_found", "there is no draft of yours with this number", field="id", found=draft_id)
    return found


def of(proposal: Proposal) -> list[CoAuthor]:
    """Return those who have accepted, in the order in which they were asked."""
    return list(proposal.co_authors.filter(accepted_at__isnull=False, ended_at__isnull=True))


def addresses_of(proposal: Proposal) -> list[str]:
    """Return the addresses of those who have accepted."""
    return [each.address for each in of(proposal)]


def asked(proposal: Proposal) -> list[CoAuthor]:
    """Return those who have not answered."""
    return list(proposal.co_authors.filter(accepted_at__isnull=True, ended_at__isnull=True))


def _end(found: CoAuthor, actor: str, now: datetime) -> None:
    found.ended_at = now
    if found.accepted_at is not None:
        note("draft_co_author_left", now, proposal=found.proposal, actor=actor)
