"""Two versions side by side: on the page and for programs."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from models_registry.models import Model, Version
from tests.integration.pages_story import Story, get, story, told

__all__ = ["get", "story", "told"]
PAGE = "/models/commons/water-assistant/compare/"
API = "/api/v1/models/commons/water-assistant/compare"


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_without_a_choice_the_newest_is_compared_with_the_one_before(story: Story, get: Callable[..., str]) -> None:
    html = get(PAGE)
    said = text(html)
    assert re.search(r'<select id="a".*?value="0" selected.*?</select>', html, re.DOTALL)
    assert re.search(r'<select id="b".*?value="1" selected.*?</select>', html, re.DOTALL)
    for words in ("75%", "the run between them measured both", "more is better", "less is better", "Teach the assistant our own answers", "a base is taken over as it is", "holds", "did not judge it", "No answers of both"):  # fmt: skip
        assert words in said, words


def test_the_base_without_a_run_stands_on_either_side(story: Story, get: Callable[..., str]) -> None:
    forward = Client().get(f"{API}?a=0&b=1").json()
    backward = Client().get(f"{API}?a=1&b=0").json()
    assert get(f"{PAGE}?a=1&b=0")
    assert forward["first"] == backward["second"]
    assert forward["first"]["run"] is None
    assert forward["second"]["run"] == story.accepted.pk
    assert forward["recipe"] is None
    both = {row["metric"]: row for row in forward["measures"]}
    assert both["answer_accuracy"]["first"]["value"] == "1/120"
    assert both["answer_accuracy"]["second"]["value"] == "3/4"
    # No interval was measured in this story, so nobody is said to be better.
    assert both["answer_accuracy"]["outcome"] == "unsure"
    assert {row["metric"]: row["first"] for row in backward["measures"]}["answer_accuracy"]["value"] == "3/4"


@pytest.mark.parametrize(
    ("query", "status", "code", "words"),
    [
        ("a=1&b=1", 422, "same_version", "Choose two different versions."),
        ("a=1&b=9", 404, "unknown_version", "This model has no version with that number."),
        ("a=x&b=%00", 404, "unknown_version", "This model has no version with that number."),
        ("a=1", 404, "unknown_version", "This model has no version with that number."),
    ],
)
def test_a_choice_that_cannot_be_compared_is_refused_in_words_beside_the_form(
    story: Story, query: str, status: int, code: str, words: str
) -> None:
    page = Client().get(f"{PAGE}?{query}")
    assert page.status_code == status
    assert words in text(page.content.decode())
    assert '<select id="a"' in page.content.decode(), "one can choose again"
    answer = Client().get(f"{API}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_model_of_one_version_says_that_there_is_nothing_to_compare(story: Story, get: Callable[..., str]) -> None:
    model = Model.objects.create(
        community=story.community, namespace="commons", name="frost", title_en="F", title_fr="G"
    )
    base = Version.objects.get(number=0)
    Version.objects.create(
        model=model, number=0, revision="c" * 40, manifest_sha256="d" * 64, folder="x", created_at=base.created_at
    )
    assert "only one version so far" in text(get("/models/commons/frost/compare/"))
    answer = Client().get("/api/v1/models/commons/frost/compare")
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_to_compare")


def test_the_page_can_be_read_in_french(story: Story, get: Callable[..., str]) -> None:
    assert '<html lang="fr">' in get(PAGE, **{"accept-language": "fr"})
