"""The page of a community's compute figures: for anybody, in both languages, with a table for every picture."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from django.db import transaction

from governance import log
from governance.models import Event
from tests.integration import commons
from tests.simulators.compute_log import DAY, ComputeLog, a_year_of_computing

FOUNDED = datetime(2026, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def page(client, settings):
    """Found a community, write a story into its log, and return its page; in French where that is asked for."""
    settings.VOTING_PERIOD_SECONDS_MIN = 1

    def show(story=None, slug="gardens", language="en"):
        found = commons.found(FOUNDED, {"Alice": 1, "Bob": 1}, slug=slug).community
        entries = [
            Event(community_id=found.pk, at=datetime.fromtimestamp(one.at, UTC), kind=one.kind, actor="", data=one.data)
            for one in (story.entries if story else [])
        ]
        if entries:
            with transaction.atomic():
                log.append(found.pk, entries)
        answer = client.get(f"/c/{slug}/compute/", headers={"Accept-Language": language})
        assert answer.status_code == 200
        return answer.content.decode()

    return show


def text_of(html):
    """Return what a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


class _Tags(HTMLParser):
    """Keeps the tags of a page with their attributes."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def of(self, tag, **wanted):
        wanted = {name.rstrip("_"): value for name, value in wanted.items()}
        return [attrs for name, attrs in self.found if name == tag and wanted.items() <= attrs.items()]


def test_where_nothing_was_computed_the_page_says_so_in_plain_words(page):
    html = page()
    assert "Nothing has been computed under the commons yet" in html
    assert not _Tags(html).of("svg", class_="chart")


def test_the_page_shows_every_part_of_the_figures(page):
    html = page(a_year_of_computing())
    said = text_of(html)
    for heading in (
        "Waiting",
        "Accepted and refused",
        "Devices in use",
        "Fairness",
        "Prices",
        "Energy and carbon",
        "Failures by site",
    ):
        assert heading in said
    assert "no_quota" in said
    assert "hidden </td>" not in html
    assert re.search(r"Accepted 50% ", said)


def test_every_picture_has_its_values_in_words_and_in_a_table(page):
    tags = _Tags(page(a_year_of_computing()))
    pictures = tags.of("svg", class_="chart")
    assert len(pictures) == 6
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)
    assert len(tags.of("details", class_="chart-table")) == 6


def test_tables_that_scroll_can_be_reached_and_are_named(page):
    scrolls = _Tags(page(a_year_of_computing())).of("div", class_="table-scroll")
    assert len(scrolls) == 13
    assert all(one["role"] == "group" and one["tabindex"] == "0" and one["aria-label"] for one in scrolls)


def test_no_two_elements_share_an_id(page):
    ids = [attrs["id"] for _, attrs in _Tags(page(a_year_of_computing())).found if "id" in attrs]
    assert len(ids) == len(set(ids))


def test_the_figures_can_be_downloaded_in_every_format(page, client):
    links = [one for one in _Tags(page(a_year_of_computing())).of("a") if "figures" in one.get("href", "")]
    assert len(links) == 6
    for link in links:
        assert "download" in link
        assert client.get(link["href"]).status_code == 200


def test_what_is_too_small_is_said_to_be_hidden(page):
    story = ComputeLog().admit(0, "lake", 8).runs(0, ["one", "two"], "newcomer").other(DAY)
    html = page(story)
    assert "hidden" in text_of(html)
    assert "fewer than five requests or people" in html
    assert "2 requests" not in html


def test_a_site_that_is_open_and_unused_is_shown_before_the_first_request(page):
    said = text_of(page(ComputeLog().admit(0, "lake", 2).other(3_600 * 5)))
    assert "Nobody has asked for computing yet." in said
    assert "All devices 10 0" in said


def test_two_communities_see_how_fairly_they_share(page):
    story = ComputeLog().admit(0, "lake", 8).runs(0, [f"r{number}" for number in range(6)])
    page(story, slug="lakes")
    said = text_of(page(a_year_of_computing()))
    assert re.search(r"Communities that share 2 Jain.s index of fairness 0\.\d+", said.replace("&#x27;", "'"))


def test_a_community_that_nobody_knows_is_not_found(client):
    assert client.get("/c/nowhere/compute/").status_code == 404
