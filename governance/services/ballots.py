"""Casting ballots: the message to sign, the checks, and one counting ballot per voter.

`cast_ballot` checks what needs no lock in the request's own thread, signatures above all; then ballots that come at
once are committed together (`group_commit`), and each voter is answered after that commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.db.models import Max

from governance import eip712, lifecycle
from governance.clock import unix, whole_second
from governance.counting import Cast, Roll, Terms, group_quorum, has_late_quorum, quorum_part, weight_alone
from governance.errors import Conflict, Invalid, Malformed, NotFound, Refusal, TooLarge
from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record as RecordValue
from governance.group_commit import GroupCommit
from governance.lifecycle import Action, NotAllowed
from governance.models import Ballot, Community, Event, Proposal, Record
from governance.onchain import require_gasless
from governance.outcome import quorum_needed
from governance.services.ballot_rows import NO_POWER, Polls, write
from governance.services.common import charter_under, next_nonce, roll_of, terms_of
from governance.services.proposals import proposal_by_public_id, public_id_digest
from governance.tally import InvalidChoice, Method
from governance.turns import in_turn
from governance.wallets.asking import Asked
from governance.wallets.checking import require_ballot_of_wallet

REASON_MAX = 2_000
REASON_BYTES_MAX = 50_000
SAFE_INTEGER_MAX = 2**53 - 1
UINT8_MAX = 255


@dataclass(frozen=True)
class BallotRequest:
    """A ballot as a wallet sends it. `proposal` is 0x and 64 hex digits; every field is what was signed.

    `choice` is a number, or for methods that need it a list or a map.
    """

    proposal: str
    voter: str
    choice: Any
    reason: str
    nonce: int
    signature: str


@dataclass(frozen=True)
class BallotOffer:
    """The message to sign, with what it carries: shown to the voter before the wallet opens."""

    typed_data: dict[str, Any]
    nonce: int
    power: int
    delegated: int
    house_power: int


@dataclass(frozen=True)
class _Signed:
    """A ballot whose form and signature were checked. `wallet` is there when a contract stood by it, and not a key."""

    request: BallotRequest
    now: datetime
    wallet: Asked | None = None


def offer_ballot(proposal: Proposal, voter: str, choice: Any, reason: str, now: datetime) -> BallotOffer:  # noqa: ANN401
    """Return the message for a wallet to sign, after checking that the ballot would be accepted.

    `delegated` is what others' delegations add at most: less, once they vote themselves.
    """
    voter = eip712.parse_address(voter)
    lifecycle.require(Action.VOTE, proposal.facts, now)
    require_gasless(charter_under(proposal))
    terms = terms_of(proposal)
    _validate_choice(terms, choice)
    _validate_reason(reason)
    entry = proposal.census.filter(voter_key=voter.lower()).first()
    roll = roll_of(proposal)
    powers = (int(entry.power or 0), int(entry.house_power)) if entry else NO_POWER
    power, house_power = _require_power(terms, roll, voter, choice, powers, proposal.snapshot_block)
    highest = proposal.ballots.filter(voter=voter).aggregate(highest=Max("nonce"))["highest"]
    nonce = next_nonce(highest)
    signed = _signed_fields(proposal.community, proposal.public_id, voter, choice, reason, nonce)
    delegated = weight_alone(roll, voter, power) - power
    return BallotOffer(eip712.ballot_message(**signed), nonce, power, delegated, house_power)


def cast_ballot(request: BallotRequest, now: datetime) -> tuple[Ballot, bool]:
    """Accept a signed ballot; return it, and whether it is new.

    1. the fields are well-formed, the choice exists, and the signature is the voter's over exactly this;
    2. a ballot that was accepted before is answered as before, whatever the clock says;
    3. voting is open, and the voter has power in the census or by delegation;
    4. in one transaction: the nonce rises, the older ballot is superseded, record and event are written.
    """
    return _queue.submit(_checked(request, now))  # 1, then 2 to 4 in `_commit`


def message_of(request: BallotRequest) -> tuple[BallotRequest, bytes]:
    """Return the request with its address in checksummed form, and what is to be signed, after checking every field."""
    digest = public_id_digest(request.proposal)
    community, terms = _frozen(digest)
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
    _validate_choice(terms, request.choice)
    signed = _signed_fields(community, request.proposal, voter, request.choice, request.reason, request.nonce)
    return replace(request, voter=voter), eip712.ballot_digest(**signed)


def _checked(request: BallotRequest, now: datetime) -> _Signed:
    """Make every check that needs no lock. Where no key of the voter has signed, a contract wallet may stand by it."""
    checked, message = message_of(request)
    try:
        eip712.verify(message, checked.signature, checked.voter)
    except eip712.SignatureError as refused:
        said = {name: getattr(checked, name) for name in ("voter", "choice", "reason", "nonce", "signature")}
        wallet = require_ballot_of_wallet(proposal_by_public_id(checked.proposal), said, message, refused, now)
        return _Signed(checked, now, wallet)
    return _Signed(checked, now)


@lru_cache(maxsize=1024)
def _frozen(digest: str) -> tuple[Community, Terms]:
    """Return what never changes of a submitted proposal, read once in each process; raise NotFound."""
    proposal = proposal_by_public_id(f"0x{digest}")
    require_gasless(charter_under(proposal))
    return proposal.community, terms_of(proposal)


@lru_cache(maxsize=256)
def _roll(digest: str) -> Roll:
    """Return the electorate of a proposal that can be voted on: its census is taken and changes no more."""
    return roll_of(proposal_by_public_id(f"0x{digest}"))


def _signed_fields(
    community: Community,
    proposal: str,
    voter: str,
    choice: Any,  # noqa: ANN401 - any JSON
    reason: str,
    nonce: int,
) -> dict[str, Any]:
    return {
        "chain_id": community.chain_id,
        "token": community.token,
        "instance": community.instance,
        "community": community.slug,
        "proposal": proposal,
        "voter": voter,
        "choice": choice,
        "reason": reason,
        "nonce": nonce,
    }


def _validate_choice(terms: Terms, choice: Any) -> None:  # noqa: ANN401 - any JSON
    if terms.sealing is not None:
        # What arrived here in the open is known to the server: such a ballot must never count.
        detail = "ballots on this proposal are sealed before they are sent; this one could be read"
        raise Conflict("ballots_are_sealed", detail, field="choice")
    method: Method = terms.method
    if type(choice) is not int and not (method.structured and isinstance(choice, list | dict)):
        allowed = "a list or an object of whole numbers" if method.structured else f"0 to {UINT8_MAX}"
        detail = "this method takes another form of choice" if method.structured else "a choice is a whole number"
        raise Malformed("malformed_field", detail, field="choice", found=choice, allowed=allowed)
    if type(choice) is int and not 0 <= choice <= UINT8_MAX:
        raise Malformed(
            "malformed_field", "a choice is a whole number", field="choice", found=choice, allowed=f"0 to {UINT8_MAX}"
        )
    try:
        method.validate(choice, len(terms.choices))
    except InvalidChoice as error:
        raise Invalid("choice_invalid", str(error), field="choice", found=choice, allowed=error.allowed) from error


def _validate_reason(reason: str) -> None:
    # A text without canonical form (NUL, half a character) is refused here, alone: in a group it would harm others.
    if len(canonical_bytes(reason)) > REASON_BYTES_MAX:
        raise TooLarge("too_large", f"a reason has at most {REASON_MAX} characters", field="reason", allowed=REASON_MAX)
    if len(reason) > REASON_MAX:
        raise Malformed(
            "length_out_of_range", f"{len(reason)} characters found, at most {REASON_MAX} allowed", field="reason"
        )


def _require_power(
    terms: Terms,
    roll: Roll,
    voter: str,
    choice: Any,  # noqa: ANN401 - any JSON
    powers: tuple[int, int],
    block: int | None,
) -> tuple[int, int]:
    """Return the voter's own powers; raise Invalid where a ballot of theirs could never weigh anything."""
    power, house_power = powers
    most = weight_alone(roll, voter, power)
    if most == 0 and not (house_power and terms.rules.objection_bps):
        raise Invalid(
            "no_voting_power",
            f"this address had no delegated votes at block {block}; delegate to yourself or to somebody before the "
            "next proposal is submitted",
            field="voter",
            found=voter,
        )
    if isinstance(choice, dict) and terms.binary and sum(int(amount) for amount in choice.values()) > most:
        raise Invalid(
            "choice_invalid", "the amounts exceed the power of this ballot", field="choice", found=choice, allowed=most
        )
    return power, house_power


# --- committing a group -------------------------------------------------------------------------------------------


def _commit(group: Sequence[_Signed]) -> list[tuple[Ballot, bool] | Exception]:
    """Accept or refuse each ballot of a group, in its order, in one transaction."""
    answers: list[tuple[Ballot, bool] | Exception] = []
    # Durable: inside a transaction of somebody else's, voters would be answered before anything is on disk.
    with in_turn(), transaction.atomic(durable=True):
        polls = Polls(
            [public_id_digest(signed.request.proposal) for signed in group],
            [signed.request.voter for signed in group],
            [signed.request.nonce for signed in group],
        )
        fresh: list[tuple[Ballot, list[Event]]] = []
        for signed in group:
            digest = public_id_digest(signed.request.proposal)
            try:
                ballot, created = _accept(polls, digest, signed)
            except (Refusal, NotAllowed) as refusal:
                answers.append(refusal)
                continue
            if created:
                fresh.append((ballot, _follow(polls, digest, ballot, signed.now)))
            answers.append((ballot, created))
        if fresh:
            write(polls, fresh)
    return answers


_queue: GroupCommit[_Signed, tuple[Ballot, bool]] = GroupCommit(_commit)


def _accept(polls: Polls, digest: str, signed: _Signed) -> tuple[Ballot, bool]:
    """Return the ballot that this request makes, or made before; raise what refuses it."""
    request, now = signed.request, signed.now
    proposal = polls.proposals.get(digest)
    if proposal is None:
        raise NotFound("unknown_proposal", "there is no such proposal", field="proposal", found=request.proposal)
    earlier = polls.earlier.setdefault((digest, request.voter), [])
    if repeated := _repeated(earlier, request):
        return repeated, False
    lifecycle.require(Action.VOTE, proposal.facts, now)
    _require_rising_nonce(earlier, request)
    power, house_power = _require_power(
        _frozen(digest)[1],
        _roll(digest),
        request.voter,
        request.choice,
        polls.powers.get((digest, request.voter), NO_POWER),
        proposal.snapshot_block,
    )
    cast_at = whole_second(now)
    value = RecordValue.make(
        "ballot",
        f"ballot:{digest}/{request.voter}",
        {
            "voter": request.voter,
            "choice": request.choice,
            "reason": request.reason,
            "nonce": request.nonce,
            "power": str(power),
            "house_power": str(house_power),
            "signature": request.signature,
            "cast_at": unix(cast_at),
            **({"wallet": signed.wallet.to_body()} if signed.wallet else {}),
        },
        [digest],
    )
    record = Record(
        digest=value.digest,
        kind=value.kind,
        subject=value.subject,
        canonical=value.canonical().decode(),
        created_at=now,
    )
    ballot = Ballot(
        proposal=proposal,
        voter=request.voter,
        voter_key=request.voter.lower(),
        choice=request.choice,
        reason=request.reason,
        nonce=request.nonce,
        power=power,
        house_power=house_power,
        signature=request.signature,
        record=record,
        cast_at=cast_at,
    )
    for older in earlier:
        if older.superseded_at is None:
            older.superseded_at = cast_at
            polls.superseded.append(older)
    earlier.append(ballot)
    return ballot, True


def _follow(polls: Polls, digest: str, ballot: Ballot, now: datetime) -> list[Event]:
    """Return the events of an accepted ballot, its own first.

    If it is the first to reach the quorum, it may move the end of the vote.
    """
    proposal, terms = polls.proposals[digest], _frozen(digest)[1]
    events = [_event("ballot_cast", now, proposal, ballot.voter, ballot=ballot.record_id)]
    if not has_late_quorum(terms.rules) or proposal.quorum_at is not None:
        return events
    polls.followed.add(proposal)
    proposal.quorum_power = int(proposal.quorum_power) + _added_to_quorum(polls, digest, ballot)
    if proposal.quorum_power < quorum_needed(terms.rules, _roll(digest).electorate(terms)):
        return events
    proposal.quorum_at = ballot.cast_at
    extended = ballot.cast_at + timedelta(seconds=terms.rules.late_quorum_seconds)
    if proposal.closes_at is not None and extended > proposal.closes_at:
        proposal.closes_at, proposal.extended_by = extended, ballot.record_id
        events.append(_event("vote_extended", now, proposal, "", ballot=ballot.record_id, closes_at=unix(extended)))
    return events


def _added_to_quorum(polls: Polls, digest: str, ballot: Ballot) -> int:
    """Return by how much this ballot changes the power that counts to the quorum: a step of `counting.QuorumMeter`."""
    terms, group = _frozen(digest)[1], _roll(digest).groups.get(ballot.voter)
    mine = polls.earlier[digest, ballot.voter]
    if group is None:
        before = quorum_part(terms, mine[-2].choice, int(mine[-2].power)) if len(mine) > 1 else 0
        return quorum_part(terms, ballot.choice, int(ballot.power)) - before
    stored = polls.proposals[digest].ballots.counting().filter(voter__in=group.people)
    newest = {found.voter: found for found in stored}
    for voter in group.people:
        if accepted := polls.earlier.get((digest, voter)):
            newest[voter] = accepted[-1]
    after = group_quorum(terms, group, [_cast(found) for found in newest.values()])
    newest.pop(ballot.voter)
    if len(mine) > 1:
        newest[ballot.voter] = mine[-2]
    return after - group_quorum(terms, group, [_cast(found) for found in newest.values()])


def _cast(ballot: Ballot) -> Cast:
    return Cast(ballot.voter, ballot.choice, int(ballot.power))


def _event(kind: str, now: datetime, proposal: Proposal, actor: str, **data: Any) -> Event:  # noqa: ANN401 - any JSON
    return Event(kind=kind, at=now, community_id=proposal.community_id, proposal=proposal, actor=actor, data=data)


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
