"""The transactions by which members govern: made here, sent by their own wallets. Nothing here is sent or signed.

A draft is proposed as one call: the anchor approves a digest that only this draft has, over its community, number,
author, kind, content and payload. The content is kept as it was offered, so the draft may change meanwhile. The
description ends with the author's address, which makes the Governor refuse the same proposal from anybody else.

Whoever asks has been told what is certain to fail; whatever else fails is for the wallet to say before it is sent.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from governance import eip712
from governance.chain import ChainReader, governor
from governance.chain.factory import chain_for
from governance.clock import unix
from governance.errors import Conflict, Invalid, NotFound
from governance.kinds import kind_named
from governance.lifecycle import Action, State, require
from governance.models import Contract, ContractProposal, Proposal
from governance.onchain import is_by_contract, numbers
from governance.onchain.approvals import Approval
from governance.onchain.approvals import approval_of as of_content
from governance.onchain.following import require_contract
from governance.services.ballots import REASON_MAX
from governance.services.common import charter_of, get_proposal, require_author
from governance.services.communities import require_standing
from governance.services.drafts import Draft, choices_of, clean_draft

METHOD: Final = "governor"
# Every change of a draft that is offered is kept, because any of them may be sent.
OFFERS_MAX: Final = 20
Transaction = dict[str, str]


def propose(proposal_id: int, actor: str, now: datetime) -> tuple[Transaction, ContractProposal]:
    """Return what the author's wallet sends to put a draft to the vote, and what is kept of it.

    1. only its author, only a draft, only for or against, at the Governor's own times
    2. the Governor's rules are those of the charter, and the author has the power that proposing takes
    3. keep the content, under the digest that the anchor will be asked to approve
    """
    proposal = get_proposal(proposal_id)
    require_author(proposal, actor)  # 1
    require(Action.SUBMIT, proposal.facts, now)
    community = proposal.community
    charter = charter_of(community)
    if not is_by_contract(charter):
        raise Conflict("not_by_contract", "this community governs by signatures; submit the draft")
    if METHOD not in kind_named(proposal.kind).methods:
        allowed = "kinds that are for or against one thing"
        raise Invalid("method_not_allowed", "a Governor counts for and against", field="kind", allowed=allowed)
    if proposal.timing:
        raise Invalid("timing_of_contract", "the Governor sets the times; leave them out", field="timing")
    written = Draft(proposal.kind, proposal.title, proposal.text, proposal.payload, {}, METHOD)
    draft = clean_draft(community, written)
    chain = chain_for(community.chain_id)
    if charter.sealing_of(draft.kind) is not None:
        raise Conflict("governor_rules_differ", "votes on a chain are open to all; the charter has them sealed")
    require_rules(charter.rules_of(draft.kind), read_numbers(chain, charter.power["parameters"]["governor"]))  # 2
    require_standing(community, actor, draft.kind)
    contract = require_contract(community, chain)
    offer = _keep(proposal, contract, draft, now)  # 3
    return _to_governor(offer, governor.propose(approval_of(offer))), offer


def vote(proposal: Proposal, support: int, reason: str, now: datetime) -> Transaction:
    """Return what a voter's wallet sends to vote."""
    offer = _open(proposal, support, reason, now)
    return _to_governor(offer, governor.cast_vote(int(offer.number), support, reason))


def vote_message(proposal: Proposal, voter: str, support: int, reason: str, now: datetime) -> dict[str, Any]:
    """Return the typed data that a voter signs, so that somebody else can pay for sending the vote."""
    offer = _open(proposal, support, reason, now)
    voter = eip712.parse_address(voter)
    chain = chain_for(proposal.community.chain_id)
    domain = chain.domain_of(offer.contract.governor)
    nonce = chain.nonce_of(offer.contract.governor, voter)
    named = {
        "name": domain.name,
        "version": domain.version,
        "chainId": domain.chain_id,
        "verifyingContract": domain.verifying_contract,
    }
    return governor.vote_message(named, int(offer.number), support, voter, nonce, reason)


def vote_by_signature(
    proposal: Proposal, voter: str, support: int, reason: str, signature: str, now: datetime
) -> Transaction:
    """Return what anybody's wallet sends for a voter who signed. The Governor checks the signature, not this site."""
    offer = _open(proposal, support, reason, now)
    eip712.parse_signature(signature)
    data = governor.cast_vote_by_signature(int(offer.number), support, voter, signature, reason)
    return _to_governor(offer, data)


def queue(proposal: Proposal, now: datetime) -> Transaction:
    """Return what anybody sends to put what passed behind its timelock."""
    return _step(proposal, governor.queue, {State.SUCCEEDED}, now)


def execute(proposal: Proposal, now: datetime) -> Transaction:
    """Return what anybody sends to carry out what waited long enough."""
    return _step(proposal, governor.execute, {State.READY}, now)


def cancel(proposal: Proposal, now: datetime) -> Transaction:
    """Return what the author sends while voting has not begun; from others the Governor takes it of its guardian."""
    return _step(proposal, governor.cancel, {State.PENDING}, now)


def approval_of(offer: ContractProposal) -> Approval:
    """Return the call that an offer makes."""
    return Approval(offer.contract.governor, offer.contract.anchor, offer.approves, offer.description)


def offer_of(proposal: Proposal) -> ContractProposal:
    """Return the offer that a submitted proposal came from; NotFound where it came from none."""
    frozen = proposal.record.body if proposal.record else {}
    parameters = frozen["snapshot"]["source"]["parameters"] if frozen else {}
    digest = _made(proposal, frozen, parameters).digest if "governor" in parameters else ""
    found = proposal.offers.select_related("contract__community").filter(approves=digest).first()
    if found is None:
        raise NotFound("not_on_chain", "this proposal was not made through a Governor", found=proposal.number)
    return found


def read_numbers(chain: ChainReader, address: str) -> numbers.Numbers:
    """Return the rules of a Governor as it has them now."""
    names = ("votingDelay", "votingPeriod", "lateQuorumVoteExtension", "proposalThreshold", "quorumNumerator")
    said = [value for (value,) in chain.read_newest(address, [(name, []) for name in (*names, "timelock")])]
    ((delay,),) = chain.read_newest(eip712.checksum_address(said.pop()), [("getMinDelay", [])])
    return numbers.Numbers(*(int(value) for value in said), int(delay))


def require_rules(rules: Any, found: numbers.Numbers) -> None:  # noqa: ANN401 - Rules
    """Raise Conflict where the charter promises other rules than the Governor keeps."""
    for name, said, done in numbers.differences(rules, found):
        raise Conflict(
            "governor_rules_differ",
            f"the Governor's rules are not those of the charter: {name}",
            field=name,
            found=done,
            allowed=said,
        )


def _keep(proposal: Proposal, contract: Contract, draft: Draft, now: datetime) -> ContractProposal:
    content = asdict(draft)
    body = {
        **{name: content[name] for name in ("kind", "title", "text", "payload", "method", "seats")},
        "number": proposal.number,
        "author": proposal.author,
        "choices": list(choices_of(draft)),
    }
    made = _made(proposal, body, {"governor": contract.governor, "anchor": contract.anchor})
    approves = made.digest
    if proposal.offers.count() >= OFFERS_MAX and not proposal.offers.filter(approves=approves).exists():
        raise Conflict("too_many_changes", "this draft was offered to the Governor often enough", allowed=OFFERS_MAX)
    offer, _ = ContractProposal.objects.get_or_create(
        approves=approves,
        defaults={
            "proposal": proposal,
            "contract": contract,
            "number": str(made.id),
            "operation": made.operation,
            "description": made.description,
            "content": content,
            "offered_at": now,
        },
    )
    return offer


def _made(proposal: Proposal, body: Mapping[str, Any], pair: Mapping[str, str]) -> Approval:
    community = proposal.community
    return of_content(str(community.record_id), community.instance, community.slug, body, pair)


def _open(proposal: Proposal, support: int, reason: str, now: datetime) -> ContractProposal:
    """Return the offer of a proposal that can be voted on."""
    offer = offer_of(proposal)
    require(Action.VOTE, proposal.facts, now)
    if support not in governor.SUPPORTED:
        allowed = "0 against, 1 for, 2 abstain"
        raise Invalid("choice_invalid", "there is no such choice", field="choice", found=support, allowed=allowed)
    if len(reason) > REASON_MAX:
        raise Invalid("length_out_of_range", f"a reason has at most {REASON_MAX} characters", field="reason")
    return offer


def _step(proposal: Proposal, call: Callable[[Approval], str], allowed: set[State], now: datetime) -> Transaction:
    offer = offer_of(proposal)
    found = proposal.state(now)
    if found not in allowed:
        raise Conflict(
            "not_allowed_now", "the proposal is not there yet", found=str(found), allowed=sorted(map(str, allowed))
        )
    return _to_governor(offer, call(approval_of(offer)))


def _to_governor(offer: ContractProposal, data: str) -> Transaction:
    return {
        "to": offer.contract.governor,
        "data": data,
        "value": "0x0",
        "chainId": hex(offer.contract.community.chain_id),
    }


def seconds_behind(contract: Contract, now: datetime) -> int:
    """Return how old the newest block is that was read."""
    return max(0, unix(now) - contract.block_time)
