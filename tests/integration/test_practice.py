"""Practising: a toy decision with the real forms and the real count, in both languages, without a wallet or a script."""

import re

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from frontend import practice
from governance import practice as counting
from governance.errors import Invalid

pytestmark = pytest.mark.django_db
RHYMES, SEASONS = "/practice/", "/practice/seasons/"


def ranks(*codes):
    """Return the fields of a form without scripts: the place of each choice."""
    return {f"rank-{code}": str(place) for place, code in enumerate(codes, start=1)}


def test_a_toy_decision_is_counted_with_the_ballots_of_five_neighbours(client):
    page = client.get(RHYMES).content.decode()
    assert "Should the assistant answer in rhymes?" in page
    assert "It would have passed" not in page
    done = client.post(RHYMES, {"choice": "1", "reason": "<b>Rhymes stick.</b>"})
    text = done.content.decode()
    assert done.status_code == 200
    assert "It would have passed" in text
    assert ">7 votes<" in text
    assert "7 votes for are more than 5 against." in text
    assert "&lt;b&gt;Rhymes stick.&lt;/b&gt;" in text
    assert all(name in text for name in ("Lena", "Marius", "Noor", "Sacha", "Tove"))
    assert "Your practice receipt" in text
    assert "It would not have passed" in client.post(RHYMES, {"choice": "2"}).content.decode()


def test_a_toy_ranking_is_counted_round_by_round_from_numbers_that_were_typed(client):
    page = client.get(SEASONS).content.decode()
    assert len(re.findall(r'<input id="rank-\d" name="rank-\d" value=""', page)) == 4
    text = client.post(SEASONS, ranks(2, 1, 3, 4)).content.decode()
    assert "First would be: Summer" in text
    assert "Votes of each choice in each round" in text
    assert "First would be: Winter" in client.post(SEASONS, ranks(4, 3, 1, 2)).content.decode()


@pytest.mark.parametrize("toy", practice.TOYS, ids=lambda toy: toy.slug)
def test_what_somebody_votes_in_practice_can_tip_the_toy_decision(toy):
    everything = [[2, 1, 3, 4], [4, 3, 1, 2]] if toy.ranked else [1, 2]
    one, other = (practice.counted(toy, choice, "").results for choice in everything)
    assert (one.winners, one.passed) != (other.winners, other.passed)
    assert one.cast == sum(neighbour.votes for neighbour in toy.neighbours) + practice.YOUR_VOTES


@pytest.mark.parametrize(
    ("path", "fields", "says"),
    [
        (RHYMES, {}, "Choose something first."),
        (RHYMES, {"choice": "4"}, "This is not a choice that can be made here."),
        (RHYMES, {"choice": "٣"}, "This is not a choice that can be made here."),
        (RHYMES, {"choice": "1" * 5000}, "This is not a choice that can be made here."),
        (RHYMES, {"choice": "1", "reason": "x" * 2001}, "This is too long."),
        (SEASONS, {}, "Put all choices in your order first."),
        (SEASONS, {"rank-1": "1", "rank-2": "2", "rank-3": "2", "rank-4": "4"}, "a place of its own, from 1 to 4"),
        (SEASONS, {"rank-1": "1"}, "a place of its own, from 1 to 4"),
        (SEASONS, {**ranks(1, 2, 3, 4), "rank-4": "-4"}, "a place of its own, from 1 to 4"),
        (SEASONS, {"choice": "1"}, "Put all choices in your order first."),
    ],
)
def test_an_incomplete_practice_ballot_comes_back_with_what_is_missing_and_with_what_was_typed(
    client, path, fields, says
):
    answer = client.post(path, fields)
    text = answer.content.decode()
    assert answer.status_code in {413, 422}
    alert = re.search(r'role="alert" tabindex="-1"[^>]*>(.*?)</p>', text, re.DOTALL)
    assert alert is not None
    assert says in alert[1]
    assert 'id="result"' not in text
    for name, value in fields.items():
        if name.startswith("rank-"):
            assert f'name="{name}" value="{value}"' in text


def test_practising_keeps_nothing(client):
    client.get(RHYMES)
    before = {model: model.objects.count() for model in apps.get_models()}
    with CaptureQueriesContext(connection) as captured:
        client.post(RHYMES, {"choice": "1"})
        client.post(SEASONS, ranks(1, 2, 3, 4))
    assert [query["sql"] for query in captured if not query["sql"].startswith("SELECT")] == []
    assert {model: model.objects.count() for model in apps.get_models()} == before


def test_practice_is_protected_against_forged_forms_like_every_form():
    assert Client(enforce_csrf_checks=True).post(RHYMES, {"choice": "1"}).status_code == 403


def test_practice_speaks_french(client):
    text = client.get(SEASONS, headers={"accept-language": "fr"}).content.decode()
    assert '<html lang="fr">' in text
    assert len(re.findall(r"<h1[ >]", text)) == 1
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert not re.search(r"<script(?![^>]*\bsrc=)|\s(style|onclick|onload|onsubmit)=|<style", text)


def test_practice_is_linked_from_signing_in_and_unknown_toys_are_not_found(client):
    assert 'href="/practice/"' in client.get("/sign-in/").content.decode()
    assert client.get("/practice/shopping/").status_code == 404


def test_a_choice_that_no_ballot_could_say_is_refused_by_the_count_itself():
    with pytest.raises(Invalid):
        counting.count("ranked-choice", ["a", "b"], {"you": ([1, 1], 3)})
