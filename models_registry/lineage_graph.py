"""The lineage of a release as a graph: its records as nodes, what rests on what as edges, single ballots folded. Pure.

Ballots stand at their proposal as one node that counts them and names the first few; the audit bundle has all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from governance.evidence.record import Record

BALLOTS_SHOWN = 20
BALLOTS = "ballots"


@dataclass(frozen=True)
class Ballot:
    """One ballot as it is shown: who, and the digest under which its receipt is found."""

    voter: str
    digest: str


@dataclass(frozen=True)
class Node:
    """One record, or all ballots of one proposal (`kind` is "ballots", `record` that of the proposal).

    `number` is that of the proposal whose decision it belongs to: the newest among those that it rests on.
    """

    id: str
    kind: str
    record: Record
    number: int | None
    ballot_count: int = 0
    ballots: tuple[Ballot, ...] = ()


@dataclass(frozen=True)
class Graph:
    """Nodes with parents before children, and edges from what rests on something to what it rests on."""

    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, str], ...]


def draw_up(records: Iterable[Record], ballots: Iterable[Record]) -> Graph:
    """Return the graph of a closure. `records` has parents before children; ballots name their proposal as parent."""
    records = list(records)
    counts: dict[str, int] = {}
    shown: dict[str, list[Ballot]] = {}
    for ballot in ballots:
        for parent in ballot.parents:
            counts[parent] = counts.get(parent, 0) + 1
            if counts[parent] <= BALLOTS_SHOWN:
                shown.setdefault(parent, []).append(Ballot(str(ballot.body["voter"]), ballot.digest))
    numbers: dict[str, int | None] = {}
    nodes: list[Node] = []
    edges: list[tuple[str, str]] = []
    for record in records:
        below = [number for parent in record.parents if (number := numbers.get(parent)) is not None]
        own = record.body["number"] if record.kind == "proposal" else None
        numbers[record.digest] = own if own is not None else max(below, default=None)
        nodes.append(Node(record.digest, record.kind, record, numbers[record.digest]))
        edges += [(record.digest, parent) for parent in record.parents]
        if record.kind == "proposal":
            name = f"{BALLOTS}:{record.digest}"
            few = tuple(shown.get(record.digest, ()))
            nodes.append(Node(name, BALLOTS, record, own, counts.get(record.digest, 0), few))
            edges.append((name, record.digest))
    known = {node.id for node in nodes}
    for node in nodes:
        if node.kind == "tally":  # a count rests on its ballots by their root; the record names only the proposal
            edges += [
                (node.id, f"{BALLOTS}:{parent}") for parent in node.record.parents if f"{BALLOTS}:{parent}" in known
            ]
    return Graph(tuple(nodes), tuple(edges))
