"""The log of a community: every event gets the next place in an append-only Merkle tree (RFC 6962).

Whoever writes an event holds the community's row, so places are given one after the other and without gaps. Signed
checkpoints are made by `publish_checkpoint`, which the sweeper calls when a log has grown.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import connection, transaction

from governance.clock import unix
from governance.evidence import checkpoint, log_tree, merkle
from governance.evidence.canonical import canonical_bytes
from governance.insert import insert
from governance.keys import release_signer
from governance.models import Checkpoint, Community, Event, LogNode


@transaction.atomic(savepoint=False)
def append(community_id: int, events: Sequence[Event]) -> None:
    """Give events of one community the next places of its log, and store them."""
    size = _take_places(community_id, len(events))
    for position, event in enumerate(events, start=size):
        event.position = position
        event.leaf = canonical_bytes(leaf_of(event)).decode()
    hashes = [merkle.leaf_hash(event.leaf.encode()) for event in events]
    nodes = log_tree.append(size, reader(community_id), hashes)
    rows = [
        (
            event.community_id,
            event.proposal_id,
            event.at,
            event.kind,
            event.actor,
            event.data,
            event.position,
            event.leaf,
        )
        for event in events
    ]
    insert(Event, ("community_id", "proposal_id", "at", "kind", "actor", "data", "position", "leaf"), rows)
    insert(
        LogNode, ("community_id", "level", "index", "hash"), [(community_id, *node.key, node.hash) for node in nodes]
    )


def _take_places(community_id: int, count: int) -> int:
    """Return the first of so many places, which are taken when the transaction ends; until then nobody else has any."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE governance_community SET log_size = log_size + %s WHERE id = %s RETURNING log_size - %s",
            [count, community_id, count],
        )
        row: tuple[int] = cursor.fetchone()
        return row[0]


def leaf_of(event: Event) -> dict[str, object]:
    """Return what the log says of an event."""
    return {
        "kind": event.kind,
        "at": unix(event.at),
        "actor": event.actor,
        "proposal": (event.proposal.record_id or "") if event.proposal else "",
        "data": event.data,
    }


def reader(community_id: int) -> log_tree.Read:
    """Return what reads nodes of a community's tree: all that an answer needs in one query."""

    def read(keys: Sequence[log_tree.Key]) -> Mapping[log_tree.Key, bytes]:
        if not keys:
            return {}
        # More than the keys, if other pairs exist; but one place in the index for each, and a short statement.
        levels, indexes = sorted({level for level, _ in keys}), sorted({index for _, index in keys})
        marks = [",".join(["%s"] * len(values)) for values in (levels, indexes)]
        with connection.cursor() as cursor:
            cursor.execute(
                'SELECT "level", "index", "hash" FROM governance_lognode '  # noqa: S608 - placeholders only
                f'WHERE community_id = %s AND "level" IN ({marks[0]}) AND "index" IN ({marks[1]})',
                [community_id, *levels, *indexes],
            )
            return {(level, index): bytes(value) for level, index, value in cursor.fetchall()}

    return read


def origin_of(community: Community) -> str:
    """Return the name of a community's log, as its checkpoints carry it."""
    return checkpoint.log_origin(community.instance, community.slug)


def publish_checkpoint(community_id: int, now: datetime) -> Checkpoint | None:
    """Sign the present size and root of a log, once for each size; None for an empty log. Raises SigningError."""
    with transaction.atomic():
        community = Community.objects.select_for_update(no_key=True).get(pk=community_id)
        size = community.log_size
        published = community.checkpoints.first()
        if not size or (published is not None and published.size == size):
            return published
        body = checkpoint.Checkpoint(origin_of(community), size, log_tree.root(size, reader(community.pk)))
        note = checkpoint.sign(body, release_signer(community.slug))
        return Checkpoint.objects.create(community=community, size=size, note=note, at=now)


def newest_checkpoint(community: Community) -> Checkpoint | None:
    """Return what was published last."""
    return community.checkpoints.first()
