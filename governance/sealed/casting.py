"""Casting a sealed ballot: who may vote is checked as for every ballot, what it says cannot be and is not."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from governance import eip712, lifecycle
from governance.clock import unix, whole_second
from governance.counting import weight_alone
from governance.errors import Conflict, Invalid, Malformed
from governance.lifecycle import Action
from governance.models import Event, Proposal, SealedBallot
from governance.records import keep
from governance.sealed import box
from governance.sealed.box import SealError
from governance.sealed.facts import issuer_of, keys_of, sealing_of
from governance.services.common import locked_proposal, next_nonce, required_record, roll_of
from governance.services.events import note
from governance.services.proposals import proposal_by_public_id
from governance.turns import in_turn
from governance.wallets.asking import Asked
from governance.wallets.checking import require_ballot_of_wallet


@dataclass(frozen=True)
class SealedRequest:
    """A sealed ballot as a wallet sends it: `sealed` is its text, and `proposal` 0x and 64 hex digits."""

    proposal: str
    voter: str
    sealed: str
    nonce: int
    signature: str


@dataclass(frozen=True)
class SealedOffer:
    """The message to sign, with what the ballot will weigh."""

    typed_data: dict[str, Any]
    nonce: int
    power: int
    delegated: int
    house_power: int


def offer_sealed_ballot(proposal: Proposal, voter: str, sealed_digest: str, now: datetime) -> SealedOffer:
    """Return the message for a wallet to sign; of the ballot only its digest has to be known."""
    voter = eip712.parse_address(voter)
    _require_sealed(proposal)
    lifecycle.require(Action.VOTE, proposal.facts, now)
    power, house_power, most = _powers(proposal, voter)
    highest = proposal.sealed_ballots.filter(voter=voter).aggregate(highest=Max("nonce"))["highest"]
    nonce = next_nonce(highest)
    typed_data = _signed(proposal, voter, sealed_digest, nonce, eip712.sealed_ballot_message)
    return SealedOffer(typed_data, nonce, power, most - power, house_power)


def cast_sealed_ballot(request: SealedRequest, now: datetime) -> tuple[SealedBallot, bool]:
    """Accept a sealed ballot; return it, and whether it is new.

    1. it has the form of a sealed ballot, and the voter signed it for this proposal, or a contract wallet stands by it
    2. a ballot that was accepted before is answered as before
    3. voting is open, no keyholder has given a secret away, the voter has power, and the nonce rises
    4. the older ballot is superseded; record, event and ballot are written.
    """
    proposal, voter, digest = sealed_message_of(request)  # 1
    wallet = _stood_by(proposal, voter, request, digest, now)
    with in_turn(), transaction.atomic():
        proposal = locked_proposal(proposal.pk)
        earlier = list(proposal.sealed_ballots.filter(voter=voter).order_by("nonce"))
        for older in earlier:  # 2
            if (older.nonce, older.sealed) == (request.nonce, request.sealed):
                return older, False
        lifecycle.require(Action.VOTE, proposal.facts, now)  # 3
        if proposal.sealing_keys.exclude(secret="").exists():
            raise Conflict("ballots_are_opened", "secrets were published already; nobody can vote any more")
        power, house_power, _most = _powers(proposal, voter)
        highest = earlier[-1].nonce if earlier else -1
        if not highest < request.nonce <= eip712.SAFE_INTEGER_MAX:
            code = "nonce_conflict" if request.nonce == highest else "ballot_superseded"
            detail = "a ballot of this voter with this nonce or a newer one is already counted"
            raise Conflict(code, detail, field="nonce", found=request.nonce, allowed=f"above {highest}")
        return _write(proposal, voter, request, (power, house_power), wallet, now), True  # 4


def sealed_message_of(request: SealedRequest) -> tuple[Proposal, str, bytes]:
    """Return the proposal, the voter in checksummed form, and what is to be signed, after checking the form."""
    proposal = proposal_by_public_id(request.proposal)
    voter = eip712.parse_address(request.voter)
    _require_sealed(proposal)
    sealed = _read(request.sealed)
    expected = keys_of(proposal).context(voter).length
    if len(sealed) != expected:
        raise Invalid(
            "sealed_malformed", "a sealed ballot here has another length", field="sealed", found=len(sealed),
            allowed=expected,
        )  # fmt: skip
    return proposal, voter, sealed_digest_of(proposal, voter, box.digest_of(sealed), request.nonce)


def sealed_digest_of(proposal: Proposal, voter: str, sealed_digest: str, nonce: int) -> bytes:
    """Return what the voter of a sealed ballot signs, of which only its digest has to be known."""
    digest: bytes = _signed(proposal, voter, sealed_digest, nonce, eip712.sealed_ballot_digest)
    return digest


def _stood_by(proposal: Proposal, voter: str, request: SealedRequest, digest: bytes, now: datetime) -> Asked | None:
    """Return nothing where the voter's own key signed; where it did not, the contract wallet that stands by it."""
    try:
        eip712.verify(digest, request.signature, voter)
    except eip712.SignatureError as refused:
        said = {"voter": voter, **{name: getattr(request, name) for name in ("sealed", "nonce", "signature")}}
        return require_ballot_of_wallet(proposal, said, digest, refused, now)
    return None


def _write(
    proposal: Proposal,
    voter: str,
    request: SealedRequest,
    powers: tuple[int, int],
    wallet: Asked | None,
    now: datetime,
) -> SealedBallot:
    cast_at = whole_second(now)
    proposal.sealed_ballots.filter(voter=voter, superseded_at__isnull=True).update(superseded_at=cast_at)
    record = keep(
        "ballot",
        f"ballot:{proposal.record_id}/{voter}",
        {
            "voter": voter,
            "sealed": request.sealed,
            "nonce": request.nonce,
            "power": str(powers[0]),
            "house_power": str(powers[1]),
            "signature": request.signature,
            "cast_at": unix(cast_at),
            **({"wallet": wallet.to_body()} if wallet else {}),
        },
        [required_record(proposal.record)],
    )
    note("ballot_cast", now, proposal=proposal, actor=voter, ballot=record.digest)
    event = Event.objects.get(proposal=proposal, kind="ballot_cast", data__ballot=record.digest)
    return SealedBallot.objects.create(
        proposal=proposal,
        voter=voter,
        voter_key=voter.lower(),
        sealed=request.sealed,
        nonce=request.nonce,
        power=powers[0],
        house_power=powers[1],
        signature=request.signature,
        record=record,
        position=event.position or 0,
        cast_at=cast_at,
    )


def _powers(proposal: Proposal, voter: str) -> tuple[int, int, int]:
    """Return the voter's own powers, and what their ballot weighs at most; raise Invalid where that is nothing."""
    entry = proposal.census.filter(voter_key=voter.lower()).first()
    power, house_power = (int(entry.power or 0), int(entry.house_power)) if entry else (0, 0)
    most = weight_alone(roll_of(proposal), voter, power)
    if most == 0 and not house_power:
        raise Invalid(
            "no_voting_power",
            f"this address had no delegated votes at block {proposal.snapshot_block}; delegate to yourself or to "
            "somebody before the next proposal is submitted",
            field="voter",
            found=voter,
        )
    return power, house_power, most


def _require_sealed(proposal: Proposal) -> None:
    if sealing_of(proposal) is None:
        raise Conflict("ballots_are_open", "ballots on this proposal are not sealed; cast an ordinary one")


def _read(text: str) -> bytes:
    try:
        return box.from_text(text)
    except SealError as error:
        raise Malformed("malformed_field", str(error), field="sealed") from error


def _signed(proposal: Proposal, voter: str, sealed: str, nonce: int, form: Any) -> Any:  # noqa: ANN401 - either form
    names = {**issuer_of(proposal), "proposal": proposal.public_id, "voter": voter}
    return form(**names, sealed=sealed, nonce=nonce)
