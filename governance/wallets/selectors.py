"""What pages show of ballots that wait for the owners of their wallets."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.choices import Part, parts_of
from governance.models import PendingBallot, Proposal
from governance.selectors import member_names
from governance.services.common import terms_of
from governance.wallets.checking import asks_wallets
from governance.wallets.pending import Standing, missing, owners_message, standing

SHOWN_MAX = 50


@dataclass(frozen=True)
class Owner:
    """An owner of a wallet, with the name that the community knows."""

    address: str
    name: str
    signed_at: datetime | None
    on_chain: bool


@dataclass(frozen=True)
class Waiting:
    """A waiting ballot: who of the owners has signed, and how many are still needed."""

    ballot: PendingBallot
    standing: Standing
    owners: tuple[Owner, ...]
    needed: int
    parts: tuple[Part, ...]
    message: dict[str, Any]

    @property
    def message_text(self) -> str:
        """Return what the owners sign, as text."""
        return json.dumps(self.message, indent=2)

    @property
    def signed(self) -> tuple[Owner, ...]:
        """Return those who have signed."""
        return tuple(owner for owner in self.owners if owner.signed_at)

    @property
    def missing(self) -> tuple[Owner, ...]:
        """Return those who have not."""
        return tuple(owner for owner in self.owners if not owner.signed_at)


def waiting_in(proposal: Proposal, now: datetime) -> list[Waiting]:
    """Return the ballots of shared wallets in a vote, the newest first."""
    found = proposal.pending_ballots.select_related("proposal__community").prefetch_related("signatures")
    ballots = list(found.order_by("-pk")[:SHOWN_MAX])
    names = member_names(proposal.community, {owner for ballot in ballots for owner in ballot.owners})
    return [_waiting(ballot, names, now) for ballot in ballots]


def waiting_count(proposal: Proposal) -> int | None:
    """Return how many ballots of shared wallets wait; nothing where contract wallets cannot vote."""
    if proposal.record is None or not asks_wallets(proposal):
        return None
    return proposal.pending_ballots.waiting().count()


def _waiting(ballot: PendingBallot, names: dict[str, str], now: datetime) -> Waiting:
    given = {signature.owner: signature for signature in ballot.signatures.all()}
    still = missing(ballot, given)
    owners = [
        Owner(
            owner,
            names.get(owner, ""),
            given[owner].signed_at if owner in given else None,
            owner in given and not given[owner].signature,
        )
        for owner in sorted(ballot.owners, key=lambda owner: (owner in still, owner.lower()))
    ]
    needed = max(0, ballot.threshold - (len(ballot.owners) - len(still)))
    terms = terms_of(ballot.proposal)
    parts = () if ballot.sealed else parts_of(terms.method, terms.choices, ballot.choice)
    return Waiting(ballot, standing(ballot, now), tuple(owners), needed, parts, owners_message(ballot))
