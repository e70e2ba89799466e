"""Casting ballots: the message to sign, the checks, and one counting ballot per voter."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from governance import eip712, lifecycle
from governance.clock import unix, whole_second
from governance.errors import Conflict, Invalid, Malformed, TooLarge
from governance.lifecycle import Action
from governance.models import Ballot, Proposal
from governance.records import keep
from governance.services.common import (
    locked_proposal,
    snapshot_of,
    source_of,
)
from governance.services.events import note
from governance.services.proposals import proposal_by_public_id
from governance.tally import method_named
from governance.tally.base import InvalidChoice

REASON_MAX = 2_000
REASON_BYTES_MAX = 50_000
SAFE_INTEGER_MAX = 2**53 - 1


@dataclass(frozen=True)
class BallotRequest:
    """A ballot as a wallet sends it. `proposal` is 0x and 64 hex digits; every field is what was signed."""

    proposal: str
    voter: str
    choice: int
    reason: str
    nonce: int
    signature: str


@dataclass(frozen=True)
class BallotOffer:
    """The message to sign, with what it carries: shown to the voter before the wallet opens."""

    typed_data: dict[str, Any]
    nonce: int
    power: int


def offer_ballot(proposal: Proposal, voter: str, choice: int, reason: str, now: datetime) -> BallotOffer:
    """Return the message for a wallet to sign, after checking that the ballot would be accepted."""
    voter = eip712.parse_address(voter)
    lifecycle.require(Action.VOTE, proposal.facts, now)
    _validate_choice(proposal, choice)
    _validate_reason(reason)
    power = _power(proposal, voter)
    highest = proposal.ballots.filter(voter=voter).aggregate(highest=Max("nonce"))["highest"]
    nonce = 1 if highest is None else highest + 1
    return BallotOffer(eip712.ballot_message(**_signed_fields(proposal, voter, choice, reason, nonce)), nonce, power)


def cast_ballot(request: BallotRequest, now: datetime) -> tuple[Ballot, bool]:
    """Accept a signed ballot; return it, and whether it is new.

    1. the fields are well-formed, the choice exists, and the signature is the voter's over exactly this;
    2. a ballot that was accepted before is answered as before, whatever the clock says;
    3. voting is open, and the voter had power at the snapshot;
    4. in one transaction: still open, the nonce rises, the older ballot is superseded, record and event are written.
    """
    proposal = proposal_by_public_id(request.proposal)
    request = _checked(proposal, request)  # 1
    earlier = _ballots_of(proposal, request.voter)
    if repeated := _repeated(earlier, request):  # 2
        return repeated, False
    lifecycle.require(Action.VOTE, proposal.facts, now)  # 3
    _require_rising_nonce(earlier, request)
    power = _power(proposal, request.voter)
    with transaction.atomic():  # 4
        proposal = locked_proposal(proposal.pk)
        earlier = _ballots_of(proposal, request.voter)
        if repeated := _repeated(earlier, request):
            return repeated, False
        lifecycle.require(Action.VOTE, proposal.facts, now)
        _require_rising_nonce(earlier, request)
        cast_at = whole_second(now)
        proposal.ballots.filter(voter=request.voter, superseded_at__isnull=True).update(superseded_at=cast_at)
        record = keep(
            "ballot",
            f"ballot:{proposal.record_id}/{request.voter}",
            {
                "voter": request.voter,
                "choice": request.choice,
                "reason": request.reason,
                "nonce": request.nonce,
                "power": str(power),
                "signature": request.signature,
                "cast_at": unix(cast_at),
            },
            [proposal.record],
        )
        ballot = Ballot.objects.create(
            proposal=proposal,
            voter=request.voter,
            voter_key=request.voter.lower(),
            choice=request.choice,
            reason=request.reason,
            nonce=request.nonce,
            power=power,
            signature=request.signature,
            record=record,
            cast_at=cast_at,
        )
        note("ballot_cast", now, proposal=proposal, actor=request.voter, ballot=record.digest)
    return ballot, True


def _checked(proposal: Proposal, request: BallotRequest) -> BallotRequest:
    """Return the request with its address in checksummed form, after every check that needs no clock and no chain."""
    voter = eip712.parse_address(request.voter)
    _validate_reason(request.reason)
    if not 0 <= request.nonce <= SAFE_INTEGER_MAX:
        raise Malformed(
            "malformed_field",
            "a nonce is a whole number",
            field="nonce",
            found=request.nonce,
            allowed=f"0 to {SAFE_INTEGER_MAX}",
        )
    _validate_choice(proposal, request.choice)
    digest = eip712.ballot_digest(**_signed_fields(proposal, voter, request.choice, request.reason, request.nonce))
    eip712.verify(digest, request.signature, voter)
    return replace(request, voter=voter)


def _signed_fields(proposal: Proposal, voter: str, choice: int, reason: str, nonce: int) -> dict[str, Any]:
    community = proposal.community
    return {
        "chain_id": community.chain_id,
        "token": community.token,
        "instance": community.instance,
        "community": community.slug,
        "proposal": proposal.public_id,
        "voter": voter,
        "choice": choice,
        "reason": reason,
        "nonce": nonce,
    }


def _validate_choice(proposal: Proposal, choice: int) -> None:
    if type(choice) is not int or not 0 <= choice <= 255:  # noqa: PLR2004 - uint8 of the signed message
        raise Malformed(
            "malformed_field", "a choice is a whole number", field="choice", found=choice, allowed="0 to 255"
        )
    try:
        method_named(proposal.method).validate(choice)
    except InvalidChoice as error:
        raise Invalid("choice_invalid", str(error), field="choice", found=choice, allowed=error.allowed) from error


def _validate_reason(reason: str) -> None:
    if len(reason.encode()) > REASON_BYTES_MAX:
        raise TooLarge("too_large", f"a reason has at most {REASON_MAX} characters", field="reason", allowed=REASON_MAX)
    if len(reason) > REASON_MAX:
        raise Malformed(
            "length_out_of_range", f"{len(reason)} characters found, at most {REASON_MAX} allowed", field="reason"
        )


def _ballots_of(proposal: Proposal, voter: str) -> list[Ballot]:
    """Return the voter’s ballots in one read, so that a twin of the request that comes meanwhile splits no answer."""
    return list(proposal.ballots.filter(voter=voter))


def _repeated(earlier: list[Ballot], request: BallotRequest) -> Ballot | None:
    """Return the ballot that this very request made before, if any. The signature may differ: the message counts."""
    said = (request.nonce, request.choice, request.reason)
    return next((ballot for ballot in earlier if (ballot.nonce, ballot.choice, ballot.reason) == said), None)


def _require_rising_nonce(earlier: list[Ballot], request: BallotRequest) -> None:
    nonces = {ballot.nonce for ballot in earlier}
    if request.nonce in nonces:
        raise Conflict(
            "nonce_conflict",
            "this nonce was used for another ballot",
            field="nonce",
            found=request.nonce,
            allowed=f"above {max(nonces)}",
        )
    if nonces and request.nonce < max(nonces):
        raise Conflict(
            "ballot_superseded",
            "a newer ballot of this voter is already counted",
            field="nonce",
            found=request.nonce,
            allowed=f"above {max(nonces)}",
        )


def _power(proposal: Proposal, voter: str) -> int:
    """Return the voter's power at the snapshot; raise Invalid when there was none. Read once per voter and proposal."""
    known = proposal.ballots.filter(voter=voter).values_list("power", flat=True).first()
    if known is not None:
        return int(known)
    snapshot = snapshot_of(proposal)
    power = source_of(proposal.community).power_of(voter, snapshot)
    if power == 0:
        raise Invalid(
            "no_voting_power",
            f"this address had no delegated votes at block {snapshot.block_number}; delegate to yourself or to "
            "somebody before the next proposal is submitted",
            field="voter",
            found=voter,
        )
    return power
