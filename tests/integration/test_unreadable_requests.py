"""Requests that no page of the site sends: each gets a page that says so, in the reader's language, and never a 500."""

from typing import Any

import pytest
from django.test import Client

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("content_type", [f"{FORM}; charset=utf-7", f"{FORM}; charset=latin-1", "multipart/form-data"])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_form_that_cannot_be_read_is_refused_in_words(db: None, content_type: str, language: str) -> None:
    """The check of the form's token reads the form: the page about the refusal must not read it once more."""
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.get("/practice/")
    answer = client.post("/practice/", b"q=water", content_type=content_type, headers={"accept-language": language})
    assert answer.status_code == 400
    assert f'<html lang="{language}"' in answer.content.decode()


def test_a_form_in_another_encoding_says_what_is_allowed(db: None) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.get("/practice/")
    answer = client.post("/practice/", b"q=water", content_type=f"{FORM}; charset=utf-7")
    assert answer.status_code == 400
    assert "This request cannot be read" in answer.content.decode()
    assert "a form in UTF-8" in answer.content.decode()


def test_a_host_that_is_not_this_site_is_refused_with_a_page(client: Client, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["commons.example"]
    answer = client.get("/", headers={"host": "elsewhere.example"})
    assert answer.status_code == 400
    assert "This request cannot be read" in answer.content.decode()
