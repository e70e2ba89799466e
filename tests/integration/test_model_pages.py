"""The pages of a model: what is in use and why, its map, its versions, its card, its incidents."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from models_registry.models import Model, Version
from tests.integration.hub_site import record
from tests.integration.pages_story import Story, get, story, told

__all__ = ["get", "story", "told"]
PAGE = "/models/commons/water-assistant/"
SVG = "{http://www.w3.org/2000/svg}"


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_first_sentence_says_which_version_is_in_use_since_when_and_by_which_decision(
    story: Story, get: Callable[..., str]
) -> None:
    html = get(PAGE)
    lead = re.search(r'<p class="lead">.*?</p>', html, re.DOTALL)
    assert lead is not None
    said = text(lead[0])
    assert "Version 1 is in use" in said
    assert "Teach the assistant our own answers" in said
    assert "Answer accuracy: 75%" in said
    assert f"/c/water-commons/proposals/{story.proposals['update'].number}/" in lead[0]


def test_from_a_model_the_reasons_to_trust_it_are_two_clicks_away(story: Story, get: Callable[..., str]) -> None:
    first = re.search(r'href="([^"]+)#verification"[^>]*>.*?Why should I trust it\?', get(PAGE), re.DOTALL)
    assert first is not None
    release = get(first[1])
    assert 'id="verification"' in release
    assert "Verified" in text(release)


def test_every_box_of_both_maps_leads_to_a_page_that_is_there(story: Story, get: Callable[..., str]) -> None:
    html = get(PAGE)
    pictures = re.findall(r'<svg[^>]* class="map__picture".*?</svg>', html, re.DOTALL)
    assert len(pictures) == 2
    for picture in pictures:
        drawing = ET.fromstring(picture.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1))
        links = {box.attrib["href"] for box in drawing.iter(f"{SVG}a")}
        labels = " | ".join(box.attrib["aria-label"] for box in drawing.iter(f"{SVG}a"))
        for words in ("Version 1: in use", "Training run", "Rejected", "Dataset: Questions", "Decision no.", "1 rule broken"):  # fmt: skip
            assert words in labels, words
        for link in links:
            get(link)


def test_the_list_under_the_map_says_what_the_map_says(story: Story, get: Callable[..., str]) -> None:
    html = get(PAGE)
    listed = re.search(r'<ol class="map__list">.*?</ol>', html, re.DOTALL)
    assert listed is not None
    said = text(listed[0])
    for words in ("Version 0", "learnt from Dataset: Questions and answers of the valley", "became Version 1: in use", "no version came of it", "which started from Version 0"):  # fmt: skip
        assert words in said, words


def test_the_map_can_be_kept_as_a_picture_and_as_data(story: Story, get: Callable[..., str]) -> None:
    drawing = ET.fromstring(get(f"{PAGE}map.svg"))
    links = [box.attrib["href"] for box in drawing.iter(f"{SVG}a")]
    assert links
    assert all(link.startswith("http") for link in links), "a picture that stands alone has whole addresses"
    found = Client().get(f"{PAGE}map.json").json()
    assert found == Client().get("/api/v1/models/commons/water-assistant/map").json()
    known = {node["id"] for node in found["nodes"]}
    assert all({edge["from"], edge["to"]} <= known for edge in found["edges"])
    assert {node["kind"] for node in found["nodes"]} == {"version", "run", "decision", "dataset", "rule"}
    assert {node["status"] for node in found["nodes"] if node["kind"] == "run"} >= {"accepted", "rejected"}


def test_the_page_of_a_model_without_versions_says_what_will_stand_here(story: Story, get: Callable[..., str]) -> None:
    Model.objects.create(community=story.community, namespace="commons", name="frost", title_en="Frost", title_fr="Gel")
    said = text(get("/models/commons/frost/"))
    assert "The first one appears here" in said
    assert "nothing" not in get("/models/commons/frost/map.svg")
    get("/models/commons/nobody/", 404)
    get("/models/commons/nobody/map.json", 404)


def test_a_card_in_the_list_has_its_history_in_words_beside_the_picture(story: Story, get: Callable[..., str]) -> None:
    html = get("/c/water-commons/models/")
    assert 'class="brook"' in html
    assert "2 versions · Answer accuracy from 0.83% to 75%" in text(html)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_leads_to_reporting_harm(story: Story, get: Callable[..., str], language: str) -> None:
    assert f"/releases/{story.version.revision}/report/" in get(PAGE, **{"accept-language": language})


def test_another_version_asks_the_database_nothing_more(story: Story, client: Client) -> None:
    def counted() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(PAGE).status_code == 200
        return len(captured)

    before = counted()
    known = story.version
    for number in (2, 3):
        Version.objects.create(
            model=known.model, number=number, revision=f"{number}" * 40, manifest_sha256="0" * 64, folder="x",
            parent=known, release_record=record("release", f"r{number}"), evaluation_record=record("evaluation", f"e{number}"),
            created_at=known.created_at, published_at=known.published_at, proposal=known.proposal,
        )  # fmt: skip
    assert counted() == before
    assert before <= 25


def test_questions_of_the_public_suite_are_offered_where_somebody_answers(
    story: Story, get: Callable[..., str], settings: Any
) -> None:
    settings.SERVING_SOCKET = "/nowhere/socket"
    html = get(PAGE)
    offered = re.findall(r'<a class="button button--small" href="([^"]+)" lang="(\w+)" data-try-suggested', html)
    assert {language for _, language in offered} == {"en", "fr"}
    question = get(unescape(offered[0][0]))
    assert re.search(r'<textarea id="question"[^>]*>[^<]+</textarea>', question)
    settings.SERVING_SOCKET = ""
    assert "data-try-suggested" not in get(PAGE)
