"""What an address can vote on in a community, before any wallet is asked. Reads only; of one proposal: `eligibility`.

The power is that of the newest census: what the address could vote with last. Each open proposal has its own census.
"""

from dataclasses import dataclass
from datetime import datetime

from governance import lifecycle
from governance.counting import weight_alone
from governance.eip712 import parse_address
from governance.models import CensusEntry, Community, Proposal
from governance.power import DECIMALS
from governance.services.common import required_record, rolls_of, terms_of

OPEN_SHOWN_MAX = 20


@dataclass(frozen=True)
class OpenVote:
    """A proposal that can be voted on now, and with how much: own power, and what others lend at most."""

    proposal: Proposal
    may_vote: bool
    power: int
    delegated: int
    decimals: int


@dataclass(frozen=True)
class Elector:
    """An address in a community. `census` is the newest one, None where none was ever taken."""

    voter: str
    census: Proposal | None
    power: int
    decimals: int
    open: tuple[OpenVote, ...]

    @property
    def may_vote(self) -> bool:
        """Say whether anything is open to this address now."""
        return any(vote.may_vote for vote in self.open)


def elector(community: Community, voter: str, now: datetime) -> Elector:
    """Return what an address can vote on now and with how much; raise AddressError for no address.

    Six queries at most, however much is open.
    """
    voter = parse_address(voter)
    taken = community.proposals.submitted().filter(census_at__isnull=False).select_related("record", "census_record")
    newest = taken.order_by("-census_at", "-pk").first()
    if newest is None:
        return Elector(voter, None, 0, 0, ())
    active = taken.in_state(lifecycle.State.ACTIVE, now).order_by("closes_at")
    listed = list(active[:OPEN_SHOWN_MAX])
    entries = CensusEntry.objects.filter(proposal__in=[newest, *listed], voter_key=voter.lower())
    powers = {
        pk: (int(power or 0), int(house))
        for pk, power, house in entries.values_list("proposal_id", "power", "house_power")
    }
    rolls = rolls_of(listed) if listed else {}
    votes = []
    for proposal in listed:
        proposal.community = community
        power, house_power = powers.get(proposal.pk, (0, 0))
        delegated = weight_alone(rolls[proposal.pk], voter, power) - power
        may_vote = bool(power or delegated or (house_power and terms_of(proposal).rules.objection_bps))
        votes.append(OpenVote(proposal, may_vote, power, delegated, _decimals(proposal)))
    return Elector(voter, newest, powers.get(newest.pk, (0, 0))[0], _decimals(newest), tuple(votes))


def _decimals(proposal: Proposal) -> int:
    return DECIMALS.get(required_record(proposal.record).body["snapshot"]["source"]["name"], 0)
