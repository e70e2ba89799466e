"""Lending one's voting power to others: signed, off the chain, by share, topic and expiry; taken back in the same way.

A delegation counts for proposals that are submitted after it. One's own vote always overrides it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Q, Sum

from governance import eip712
from governance.chain import relay
from governance.chain.delegations import SignedDelegation
from governance.clock import unix, whole_second
from governance.delegation import WHOLE_BPS
from governance.errors import Conflict, Invalid, Malformed
from governance.kinds import all_kinds
from governance.models import Community, Delegation, Event, Member
from governance.onchain import require_gasless
from governance.records import keep
from governance.services.common import charter_of, lock_community, next_nonce
from governance.services.communities import require_power
from governance.services.events import note
from governance.wallets.asking import Asked, asked_of
from governance.wallets.checking import signed_by_member

SAFE_INTEGER_MAX = 2**53 - 1
DELEGATES_PER_TOPIC_MAX = 20
STATEMENT_MAX = 5_000
DAY = timedelta(days=1)
# Every change is kept for ever, in the database and in the log.
CHANGES_PER_DAY_MAX = 100
# Every relayed delegation costs the relayer a fee, whoever signs it.
RELAYS_PER_DAY_MAX = 3
RELAYS_OF_ALL_PER_DAY_MAX = 100


@dataclass(frozen=True)
class DelegationRequest:
    """A delegation as a wallet signed it. `topic` is a kind of proposal or empty; share 0 takes an earlier one back."""

    delegator: str
    delegate: str
    topic: str
    share_bps: int
    expires_at: int
    nonce: int
    signature: str


@dataclass(frozen=True)
class DelegationOffer:
    """The message to sign."""

    typed_data: dict[str, Any]
    nonce: int


def offer_delegation(
    community: Community, delegator: str, delegate: str, topic: str, share_bps: int, expires_at: int, now: datetime
) -> DelegationOffer:
    """Return the message for a wallet to sign, after checking that it would be accepted."""
    delegator, delegate = eip712.parse_address(delegator), eip712.parse_address(delegate)
    highest = community.delegations.filter(delegator=delegator).aggregate(highest=Max("nonce"))["highest"]
    nonce = next_nonce(highest)
    request = DelegationRequest(delegator, delegate, topic, share_bps, expires_at, nonce, "")
    _check(community, request, now)
    _require_part(community, delegator)
    return DelegationOffer(eip712.delegation_message(**_signed_fields(community, request)), nonce)


def delegate(community: Community, request: DelegationRequest, now: datetime) -> tuple[Delegation, bool]:
    """Accept a signed delegation; return it, and whether it is new. The same one again is answered as before."""
    request = DelegationRequest(
        **{
            **request.__dict__,
            "delegator": eip712.parse_address(request.delegator),
            "delegate": eip712.parse_address(request.delegate),
        }
    )
    _check_form(request)
    mine = community.delegations.filter(delegator=request.delegator)
    wallet = _signed_by(community, request)
    with transaction.atomic():
        lock_community(community.pk)
        used = mine.filter(nonce=request.nonce).first()
        if used is not None and _says_the_same(used, request):
            return used, False
        highest = mine.aggregate(highest=Max("nonce"))["highest"]
        if highest is not None and request.nonce <= highest:
            raise Conflict(
                "nonce_conflict",
                "a newer delegation of this member exists",
                field="nonce",
                found=request.nonce,
                allowed=f"above {highest}",
            )
        _check(community, request, now)
        if mine.filter(made_at__gt=now - DAY).count() >= CHANGES_PER_DAY_MAX:
            raise Conflict("too_many_changes", "so many changes in one day are enough", allowed=CHANGES_PER_DAY_MAX)
        return _store(community, request, wallet, now), True


def _signed_by(community: Community, request: DelegationRequest) -> Asked | None:
    """Return nothing where the delegator's key signed, else the contract wallet that stands by it; raise for neither.

    One that was accepted before needs no second look at its wallet, and no part in the community of today.
    """
    before = community.delegations.select_related("record").filter(
        delegator=request.delegator, nonce=request.nonce, signature=request.signature
    )
    used = before.first()
    if used is not None and _says_the_same(used, request):
        kept = asked_of(used.record.body.get("wallet"))
        if kept is not None:
            return kept

    def require_say() -> None:
        if not community.delegations.filter(delegator=request.delegator, nonce=request.nonce).exists():
            _require_part(community, request.delegator)

    digest = eip712.delegation_digest(**_signed_fields(community, request))
    return signed_by_member(community, request.delegator, digest, request.signature, require_say)


def _store(community: Community, request: DelegationRequest, wallet: Asked | None, now: datetime) -> Delegation:
    made_at = whole_second(now)
    record = keep(
        "delegation",
        f"delegation:{community.slug}/{request.delegator}",
        {
            "delegator": request.delegator,
            "delegate": request.delegate,
            "topic": request.topic,
            "share_bps": request.share_bps,
            "expires_at": request.expires_at,
            "nonce": request.nonce,
            "signature": request.signature,
            "made_at": unix(made_at),
            **({"wallet": wallet.to_body()} if wallet else {}),
        },
        [community.record],
    )
    older = community.delegations.filter(
        delegator=request.delegator, delegate=request.delegate, topic=request.topic, superseded_at__isnull=True
    )
    older.update(superseded_at=made_at)
    kept = Delegation.objects.create(
        community=community,
        record=record,
        made_at=made_at,
        **{name: getattr(request, name) for name in DelegationRequest.__dataclass_fields__},
    )
    kind = "delegation_made" if request.share_bps else "delegation_revoked"
    note(kind, now, community=community, actor=request.delegator, delegation=record.digest)
    return kept


def relay_delegation(community: Community, signed: SignedDelegation, now: datetime) -> str:
    """Send a signed delegation for the token's contract, at the relayer's cost; return the hash of the transaction.

    Counted before it is sent, so that no two requests at once get past the bound. Raises Conflict beyond it.
    """
    with transaction.atomic():
        lock_community(community.pk)
        sent = Event.objects.filter(kind="delegation_relayed", community=community, at__gt=now - DAY)
        if (
            sent.filter(actor=signed.delegator).count() >= RELAYS_PER_DAY_MAX
            or sent.count() >= RELAYS_OF_ALL_PER_DAY_MAX
        ):
            raise Conflict("too_many_relays", "this site has sent enough for today; send it from your own wallet")
        note("delegation_relayed", now, community=community, actor=signed.delegator, delegatee=signed.delegatee)
    return relay.relay(community.chain_id, signed, unix(now))


def state_oneself(community: Community, actor: str, statement: str, now: datetime) -> Member:
    """Say what one would do with the power that others lend."""
    statement = statement.strip()
    if len(statement) > STATEMENT_MAX:
        raise Invalid(
            "length_out_of_range",
            f"{len(statement)} characters found, at most {STATEMENT_MAX} allowed",
            field="statement",
        )
    with transaction.atomic():
        member, _ = Member.objects.get_or_create(community=community, address=actor)
        if member.statement != statement:
            member.statement = statement
            member.save(update_fields=["statement"])
            note("statement_made", now, community=community, actor=actor)
    return member


def _require_part(community: Community, delegator: str) -> None:
    """Raise Invalid for a stranger: a delegation without power, own or lent, only makes every later vote dearer."""
    holding = community.delegations.filter(superseded_at__isnull=True, share_bps__gt=0)
    if not holding.filter(Q(delegator=delegator) | Q(delegate=delegator)).exists():
        require_power(community, delegator, "delegator")


def _check_form(request: DelegationRequest) -> None:
    for field, most in (("share_bps", WHOLE_BPS), ("expires_at", SAFE_INTEGER_MAX), ("nonce", SAFE_INTEGER_MAX)):
        value = getattr(request, field)
        if type(value) is not int or not 0 <= value <= most:
            raise Malformed(
                "malformed_field", "this is a whole number", field=field, found=value, allowed=f"0 to {most}"
            )


def _check(community: Community, request: DelegationRequest, now: datetime) -> None:
    """Refuse what could never hold: unknown topics, the past, more than everything."""
    _check_form(request)
    if request.share_bps:
        # A contract counts what the token says and nothing else: a delegation signed here would be worth nothing.
        require_gasless(charter_of(community))
    if request.topic and request.topic not in all_kinds():
        raise Invalid(
            "unknown_topic",
            "a topic is a kind of proposal, or empty for all of them",
            field="topic",
            found=request.topic,
            allowed=["", *sorted(all_kinds())],
        )
    if request.expires_at and request.expires_at <= unix(now):
        raise Invalid("expired", "it would have expired already", field="expires_at", found=request.expires_at)
    others = community.delegations.filter(
        delegator=request.delegator, topic=request.topic, superseded_at__isnull=True, share_bps__gt=0
    ).exclude(delegate=request.delegate)
    others = others.filter(Q(expires_at=0) | Q(expires_at__gt=unix(now)))
    given = others.aggregate(sum=Sum("share_bps"))["sum"] or 0
    if given + request.share_bps > WHOLE_BPS:
        raise Invalid(
            "shares_exceed_whole",
            "the shares of one topic add up to at most 10000 basis points; take one back first",
            field="share_bps",
            found=request.share_bps,
            allowed=WHOLE_BPS - given,
        )
    if request.share_bps and others.count() >= DELEGATES_PER_TOPIC_MAX:
        raise Conflict("too_many_delegates", "take one delegation back first", allowed=DELEGATES_PER_TOPIC_MAX)


def _says_the_same(used: Delegation, request: DelegationRequest) -> bool:
    names = ("delegate", "topic", "share_bps", "expires_at")
    return all(getattr(used, name) == getattr(request, name) for name in names)


def _signed_fields(community: Community, request: DelegationRequest) -> dict[str, Any]:
    return {
        "chain_id": community.chain_id,
        "token": community.token,
        "instance": community.instance,
        "community": community.slug,
        "delegator": request.delegator,
        "delegate": request.delegate,
        "topic": request.topic,
        "share_bps": request.share_bps,
        "expires_at": request.expires_at,
        "nonce": request.nonce,
    }
