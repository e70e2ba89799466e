"""Two versions side by side: on the page and for programs."""

import csv
import io
import json
import re
from collections.abc import Callable
from fractions import Fraction

import pytest
from django.test import Client

from governance.records import keep
from models_registry.models import Model, Version
from tests.integration.pages_story import Story, get, story, told
from training_jobs.version_comparison import Answers, Said

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


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> tuple[Answers, ...]:
    """What both versions answered to three questions, of which they answer one alike: the story keeps no samples."""
    different = tuple(Answers(f"Question {n}?", "en", f"expected {n}", f"old {n}", f"new {n}") for n in (1, 2))
    same = Answers("Question 3?", "en", "both", "both", "both")
    said = Said((*different, same), 3, 1, different)
    monkeypatch.setattr("training_jobs.version_comparison._said", lambda *_all: said)
    return different


def test_answers_can_be_compared_without_names_and_only_a_pick_says_whose_they_were(
    story: Story, get: Callable[..., str], answers: tuple[Answers, ...]
) -> None:
    begin = get(f"{PAGE}?a=0&b=1")
    assert "Begin to compare" in begin
    assert "old 1" in begin, "the table stands there as long as nobody compares"
    address = f"{PAGE}?a=0&b=1&seed=5eed"
    asked = get(address)
    shown = [each for each in answers if each.question in text(asked)]
    assert len(shown) == 1, "one question at a time, and no table beside it"
    said = text(asked)
    a_is_new = said.index(shown[0].second) < said.index(shown[0].first)
    picked = text(get(f"{address}&picks=&pick={'a' if a_is_new else 'b'}"))
    assert "You preferred the answer of Version 1." in picked
    assert ("A was Version 1, B was Version 0." in picked) is a_is_new
    other = text(get(f"{address}&picks=&pick={'b' if a_is_new else 'a'}"))
    assert "You preferred the answer of Version 0." in other
    done = text(get(f"{address}&picks=ae&pick=nonsense"))
    assert "That was all." in done
    assert "old 1" in done, "the table is back"


SCORES = "/api/v1/models/commons/water-assistant/scores"


def test_what_was_measured_of_a_model_is_given_over_time_with_the_record_that_says_so(story: Story) -> None:
    found = Client().get(SCORES).json()
    assert found["model"] == "commons/water-assistant"
    by_metric = {row["metric"]: row for row in found["scores"]}
    row = by_metric["answer_accuracy"]
    assert (row["version"], row["occasion"], row["measured"]["value"]) == (1, "release", "3/4")
    assert row["higher_is_better"] is True
    released = Version.objects.get(number=1)
    assert (row["revision"], row["record"]) == (released.revision, released.evaluation_record_id)
    assert Client().get(f"{SCORES}?version=1").json() == found
    assert Client().get(f"{SCORES}?version=0").json()["scores"] == [], "the base was never measured by itself"


def test_a_later_measurement_stands_after_the_release_and_changes_nothing_of_it(story: Story) -> None:
    released = Version.objects.get(number=1)
    before = Client().get(SCORES).json()["scores"]
    value = {"numerator": 1, "denominator": 2, "samples": 8, "unit": "share"}
    body = {"suite": "ab" * 32, "candidate": {"answer_accuracy": value}, "parent": {}, "further": {}}
    keep("measurement", f"measurement:{released.revision}", body, [released.release_record])
    after = Client().get(SCORES).json()["scores"]
    assert after[:-1] == before
    assert (after[-1]["occasion"], after[-1]["version"], after[-1]["measured"]["value"]) == ("measurement", 1, "1/2")


@pytest.mark.parametrize(
    ("address", "status"),
    [(f"{SCORES}?version=9", 404), (f"{SCORES}?version=x", 400), ("/api/v1/models/commons/nothing/scores", 404)],
)
def test_scores_of_what_does_not_exist_are_refused(story: Story, address: str, status: int) -> None:
    assert Client().get(address).status_code == status


def test_the_tables_go_to_a_spreadsheet_with_the_same_exact_values(story: Story, get: Callable[..., str]) -> None:
    address = "/models/commons/water-assistant/compare.csv"
    for language in ("en", "fr"):
        assert f'href="{address}?a=0&amp;b=1" download>CSV' in get(f"{PAGE}?a=0&b=1", **{"accept-language": language})
    answer = Client().get(f"{address}?a=0&b=1")
    rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))  # type: ignore[attr-defined]
    api = Client().get(f"{API}?a=0&b=1").json()
    told = {(row["metric"], row["suite"]): row for row in api["measures"]}
    measures = {(row["name"], row["suite"]): row for row in rows if row["part"] == "measure"}
    assert measures.keys() == told.keys()
    one = next(row for (name, _suite), row in measures.items() if name == "answer_accuracy")
    assert (one["first"], one["second"], one["outcome"], one["higher_is_better"]) == ("1/120", "3/4", "unsure", "True")
    assert [row["name"] for row in rows if row["part"] == "rule"] == [each["rule"] for each in api["rules"]]
    facts = {row["name"]: (row["first"], row["second"]) for row in rows if row["part"] == "fact"}
    assert facts["version"] == ("0", "1")
    assert facts["run"] == ("", str(story.accepted.pk))
    changed = [row["name"] for row in rows if row["part"] == "file" and row["outcome"] == "differs"]
    assert changed == api["files_changed"]


def test_a_file_of_versions_that_are_not_there_is_refused(story: Story) -> None:
    address = "/models/commons/water-assistant/compare.csv"
    assert Client().get(f"{address}?a=1&b=9").status_code == 404
    assert Client().get(f"{address}?a=1&b=1").status_code == 422


def test_what_was_measured_of_a_run_is_a_file_with_what_each_rule_said(story: Story, get: Callable[..., str]) -> None:
    for run in (story.accepted, story.rejected):
        address = f"/runs/{run.pk}/measured"
        for language in ("en", "fr"):
            html = get(f"/runs/{run.pk}/", **{"accept-language": language})
            assert f'href="{address}.csv" download' in html
            assert f'href="{address}.json" download' in html
        content = Client().get(f"{address}.csv").getvalue().decode("utf-8-sig")  # type: ignore[attr-defined]
        rows = list(csv.DictReader(io.StringIO(content)))
        body = json.loads(Client().get(f"{address}.json").getvalue())  # type: ignore[attr-defined]
        assert run.evaluation_record is not None
        evaluation = run.evaluation_record.body
        reasons = evaluation["verdict"]["reasons"]
        assert [(each["rule"], each["found"], each["holds"]) for each in body["gates"]] == [
            (each["rule"], each["found"], each["holds"]) for each in reasons
        ]
        gates = [row for row in rows if row["part"] == "gate"]
        assert [(row["name"], row["holds"]) for row in gates] == [(e["rule"], str(e["holds"])) for e in reasons]
        accuracy = next(row for row in body["rows"] if row["metric"] == "answer_accuracy" and not row["suite"])
        assert Fraction(accuracy["after"]) == measured(evaluation["candidate"]["answer_accuracy"])
        assert Fraction(accuracy["before"]) == measured(evaluation["parent"]["answer_accuracy"])
        assert len(rows) == len(body["gates"]) + len(body["rows"])
        assert body["verdict"] == run.verdict
    assert Client().get("/runs/999999/measured.csv").status_code == 404


def measured(said: dict[str, int]) -> Fraction:
    """Return a value of an evaluation."""
    return Fraction(said["numerator"], said["denominator"])
