"""The page with which members add a dataset: a file, an address, a repository; refusals with their line; no scripts."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from models_registry.datasets import taking_in
from models_registry.models import Dataset, DatasetIntake
from tests.integration.pages_story import signed_in
from tests.integration.test_dataset_intakes import DATA, DIGEST, alice, artifacts, files, nothing_left, sha256, site
from tests.simulators.file_site import Site, file

ADD = "/c/gardens/datasets/add/"
SAID = {"slug": "rows", "title": "Rows <b>", "license": "CC-BY-4.0", "role": "training", "topic": "general"}


def page(answer, status=200):
    assert answer.status_code == status, answer.content.decode()[-3000:]
    return answer.content.decode()


def test_a_stranger_signs_in_first_and_a_member_finds_the_form(site, alice):
    assert Client().get(ADD).status_code == 302
    assert ADD in page(alice.get("/c/gardens/datasets/"))
    shown = page(alice.get(ADD))
    assert 'enctype="multipart/form-data"' in shown
    assert all(f'name="{name}"' in shown for name in ("file", "url", "sha256", "repository", "revision", "columns"))


def test_a_file_becomes_a_dataset_at_once(alice):
    answer = alice.post(ADD, {**SAID, "source": "file", "file": SimpleUploadedFile("rows.jsonl", DATA)})
    assert (answer.status_code, answer["Location"]) == (302, f"/datasets/{DIGEST}/"), answer.content
    assert "Rows &lt;b&gt;" in page(alice.get(answer["Location"]))


def test_a_broken_file_comes_back_with_its_line_and_what_was_written(alice):
    broken = SimpleUploadedFile("rows.jsonl", DATA + b"nonsense\n")
    shown = page(alice.post(ADD, {**SAID, "source": "file", "file": broken}), 422)
    assert "line 61" in shown
    assert "A row cannot be read as one" in shown
    assert 'value="Rows &lt;b&gt;"' in shown
    assert nothing_left()


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ({"source": "file"}, 400, "File"),
        ({"source": "elsewhere"}, 400, "Where it is"),
        ({"source": "url", "url": "http://127.0.0.1/a.jsonl", "sha256": "0" * 64}, 422, "Only public https addresses"),
        ({"source": "url", "url": "https://example.org/a.jsonl"}, 400, "SHA-256 of the file"),
        ({"source": "url", "sha256": "0" * 64}, 400, "Where it is"),
        ({"source": "repository", "repository": "a/b", "revision": "main"}, 422, "40 hex digits"),
        ({"source": "url", "url": "https://example.org/a.exe", "sha256": "0" * 64}, 415, "not a format"),
        ({"source": "file", "slug": "a b"}, 400, "Short name"),
    ],
)
def test_a_form_that_says_too_little_or_too_much_comes_back(said, status, words, alice):
    shown = page(alice.post(ADD, {**SAID, **said}), status)
    assert 'role="alert"' in shown
    assert words in shown
    assert not DatasetIntake.objects.exists()


def test_an_address_becomes_a_dataset_on_its_way_in(alice, files, settings):
    settings.DATASET_FETCH_HOSTS = [f"127.0.0.1:{files.port}"]
    files.answers["/rows.jsonl"] = file(DATA)
    source = {"source": "url", "url": f"http://127.0.0.1:{files.port}/rows.jsonl", "sha256": sha256(DATA)}
    answer = alice.post(ADD, {**SAID, **source})
    intake = DatasetIntake.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/intakes/{intake.pk}/"), answer.content
    before = page(Client().get(f"/intakes/{intake.pk}/"))
    assert "In line" in before
    assert f'hx-get="/intakes/{intake.pk}/live/"' in before
    assert f"/intakes/{intake.pk}/" in page(alice.get("/c/gardens/datasets/"))
    taking_in.take_in(intake.pk)
    after = page(Client().get(f"/intakes/{intake.pk}/live/"))
    assert f"/datasets/{DIGEST}/" in after
    assert "hx-get" not in after
    assert f"/intakes/{intake.pk}/" not in page(alice.get("/c/gardens/datasets/"))


def test_a_refused_address_says_why_in_both_languages(alice, files, settings):
    settings.DATASET_FETCH_HOSTS = [f"127.0.0.1:{files.port}"]
    files.answers["/rows.jsonl"] = file(b"nonsense\n")
    source = {"source": "url", "url": f"http://127.0.0.1:{files.port}/rows.jsonl", "sha256": sha256(b"nonsense\n")}
    alice.post(ADD, {**SAID, **source})
    intake = DatasetIntake.objects.get()
    taking_in.take_in(intake.pk)
    for language in ("en", "fr"):
        shown = page(Client().get(f"/intakes/{intake.pk}/", headers={"Accept-Language": language}))
        assert "line 1" in shown
        assert 'data-state="refused"' in shown
    assert f"/intakes/{intake.pk}/" in page(alice.get("/c/gardens/datasets/"))


def test_an_intake_that_is_not_there_is_not_found(db):
    assert Client().get("/intakes/99999999/").status_code == 404
