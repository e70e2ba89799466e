"""The whole life of a model as a graph: versions, runs, decisions, datasets and rules, and what led to what. Pure.

Facts go in, as their apps have them; nodes and edges come out, in order of time. Nothing is drawn here, and nothing is
asked: whoever collects the facts stands above this app, because runs do.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

VERSION, RUN, DECISION, DATASET, RULE = "version", "run", "decision", "dataset", "rule"
# What an edge says: its first end did this to its second.
APPROVED, LEARNT, BEGAN, JUDGED, MADE, TURNED, LEFT = (
    "approved",
    "learnt",
    "began",
    "judged",
    "made",
    "turned",
    "left",
)


@dataclass(frozen=True)
class VersionFact:
    """A version as it stands now. `status` is a standing of releases, or "base" for what the community started from."""

    number: int
    revision: str
    status: str
    at: datetime


@dataclass(frozen=True)
class DatasetFact:
    """A dataset by its digest; one that is not known here any more has no title and no page."""

    digest: str
    title: str
    known: bool = True


@dataclass(frozen=True)
class RuleFact:
    """A rule that judged a run. `status`: "holds", "broken", or "waived" where it did not bind."""

    slug: str
    title: str
    status: str


@dataclass(frozen=True)
class RunFact:
    """A run with the decision that approved it, what it started from and learnt, what judged it, what it made."""

    number: int
    status: str
    at: datetime
    decision: int
    title: str
    base: str
    made: str = ""
    datasets: tuple[DatasetFact, ...] = ()
    rules: tuple[RuleFact, ...] = ()


@dataclass(frozen=True)
class TurnFact:
    """Something that changed what is handed out: a return, a withdrawal, a pause, or the end of one.

    `decision` is the number of the vote, or None for a guardian's pause. `left` are the versions that a return left.
    """

    kind: str
    at: datetime
    revision: str
    reason: str = ""
    decision: int | None = None
    title: str = ""
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class Node:
    """One thing. `reference` is how its page is found: a revision, a number, a digest or a slug."""

    id: str
    kind: str
    status: str
    reference: str
    title: str
    at: datetime | None = None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the form of map.json."""
        at = None if self.at is None else self.at.isoformat()
        return {
            "id": self.id,
            "kind": self.kind,
            "status": self.status,
            "reference": self.reference,
            "title": self.title,
            "at": at,
            "note": self.note,
        }


@dataclass(frozen=True)
class Edge:
    """From what came first to what it led to; `kind` says how."""

    start: str
    end: str
    kind: str

    def to_dict(self) -> dict[str, Any]:
        """Return the form of map.json."""
        return {"from": self.start, "to": self.end, "kind": self.kind}


@dataclass(frozen=True)
class Stage:
    """One step of the river, by the ids of its nodes: a version that was there, a run with all about it, or a turn.

    `version` is what the stage left in the river; empty for a run that came to nothing and for a turn. `target` is the
    version that a turn is about; `base` the version that a run started from.
    """

    kind: str
    at: datetime
    decision: str = ""
    run: str = ""
    datasets: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    version: str = ""
    base: str = ""
    target: str = ""
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelGraph:
    """All nodes, all edges, and the stages in order of time. Every edge ends at nodes; every id stands once."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    stages: tuple[Stage, ...]
    by_id: Mapping[str, Node] = field(compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the form of map.json."""
        return {"nodes": [node.to_dict() for node in self.nodes], "edges": [edge.to_dict() for edge in self.edges]}


def draw_up(versions: Iterable[VersionFact], runs: Iterable[RunFact], turns: Iterable[TurnFact]) -> ModelGraph:
    """Return the graph of a model.

    1. Versions, runs and turns in order of time; what happened at the same moment by kind and number.  2. Nodes, each
    once, whoever names it.  3. Edges between nodes that are there: a base that is not a version here has no edge.
    """
    versions = sorted(versions, key=lambda each: each.number)
    known = {each.revision: _version_id(each.revision) for each in versions}
    runs = sorted(runs, key=lambda each: (each.at, each.number))
    made = {run.made for run in runs if run.made}
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str, str], Edge] = {}
    for each in versions:
        _add(nodes, Node(known[each.revision], VERSION, each.status, each.revision, str(each.number), each.at))
    stages = [Stage(VERSION, v.at, version=known[v.revision]) for v in versions if v.revision not in made]
    stages += [_run_stage(run, known, nodes, edges) for run in runs]
    stages += [
        _turn_stage(turn, place, known, nodes, edges) for place, turn in enumerate(turns) if turn.revision in known
    ]
    order = {VERSION: 0, RUN: 1, DECISION: 2}
    stages.sort(key=lambda stage: (stage.at, order[stage.kind], stage.run, stage.decision))
    return ModelGraph(tuple(nodes.values()), tuple(edges.values()), tuple(stages), nodes)


def _run_stage(
    run: RunFact, known: Mapping[str, str], nodes: dict[str, Node], edges: dict[tuple[str, str, str], Edge]
) -> Stage:
    decision = _add(nodes, Node(f"decision:{run.decision}", DECISION, "update", str(run.decision), run.title, run.at))
    node = _add(nodes, Node(f"run:{run.number}", RUN, run.status, str(run.number), str(run.number), run.at))
    datasets, rules = [], []
    for used in run.datasets:
        status = "known" if used.known else "unknown"
        datasets.append(_add(nodes, Node(f"dataset:{used.digest}", DATASET, status, used.digest, used.title)))
        _join(edges, datasets[-1], node, LEARNT)
    for rule in run.rules:
        rules.append(_add(nodes, Node(f"rule:{run.number}:{rule.slug}", RULE, rule.status, rule.slug, rule.title)))
        _join(edges, rules[-1], node, JUDGED)
    _join(edges, decision, node, APPROVED)
    base, version = known.get(run.base, ""), known.get(run.made, "")
    if base:
        _join(edges, base, node, BEGAN)
    if version:
        _join(edges, node, version, MADE)
    return Stage(
        RUN,
        run.at,
        decision=decision,
        run=node,
        datasets=tuple(dict.fromkeys(datasets)),
        rules=tuple(dict.fromkeys(rules)),
        version=version,
        base=base,
    )


def _turn_stage(
    turn: TurnFact,
    place: int,
    known: Mapping[str, str],
    nodes: dict[str, Node],
    edges: dict[tuple[str, str, str], Edge],
) -> Stage:
    number = "" if turn.decision is None else str(turn.decision)
    name = f"turn:{place}:{number}"
    node = _add(nodes, Node(name, DECISION, turn.kind, number, turn.title, turn.at, turn.reason))
    target = known[turn.revision]
    _join(edges, node, target, TURNED)
    left = tuple(known[each] for each in turn.left if each in known)
    for each in left:
        _join(edges, each, node, LEFT)
    return Stage(DECISION, turn.at, decision=node, target=target, left=left)


def _version_id(revision: str) -> str:
    return f"version:{revision}"


def _add(nodes: dict[str, Node], node: Node) -> str:
    """Keep a node under its id; the first that named it stays."""
    return nodes.setdefault(node.id, node).id


def _join(edges: dict[tuple[str, str, str], Edge], start: str, end: str, kind: str) -> None:
    edges.setdefault((start, end, kind), Edge(start, end, kind))


def in_order(stages: Sequence[Stage], most: int) -> tuple[tuple[Stage, ...], int]:
    """Return the newest stages, oldest of them first, and how many older ones are left out."""
    left_out = max(0, len(stages) - most)
    return tuple(stages[left_out:]), left_out
