"""The log of a community: events without gaps, the leaf of each, every node of the tree, every signed checkpoint."""

from collections.abc import Iterator, Mapping, Sequence

from django.db.models import Max, Min, Q

from governance import log
from governance.evidence import log_tree, merkle
from governance.evidence.canonical import CanonicalError, canonical_bytes
from governance.evidence.checkpoint import CheckpointError, log_origin, open_note
from governance.evidence.log_tree import Key, Node
from governance.fsck.finding import DAMAGED, Finding, batches, finding
from governance.models import Community, Event, LogNode
from governance.services.events import SAID

EVENTS, NODES, CHECKPOINTS = "governance_event", "governance_lognode", "governance_checkpoint"


def check_strays() -> Iterator[Finding]:
    """Yield the events that stand in no log, but should: only what the API refused belongs to no community."""
    strays = Event.objects.filter(community__isnull=True).exclude(kind="refused", position__isnull=True)
    for key in strays.values_list("pk", flat=True):
        yield finding(EVENTS, key, "community", "a community", "none")


def check_log(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with a log.

    1. positions count from 0, and each leaf is what its row says
    2. every node of the tree follows from the leaves; there is no other
    3. the size is the number of events
    4. every checkpoint is signed by the release key, and states the root that the tree had at that size.
    """
    expected, whole = 0, True
    tree = _Tree(community)
    events = community.events.select_related("proposal").order_by("position", "pk")
    for batch in batches(events.iterator(chunk_size=2_000)):
        for event in batch:  # 1
            if event.position != expected:
                yield finding(EVENTS, event.pk, "position", expected, event.position)
                whole = False
            expected = (event.position if isinstance(event.position, int) else expected) + 1
            yield from _check_leaf(event)
        if whole:
            yield from tree.grow([merkle.leaf_hash(event.leaf.encode()) for event in batch])  # 2
    if whole:
        yield from tree.extra()
    if community.log_size != expected:  # 3
        yield finding("governance_community", community.pk, "log_size", expected, community.log_size)
    yield from _check_checkpoints(community, expected)  # 4


def _check_leaf(event: Event) -> Iterator[Finding]:
    said = log.leaf_of(event)
    if event.kind.startswith("draft_"):  # a draft had no digest yet
        said["proposal"] = ""
        if event.proposal is None:
            yield finding(EVENTS, event.pk, "proposal", "a draft", None)
    try:
        leaf = canonical_bytes(said).decode()
    except CanonicalError as error:
        leaf = str(error)
    if event.kind in SAID and event.leaf == _said_of_a_draft(said):
        return
    if event.leaf != leaf:
        yield finding(EVENTS, event.pk, "leaf", leaf, event.leaf)


def _said_of_a_draft(said: dict[str, object]) -> str:
    """Return the leaf of a comment that was written while the proposal was a draft, and had no digest yet."""
    return canonical_bytes({**said, "proposal": ""}).decode()


class _Tree:
    """The tree built again from the leaves, batch by batch, beside the one that is stored; remembers its right edge."""

    def __init__(self, community: Community) -> None:
        self._community = community
        self._size = 0
        self._edge: Mapping[Key, bytes] = {}

    def grow(self, hashes: Sequence[bytes]) -> Iterator[Finding]:
        """Add leaves, and compare the nodes that they complete with those that are stored."""
        nodes = log_tree.append(self._size, lambda _keys: self._edge, hashes)
        self._size += len(hashes)
        known = {**self._edge, **{node.key: node.hash for node in nodes}}
        self._edge = {key: known[key] for key in log_tree.root_keys(self._size)}
        stored = self._stored(nodes)
        for node in nodes:
            key, found = stored.get(node.key, (f"{self._community.slug} {node.key[0]}/{node.key[1]}", None))
            if found != node.hash:
                what = f"hash at level {node.key[0]}, index {node.key[1]}"
                yield finding(NODES, key, what, node.hash.hex(), found.hex() if found else "no such node")

    def extra(self) -> Iterator[Finding]:
        """Yield the nodes that are stored and that no leaves have completed."""
        beyond = Q(index__lt=0) | Q(level__gte=self._size.bit_length())
        for level in range(self._size.bit_length()):
            beyond |= Q(level=level, index__gte=self._size >> level)
        for node in self._community.log_nodes.filter(beyond):
            yield finding(NODES, node.pk, "node", "none", f"level {node.level}, index {node.index}")

    def _stored(self, nodes: Sequence[Node]) -> dict[Key, tuple[object, bytes]]:
        """Return what is stored under these keys: of each level they are neighbours."""
        levels: dict[int, list[int]] = {}
        for node in nodes:
            levels.setdefault(node.key[0], []).append(node.key[1])
        wanted = Q()
        for level, indexes in levels.items():
            wanted |= Q(level=level, index__gte=indexes[0], index__lte=indexes[-1])
        rows = LogNode.objects.filter(wanted, community=self._community).values_list("pk", "level", "index", "hash")
        return {(level, index): (pk, bytes(value)) for pk, level, index, value in rows}


def _check_checkpoints(community: Community, size: int) -> Iterator[Finding]:
    body = community.record.body
    origin, key = log_origin(body["instance"], body["slug"]), body["release_key"]["public_key"]
    for row in community.checkpoints.order_by("size").iterator():
        try:
            signed = open_note(row.note, origin, key)
        except CheckpointError as error:
            yield finding(CHECKPOINTS, row.pk, "note", "a checkpoint signed by the release key", str(error))
            continue
        if row.size != signed.size:
            yield finding(CHECKPOINTS, row.pk, "size", signed.size, row.size)
        if signed.size > size:
            yield finding(CHECKPOINTS, row.pk, "note", f"a log of at least {signed.size} entries", size)
            continue
        try:
            root = log_tree.root(signed.size, log.reader(community.pk))
        except DAMAGED as error:
            root = str(error)
        if root != signed.root:
            yield finding(CHECKPOINTS, row.pk, "note", f"the root {root}", signed.root)
    found = community.checkpoints.aggregate(first=Min("at"), last=Max("at"))
    founded = community.events.order_by("position").values_list("at", flat=True).first()
    if found["first"] is not None and founded is not None and found["first"] < founded:
        yield finding(CHECKPOINTS, community.slug, "at", f"after {founded}", found["first"])
