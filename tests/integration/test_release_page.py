"""The page of a release: where it comes from, drawn and listed, and where it is published, with what went wrong."""

import re
import xml.etree.ElementTree as ET

import pytest
from django.test import Client

from frontend import lineage_picture
from governance.clock import now as clock
from models_registry import deliveries, delivering, lineage_graph, selectors
from tests.integration.release_folders import content
from training_jobs import worker

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def version(run, stand_in, settings, tmp_path):
    """A released version that a folder of the operator's shall have, too; the folder is not there."""
    settings.PUBLICATION_TARGETS = ["hub", "folder"]
    settings.PUBLICATION_FOLDER = tmp_path / "drive"
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert run.version is not None
    return run.version


def page(version, language="en"):
    answer = Client().get(f"/releases/{version.revision}/", headers={"accept-language": language})
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_box_of_the_picture_leads_to_a_page_that_is_there(version):
    html = page(version)
    svg = re.search(r'<figure class="lineage-picture"><svg.*?</svg>', html, re.DOTALL)[0].partition(">")[2]
    drawing = ET.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))
    links = [box.attrib["href"] for box in drawing.iter(f"{SVG}a")]
    labels = [box.attrib["aria-label"] for box in drawing.iter(f"{SVG}a")]
    for kind in ("Release v1", "Training run", "Evaluation", "Specification", "Dataset pairs", "Ethics rule", "Execution", "Decision", "Count", "Census", "Proposal 3", "Community", "Ballots 2"):  # fmt: skip
        assert any(label.startswith(kind) for label in labels), (kind, labels)
    for link in set(links):
        address, _, anchor = link.partition("#")
        answer = Client().get(address or f"/releases/{version.revision}/")
        assert answer.status_code == 200, link
        assert not anchor or f'id="{anchor}"' in answer.content.decode(), link


def test_boxes_do_not_overlap_and_lines_end_at_boxes(version):
    picture = lineage_picture.draw(selectors.release_graph(version.revision), "water-commons")
    places = {(box.x, box.y) for box in picture.boxes}
    assert len(places) == len(picture.boxes)
    assert all(box.x >= 0 and box.x + box.width <= picture.width for box in picture.boxes)
    assert all(box.y >= 0 and box.y + box.height <= picture.height for box in picture.boxes)
    assert len(picture.lines) > len(picture.boxes)


def test_the_list_says_the_same_and_leads_to_single_ballots(version):
    html = page(version)
    graph = selectors.release_graph(version.revision)
    ballots = [ballot for node in graph.nodes for ballot in node.ballots]
    assert len(ballots) == 6
    for ballot in ballots:
        assert f"/receipts/{ballot.digest}/" in html
    assert Client().get(f"/receipts/{ballots[0].digest}/").status_code == 200


def test_many_ballots_are_folded(version):
    nodes = selectors.release_graph(version.revision).nodes
    proposal = next(node.record for node in nodes if node.kind == "proposal")
    ballots = [
        type(proposal).make("ballot", f"ballot:{n}", {"voter": f"0x{n:040x}"}, [proposal.digest]) for n in range(57)
    ]
    parents = set(proposal.parents)
    records = [*(node.record for node in nodes if node.id in parents), proposal]
    folded = next(n for n in lineage_graph.draw_up(records, ballots).nodes if n.kind == lineage_graph.BALLOTS)
    assert (folded.ballot_count, len(folded.ballots)) == (57, lineage_graph.BALLOTS_SHOWN)


def test_the_api_gives_the_graph_with_edges_between_its_nodes(version):
    answer = Client().get(f"/api/v1/releases/{version.revision}/lineage").json()
    known = {node["id"] for node in answer["nodes"]}
    assert all(set(edge) <= known for edge in answer["edges"])
    reached, frontier = set(), {version.release_record_id}
    while frontier:
        reached |= frontier
        frontier = {parent for child, parent in answer["edges"] if child in frontier} - reached
    assert reached == known, "from the release everything can be walked to"
    assert sum(node["ballot_count"] for node in answer["nodes"]) == 6
    missing = Client().get(f"/api/v1/releases/{'0' * 40}/lineage")
    assert (missing.status_code, missing.json()["code"]) == (404, "release_not_found")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_tells_where_it_is_published_and_what_went_wrong(version, language, tmp_path):
    html = page(version, language)
    assert f"{version.model}/{version.revision}" in html
    delivering.deliver(version.deliveries.get().pk)
    html = page(version, language)
    assert "the operator&#x27;s folder is not there" in html
    if language == "en":
        assert "tried 1 time" in html
        assert "Let the operator create or mount it; it is tried again by itself." in html
    assert str(tmp_path) not in html, "a public page names no place on this machine"
    (tmp_path / "drive").mkdir()
    deliveries.again(version.revision, "folder", clock())
    delivering.deliver(version.deliveries.get().pk)
    assert content(tmp_path / "drive" / str(version.model) / "v1")
    html = page(version, language)
    assert f"{version.model}/v1" in html
    assert "is not there" not in html
