"""Ballots that wait for the owners of a wallet: begun by the first signature, cast with the last that is needed.

The wallet itself says who its owners are and how many it needs, each time somebody signs or looks. An owner may sign
here, or approve on the chain; the wallet may also approve as a whole there (its `signMessage`). What waits is no
evidence and changes no count; it ends with the vote. Who completes it casts the ballot; the chain has the last word.

Of a sealed ballot only its sealed text comes here: what it says, its owners tell each other.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Any, Final

from django.db import transaction

from governance import eip712, lifecycle
from governance.chain import ChainError, ChainReader
from governance.chain.factory import chain_for
from governance.errors import Conflict, Forbidden, Invalid, NotFound, Refusal, TooMany
from governance.lifecycle import Action, State
from governance.models import Ballot, Community, OwnerSignature, PendingBallot, Proposal, SealedBallot
from governance.sealed import box
from governance.sealed.casting import (
    SealedOffer,
    SealedRequest,
    cast_sealed_ballot,
    offer_sealed_ballot,
    sealed_digest_of,
    sealed_message_of,
)
from governance.services.ballots import BallotOffer, BallotRequest, cast_ballot, message_of, offer_ballot
from governance.services.proposals import proposal_by_public_id
from governance.wallets import safes
from governance.wallets.checking import asks_wallets, stands_by
from governance.wallets.holders import Holders, holders_at

logger = logging.getLogger(__name__)

# Of one wallet, in one vote: one owner must not take the places of the others.
WAITING_PER_OWNER_MAX: Final = 5
LOOK_AGAIN_AFTER: Final = timedelta(minutes=1)
LOOK_AT_MOST_EVERY: Final = timedelta(seconds=10)
LOOKS_AT_ONCE: Final = 10
APPROVED_AS_A_WHOLE: Final = "0x"  # the signature of a wallet that keeps its approvals on the chain


class Standing(StrEnum):
    """How a waiting ballot stands."""

    WAITING = "waiting"
    CAST = "cast"
    EXPIRED = "expired"


@dataclass(frozen=True)
class OwnerRequest:
    """What an owner sends: the ballot of the wallet, who they are, and their signature of the wallet's message.

    Where ballots are sealed, there is `sealed` in the place of a choice and a reason.
    """

    proposal: str
    wallet: str
    choice: Any
    reason: str
    nonce: int
    owner: str
    signature: str
    sealed: str = ""


@dataclass(frozen=True)
class OwnerOffer:
    """What an owner is to sign, the ballot that it stands for, and whose signatures the wallet needs."""

    typed_data: dict[str, Any]
    ballot: BallotOffer | SealedOffer
    holders: Holders


def offer_to_owners(proposal: Proposal, wallet: str, choice: Any, reason: str, now: datetime) -> OwnerOffer:  # noqa: ANN401
    """Return the message for each owner, after checking that the ballot would be accepted."""
    _require_chain(proposal)
    ballot = offer_ballot(proposal, wallet, choice, reason, now)
    wallet = eip712.parse_address(wallet)
    holders = holders_at(chain_for(proposal.community.chain_id), wallet)
    request = BallotRequest(proposal.public_id, wallet, choice, reason, ballot.nonce, "")
    _, digest = message_of(request)
    return OwnerOffer(safes.safe_message(proposal.community.chain_id, wallet, digest), ballot, holders)


def offer_sealed_to_owners(proposal: Proposal, wallet: str, sealed_digest: str, now: datetime) -> OwnerOffer:
    """Return the message for each owner where ballots are sealed; of the ballot only its digest has to be known."""
    _require_chain(proposal)
    ballot = offer_sealed_ballot(proposal, wallet, sealed_digest, now)
    wallet = eip712.parse_address(wallet)
    holders = holders_at(chain_for(proposal.community.chain_id), wallet)
    digest = sealed_digest_of(proposal, wallet, sealed_digest, ballot.nonce)
    return OwnerOffer(safes.safe_message(proposal.community.chain_id, wallet, digest), ballot, holders)


def sign(request: OwnerRequest, now: datetime) -> tuple[PendingBallot, bool]:
    """Take an owner's signature; return the waiting ballot and whether it is new. With the last one it is cast.

    1. the ballot is well-formed, its vote is open, and the wallet has a say
    2. the wallet names the owner, and the owner signed the wallet's message
    3. keep the signature
    4. cast the ballot if the wallet now has what it needs.
    """
    proposal, wallet, digest = _asked_for(request, now)  # 1
    community = proposal.community
    holders = holders_at(chain_for(community.chain_id), wallet)  # 2
    owner = eip712.parse_address(request.owner)
    if owner not in holders.owners:
        raise Forbidden(
            "not_an_owner", "this wallet does not name you among its owners", field="owner", found=request.owner
        )
    eip712.verify_key(safes.safe_digest(community.chain_id, wallet, digest), request.signature, owner)
    with transaction.atomic():  # 3
        pending, created = _kept(proposal, request, wallet, digest, holders, now)
        made = {"signature": request.signature, "signed_at": now}
        OwnerSignature.objects.get_or_create(pending=pending, owner=owner, defaults=made)
    _cast_if_complete(pending, holders, now)  # 4
    return pending, created


def look(pending: PendingBallot, now: datetime) -> PendingBallot:
    """Ask the wallet again: its owners, who of them has approved on the chain, and whether it stands by the ballot."""
    if pending.record_id is not None:
        return pending
    rest = pending.looked_at + LOOK_AT_MOST_EVERY - now
    if rest > timedelta():
        raise TooMany(
            "looked_just_now", "the wallet was asked just now", retry_after_seconds=ceil(rest.total_seconds())
        )
    lifecycle.require(Action.VOTE, pending.proposal.facts, now)
    community = pending.proposal.community
    chain, digest = chain_for(community.chain_id), bytes.fromhex(pending.digest)
    holders = holders_at(chain, pending.wallet)
    hashed = safes.safe_digest(community.chain_id, pending.wallet, digest)
    signed = set(pending.signatures.values_list("owner", flat=True))
    approved = []
    for owner in holders.owners:
        if owner in signed:
            continue
        said = chain.read(pending.wallet, safes.approved_question(owner, hashed), holders.block.hash)
        if safes.number_in(said):
            approved.append(owner)
    with transaction.atomic():
        pending = _locked(pending)  # it may have been withdrawn while the chain was asked
        for owner in approved:
            OwnerSignature.objects.get_or_create(pending=pending, owner=owner, defaults={"signed_at": now})
        _remember(pending, holders, now)
    if _approved_as_a_whole(chain, pending.wallet, digest):
        _cast(pending, APPROVED_AS_A_WHOLE, now)
    else:
        _cast_if_complete(pending, holders, now)
    return pending


def withdraw(digest: str, owner: str, now: datetime) -> None:
    """Take back what an owner signed here, while it waits; once nobody stands by the ballot, it is gone.

    The others may go on without them: a ballot that they signed as well stays theirs. What was approved on the chain is
    not taken back here, and neither is a signature that is being put into a ballot at this moment.
    """
    pending = pending_by_digest(digest)
    with transaction.atomic():
        pending = _locked(pending)
        if pending.record_id is not None:
            raise Conflict("ballot_cast", "this ballot was cast; the wallet may cast another", found=digest)
        lifecycle.require(Action.VOTE, pending.proposal.facts, now)
        given, _ = pending.signatures.filter(owner=owner).exclude(signature="").delete()
        if not given:
            raise Forbidden("not_your_signature", "only who signed a waiting ballot here takes that back", found=owner)
        if not pending.signatures.exists():
            pending.delete()


def look_at_all(now: datetime) -> int:
    """Look again at ballots that wait in open votes, some at a time; return how many were cast."""
    due = PendingBallot.objects.waiting().filter(looked_at__lte=now - LOOK_AGAIN_AFTER)
    open_votes = due.filter(proposal__opens_at__lte=now, proposal__closes_at__gt=now, proposal__tally_record=None)
    cast = 0
    for pending in open_votes.select_related("proposal__community").order_by("looked_at")[:LOOKS_AT_ONCE]:
        # Before it is asked: a wallet that fails each time must not keep the others from their turn.
        PendingBallot.objects.filter(pk=pending.pk).update(looked_at=now)
        try:
            cast += look(pending, now).record_id is not None
        except (Refusal, lifecycle.NotAllowed, ChainError) as error:
            logger.info("the ballot %s of a wallet waits on: %s", pending.digest, error)
    return cast


def standing(pending: PendingBallot, now: datetime) -> Standing:
    """Return how it stands: the vote ends it, whoever has signed by then."""
    if pending.record_id is not None:
        return Standing.CAST
    open_now = lifecycle.state(pending.proposal.facts, now) is State.ACTIVE
    return Standing.WAITING if open_now else Standing.EXPIRED


def owners_message(pending: PendingBallot) -> dict[str, Any]:
    """Return what each owner of a waiting ballot signs."""
    return safes.safe_message(pending.proposal.community.chain_id, pending.wallet, bytes.fromhex(pending.digest))


def missing(pending: PendingBallot, signed: Iterable[str]) -> list[str]:
    """Return the owners who have not signed, as the wallet named them when it was asked last."""
    there = set(signed)
    return [owner for owner in pending.owners if owner not in there]


def pending_by_digest(digest: str) -> PendingBallot:
    """Return a waiting ballot by the digest of its message, 64 hex digits; raise NotFound."""
    found = PendingBallot.objects.select_related("proposal__community").filter(digest=digest).first()
    if found is None:
        raise NotFound("unknown_pending_ballot", "no ballot waits under this name", found=digest)
    return found


def _asked_for(request: OwnerRequest, now: datetime) -> tuple[Proposal, str, bytes]:
    """Return proposal, wallet and the digest of the ballot's message, after checking that it would be accepted."""
    if not request.sealed:
        asked = BallotRequest(request.proposal, request.wallet, request.choice, request.reason, request.nonce, "")
        checked, digest = message_of(asked)
        proposal, wallet = proposal_by_public_id(request.proposal), checked.voter
        _require_chain(proposal)
        offer_ballot(proposal, wallet, checked.choice, checked.reason, now)
        return proposal, wallet, digest
    if request.choice is not None or request.reason:
        detail = "what a sealed ballot says stays with its owners; send neither choice nor reason beside it"
        raise Invalid("ballots_are_sealed", detail, field="choice")
    sealed = SealedRequest(request.proposal, request.wallet, request.sealed, request.nonce, "")
    proposal, wallet, digest = sealed_message_of(sealed)
    _require_chain(proposal)
    offer_sealed_ballot(proposal, wallet, box.digest_of(box.from_text(request.sealed)), now)
    return proposal, wallet, digest


def _require_chain(proposal: Proposal) -> None:
    if not asks_wallets(proposal):
        raise Conflict(
            "no_contract_wallets", "contract wallets vote only where power is read from a chain", field="proposal"
        )


def _kept(
    proposal: Proposal, request: OwnerRequest, wallet: str, digest: bytes, holders: Holders, now: datetime
) -> tuple[PendingBallot, bool]:
    """Return the waiting ballot of this message, made if it is the first; each owner begins only so many."""
    Community.objects.select_for_update().get(pk=proposal.community_id)
    found = PendingBallot.objects.filter(digest=digest.hex()).first()
    if found is not None:
        _remember(found, holders, now)
        return found, False
    begun = PendingBallot.objects.waiting().begun_by(eip712.parse_address(request.owner))
    count = begun.filter(proposal=proposal, wallet=wallet).count()
    if count >= WAITING_PER_OWNER_MAX:
        detail = "this many ballots of the wallet that you began wait already in this vote; withdraw one first"
        raise Conflict("too_many_waiting", detail, found=count, allowed=WAITING_PER_OWNER_MAX)
    made = PendingBallot.objects.create(
        proposal=proposal,
        wallet=wallet,
        choice=request.choice,
        reason=request.reason,
        sealed=request.sealed,
        nonce=request.nonce,
        digest=digest.hex(),
        owners=list(holders.owners),
        threshold=holders.threshold,
        block_number=holders.block.number,
        begun_at=now,
        looked_at=now,
    )
    return made, True


def _locked(pending: PendingBallot) -> PendingBallot:
    """Return it as it stands, with nobody else at it; raise NotFound if it was withdrawn."""
    Community.objects.select_for_update().get(pk=pending.proposal.community_id)
    return pending_by_digest(pending.digest)


def _remember(pending: PendingBallot, holders: Holders, now: datetime) -> None:
    pending.owners, pending.threshold = list(holders.owners), holders.threshold
    pending.block_number, pending.looked_at = holders.block.number, now
    pending.save(update_fields=["owners", "threshold", "block_number", "looked_at"])


def _approved_as_a_whole(chain: ChainReader, wallet: str, digest: bytes) -> bool:
    try:
        stands_by(chain, wallet, digest, APPROVED_AS_A_WHOLE)
    except Invalid:
        return False
    return True


def _cast_if_complete(pending: PendingBallot, holders: Holders, now: datetime) -> None:
    """Cast the ballot once as many as the wallet needs, of those who are owners today, stand by it."""
    if pending.record_id is not None:
        return
    given = pending.signatures.filter(owner__in=holders.owners).values_list("owner", "signature")
    signatures = dict(sorted(given, key=lambda pair: pair[0].lower())[: holders.threshold])
    if len(signatures) == holders.threshold:
        _cast(pending, safes.put_together(signatures), now)


def _cast(pending: PendingBallot, signature: str, now: datetime) -> None:
    proposal, wallet, nonce = pending.proposal.public_id, pending.wallet, pending.nonce
    ballot: Ballot | SealedBallot
    if pending.sealed:
        ballot, _ = cast_sealed_ballot(SealedRequest(proposal, wallet, pending.sealed, nonce, signature), now)
    else:
        request = BallotRequest(proposal, wallet, pending.choice, pending.reason, nonce, signature)
        ballot, _ = cast_ballot(request, now)
    pending.record_id = ballot.record_id
    PendingBallot.objects.filter(pk=pending.pk).update(record=ballot.record_id)
