"""Signed delegations: each is its record, signed, in the log, and followed by the one that replaced it."""

from collections.abc import Iterator

from governance import eip712
from governance.eip712 import Eip712Error
from governance.fsck.finding import Finding, against_record, announced, finding, guarded, seconds, unclaimed
from governance.models import Community, Delegation, Event
from governance.wallets.asking import asked_of

TABLE = "governance_delegation"
KINDS = ("delegation_made", "delegation_revoked")
_SIGNED = ("delegator", "delegate", "topic", "share_bps", "expires_at", "nonce")


def check_delegations(community: Community, *, signatures: bool) -> Iterator[Finding]:
    """Yield what is wrong with the delegations of a community, member by member in the order of their nonces."""
    events = announced(community, "delegation", *KINDS)
    newest: dict[tuple[str, str, str], Delegation] = {}
    last: tuple[str, int] = ("", -1)
    for row in community.delegations.select_related("record").order_by("delegator", "nonce"):
        event = events.pop(row.record_id, None)
        yield from guarded(TABLE, row.pk, _check_row(community, row, event, signatures=signatures))
        place = -1 if event is None or event.position is None else event.position
        if row.delegator == last[0] and place < last[1]:
            yield finding(TABLE, row.pk, "nonce", "nonces in the order of the log", row.nonce)
        last = row.delegator, place
        older = newest.get((row.delegator, row.delegate, row.topic))
        if older is not None and older.superseded_at != row.made_at:
            yield finding(TABLE, older.pk, "superseded_at", row.made_at, older.superseded_at)
        newest[row.delegator, row.delegate, row.topic] = row
    for row in newest.values():
        if row.superseded_at is not None:
            yield finding(TABLE, row.pk, "superseded_at", None, row.superseded_at)
    yield from unclaimed(events, community, "delegation", *KINDS)


def _check_row(community: Community, row: Delegation, event: Event | None, *, signatures: bool) -> Iterator[Finding]:
    said = {name: getattr(row, name) for name in _SIGNED}
    body = {**said, "signature": row.signature, "made_at": seconds(row.made_at)}
    wallet = asked_of(row.record.body.get("wallet"))
    if wallet is not None:
        body["wallet"] = wallet.to_body()
    subject = f"delegation:{community.slug}/{row.delegator}"
    yield from against_record(row, row.record, "delegation", subject, body, [community.record_id])
    kind = KINDS[0] if row.share_bps else KINDS[1]
    expected = (kind, row.delegator, seconds(row.made_at))
    found = None if event is None else (event.kind, event.actor, seconds(event.at))
    if found != expected:
        yield finding(TABLE, row.pk, "event", expected, found)
    if not signatures or wallet is not None:  # only the chain can say what a contract stands by
        return
    of = community.record.body
    issuer = {"chain_id": of["chain_id"], "token": of["token"], "instance": of["instance"], "community": of["slug"]}
    try:
        eip712.verify(eip712.delegation_digest(**issuer, **said), row.signature, row.delegator)
    except Eip712Error as error:
        yield finding(TABLE, row.pk, "signature", f"a signature of {row.delegator}", str(error))
