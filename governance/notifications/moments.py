"""What time brings: votes that open or end, keyholders who are waited for, consultations that end. Reads only.

A moment is announced once, under its name and its thing. What came longer ago, while nobody looked, is no news.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from governance.clock import unix
from governance.models import Consultation, Proposal, SealingKey
from governance.notifications.topics import Concern, Moment
from governance.sealed.facts import keys_until, sealing_of, secrets_until

# What happened longer ago, while nobody swept, is not told as news any more.
STALE = timedelta(days=3)
# "Ends soon": a day before the end, and in short votes when three quarters are over.
SOON = timedelta(hours=24)
SOON_PART = 4


@dataclass(frozen=True)
class Come:
    """One moment that has come: of a proposal, or of a consultation by its number."""

    moment: Moment
    thing: int
    at: datetime
    proposal: Proposal | None
    said: Mapping[str, Any] = field(default_factory=dict)
    people: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it is announced as."""
        return f"{self.moment}:{self.thing}"


def come(community_id: int, now: datetime) -> list[Come]:
    """Return the moments of a community that have come and are not over."""
    found = (_votes, _keys, _secrets, _consultations)
    return [each for moments in found for each in moments(community_id, now)]


def still_waits_for(moment: str, proposal: Proposal, address: str, now: datetime) -> bool:
    """Say whether a keyholder still has to do what a moment asked for."""
    asked = _keys if moment == Moment.KEY_DUE else _secrets
    mine = [each for each in asked(proposal.community_id, now) if each.proposal == proposal]
    return any(address in each.people[Concern.KEYHOLDER] for each in mine)


def _votes(community_id: int, now: datetime) -> Iterator[Come]:
    """Return the votes that have opened, and those that end soon."""
    open_now = Proposal.objects.filter(
        community_id=community_id,
        census_at__isnull=False,
        opens_at__lte=now,
        closes_at__gt=now,
        canceled_at__isnull=True,
        vetoed_at__isnull=True,
        passed__isnull=True,
    )
    for proposal in open_now.filter(Q(opens_at__gt=now - STALE) | Q(closes_at__lte=now + SOON)):
        opens_at, closes_at = proposal.opens_at, proposal.closes_at
        if opens_at is None or closes_at is None:
            continue
        sealing = sealing_of(proposal)
        people = {Concern.AUTHOR: [proposal.author], Concern.KEYHOLDER: list(sealing.keyholders) if sealing else []}
        said = {"closes_at": unix(closes_at)}
        if opens_at > now - STALE:
            yield Come(Moment.OPENS, proposal.pk, opens_at, proposal, said, people)
        if _is_soon(opens_at, closes_at, now):
            yield Come(Moment.ENDS_SOON, proposal.pk, now, proposal, said, people)


def _keys(community_id: int, now: datetime) -> Iterator[Come]:
    """Return the sealed votes whose wait for keys ends soon, with the keyholders who have published none."""
    waiting = Proposal.objects.submitted().filter(_alive(), community_id=community_id, census_at__isnull=True)
    for proposal in waiting.select_related("record"):
        sealing, until = sealing_of(proposal), keys_until(proposal)
        if sealing is None or until is None or proposal.submitted_at is None:
            continue
        given = set(proposal.sealing_keys.values_list("keyholder", flat=True))
        missing = [address for address in sealing.keyholders if address not in given]
        if missing and _is_soon(proposal.submitted_at, until, now):
            yield Come(Moment.KEY_DUE, proposal.pk, now, proposal, {"until": unix(until)}, {Concern.KEYHOLDER: missing})


def _secrets(community_id: int, now: datetime) -> Iterator[Come]:
    """Return the sealed votes that have closed, and again when the wait ends soon, with whose secrets are missing."""
    closed = Proposal.objects.filter(_alive(), community_id=community_id, closes_at__lte=now)
    for proposal in closed.filter(sealed_vote__isnull=False).select_related("record"):
        until, closes_at = secrets_until(proposal), proposal.closes_at
        silent = SealingKey.objects.filter(proposal=proposal, secret="").order_by("place")
        missing = list(silent.values_list("keyholder", flat=True))
        if until is None or closes_at is None or not missing or now >= until:
            continue
        said, people = {"until": unix(until)}, {Concern.KEYHOLDER: missing}
        if closes_at > now - STALE:
            yield Come(Moment.OPENING_ASKED, proposal.pk, closes_at, proposal, said, people)
        if _is_soon(closes_at, until, now):
            yield Come(Moment.OPENING_DUE, proposal.pk, now, proposal, said, people)


def _consultations(community_id: int, now: datetime) -> Iterator[Come]:
    """Return the consultations that end soon."""
    ending = Q(opens_at__lte=now, closes_at__gt=now, closes_at__lte=now + SOON)
    for asked in Consultation.objects.filter(ending, community_id=community_id).select_related("proposal"):
        if _is_soon(asked.opens_at, asked.closes_at, now):
            said = {"consultation": asked.number, "closes_at": unix(asked.closes_at)}
            yield Come(Moment.CONSULTATION_ENDS, asked.pk, now, asked.proposal, said)


def _alive() -> Q:
    return Q(passed__isnull=True, canceled_at__isnull=True, vetoed_at__isnull=True)


def _is_soon(begin: datetime, end: datetime, now: datetime) -> bool:
    return end - min(SOON, (end - begin) / SOON_PART) <= now < end
