"""The map of a model as coordinates for an SVG: a river of versions, and what flows into it, or does not. Pure.

Two ways of drawing one graph: `wide`, where time runs to the right, for screens with room for it, and `tall`, where it
runs down, for telephones. Each stage is a side stream: its decision, the datasets that it learnt, the run, and the
gate of rules. What the rules let pass flows into the river as a version; everything else ends before it. What turned
the river later (a return, a withdrawal, a pause) stands beside it, with a line to the version that it is about.
Colours, words and addresses are the template's; the list beside the picture says the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate

from models_registry.model_graph import DECISION, RUN, ModelGraph, Node, Stage, in_order

STAGES_MAX = 24
DATASETS_MAX = 3
BOX_WIDTH, BOX_HEIGHT, GAP, MARGIN = 176, 46, 12, 8
SPINE, COLUMN_GAP = 14, 34  # how far the stream runs left of its boxes; room between two stages
LANE = 7  # room for each line that leads back
WIDE_WIDTH_MIN, TALL_WIDTH, RIVER_X = 1060, 326, 24
DAM = 9  # half of the bar at which a stream ends
MORE, GATE = "more", "gate"
# How a run has ended that came to nothing. Any other may still flow on.
ENDED = frozenset({"rejected", "failed", "canceled"})
# The picture of a model without versions.
NOTHING = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>'


@dataclass(frozen=True)
class Box:
    """Something to follow: where it stands, and what it stands for. `count`: how many it gathers (rules, datasets)."""

    id: str
    x: int
    y: int
    kind: str
    status: str
    node: Node
    count: int = 0
    width: int = BOX_WIDTH
    height: int = BOX_HEIGHT

    @property
    def middle(self) -> int:
        """Where lines from the side arrive."""
        return self.y + self.height // 2

    @property
    def text_x(self) -> int:
        """Where its words begin, right of its mark."""
        return self.x + 32

    @property
    def first_y(self) -> int:
        """The line of the first words."""
        return self.y + 20

    @property
    def second_y(self) -> int:
        """The line of the second words."""
        return self.y + 37

    @property
    def mark_x(self) -> int:
        """The left end of its mark, 16 by 16."""
        return self.x + 9

    @property
    def mark_y(self) -> int:
        """The upper end of its mark."""
        return self.y + 15


@dataclass(frozen=True)
class Line:
    """A stream from one box to another, by their ids; `kind` is that of the edge."""

    start: str
    end: str
    kind: str
    path: str


@dataclass(frozen=True)
class Step:
    """One stage for the list that says the same as the picture, with its nodes instead of their ids."""

    at: datetime
    decision: Node | None
    run: Node | None
    datasets: tuple[Node, ...]
    rules: tuple[Node, ...]
    version: Node | None
    base: Node | None
    target: Node | None
    left: tuple[Node, ...]


@dataclass(frozen=True)
class Picture:
    """All boxes in the order of reading, all lines, the river, the bars where streams end, and what is left out."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    river: str
    dams: tuple[str, ...]
    width: int
    height: int
    left_out: int


def wide(graph: ModelGraph) -> Picture | None:
    """Draw with time to the right; nothing for a model without versions."""
    return _Wide(graph).picture() if graph.stages else None


def tall(graph: ModelGraph) -> Picture | None:
    """Draw with time downwards, never wider than `TALL_WIDTH`; nothing for a model without versions."""
    return _Tall(graph).picture() if graph.stages else None


def steps(graph: ModelGraph) -> list[Step]:
    """Return every stage in order of time, also those that the picture leaves out."""
    node = graph.by_id
    return [
        Step(
            at=stage.at,
            decision=node.get(stage.decision),
            run=node.get(stage.run),
            datasets=tuple(node[each] for each in stage.datasets),
            rules=tuple(node[each] for each in stage.rules),
            version=node.get(stage.version),
            base=node.get(stage.base),
            target=node.get(stage.target),
            left=tuple(node[each] for each in stage.left),
        )
        for stage in graph.stages
    ]


class _Sketch:
    """What both ways share: boxes by id, and lines between them."""

    def __init__(self, graph: ModelGraph) -> None:
        self.graph = graph
        self.stages, self.left_out = in_order(graph.stages, STAGES_MAX)
        self.boxes: dict[str, Box] = {}
        self.lines: list[Line] = []
        self.dams: list[str] = []
        # A turn about a version that is left out has nothing to lead to; it stands in the list.
        self.stages = tuple(
            stage
            for index, stage in enumerate(self.stages)
            if stage.kind != DECISION or stage.target in {earlier.version for earlier in self.stages[:index]}
        )

    def add(self, box: Box) -> Box:
        """Keep a box; what stands twice in a graph would be a mistake of the graph."""
        assert box.id not in self.boxes, box.id
        self.boxes[box.id] = box
        return box

    def line(self, start: str, end: str, kind: str, path: str) -> None:
        """Keep a line between two boxes that are there."""
        if start in self.boxes and end in self.boxes:
            self.lines.append(Line(start, end, kind, path))

    def stream(self, stage: Stage) -> list[Box]:
        """Return the boxes of a run's stage from its source on, not placed yet: decision, datasets, run, gate."""
        node = self.graph.by_id
        boxes = [Box(stage.decision, 0, 0, DECISION, "update", node[stage.decision])]
        datasets, more = stage.datasets[:DATASETS_MAX], len(stage.datasets) - DATASETS_MAX
        if more > 0:  # the last place is for how many there are besides
            datasets = stage.datasets[: DATASETS_MAX - 1]
        # A dataset that several runs learnt stands at each of them.
        boxes += [Box(f"{each}@{stage.run}", 0, 0, node[each].kind, node[each].status, node[each]) for each in datasets]
        run = node[stage.run]
        if more > 0:
            boxes.append(Box(f"{MORE}@{stage.run}", 0, 0, MORE, "", run, len(stage.datasets) - len(datasets)))
        boxes.append(Box(stage.run, 0, 0, RUN, run.status, run))
        if stage.rules:
            broken = [rule for rule in stage.rules if node[rule].status == "broken"]
            gate = node[broken[0]] if broken else run
            status, count = ("broken", len(broken)) if broken else ("holds", len(stage.rules))
            boxes.append(Box(f"{GATE}@{stage.run}", 0, 0, GATE, status, gate, count))
        return boxes

    def finished(self, river: str, width: int, height: int) -> Picture:
        """Return the picture."""
        return Picture(
            tuple(self.boxes.values()), tuple(self.lines), river, tuple(self.dams), width, height, self.left_out
        )


class _Wide(_Sketch):
    """Stages are columns; the river runs below their streams, and the turns below the river."""

    def picture(self) -> Picture:
        """Place the streams above the river, the versions on it, the turns below it."""
        streams = [self.stream(stage) if stage.kind == RUN else [] for stage in self.stages]
        above = max((len(stream) for stream in streams), default=0) * (BOX_HEIGHT + GAP)
        river = MARGIN + above + GAP + BOX_HEIGHT // 2
        step = BOX_WIDTH + SPINE + COLUMN_GAP
        # A turn takes no room in time: it stands below what was newest when it happened.
        columns = list(accumulate((stage.kind != DECISION for stage in self.stages), initial=-1))[1:]
        lefts = [MARGIN + SPINE + max(0, column) * step for column in columns]
        for stage, stream, left in zip(self.stages, streams, lefts, strict=True):
            if stage.version:
                node = self.graph.by_id[stage.version]
                self.add(Box(node.id, left, river - BOX_HEIGHT // 2, node.kind, node.status, node))
            if stream:
                self._flow(stage, stream, left, river)
        rows = self._turns(lefts, river)
        width = max(WIDE_WIDTH_MIN, lefts[-1] + BOX_WIDTH + COLUMN_GAP)
        height = river + BOX_HEIGHT // 2 + MARGIN + rows * (BOX_HEIGHT + 2 * GAP)
        return self.finished(f"M0 {river} H{width}", width, height)

    def _flow(self, stage: Stage, stream: list[Box], left: int, river: int) -> None:
        """Place a stream from the river upwards, its gate nearest to it."""
        bottom = river - BOX_HEIGHT // 2 - GAP
        first = bottom - len(stream) * (BOX_HEIGHT + GAP) + GAP
        placed = [self.add(replace(box, x=left, y=first + row * (BOX_HEIGHT + GAP))) for row, box in enumerate(stream)]
        spine, run = left - SPINE, next(box for box in placed if box.kind == RUN)
        _join_stream(self, placed, run, spine)
        if stage.base in self.boxes:
            base = self.boxes[stage.base]
            turn = spine - COLUMN_GAP // 2
            self.line(base.id, run.id, "began", f"M{base.x + base.width} {river} H{turn} V{run.middle} H{run.x}")
        last = placed[-1]
        if stage.version:
            self.line(last.id, stage.version, "made", f"M{last.x} {last.middle} H{spine} V{river} H{left}")
        elif run.status in ENDED:
            end = bottom + GAP // 2
            self.dams.append(f"M{spine} {last.middle} V{end} M{spine - DAM} {end} H{spine + DAM}")

    def _turns(self, lefts: Sequence[int], river: int) -> int:
        """Place the turns below the river, so that no line runs through a box; return how many rows that takes."""
        ends: list[int] = []  # for each row, the right end of what stands in it
        for stage, left in zip(self.stages, lefts, strict=True):
            if stage.kind != DECISION:
                continue
            target = self.boxes[stage.target]
            row = next((row for row, end in enumerate(ends) if end < target.x - COLUMN_GAP), len(ends))
            ends[row : row + 1] = [left + BOX_WIDTH]
            node = self.graph.by_id[stage.decision]
            y = river + BOX_HEIGHT // 2 + 2 * GAP + row * (BOX_HEIGHT + 2 * GAP)
            box = self.add(Box(node.id, left, y, DECISION, node.status, node))
            # They rise left of the version's column, where nothing stands below the river, beside each other.
            rise, arrival = target.x - 10 - LANE * (row % 5), target.y + target.height - 12
            self.line(box.id, target.id, "turned", f"M{box.x} {box.middle} H{rise} V{arrival} H{target.x}")
        return len(ends)


class _Tall(_Sketch):
    """Stages stand below each other; the river runs at the left, and the lines that lead back left of it."""

    def picture(self) -> Picture:
        """Place everything from the top; lines back run in lanes at the left edge."""
        lanes = _lanes(self.stages)
        margin = MARGIN + LANE * (1 + max(lanes.values(), default=-1))
        river = margin + RIVER_X
        spine, left = river + 26, river + 42
        width = TALL_WIDTH - left - MARGIN
        y, top = MARGIN, MARGIN
        for stage in self.stages:
            last = None
            if stage.kind == RUN:
                y, last = self._flow(stage, self.stream(stage), (river, spine, left, width), y)
            if stage.version:
                node = self.graph.by_id[stage.version]
                self.add(Box(node.id, margin, y, node.kind, node.status, node, width=TALL_WIDTH - margin - MARGIN))
                if last is not None:
                    self.line(last.id, node.id, "made", f"M{left} {last.middle} H{spine} V{y}")
                y += BOX_HEIGHT + 2 * GAP
            elif stage.kind == DECISION:
                node, target = self.graph.by_id[stage.decision], self.boxes[stage.target]
                box = self.add(Box(node.id, left, y, DECISION, node.status, node, width=width))
                lane = MARGIN + LANE * lanes[stage.decision]
                path = f"M{left} {box.middle} H{lane} V{target.middle} H{target.x}"
                self.line(box.id, target.id, "turned", path)
                y += BOX_HEIGHT + 2 * GAP
        return self.finished(f"M{river} {top} V{y}", TALL_WIDTH, y + MARGIN)

    def _flow(self, stage: Stage, stream: list[Box], across: tuple[int, int, int, int], y: int) -> tuple[int, Box]:
        """Place a stream from `y` on; return where the next thing stands, and the last box."""
        river, spine, left, width = across
        start = y
        placed = []
        for box in stream:
            placed.append(self.add(replace(box, x=left, y=y, width=width)))
            y += BOX_HEIGHT + GAP
        run = next(box for box in placed if box.kind == RUN)
        _join_stream(self, placed, run, spine)
        if stage.base in self.boxes:
            base = self.boxes[stage.base]
            path = f"M{river} {base.y + base.height} V{start} L{spine} {start + GAP} V{run.middle} H{run.x}"
            self.line(base.id, run.id, "began", path)
        if not stage.version and run.status in ENDED:
            self.dams.append(f"M{spine} {placed[-1].middle} V{y} M{spine - DAM} {y} H{spine + DAM}")
            y += 2 * GAP
        return y, placed[-1]


def _join_stream(sketch: _Sketch, placed: Sequence[Box], run: Box, spine: int) -> None:
    """Lead decision and datasets down the stream to the run, and the run to its gate."""
    for box in placed:
        if box.id == run.id:
            continue
        first, second = (run, box) if box.kind == GATE else (box, run)
        kind = {DECISION: "approved", GATE: "judged"}.get(box.kind, "learnt")
        path = f"M{first.x} {first.middle} H{spine} V{second.middle} H{second.x}"
        sketch.line(first.id, second.id, kind, path)


def _lanes(stages: Sequence[Stage]) -> dict[str, int]:
    """Return the lane of each turn's line, so that no two that pass each other share one."""
    place = {stage.version: index for index, stage in enumerate(stages) if stage.version}
    ends: list[int] = []
    lanes: dict[str, int] = {}
    for index, stage in enumerate(stages):
        if stage.kind == DECISION:
            lane = next((lane for lane, end in enumerate(ends) if end < place[stage.target]), len(ends))
            ends[lane : lane + 1] = [index]
            lanes[stage.decision] = lane
    return lanes
