"""Pages travel compressed; the files of models do not, because their length and digest are what people check."""

import gzip

import pytest
from django.test import Client

from tests.integration.pages_story import Story, get, story, told

__all__ = ["get", "story", "told"]
pytestmark = pytest.mark.django_db


def test_a_page_is_less_than_a_third_of_its_size_on_the_way(story: Story, client: Client) -> None:
    path = f"/c/water-commons/proposals/{story.proposals['update'].number}/"
    plain = client.get(path)
    packed = client.get(path, headers={"accept-encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) * 3 < len(plain.content)
    assert b"<h1" in gzip.decompress(packed.content)


def test_the_files_of_a_release_go_as_they_are(story: Story, client: Client) -> None:
    model, revision = story.version.model, story.version.revision
    answer = client.get(f"/hub/{model}/resolve/{revision}/config.json", headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer
    assert int(answer["Content-Length"]) == len(b"".join(answer.streaming_content))
