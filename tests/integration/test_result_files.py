"""The tables below a decision's results as files: the same numbers as on the page, exact, and nothing that is sealed."""

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from django.test import Client

from governance.models import Proposal
from tests.integration.commons import Commons, end_of
from tests.integration.conftest import NOON
from tests.integration.sealed_votes import SealedVote, found_sealed, set_clock

CHOICES = ["=SUM(A1)", "Well", "Canal"]
MEMBERS = {"Alice": 40, "Bob": 35, "Chloé": 25}
TABLES = ("rounds", "pairwise", "over-time")


@pytest.fixture
def commons(list_community: Callable[..., Commons], settings: Any) -> Commons:
    settings.OPEN_PROPOSALS_PER_AUTHOR = 100
    return list_community(MEMBERS, slug="gardens")


def voted(commons: Commons, method: str, ballots: dict[str, Any], seats: int = 1) -> Proposal:
    """Return a poll in which these have voted, second by second."""
    poll = commons.propose("poll", {"question": "What?", "choices": CHOICES}, method=method, seats=seats)
    assert poll.opens_at is not None
    for number, (name, choice) in enumerate(ballots.items(), 1):
        commons.vote(poll, name, choice, now=poll.opens_at + timedelta(seconds=number))
    return poll


def text(proposal: Proposal, name: str) -> str:
    answer = Client().get(f"/c/gardens/proposals/{proposal.number}/{name}")
    assert answer.status_code == 200
    return answer.getvalue().decode("utf-8-sig")


def rows(proposal: Proposal, table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(proposal, f"{table}.csv"))))


def page(proposal: Proposal, language: str = "en") -> str:
    answer = Client().get(f"/c/gardens/proposals/{proposal.number}/", headers={"Accept-Language": language})
    return answer.content.decode()


def test_the_rounds_are_a_file_with_each_choice_of_each_round(commons: Commons) -> None:
    poll = voted(commons, "ranked-choice", {"Alice": [1, 2, 3], "Bob": [2, 1, 3], "Chloé": [3, 2, 1]})
    found_rows = rows(poll, "rounds")
    assert [(row["round"], row["part"], row["name"], row["votes"], row["eliminated"]) for row in found_rows] == [
        ("1", "choice", "'=SUM(A1)", "40", "False"),
        ("1", "choice", "Well", "35", "False"),
        ("1", "choice", "Canal", "25", "True"),
        ("1", "exhausted", "", "0", ""),
        ("2", "choice", "'=SUM(A1)", "40", "False"),
        ("2", "choice", "Well", "60", "False"),
        ("2", "choice", "Canal", "0", "False"),
        ("2", "exhausted", "", "0", ""),
    ]
    assert [row["name"] for row in found_rows if row["elected"] == "True"] == ["Well"]
    body = json.loads(text(poll, "results.json"))
    assert [each["round"] for each in body["rounds"]] == [1, 2]
    assert body["rounds"][0]["choices"][0]["name"] == "=SUM(A1)", "JSON is no spreadsheet"
    assert body["pairwise"] == []


def test_a_part_of_a_vote_that_is_passed_on_stays_exact(commons: Commons) -> None:
    poll = voted(commons, "stv", {"Alice": [1, 2], "Bob": [1, 3], "Chloé": [3, 2]}, seats=2)
    totals: dict[str, Fraction] = {}
    for row in rows(poll, "rounds"):
        totals[row["round"]] = totals.get(row["round"], Fraction(0)) + Fraction(row["exact"])
        assert int(Fraction(row["exact"])) == int(row["votes"])
    assert any("/" in row["exact"] for row in rows(poll, "rounds"))
    assert set(totals.values()) == {Fraction(100)}, "no part of a vote is lost between rounds"


def test_each_pair_stands_in_the_file_once_each_way(commons: Commons) -> None:
    poll = voted(commons, "copeland", {"Alice": [1, 2, 3], "Bob": [2, 3, 1], "Chloé": [3, 2, 1]})
    assert {(row["name"], row["against"]): (row["votes"], row["outcome"]) for row in rows(poll, "pairwise")} == {
        ("'=SUM(A1)", "Well"): ("40", "loses"),
        ("'=SUM(A1)", "Canal"): ("40", "loses"),
        ("Well", "'=SUM(A1)"): ("60", "wins"),
        ("Well", "Canal"): ("75", "wins"),
        ("Canal", "'=SUM(A1)"): ("60", "wins"),
        ("Canal", "Well"): ("25", "loses"),
    }
    body = json.loads(text(poll, "results.json"))
    assert body["pairwise"][1] == {
        "name": "Well",
        "duels": [
            {"against": "=SUM(A1)", "votes": "60", "outcome": "wins"},
            {"against": "Canal", "votes": "75", "outcome": "wins"},
        ],
    }


def test_how_the_vote_stood_is_a_file_by_moment_and_choice(commons: Commons) -> None:
    poll = voted(commons, "single-choice", {"Alice": 1, "Bob": 2})
    found_rows = rows(poll, "over-time")
    assert [(row["part"], row["name"], row["votes"]) for row in found_rows] == [
        ("choice", name, votes)
        for sums in (("0", "0", "0"), ("40", "0", "0"), ("40", "35", "0"))
        for name, votes in zip(("'=SUM(A1)", "Well", "Canal"), sums, strict=True)
    ]
    assert poll.opens_at is not None
    assert found_rows[3]["at"] == (poll.opens_at + timedelta(seconds=1)).isoformat(timespec="seconds")
    ranked = voted(commons, "ranked-choice", {"Alice": [1, 2, 3], "Bob": [2, 1, 3]})
    assert [(row["part"], row["name"], row["votes"]) for row in rows(ranked, "over-time")] == [
        ("cast", "", "0"), ("cast", "", "40"), ("cast", "", "75"),
    ]  # fmt: skip
    assert json.loads(text(ranked, "results.json"))["over_time"]["counts"] == "cast"


def test_a_table_that_a_decision_does_not_have_is_a_file_without_rows(commons: Commons) -> None:
    poll = voted(commons, "single-choice", {})
    assert [rows(poll, table) for table in TABLES] == [[], [], []]
    body = json.loads(text(poll, "results.json"))
    assert (body["rounds"], body["pairwise"], body["over_time"], body["is_sealed"]) == ([], [], None, False)
    assert Client().get("/c/gardens/proposals/99/rounds.csv").status_code == 404


def test_each_table_of_the_page_has_its_files_beside_it(commons: Commons, monkeypatch: Any) -> None:
    poll = voted(commons, "ranked-choice", {"Alice": [1, 2, 3], "Bob": [2, 1, 3], "Chloé": [3, 2, 1]})
    assert poll.opens_at is not None
    set_clock(monkeypatch, poll.opens_at + timedelta(seconds=30))
    for language, title in (("en", "Round by round"), ("fr", "Tour par tour")):
        html = page(poll, language)
        files = html[html.index('id="rounds"') :]
        assert f'href="/c/gardens/proposals/{poll.number}/rounds.csv" download' in files[: files.index("</section>")]
        assert f'CSV<span class="visually-hidden"> · {title}' in files[: files.index("</section>")]
        assert f'/proposals/{poll.number}/over-time.csv" download' in html
    assert "pairwise.csv" not in html
    compared = voted(commons, "copeland", {"Alice": [1, 2, 3]})
    assert f'/proposals/{compared.number}/pairwise.csv" download' in page(compared)


def test_attack_files_before_the_opening_of_a_sealed_vote_are_empty(monkeypatch: Any, settings: Any, db: None) -> None:
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    settings.OPEN_PROPOSALS_PER_AUTHOR = 100
    sealed = found_sealed(NOON)
    payload = {"question": "What?", "choices": CHOICES}
    votes = [
        SealedVote.opened(sealed, kind="poll", payload=payload, method=name) for name in ("ranked-choice", "copeland")
    ]
    for vote in votes:
        set_clock(monkeypatch, vote.during)
        vote.vote("Alice", [2, 1, 3])
        vote.vote("Bob", [1, 2, 3])
        assert [rows(vote.proposal, table) for table in TABLES] == [[], [], []]
        body = json.loads(text(vote.proposal, "results.json"))
        assert (body["is_sealed"], body["ballots"], body["cast"]) == (True, 0, "0")
        assert (body["rounds"], body["pairwise"], body["over_time"]) == ([], [], None)
        assert {row["votes"] for row in body["rows"] if row["part"] == "choice"} == {"0"}
    for vote in votes:
        for name in ("Emma", "Farid"):
            vote.publish_secret(name)
        vote.close()
        set_clock(monkeypatch, end_of(vote.proposal) + timedelta(seconds=120))
    assert rows(votes[0].proposal, "rounds")[0]["votes"] == "30"
    assert next(row for row in rows(votes[1].proposal, "pairwise") if row["name"] == "Well")["votes"] == "40"
