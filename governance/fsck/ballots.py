"""The ballots of one proposal: each is its record, signed, with the power of the census, and once in the log."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from governance import eip712
from governance.counting import Cast
from governance.eip712 import Eip712Error
from governance.evidence import merkle
from governance.fsck.finding import Finding, against_record, finding, seconds
from governance.fsck.sealed import Opened
from governance.models import Ballot, Community, Event, Proposal
from governance.onchain import SOURCE as BY_CONTRACT
from governance.onchain.approvals import reference_of
from governance.sealed.facts import sealing_of
from governance.services.common import required_record
from governance.wallets.asking import asked_of

TABLE = "governance_ballot"


@dataclass
class Poll:
    """A proposal with its census (`powers`), and what was read of its ballots: what the count needs."""

    community: Community
    proposal: Proposal
    powers: dict[str, tuple[int, int]]
    signatures: bool
    counting: list[Cast] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)
    accepted: list[tuple[int, int, str, Cast]] = field(default_factory=list)  # position, cast_at, digest, ballot

    @cached_property
    def opened(self) -> Opened | None:
        """What sealed ballots say; None where ballots are open."""
        sealing = sealing_of(self.proposal)
        return None if sealing is None else Opened(self.proposal, sealing)

    def rows(self) -> Iterator[Any]:
        """Return the ballots by voter, as they were accepted; sealed ones with what they say once they are opened."""
        kept: Any = self.proposal.ballots if self.opened is None else self.proposal.sealed_ballots
        for row in kept.select_related("record").order_by("voter_key", "voter", "nonce").iterator(2_000):
            if self.opened is not None:
                row.choice, row.reason = self.opened.choice_of(row)
            yield row

    @cached_property
    def opens_at(self) -> int:
        """When voting opened, as the census says it; Conflict without one."""
        return int(required_record(self.proposal.census_record).body["opens_at"])


@dataclass(frozen=True)
class _Logged:
    """What the log says of a ballot."""

    event: int
    position: int
    actor: str
    at: int | None


def read_poll(poll: Poll) -> Iterator[Finding]:
    """Yield what is wrong with the ballots; fill the poll with those that count and with all in their order."""
    logged: dict[str, _Logged] = {}
    yield from _read_log(poll, logged)
    issuer = _issuer(poll)
    before: Ballot | None = None
    last = -1
    for row in poll.rows():
        found = logged.pop(row.record_id, None)
        yield from _check_row(poll, row, issuer)
        if found is None or (found.actor, found.at) != (row.voter, seconds(row.cast_at)):
            yield finding(TABLE, row.pk, "record", "one event ballot_cast of this voter at this moment", found)
        position = found.position if found else -1
        if row.position != position:
            yield finding(TABLE, row.pk, "position", position, row.position)
        if before is not None and before.voter == row.voter:
            if before.superseded_at != row.cast_at:
                yield finding(TABLE, before.pk, "superseded_at", row.cast_at, before.superseded_at)
            if position < last:
                yield finding(TABLE, row.pk, "nonce", "nonces in the order of the log", row.nonce)
        elif before is not None:
            yield from _check_counting(poll, before)
        before, last = row, position
        own = Cast(row.voter, row.choice, int(row.power), int(row.house_power))
        poll.accepted.append((position, seconds(row.cast_at) or 0, str(row.record_id), own))
    if before is not None:
        yield from _check_counting(poll, before)
    for digest, found in logged.items():
        yield finding("governance_event", found.event, "data.ballot", "a ballot that exists", digest)
    poll.accepted.sort(key=lambda ballot: ballot[0])


def _read_log(poll: Poll, logged: dict[str, _Logged]) -> Iterator[Finding]:
    """Fill `logged` with what the log says of each ballot, by its digest."""
    cast = Event.objects.filter(proposal=poll.proposal, kind="ballot_cast").order_by("position")
    for event, position, actor, at, data in cast.values_list("pk", "position", "actor", "at", "data").iterator():
        digest = str(data.get("ballot"))
        if digest in logged:
            yield finding("governance_event", event, "data.ballot", "each ballot once", digest)
        logged[digest] = _Logged(event, -1 if position is None else position, actor, seconds(at))


def _issuer(poll: Poll) -> dict[str, Any]:
    of = poll.community.record.body
    names = {"chain_id": of["chain_id"], "token": of["token"], "instance": of["instance"], "community": of["slug"]}
    return {**names, "proposal": poll.proposal.public_id}


def _check_counting(poll: Poll, row: Ballot) -> Iterator[Finding]:
    """Take in the newest ballot of a voter: nothing has superseded it."""
    if row.superseded_at is not None:
        yield finding(TABLE, row.pk, "superseded_at", None, row.superseded_at)
    poll.counting.append(Cast(row.voter, row.choice, int(row.power), int(row.house_power)))
    poll.hashes.append(merkle.leaf_hash(row.record.canonical.encode()))


def _check_row(poll: Poll, row: Any, issuer: dict[str, Any]) -> Iterator[Finding]:  # noqa: ANN401 - either kind of ballot
    """Check one ballot: the row is the record, the power is that of the census, and the voter signed it."""
    if poll.opened is None:
        yield from _check_open(poll, row, issuer)
    else:
        yield from poll.opened.check_row(row, signatures=poll.signatures)
    if row.voter_key != row.voter.lower():
        yield finding(TABLE, row.pk, "voter_key", row.voter.lower(), row.voter_key)
    powers = poll.powers.get(row.voter, (0, 0))
    if (row.power, row.house_power) != powers:
        yield finding(TABLE, row.pk, "power", f"{powers}, as in the census", (row.power, row.house_power))
    if not poll.opens_at <= (seconds(row.cast_at) or 0) < (seconds(poll.proposal.closes_at) or 0):
        yield finding(TABLE, row.pk, "cast_at", "a moment while voting was open", row.cast_at)


def _check_open(poll: Poll, row: Ballot, issuer: dict[str, Any]) -> Iterator[Finding]:
    """Check record and signature of a ballot that could always be read."""
    proposal = str(poll.proposal.record_id)
    said = {"voter": row.voter, "choice": row.choice, "reason": row.reason, "nonce": row.nonce}
    body = {
        **said,
        "power": str(row.power),
        "house_power": str(row.house_power),
        "signature": row.signature,
        "cast_at": seconds(row.cast_at),
    }
    wallet = asked_of(row.record.body.get("wallet"))
    if wallet is not None:
        body["wallet"] = wallet.to_body()
    yield from against_record(row, row.record, "ballot", f"ballot:{proposal}/{row.voter}", body, [proposal])
    if required_record(poll.proposal.record).body["snapshot"]["source"]["name"] == BY_CONTRACT:
        if reference_of(row.signature) is None:
            yield finding(TABLE, row.pk, "signature", "where on the chain the vote stands", row.signature)
        return
    if not poll.signatures or wallet is not None:  # only the chain can say what a contract stands by
        return
    try:
        eip712.verify(eip712.ballot_digest(**issuer, **said), row.signature, row.voter)
    except Eip712Error as error:
        yield finding(TABLE, row.pk, "signature", f"a signature of {row.voter}", str(error))
