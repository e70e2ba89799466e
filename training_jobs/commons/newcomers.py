"""Members say of others that they are newcomers to computing: who may, for how long it holds, and what comes of it.

Enough distinct peers at once make a newcomer; the rule in force says how many. What was attested under an earlier rule
keeps its end. The log names who said it of whom and as what, and never the reason, which people can have erased.

Not protected: who controls several wallets with voting power is several peers. The rule can ask for more of them, or
leave it to the council; everybody can read who vouched for whom.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from governance.clock import unix
from governance.eip712 import AddressError, parse_address
from governance.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from governance.models import Community
from governance.services import council_in_office, note
from governance.services.common import lock_community
from governance.services.communities import require_power
from training_jobs.commons.policies import COUNCIL, NewcomerRule, newcomer_rule_of
from training_jobs.models import NewcomerAttestation
from training_jobs.sites.declared import text

REASON_MAX = 300
ATTESTED_PER_DAY_MAX = 10  # by one peer in a community
OF_ONE_MEMBER_MAX = 40  # standing at once
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Vouched:
    """A member of whom somebody vouches now. `until`: how long they are a newcomer if nobody adds or takes back."""

    member: str
    attestations: tuple[NewcomerAttestation, ...]  # the newest first
    needed: int
    until: datetime | None

    @property
    def is_newcomer(self) -> bool:
        """Say whether enough others vouch."""
        return self.until is not None

    @property
    def missing(self) -> int:
        """Return how many more it takes."""
        return max(0, self.needed - len({each.peer for each in self.attestations}))


def attest(
    community: Community, peer: str, member: object, kind: object, reason: object, now: datetime
) -> NewcomerAttestation:
    """Say that a member is a newcomer. Said again by the same peer, it takes the place of what they said before.

    1. the rule knows the kind, and nobody vouches for themselves;
    2. the peer may: they have voting power now, or sit in the council, as the rule says;
    3. within the limits: so many a day, so many about one member.

    Raises Invalid, Forbidden, Conflict or TooMany.
    """
    rule = newcomer_rule_of(community)
    member, kind, reason = _address(member), _kind(rule, kind), text("reason", reason, REASON_MAX)  # 1
    if member == peer:
        raise Forbidden("own_attestation", "others say it of you", field="member", found=member)
    _require_attester(community, rule, peer, now)  # 2
    with transaction.atomic():
        lock_community(community.pk)
        own = NewcomerAttestation.objects.filter(community=community, peer=peer)
        if own.filter(attested_at__gt=now - DAY).count() >= ATTESTED_PER_DAY_MAX:  # 3
            detail = "you have vouched for enough people for one day"
            raise TooMany("too_many_attestations", detail, retry_after_seconds=3600, allowed=ATTESTED_PER_DAY_MAX)
        own.filter(member=member, withdrawn_at__isnull=True).update(withdrawn_at=now, withdrawn_by=peer)
        standing = NewcomerAttestation.objects.standing(now).filter(community=community, member=member)
        if standing.count() >= OF_ONE_MEMBER_MAX:
            raise Conflict("enough_attested", "enough people vouch for this member", allowed=OF_ONE_MEMBER_MAX)
        made = NewcomerAttestation.objects.create(
            community=community,
            member=member,
            peer=peer,
            kind=kind,
            reason=reason,
            attested_at=now,
            expires_at=now + timedelta(days=rule.days),
        )
        _note("newcomer_attested", made, now, peer)
    return made


def withdraw(community: Community, number: int, actor: str, now: datetime) -> NewcomerAttestation:
    """Take an attestation back: whoever gave it, or the member of whom it speaks. Repeatable."""
    with transaction.atomic():
        lock_community(community.pk)
        found = NewcomerAttestation.objects.filter(community=community, pk=number).first()
        if found is None:
            raise NotFound("unknown_attestation", "there is no such attestation here", found=number)
        if actor not in (found.peer, found.member):
            detail = "only whoever gave it, and the member of whom it speaks, take it back"
            raise Forbidden("not_your_attestation", detail, found=number)
        if found.withdrawn_at is None:
            found.withdrawn_at, found.withdrawn_by = now, actor
            found.save(update_fields=["withdrawn_at", "withdrawn_by"])
            _note("newcomer_withdrawn", found, now, actor)
    return found


def members_vouched_for(community: Community, now: datetime) -> QuerySet[NewcomerAttestation, str]:
    """Return the addresses of whom somebody vouches now, each once, in a fixed order."""
    standing = NewcomerAttestation.objects.standing(now).filter(community=community)
    return standing.order_by("member").values_list("member", flat=True).distinct()


def vouched(community: Community, members: Collection[str], now: datetime) -> list[Vouched]:
    """Return what is said of these members, in their order: two queries."""
    rule = newcomer_rule_of(community)
    standing = NewcomerAttestation.objects.standing(now).filter(community=community, member__in=members)
    said: dict[str, list[NewcomerAttestation]] = defaultdict(list)
    for each in standing.order_by("-attested_at", "-pk"):
        said[each.member].append(each)
    return [Vouched(each, tuple(said[each]), rule.peers, _until(rule, said[each])) for each in members if said[each]]


def may_attest(community: Community, actor: str, now: datetime) -> bool:
    """Say whether it is worth asking somebody; where all with voting power may, it is read when they do."""
    rule = newcomer_rule_of(community)
    return bool(actor) and (rule.attesters != COUNCIL or _in_council(community, actor, now))


def _until(rule: NewcomerRule, said: Iterable[NewcomerAttestation]) -> datetime | None:
    """Return when fewer than are needed will be left; None where there are fewer now."""
    last: dict[str, datetime] = {}
    for each in said:
        if each.kind in rule.kinds:
            last[each.peer] = max(each.expires_at, last.get(each.peer, each.expires_at))
    ends = sorted(last.values(), reverse=True)
    return ends[rule.peers - 1] if len(ends) >= rule.peers else None


def _require_attester(community: Community, rule: NewcomerRule, peer: str, now: datetime) -> None:
    if rule.attesters != COUNCIL:
        require_power(community, peer, "peer")
    elif not _in_council(community, peer, now):
        raise Forbidden("not_an_attester", "in this community the council in office says who is a newcomer")


def _in_council(community: Community, actor: str, now: datetime) -> bool:
    council = council_in_office(community, now)
    return council is not None and actor in {each["address"] for each in council.members}


def _address(found: object) -> str:
    try:
        return parse_address(found.strip() if isinstance(found, str) else found)  # type: ignore[arg-type]  # refused there
    except AddressError as error:
        raise Invalid(error.code, error.detail, field="member") from error


def _kind(rule: NewcomerRule, found: object) -> str:
    if not isinstance(found, str) or found not in rule.kinds:
        shown = found[:40] if isinstance(found, str) else type(found).__name__
        detail = "the rule in force does not know this"
        raise Invalid("unknown_newcomer_kind", detail, field="kind", found=shown, allowed=list(rule.kinds))
    return found


def _note(kind: str, said: NewcomerAttestation, now: datetime, actor: str) -> None:
    note(
        kind,
        now,
        community=said.community,
        actor=actor,
        attestation=said.pk,
        member=said.member,
        peer=said.peer,
        newcomer=said.kind,
        until=unix(said.expires_at),
    )
