"""The lineage of a release as coordinates for an SVG: boxes that are links, and lines between them. Pure.

One column per decision, newest first, the release above the leftmost; one row per kind of record, from the weights down
to the ballots. The template draws it, and the list beside it says the same for those who do not see the picture.
"""

from dataclasses import dataclass

from django.urls import reverse

from models_registry.lineage_graph import BALLOTS, Graph, Node

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 136, 44, 18, 26, 4
COLUMNS_MAX = 5
_EFFECTS = ("dataset", "rule", "keys", "charter", "council")
# Rows that are drawn, from the top. What has no row (several effects of one decision) stands in the list only.
_ROWS = {"release": 0, "run": 1, "evaluation": 1, "spec": 2} | dict.fromkeys(_EFFECTS, 3)
_ROWS |= {"execution": 4, "decision": 5, "tally": 6, BALLOTS: 7, "census": 8, "proposal": 9, "community": 10}


@dataclass(frozen=True)
class Box:
    """One node: where it is, where it leads, and what is written in it. `key` names its kind in words."""

    id: str
    x: int
    y: int
    key: str
    detail: str
    href: str
    width: int = BOX_WIDTH
    height: int = BOX_HEIGHT

    @property
    def middle(self) -> int:
        """Where its text is centred."""
        return self.x + self.width // 2


@dataclass(frozen=True)
class Picture:
    """All boxes in the order of reading, all lines, and how many decisions are only in the list."""

    boxes: tuple[Box, ...]
    lines: tuple[str, ...]
    width: int
    height: int
    folded: int


def draw(graph: Graph, community: str, run: int | None = None) -> Picture | None:
    """Place the nodes of a graph, or return nothing for one without decisions. `run`: the number of the run here."""
    numbers = sorted({node.number for node in graph.nodes if node.number is not None}, reverse=True)
    if not numbers:
        return None
    columns = {number: column for column, number in enumerate(numbers[:COLUMNS_MAX])}
    placed: dict[tuple[int, int], Node] = {}
    for node in graph.nodes:
        row = _ROWS.get(node.kind)
        column = _column(node, columns)
        if row is not None and column is not None:
            placed.setdefault((row, column), node)
    boxes = {node.id: _box(node, row, column, community, run) for (row, column), node in sorted(placed.items())}
    pairs = [(boxes[child], boxes[parent]) for child, parent in graph.edges if child in boxes and parent in boxes]
    # What rests on a later row is drawn; a proposal under a charter that an earlier vote changed stands in the list.
    lines = [_line(child, parent) for child, parent in pairs if child.y <= parent.y]
    used = 1 + max(column for _, column in placed)
    width = used * (BOX_WIDTH + GAP_X) - GAP_X + 2 * MARGIN
    height = (1 + max(row for row, _ in placed)) * (BOX_HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN
    return Picture(tuple(boxes.values()), tuple(lines), width, height, len(numbers) - len(columns))


def _column(node: Node, columns: dict[int, int]) -> int | None:
    """Return the column of a node: that of its decision; the evaluation stands right of the run that it measured."""
    if node.kind == "evaluation":
        return 1
    if node.number is None:  # the community and its founding charter
        return 0 if node.kind == "community" else None
    return columns.get(node.number)


def _box(node: Node, row: int, column: int, community: str, run: int | None) -> Box:
    x = MARGIN + column * (BOX_WIDTH + GAP_X)
    y = MARGIN + row * (BOX_HEIGHT + GAP_Y)
    return Box(node.id, x, y, node.kind, _detail(node), _href(node, community, run))


def _detail(node: Node) -> str:
    """Return the one thing by which people know this record; the digest where there is no such thing."""
    body = node.record.body
    if node.kind == BALLOTS:
        return str(node.ballot_count)
    if node.kind == "proposal":
        return f"{body['number']}"
    if node.kind == "release":
        return f"v{body['version']}"
    if node.kind in {"dataset", "rule", "community"}:
        return str(body["slug"])
    if node.kind == "run":
        return str(body["run"])
    return node.id[:8]


def _href(node: Node, community: str, run: int | None) -> str:
    """Return the page that tells of this record."""
    body = node.record.body
    if node.kind == "release":
        return reverse("site:release", args=[body["revision"]])
    if node.kind in {"run", "evaluation"}:
        return reverse("site:run", args=[run]) if run and node.kind == "run" else "#better"
    if node.kind == "dataset":
        return reverse("site:dataset", args=[body["digest"]])
    if node.kind == "rule":
        return reverse("site:rules", args=[community])
    if node.number is None:
        return reverse("site:community", args=[community])
    page = reverse("site:census" if node.kind == "census" else "site:proposal", args=[community, node.number])
    return page + {BALLOTS: "#ballots", "tally": "#results"}.get(node.kind, "")


def _line(child: Box, parent: Box) -> str:
    """Return a path from a box to what it rests on: down, across just above the parent, down; or straight across."""
    if child.y == parent.y:
        left, right = sorted((child, parent), key=lambda box: box.x)
        return f"M{left.x + left.width} {left.y + left.height // 2} H{right.x}"
    bottom, turn = child.y + child.height, parent.y - GAP_Y // 2
    return f"M{child.middle} {bottom} V{turn} H{parent.middle} V{parent.y}"
