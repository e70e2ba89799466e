"""Questions about sealed votes: who holds keys, who has voted, and what has to happen before it is counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Q

from governance.lifecycle import State
from governance.models import Ballot, Community, Proposal, SealedBallot, SealedVote, SealingKey
from governance.sealed.facts import keys_until, sealing_of, secrets_until
from governance.sealed.terms import VOID, Sealing
from governance.selectors.communities import member_names
from governance.selectors.needs import Need


class Phase(StrEnum):
    """Where a sealed vote stands."""

    KEYS = "keys"
    VOTING = "voting"
    OPENING = "opening"
    OPENED = "opened"


@dataclass(frozen=True)
class Keyholder:
    """One keyholder: their name, and whether they have published a key and, after voting, its secret."""

    address: str
    name: str
    has_key: bool
    has_secret: bool


@dataclass(frozen=True)
class SealedShown:
    """A sealed vote as pages and the API show it. `own` is the viewer's newest ballot while it is sealed."""

    proposal: Proposal
    sealing: Sealing
    phase: Phase
    keyholders: tuple[Keyholder, ...]
    voted: int
    voted_power: int
    own: SealedBallot | None
    opens_until: datetime | None
    keys_until: datetime | None
    secrets: int

    @property
    def waits(self) -> bool:
        """Say whether nobody can know how the vote stands."""
        return self.phase is not Phase.OPENED

    @property
    def missing_keys(self) -> int:
        """Return how many keyholders have not published a key."""
        return sum(not holder.has_key for holder in self.keyholders)

    @property
    def opening(self) -> int:
        """Return how many keyholders can open ballots: all at first, then those who published a key in time."""
        return len(self.keyholders) - (0 if self.phase is Phase.KEYS else self.missing_keys)


def sealed(proposal: Proposal, now: datetime, viewer: str = "") -> SealedShown | None:
    """Return how a sealed vote stands; None where ballots are open."""
    sealing = sealing_of(proposal)
    if sealing is None:
        return None
    keys = {row.keyholder: row for row in proposal.sealing_keys.all()}
    names = member_names(proposal.community, sealing.keyholders)
    holders = tuple(_keyholder(address, names.get(address, ""), keys.get(address)) for address in sealing.keyholders)
    counting = proposal.sealed_ballots.counting()
    cast = list(counting.values_list("power", flat=True))
    return SealedShown(
        proposal=proposal,
        sealing=sealing,
        phase=_phase(proposal, now),
        keyholders=holders,
        voted=len(cast),
        voted_power=sum(map(int, cast)),
        own=counting.filter(voter=viewer).first() if viewer else None,
        opens_until=secrets_until(proposal),
        keys_until=keys_until(proposal),
        secrets=sum(holder.has_secret for holder in holders),
    )


def still_sealed(digest: str) -> Ballot | None:
    """Return a ballot that nobody can read yet as one that says nothing: it is not stored."""
    related = ("record", "proposal__community__record", "proposal__tally_record", "proposal__record")
    row = SealedBallot.objects.select_related(*related).filter(record=digest).first()
    if row is None:
        return None
    return Ballot(
        proposal=row.proposal,
        voter=row.voter,
        voter_key=row.voter_key,
        choice=VOID,
        nonce=row.nonce,
        power=row.power,
        house_power=row.house_power,
        signature=row.signature,
        record=row.record,
        position=row.position,
        cast_at=row.cast_at,
        superseded_at=row.superseded_at,
    )


def keyholding(viewer: str, communities: Sequence[Community], now: datetime) -> list[Need]:
    """Return the sealed votes that wait for a keyholder: for a key before they open, for its secret afterwards."""
    waiting = Q(pk__in=Proposal.objects.in_state(State.PENDING, now).filter(census_at__isnull=True).values("pk"))
    waiting |= Q(pk__in=Proposal.objects.in_state(State.CLOSING, now).values("pk"))
    rows = Proposal.objects.filter(waiting, community__in=communities, record__canonical__contains=viewer)
    found = []
    for row in rows.select_related("community", "record").prefetch_related("sealing_keys").order_by("opens_at"):
        sealing = sealing_of(row)
        if sealing is None or viewer not in sealing.keyholders:
            continue
        mine = next((key for key in row.sealing_keys.all() if key.keyholder == viewer), None)
        if row.census_at is None and mine is None:
            found.append(Need("seal", row.community, row.number, row.title, keys_until(row) or row.opens_at))
        elif row.census_at is not None and mine is not None and not mine.secret:
            found.append(Need("unseal", row.community, row.number, row.title, secrets_until(row)))
    return found


def _phase(proposal: Proposal, now: datetime) -> Phase:
    if proposal.census_at is None:
        return Phase.KEYS
    if SealedVote.objects.filter(proposal=proposal, unsealing_record__isnull=False).exists():
        return Phase.OPENED
    return Phase.OPENING if proposal.state(now) is State.CLOSING else Phase.VOTING


def _keyholder(address: str, name: str, row: SealingKey | None) -> Keyholder:
    return Keyholder(address, name, row is not None, row is not None and bool(row.secret))
