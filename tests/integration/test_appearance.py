"""The colours that a reader chooses are there at the first paint, without a script, and say nothing of who reads."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_the_chosen_colours_are_in_the_first_byte_of_the_page_and_can_be_forgotten(client: Client) -> None:
    assert b"data-theme" not in client.get("/").content.partition(b">")[2].partition(b">")[0]
    chosen = client.post("/appearance/", {"appearance": "dark", "next": "/verify/?a=b"})
    assert chosen.status_code == 302
    assert chosen["Location"] == "/verify/?a=b"
    assert b'<html lang="en" data-theme="dark">' in client.get("/").content
    client.post("/appearance/", {"appearance": "auto", "next": "/"})
    assert b'<html lang="en">' in client.get("/").content


@pytest.mark.parametrize("odd", ["", "pink", "dark\r\nSet-Cookie: a=b", 'contrast" onload=', "x" * 5000])
def test_colours_that_do_not_exist_are_refused_and_an_odd_cookie_changes_nothing(client: Client, odd: str) -> None:
    assert client.post("/appearance/", {"appearance": odd}).status_code == 400
    client.cookies["appearance"] = "contrast onload=x"
    assert b'<html lang="en">' in client.get("/").content


def test_attack_the_way_back_leads_nowhere_else(client: Client) -> None:
    for target in ("https://mallory.example/", "//mallory.example/", "javascript:alert(1)", "/\\mallory.example"):
        answer = client.post("/appearance/", {"appearance": "light", "next": target})
        assert answer["Location"] == "/", target


def test_high_contrast_is_one_of_the_choices_in_both_languages(client: Client) -> None:
    assert "High contrast" in client.get("/").content.decode()
    assert 'value="contrast"' in client.get("/", headers={"accept-language": "fr"}).content.decode()
