"""What pages and the API say of a proposal that a contract decides: where it stands there, and what may be sent now."""

from dataclasses import dataclass
from datetime import UTC, datetime

from governance.lifecycle import State
from governance.models import Contract, Proposal
from governance.onchain import SOURCE
from governance.onchain.following import contract_of
from governance.onchain.offering import offer_of
from governance.services.common import required_record

# What may be sent in which state. Anybody may queue and execute; voting takes power, canceling the author's account.
STEPS = {
    State.PENDING: ("cancel",),
    State.ACTIVE: ("vote",),
    State.SUCCEEDED: ("queue",),
    State.READY: ("execute",),
}


KNOWN_MAX = 500


@dataclass(frozen=True)
class Shown:
    """`steps` are what may be sent now; `read_to` is the second of the newest block that was read.

    `known` are the transactions of this proposal that were read last, with spaces between them.
    """

    governor: str
    anchor: str
    timelock: str
    number: str
    approves: str
    steps: tuple[str, ...]
    read_to: datetime
    halted: str
    refused: str
    known: str


def shown_of(proposal: Proposal, moment: datetime) -> Shown | None:
    """Return how a submitted proposal stands on its chain, nothing for one that was voted on here."""
    if proposal.record_id is None or required_record(proposal.record).body["snapshot"]["source"]["name"] != SOURCE:
        return None
    offer = offer_of(proposal)
    contract = offer.contract
    sent = contract.events.filter(proposal=offer.number).order_by("-pk").values_list("transaction", flat=True)
    return Shown(
        governor=contract.governor,
        anchor=contract.anchor,
        timelock=contract.timelock,
        number=offer.number,
        approves=offer.approves,
        steps=() if contract.halted or offer.refused else STEPS.get(proposal.state(moment), ()),
        read_to=datetime.fromtimestamp(contract.block_time, UTC),
        halted=contract.halted,
        refused=offer.refused,
        known=" ".join(sent[:KNOWN_MAX]),
    )


@dataclass(frozen=True)
class DraftShown:
    """What there is to know before a draft is proposed: `contract` is nothing until the first one is."""

    governor: str
    anchor: str
    contract: Contract | None
    refused: str


def draft_shown(proposal: Proposal) -> DraftShown | None:
    """Return by which contract a draft would be decided, nothing in a community that votes here."""
    source = proposal.community.charter.body["power"]
    if source["source"] != SOURCE:
        return None
    refused = proposal.offers.exclude(refused="").order_by("-pk").values_list("refused", flat=True).first()
    pair = source["parameters"]
    return DraftShown(pair["governor"], pair["anchor"], contract_of(proposal.community), refused or "")
