"""What a group of ballots reads and writes.

The statements are written out: composing them anew for every group, as the ORM does, would cost more than all the rest
of accepting a lone ballot.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import connection

from governance import log
from governance.insert import insert
from governance.models import Ballot, Event, Proposal, Record

NO_POWER = (0, 0)  # of who is not in the census, which is complete
_RECORD = ("digest", "kind", "subject", "canonical", "created_at")
_BALLOT = (
    "proposal_id",
    "voter",
    "voter_key",
    "choice",
    "reason",
    "nonce",
    "power",
    "house_power",
    "signature",
    "record_id",
    "position",
    "cast_at",
    "superseded_at",
)
_FOLLOWED = ("quorum_power", "quorum_at", "closes_at", "extended_by")


class Polls:
    """The proposals that a group votes on, locked until the transaction ends, with all that its ballots need."""

    def __init__(self, digests: Iterable[str], voters: Iterable[str], nonces: Iterable[int]) -> None:
        """Read them: three statements, however many ballots there are.

        `earlier` holds of each voter, by rising nonce, the ballot that counts and those that the group may repeat;
        `powers` holds power and power in the second house.
        """
        self.proposals = {proposal.record_id: proposal for proposal in _lock(sorted(set(digests)))}
        self.earlier: dict[tuple[str, str], list[Ballot]] = {}
        self.powers: dict[tuple[str, str], tuple[int, int]] = {}
        self.superseded: list[Ballot] = []
        self.followed: set[Proposal] = set()
        names = {proposal.pk: digest for digest, proposal in self.proposals.items()}
        if not names:
            return
        people = sorted(set(voters))
        for ballot in _earlier(list(names), people, sorted(set(nonces))):
            self.earlier.setdefault((names[ballot.proposal_id], ballot.voter), []).append(ballot)
        for proposal, voter, power, house_power in _powers(list(names), [voter.lower() for voter in people]):
            self.powers[names[proposal], voter] = (int(power or 0), int(house_power))


def _lock(digests: Sequence[str]) -> Iterable[Proposal]:
    lock = connection.ops.for_update_sql(no_key=True) if connection.features.has_select_for_update else ""
    return Proposal.objects.raw(
        f"SELECT * FROM governance_proposal WHERE record_id IN {_marks(digests)} ORDER BY id {lock}",  # noqa: S608
        digests,
    )


def _earlier(proposals: Sequence[int], voters: Sequence[str], nonces: Sequence[int]) -> Iterable[Ballot]:
    return Ballot.objects.raw(
        f"SELECT * FROM governance_ballot WHERE proposal_id IN {_marks(proposals)} "  # noqa: S608
        f"AND voter IN {_marks(voters)} "
        f"AND (superseded_at IS NULL OR nonce IN {_marks(nonces)}) ORDER BY nonce",
        [*proposals, *voters, *nonces],
    )


def _powers(proposals: Sequence[int], voter_keys: Sequence[str]) -> list[tuple[int, str, str | None, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proposal_id, voter, power, house_power FROM governance_censusentry "  # noqa: S608
            f"WHERE proposal_id IN {_marks(proposals)} AND voter_key IN {_marks(voter_keys)}",
            [*proposals, *voter_keys],
        )
        found: list[tuple[int, str, str | None, str]] = cursor.fetchall()
        return found


def _marks(values: Sequence[object]) -> str:
    """Return as many placeholders as there are values: the values themselves never stand in a statement."""
    return f"({','.join(['%s'] * len(values))})"


def write(polls: Polls, fresh: Sequence[tuple[Ballot, list[Event]]]) -> None:
    """Store what a group has made, in this order.

    1. older ballots are superseded, because only one of each voter may count; 2. records; 3. events, which get their
    places in the log; 4. ballots, which keep the place of theirs; 5. what a reached quorum changed.
    """
    replaced: dict[datetime, list[int]] = {}  # 1
    for older in polls.superseded:
        if older.pk and older.superseded_at:
            replaced.setdefault(older.superseded_at, []).append(older.pk)
    for moment, pks in replaced.items():
        Ballot.objects.filter(pk__in=pks).update(superseded_at=moment)
    records = [ballot.record for ballot, _ in fresh]  # 2
    insert(Record, _RECORD, [[getattr(record, name) for name in _RECORD] for record in records])
    events: dict[int, list[Event]] = {}  # 3
    for ballot, told in fresh:
        events.setdefault(ballot.proposal.community_id, []).extend(told)
    for community_id in sorted(events):
        log.append(community_id, events[community_id])
    for ballot, (cast, *_) in fresh:  # 4
        ballot.position = cast.position
    insert(Ballot, _BALLOT, [[getattr(ballot, name) for name in _BALLOT] for ballot, _ in fresh])
    for proposal in polls.followed:  # 5
        proposal.save(update_fields=_FOLLOWED)
