"""What follows here from what a Governor said: each event is taken once, in the order of the chain.

A proposal that was offered here (`offering`) and stands on the chain is submitted; votes become ballots; what was
queued, executed or canceled there is so here, with the times of the chain's blocks. The anchor's approval carries the
decision out. What ends with time, and no event says, stands in `closing`.

Each event and what follows from it are one transaction, which begins by taking the event: a second sweeper finds it
taken.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import transaction

from governance import log, services
from governance.chain import Block, ChainReader
from governance.charter import Charter
from governance.counting import quorum_part
from governance.errors import Refusal
from governance.evidence.record import Record as RecordValue
from governance.lifecycle import NotAllowed
from governance.models import Ballot, Contract, ContractEvent, ContractProposal, Event, Proposal, Record
from governance.onchain import changes, waiting
from governance.onchain.approvals import Reference
from governance.onchain.census import take_census
from governance.onchain.closing import Differs, close, follow_time, moment
from governance.onchain.numbers import Numbers, differences
from governance.outcome import SECONDS_MAX, InvalidRules
from governance.power import PowerError, Snapshot
from governance.power.governor_votes import snapshot_in
from governance.services.ballots import REASON_MAX
from governance.services.common import charter_of, lock_community, locked_proposal, terms_of
from governance.services.drafts import Draft
from governance.services.events import note, note_once
from governance.services.submission import freeze

logger = logging.getLogger(__name__)

AT_ONCE_MAX: Final = 1_000
CANCELED: Final = "canceled on the chain"


def take_due(contract_id: int, chain: ChainReader, now: datetime) -> int:
    """Take what is due, in the order of the chain; return how many events were taken.

    What is refused waits, is tried again at the next sweep, and holds up the later events of the same proposal only.
    """
    contract = Contract.objects.get(pk=contract_id)
    held_up: set[str] = set()
    taken = 0
    for event in contract.events.filter(taken=False)[:AT_ONCE_MAX]:
        subject = _subject(contract, event)
        if subject in held_up:
            continue
        try:
            _TAKEN[event.kind](contract, event, chain)
            taken += 1
        except (Refusal, PowerError, InvalidRules, NotAllowed) as refusal:
            held_up.add(subject)
            _note_refusal(event, refusal, now)
    if not contract.halted:
        follow_time(contract, chain, now)
    return taken


def offer_of(contract: Contract, event: ContractEvent) -> ContractProposal | None:
    """Return the proposal of this site that an event is about, if it is about one."""
    found = contract.proposals.select_related("proposal__community__charter", "proposal__record")
    if event.kind == "approved":
        return found.filter(approves=event.data["digest"]).first()
    return found.filter(number=event.proposal).first() if event.proposal else None


def _subject(contract: Contract, event: ContractEvent) -> str:
    """Return what an event is about: a later event of the same proposal waits for an earlier one."""
    if event.kind == "approved" and (offer := offer_of(contract, event)):
        return offer.number
    return event.proposal or f"{event.kind}:{event.pk}"


def _note_refusal(event: ContractEvent, refusal: Exception, now: datetime) -> None:
    offer = offer_of(event.contract, event)
    code, detail = getattr(refusal, "code", "unusable_proposal"), getattr(refusal, "detail", str(refusal))
    logger.warning("contract %s: %s of block %s waits: %s", event.contract, event.kind, event.block_number, detail)
    if offer is not None:
        note_once(offer.proposal_id, "step_refused", now, code=code, detail=detail)


# --- one event each ---


def _nothing(_contract: Contract, event: ContractEvent, _chain: ChainReader) -> None:
    """Take an event from which nothing follows by itself."""
    _claim(event)


def _created(contract: Contract, event: ContractEvent, chain: ChainReader) -> None:
    """Submit the draft that this proposal was made of, with what was offered, not with what the draft says now."""
    offer = offer_of(contract, event)
    if offer is None:
        _claim(event)
        return
    pair = {"governor": contract.governor, "anchor": contract.anchor, "token": _token(contract)}
    block = Block(event.block_number, event.block_hash, event.block_time)
    found = snapshot_in(chain, pair, block)
    starts = int(event.data["starts"])
    snapshot = Snapshot(block.number, block.hash, found.total_supply, {**pair, "timepoint": starts})
    at, kept = moment(event.block_time), changes.numbers_at(contract, event, chain)
    with transaction.atomic():
        if not _claim(event):
            return
        proposal = locked_proposal(offer.proposal_id)
        lock_community(proposal.community_id)
        refused = _why_not(proposal, charter_of(proposal.community), event, kept)
        if refused:
            ContractProposal.objects.filter(pk=offer.pk).update(refused=refused)
            note("contract_proposal_refused", at, proposal=proposal, detail=refused)
            return
        said = Draft(**offer.content)
        proposal.kind, proposal.text = said.kind, said.text
        freeze(proposal, Draft(**{**offer.content, "timing": {"opens_at": starts + 1}}), snapshot, None, [], at)
        proposal.census_at = moment(starts)
        proposal.save()
        note("proposal_submitted", at, proposal=proposal, actor=proposal.author)


def _why_not(proposal: Proposal, charter: Charter, event: ContractEvent, kept: Numbers) -> str:
    """Return why a proposal that stands on the chain is not taken up here, or nothing."""
    if proposal.submitted_at is not None:
        return "another version of this draft was proposed before"
    if proposal.canceled_at is not None:
        return "its author had thrown the draft away"
    if charter.power["parameters"].get("governor") != event.contract.governor:
        return "the community's charter names another Governor now"
    for name, said, done in differences(charter.rules_of(proposal.kind), kept):
        return f"the Governor's rules were not those of the charter: {name} {done}, the charter says {said}"
    return ""


def _vote(contract: Contract, event: ContractEvent, chain: ChainReader) -> None:
    """Turn a vote into a ballot, once the census says what it is a share of.

    A vote of nothing is none, but for one: where the quorum is nothing, the first vote settles when voting ends.
    """
    offer = offer_of(contract, event)
    if offer is None or offer.refused:
        _claim(event)
        return
    taken_up = take_census(offer.proposal, contract, chain)
    if not int(event.data["weight"]) and (taken_up.quorum_at or not terms_of(taken_up).weightless):
        _claim(event)
        return
    with transaction.atomic():
        if not _claim(event):
            return
        proposal = locked_proposal(offer.proposal_id)
        at, voter, power = moment(event.block_time), event.data["voter"], int(event.data["weight"])
        body = {
            "voter": voter,
            "choice": event.data["support"],
            "reason": event.data["reason"][:REASON_MAX],
            "nonce": 0,
            "power": str(power),
            "house_power": "0",
            "signature": str(Reference(event.block_hash, event.transaction, event.position)),
            "cast_at": event.block_time,
        }
        digest = str(proposal.record_id)
        value = RecordValue.make("ballot", f"ballot:{digest}/{voter}", body, [digest])
        record = Record.objects.create(
            digest=value.digest,
            kind=value.kind,
            subject=value.subject,
            canonical=value.canonical().decode(),
            created_at=at,
        )
        told = [_event("ballot_cast", at, proposal, voter, ballot=record.digest)]
        _follow_quorum(proposal, body["choice"], power, at)
        log.append(proposal.community_id, told)
        Ballot.objects.create(
            proposal=proposal,
            voter=voter,
            voter_key=voter.lower(),
            choice=body["choice"],
            reason=body["reason"],
            nonce=0,
            power=power,
            house_power=0,
            signature=body["signature"],
            record=record,
            position=told[0].position,
            cast_at=at,
        )


def _follow_quorum(proposal: Proposal, choice: int, power: int, at: datetime) -> None:
    """Note whether this ballot is the first to reach the quorum. Whether that moves the end, the Governor says."""
    terms = terms_of(proposal)
    if proposal.quorum_at is not None:
        return
    proposal.quorum_power = int(proposal.quorum_power) + quorum_part(terms, choice, power)
    if proposal.quorum_power >= terms.governor_quorum:
        proposal.quorum_at = at
    proposal.save(update_fields=["quorum_power", "quorum_at"])


def _extended(contract: Contract, event: ContractEvent, _chain: ChainReader) -> None:
    """Move the end of the vote to where the Governor moved it, after the ballot just before."""
    offer = _ours(contract, event)
    if offer is None:
        return
    with transaction.atomic():
        if not _claim(event):
            return
        proposal = locked_proposal(offer.proposal_id)
        ballot = proposal.ballots.order_by("-pk").first()
        if ballot is None:
            raise Differs("contract_differs", "the vote was extended before anybody voted")
        end = int(event.data["deadline"]) + 1
        proposal.closes_at, proposal.extended_by = moment(end), ballot.record_id
        proposal.save(update_fields=["closes_at", "extended_by"])
        at = moment(event.block_time)
        note("vote_extended", at, proposal=proposal, ballot=ballot.record_id, closes_at=end)


def _event(kind: str, at: datetime, proposal: Proposal, actor: str, **data: object) -> Event:
    return Event(kind=kind, at=at, community_id=proposal.community_id, proposal=proposal, actor=actor, data=data)


def _queued(contract: Contract, event: ContractEvent, chain: ChainReader) -> None:
    """Count, if nobody has yet, and put the proposal behind the timelock that the contract began."""
    offer = _ours(contract, event)
    if offer is None:
        return
    close(offer, chain)
    with transaction.atomic():
        if not _claim(event):
            return
        waits = int(event.data["eta"]) - event.block_time
        if waits > SECONDS_MAX:
            raise Differs("contract_differs", "the timelock takes too long", found=waits, allowed=SECONDS_MAX)
        frozen = terms_of(offer.proposal).rules.timelock_seconds
        at = moment(event.block_time)
        services.queue(offer.proposal_id, at, timelock_seconds=None if waits == frozen else waits)


def _canceled(contract: Contract, event: ContractEvent, _chain: ChainReader) -> None:
    offer = _ours(contract, event)
    if offer is None:
        return
    with transaction.atomic():
        if _claim(event):
            waiting.cancel(offer.proposal_id, moment(event.block_time), CANCELED)


def _in_timelock(contract: Contract, event: ContractEvent, _chain: ChainReader) -> None:
    """Follow the timelock that the Governor has, where it drops what waits or takes it in again by itself."""
    offer = offer_of(contract, event)
    timelock = changes.timelock_at(contract, changes.place_of(event))
    with transaction.atomic():
        if _claim(event) and offer is not None and event.data["of"] == timelock:
            waiting.follow(offer, timelock, event, waiting.DROPPED)


def _number_changed(contract: Contract, event: ContractEvent, _chain: ChainReader) -> None:
    """Tell that a number changed. Proposals under way keep what the Governor keeps for them."""
    said = event.data
    with transaction.atomic():
        if _claim(event) and said["of"] in (contract.governor, changes.timelock_at(contract, changes.place_of(event))):
            _tell_change(contract, event, said["rule"])


def _timelock_changed(contract: Contract, event: ContractEvent, _chain: ChainReader) -> None:
    """Follow the Governor, which asks the timelock that it has now what became of everything that was ever queued."""
    with transaction.atomic():
        if _claim(event):
            _tell_change(contract, event, "timelock")
            for offer in waiting.queued_in(contract):
                waiting.follow(offer, event.data["after"], event, waiting.LEFT_BEHIND)


def _tell_change(contract: Contract, event: ContractEvent, rule: str) -> None:
    said = {"rule": rule, "before": event.data["before"], "after": event.data["after"]}
    at = moment(event.block_time)
    note("contract_changed", at, community=contract.community, governor=contract.governor, **said)


def _approved(contract: Contract, event: ContractEvent, _chain: ChainReader) -> None:
    """Carry out what the anchor approved: the run starts, the rule holds, as the kind of proposal says.

    The approval must have come from this very proposal: its operation of the timelock, in the same transaction.
    """
    offer = _ours(contract, event)
    if offer is None:
        return
    called = contract.events.filter(kind="called", transaction=event.transaction, block_hash=event.block_hash)
    timelock, detail = changes.timelock_at(contract, changes.place_of(event)), ""
    by = {each.data.get("of", timelock) for each in called if each.data["operation"] == offer.operation}
    if not by:
        detail = "the anchor approved this digest for another proposal"
    elif offer.proposal.canceled_at is not None or timelock not in by:
        detail = waiting.GIVEN_UP
    if detail:
        ContractProposal.objects.filter(pk=offer.pk).update(refused=detail)
        _claim(event)
        note("contract_proposal_refused", moment(event.block_time), proposal=offer.proposal, detail=detail)
        return
    with transaction.atomic():
        if _claim(event):
            # A timelock that takes something in anew may let it wait for a shorter time than its decision says.
            at = max(moment(event.block_time), offer.proposal.eta or moment(0))
            services.execute(offer.proposal_id, at, by_contract=True)


def _ours(contract: Contract, event: ContractEvent) -> ContractProposal | None:
    """Return the followed proposal of an event; take the event where there is none."""
    offer = offer_of(contract, event)
    if offer is None or offer.refused or offer.proposal.submitted_at is None:
        _claim(event)
        return None
    return offer


_TAKEN: Final[dict[str, Callable[[Contract, ContractEvent, ChainReader], None]]] = {
    "created": _created,
    "vote": _vote,
    "extended": _extended,
    "queued": _queued,
    "executed": _nothing,
    "called": _nothing,
    "scheduled": _in_timelock,
    "unscheduled": _in_timelock,
    "canceled": _canceled,
    "approved": _approved,
    "number": _number_changed,
    "timelock": _timelock_changed,
}


def _claim(event: ContractEvent) -> bool:
    """Take an event; say whether this call did it."""
    return ContractEvent.objects.filter(pk=event.pk, taken=False).update(taken=True) == 1


def _token(contract: Contract) -> str:
    return str(charter_of(contract.community).power["parameters"]["token"])
