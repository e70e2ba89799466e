"""The map of a model: a graph from facts, and two drawings of it in which nothing lies on anything else."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from frontend import model_map
from models_registry import model_graph
from models_registry.model_graph import DatasetFact, ModelGraph, RuleFact, RunFact, TurnFact, VersionFact

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ENDS = ("accepted", "rejected", "failed", "running", "canceled", "overridden")


@st.composite
def lives(draw) -> ModelGraph:
    """Return the graph of a model that had any life: runs that came to something or not, and turns."""
    versions, runs, turns = [VersionFact(0, "r0", "older", START)], [], []
    for day in range(1, draw(st.integers(0, 40)) + 1):
        at = START + day * DAY
        if draw(st.booleans()) and draw(st.booleans()):
            target, left = draw(st.sampled_from(versions)), draw(st.lists(st.sampled_from(versions), max_size=3))
            kind = draw(st.sampled_from(["return", "withdrawal", "pause", "pause_ended"]))
            number = draw(st.sampled_from([None, 100 + day]))
            turns.append(TurnFact(kind, at, target.revision, "so", number, "T", tuple(v.revision for v in left)))
            continue
        status = draw(st.sampled_from(ENDS))
        made = f"r{len(versions)}" if status in {"accepted", "overridden"} else ""
        base = draw(st.sampled_from([version.revision for version in versions] + ["elsewhere"]))
        data = tuple(DatasetFact(f"d{n}", f"D{n}") for n in draw(st.lists(st.integers(0, 6), max_size=6)))
        rules = tuple(
            RuleFact(f"s{n}", f"S{n}", draw(st.sampled_from(["holds", "broken", "waived"])))
            for n in range(draw(st.integers(0, 3)))
        )
        runs.append(RunFact(day, status, at, day, f"P{day}", base, made, data, rules))
        if made:
            versions.append(VersionFact(len(versions), made, "current", at + DAY / 2))
    return model_graph.draw_up(versions, runs, turns)


def apart(boxes) -> bool:
    """Say whether no two boxes share a point."""
    for index, one in enumerate(boxes):
        for other in boxes[index + 1 :]:
            if (
                one.x < other.x + other.width
                and other.x < one.x + one.width
                and one.y < other.y + other.height
                and other.y < one.y + one.height
            ):
                return False
    return True


@settings(max_examples=40, deadline=None)
@given(lives())
def test_every_edge_of_the_graph_ends_at_nodes_and_every_id_stands_once(graph):
    ids = [node.id for node in graph.nodes]
    assert len(ids) == len(set(ids))
    assert all({edge.start, edge.end} <= set(ids) for edge in graph.edges)
    assert len(graph.edges) == len(set(graph.edges))


@settings(max_examples=40, deadline=None)
@given(lives())
def test_boxes_never_overlap_and_lines_end_at_boxes_that_are_there(graph):
    for draw in (model_map.wide, model_map.tall):
        picture = draw(graph)
        assert apart(picture.boxes)
        known = {box.id for box in picture.boxes}
        assert len(known) == len(picture.boxes)
        assert all({line.start, line.end} <= known for line in picture.lines)
        assert all(box.x >= 0 and box.x + box.width <= picture.width for box in picture.boxes)
        assert all(box.y >= 0 and box.y + box.height <= picture.height for box in picture.boxes)


@settings(max_examples=40, deadline=None)
@given(lives())
def test_the_same_life_is_always_drawn_the_same(graph):
    again = ModelGraph(graph.nodes, graph.edges, graph.stages, graph.by_id)
    assert model_map.wide(graph) == model_map.wide(again)
    assert model_map.tall(graph) == model_map.tall(again)


@settings(max_examples=40, deadline=None)
@given(lives())
def test_the_picture_for_telephones_is_never_wider_than_one_without_turns(graph):
    assert model_map.tall(graph).width == model_map.TALL_WIDTH


@settings(max_examples=40, deadline=None)
@given(lives())
def test_the_list_has_every_stage_also_those_that_the_picture_leaves_out(graph):
    steps = model_map.steps(graph)
    assert len(steps) == len(graph.stages)
    assert model_map.wide(graph).left_out == max(0, len(steps) - model_map.STAGES_MAX)


def a_life(*runs: RunFact, turns: tuple[TurnFact, ...] = ()) -> ModelGraph:
    made = [VersionFact(0, "r0", "older", START), VersionFact(1, "r1", "current", START + DAY)]
    return model_graph.draw_up(made, runs, turns)


def test_a_run_that_the_rules_rejected_ends_before_the_river():
    rules = (RuleFact("gap", "Fair", "broken"),)
    picture = model_map.wide(a_life(RunFact(1, "rejected", START + DAY, 5, "P", "r0", "", (), rules)))
    assert len(picture.dams) == 1
    assert not [line for line in picture.lines if line.kind == "made"]
    running = model_map.wide(a_life(RunFact(1, "running", START + DAY, 5, "P", "r0")))
    assert not running.dams, "what is at work may still flow on"
    assert [box.status for box in picture.boxes if box.kind == "gate"] == ["broken"]


def test_a_run_that_they_let_pass_flows_into_the_river():
    picture = model_map.wide(a_life(RunFact(1, "accepted", START + DAY, 5, "P", "r0", "r1")))
    assert not picture.dams
    assert [(line.start, line.end) for line in picture.lines if line.kind == "made"] == [("run:1", "version:r1")]
    assert [(line.start, line.end) for line in picture.lines if line.kind == "began"] == [("version:r0", "run:1")]


def test_a_return_leads_back_to_the_version_that_it_went_back_to():
    turn = TurnFact("return", START + 3 * DAY, "r0", "Worse.", 9, "Back", ("r1",))
    graph = a_life(RunFact(1, "accepted", START + DAY, 5, "P", "r0", "r1"), turns=(turn,))
    assert ("version:r1", "turn:0:9", "left") in [(edge.start, edge.end, edge.kind) for edge in graph.edges]
    for draw in (model_map.wide, model_map.tall):
        assert [line.end for line in draw(graph).lines if line.kind == "turned"] == ["version:r0"]


def test_many_datasets_are_gathered_in_one_box_that_counts_them():
    data = tuple(DatasetFact(f"d{n}", f"D{n}") for n in range(7))
    picture = model_map.wide(a_life(RunFact(1, "running", START + DAY, 5, "P", "r0", "", data)))
    assert [box.count for box in picture.boxes if box.kind == model_map.MORE] == [5]
    assert len([box for box in picture.boxes if box.kind == "dataset"]) == 2


def test_a_model_without_versions_has_no_picture():
    nothing = model_graph.draw_up([], [], [])
    assert model_map.wide(nothing) is None
    assert model_map.tall(nothing) is None
