"""Share cards: the picture that stands where a link is passed on, in the language of its address, kept by what is on it."""

import io
import re
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from PIL import Image

from frontend import cards
from frontend.cards.drawing import draw
from governance.models import Proposal
from tests.integration.conftest import NOON


@pytest.fixture
def commons(list_community: Any) -> Any:
    return list_community()


@pytest.fixture
def proposal(commons: Any, monkeypatch: Any) -> Proposal:
    made: Proposal = commons.propose(now=NOON)
    commons.vote(made, "Alice", 1)
    moment = made.opens_at + timedelta(seconds=30)
    for view in ("proposals", "cards"):
        monkeypatch.setattr(f"frontend.views.{view}.now", lambda: moment)
    return made


def address(proposal: Proposal) -> str:
    return f"/c/{proposal.community.slug}/proposals/{proposal.number}/"


def card(**changes: Any) -> cards.Card:
    lines = (cards.Line("For", "40%", 4_000, "for"), cards.Line("Against", "0%", 0, "against"))
    facts = {
        "community": "Gardens",
        "kind": "Poll",
        "title": "Wells",
        "state": "Open",
        "tone": "live",
        "foot": "2 voted",
    }
    return cards.Card(**{**facts, "lines": lines, **changes})


def test_a_page_names_its_card_absolutely_in_its_language(proposal: Proposal) -> None:
    text = Client().get(address(proposal), headers={"accept-language": "fr"}).content.decode()
    (picture,) = re.findall(r'<meta property="og:image" content="([^"]+)">', text)
    assert picture == f"http://testserver{address(proposal)}card.png?lang=fr"
    assert f'<meta property="og:url" content="http://testserver{address(proposal)}">' in text
    assert '<meta name="twitter:card" content="summary_large_image">' in text
    answer = Client().get(picture)
    assert answer["Content-Type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (1200, 630)
    assert len(answer.content) < 60_000


def test_who_has_the_card_already_gets_it_again_only_when_something_on_it_has_changed(
    commons: Any, proposal: Proposal
) -> None:
    picture = f"{address(proposal)}card.png"
    first = Client().get(picture)
    again = Client().get(picture, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Client().get(f"{picture}?lang=fr")["ETag"] != first["ETag"]
    commons.vote(proposal, "Bob", 0)
    later = Client().get(picture, headers={"if-none-match": first["ETag"]})
    assert later.status_code == 200
    assert later.content != first.content


def test_what_stands_on_a_card_changes_its_picture_and_nothing_else_does() -> None:
    assert cards.png(card()) == cards.png(card()) == draw(card())
    for change in ({"title": "Gauges"}, {"state": "Passed"}, {"tone": "no"}, {"lines": ()}, {"foot": "3 voted"}):
        assert draw(card(**change)) != draw(card()), change
        assert card(**change).etag != card().etag


@pytest.mark.parametrize(
    "title", ["é" * 200, "Word " * 40, "Une très longue question sur l’eau ? " * 5, "", "Ω Ж ñ € “—”"]
)
def test_any_title_fits(title: str) -> None:
    assert Image.open(io.BytesIO(draw(card(title=title, community="C" * 300, foot="f" * 300)))).size == (1200, 630)


def test_a_card_of_nothing_is_not_found(proposal: Proposal) -> None:
    assert Client().get(f"/c/{proposal.community.slug}/proposals/999/card.png").status_code == 404
    assert Client().get(f"/releases/{'0' * 40}/card.png").status_code == 404


def test_a_web_process_that_has_drawn_nothing_has_not_loaded_pillow() -> None:
    code = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; django.setup(); "
        "import config.urls; sys.exit('PIL' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
