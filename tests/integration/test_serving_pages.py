"""The page on which anybody asks a model something: with an answer, and with each reason why there is none."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import re

from django.test import Client

from tests.integration.hub_site import record
from tests.integration.test_serving import base, model, process, released

PAGE = "/models/commons/water-assistant/try/"


def shown(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_a_visitor_without_javascript_gets_an_answer_on_the_page(model):
    assert "Try it" in shown(Client().get("/models/commons/water-assistant/"))
    asked = Client().post(PAGE, {"question": "Where does the <b>water</b> go?", "version": "v0"})
    assert asked.status_code == 200
    assert "Answered by v0" in shown(asked)
    assert "Where does the &lt;b&gt;water&lt;/b&gt; go?" in asked.content.decode()


def test_each_reason_for_no_answer_is_said_in_words_and_the_question_is_kept(model, settings):
    for question, status, words in (
        ("", 400, "The content is a text that is not empty"),
        ("water " * 300, 400, "more text than the model can read"),
        ("x" * 40_000, 400, "at most 32000 are read here"),
    ):
        answer = Client().post(PAGE, {"question": question, "version": "v0"})
        assert answer.status_code == status
        assert words in shown(answer)
    assert Client().post(PAGE, {"question": "Why?", "version": "v9"}).status_code == 404
    settings.SERVING_SOCKET = "/nowhere/socket"
    gone = Client().post(PAGE, {"question": "Why does it rain?", "version": "v0"})
    assert gone.status_code == 503
    assert "Nobody answers here now" in shown(gone)
    assert "Why does it rain?" in shown(gone)


def test_where_nothing_is_offered_there_is_no_form(model, settings):
    settings.SERVING_SOCKET = ""
    page = Client().get(PAGE)
    assert "<textarea" not in page.content.decode()
    assert "Download the model to run it yourself" in shown(page)


def test_a_model_that_does_not_exist_is_not_found(model):
    assert Client().get("/models/commons/other/try/").status_code == 404


def test_two_versions_answer_one_question_side_by_side_without_javascript(model):
    base = model.versions.get()
    other = model.versions.create(
        number=1, revision="e" * 40, manifest_sha256=base.manifest_sha256, folder=base.folder, files=base.files,
        parent=base, release_record=record("release", "r1"), evaluation_record=record("evaluation", "e1"),
        created_at=base.created_at, published_at=base.published_at,
    )  # fmt: skip
    page = Client().get(f"{PAGE}?version=v1&with=v0&question=Where%20is%20the%20well%3F").content.decode()
    assert "Where is the well?</textarea>" in page
    assert re.search(r'<select id="with".*?value="v0" selected', page, re.DOTALL)
    asked = Client().post(PAGE, {"question": "Where is the well?", "version": f"v{other.number}", "with": "v0"})
    assert asked.status_code == 200
    assert "Answered by v1" in shown(asked)
    assert "Answered by v0" in shown(asked)
    alone = Client().post(PAGE, {"question": "Where is the well?", "version": "v0", "with": "v0"})
    assert shown(alone).count("Answered by v0") == 1, "nobody is asked twice"


def test_what_the_second_cannot_answer_leaves_the_first_answer_standing(model):
    asked = Client().post(PAGE, {"question": "Where is the well?", "version": "v0", "with": "v9"})
    assert asked.status_code == 404
    assert "Answered by v0" in shown(asked)
