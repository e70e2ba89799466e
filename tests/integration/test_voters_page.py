"""Who voted how and why, and who has not: lists, searches, files, and what they cost with many ballots."""

import csv
import io
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from frontend.tables import neutral
from governance import selectors, services
from governance.models import Account, CensusEntry, Member, Proposal
from governance.selectors import voters as lists
from tests.integration.conftest import NOON

MEMBERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10, "Emma": 5, "Farid": 3}


@pytest.fixture
def commons(list_community: Any) -> Any:
    """Six members, of whom four vote: Chloé with a reason, Bob after he changed his mind."""
    found = list_community(MEMBERS)
    for name in MEMBERS:
        Member.objects.filter(address=found.address(name)).delete()
        Member.objects.create(community=found.community, address=found.address(name), name=name)
    return found


@pytest.fixture
def proposal(commons: Any, monkeypatch: Any) -> Proposal:
    made: Proposal = commons.propose(now=NOON)
    at = made.opens_at + timedelta(seconds=1)
    for number, (name, choice, reason) in enumerate(
        [("Alice", 1, ""), ("Bob", 0, ""), ("Chloé", 1, "=HYPERLINK(1)"), ("Daouda", 2, ""), ("Bob", 1, "Better so.")]
    ):
        moment = at + timedelta(seconds=number)
        services.cast_ballot(commons.sign_ballot(made, name, choice, moment, reason), moment)
    monkeypatch.setattr("frontend.views.voters.now", lambda: at + timedelta(seconds=30))
    return made


def page(proposal: Proposal, query: str = "", client: Client | None = None) -> str:
    answer = (client or Client()).get(f"/c/{proposal.community.slug}/proposals/{proposal.number}/voters/{query}")
    assert answer.status_code == 200, answer.content.decode()[:1500]
    return answer.content.decode()


def listed(proposal: Proposal, query: str = "", client: Client | None = None) -> list[str]:
    """Return the names in the table, in their order."""
    text = page(proposal, query, client)
    body = (
        text[text.index("<tbody", text.index('id="list"')) :]
        if 'id="list"' in text and "<tbody" in text[text.index('id="list"') :]
        else ""
    )
    return re.findall(r'role="rowheader" scope="row"><a[^>]*><span class="person"><b>([^<]+)</b>', body)


def file(proposal: Proposal, name: str, query: str = "") -> str:
    answer = Client().get(f"/c/{proposal.community.slug}/proposals/{proposal.number}/{name}{query}")
    assert answer.status_code == 200
    assert "attachment" in answer["Content-Disposition"]
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


# --- the list ---------------------------------------------------------------------------------------------------------


def test_who_voted_stands_with_the_largest_first_and_who_has_not_beside_it(proposal: Proposal) -> None:
    assert listed(proposal) == ["Alice", "Bob", "Chloé", "Daouda"]
    assert listed(proposal, "?who=missing") == ["Emma", "Farid"]
    text = page(proposal)
    assert "4 ballots count" in text
    assert re.search(r"Not voted</th><td[^>]*>2</td><td[^>]*>8</td><td[^>]*>7.4%", text)
    assert 'aria-current="page">Voters' in text
    assert "2 addresses have not voted" in page(proposal, "?who=missing")


def test_what_is_searched_filtered_and_ordered_stands_in_the_address(commons: Any, proposal: Proposal) -> None:
    assert listed(proposal, "?choice=2") == ["Alice", "Bob", "Chloé"]
    assert listed(proposal, "?choice=1") == [], "Bob changed his vote"
    assert listed(proposal, "?reasons=1") == ["Bob", "Chloé"]
    assert listed(proposal, "?sort=date") == ["Bob", "Daouda", "Chloé", "Alice"]
    assert listed(proposal, "?search=hlo") == ["Chloé"]
    assert listed(proposal, f"?search={commons.address('Daouda')}") == ["Daouda"]
    assert listed(proposal, f"?search={commons.address('Daouda')[:8].upper().replace('0X', '0x')}") == ["Daouda"]
    assert listed(proposal, "?who=missing&search=far") == ["Farid"]
    assert "Nobody matches" in page(proposal, "?search=zzz")
    for odd in ("page=0", "page=x", "choice=99", "choice=-1", "sort=up", "who=all", "search=%00", "search=0x"):
        page(proposal, f"?{odd}")


def test_ones_own_ballot_stands_on_top(commons: Any, proposal: Proposal) -> None:
    client = Client()
    client.force_login(Account.objects.get_or_create(address=commons.address("Daouda"))[0])
    text = page(proposal, "?search=Alice", client)
    own = text[text.index("Your ballot") : text.index("<tbody", text.index("Your ballot"))]
    assert "Abstain" in own
    assert "10 votes" in own


def test_who_has_lent_their_power_is_shown_with_whoever_voted_for_them(commons: Any) -> None:
    commons.delegate("Emma", "Bob", now=NOON)
    made = commons.propose(now=NOON + timedelta(seconds=1))
    commons.vote(made, "Bob", 1)
    text = page(made, "?who=missing")
    row = text[text.index("<b>Emma</b>") : text.index("</tr>", text.index("<b>Emma</b>"))]
    assert "Bob" in row
    other = text[text.index("<b>Farid</b>") : text.index("</tr>", text.index("<b>Farid</b>"))]
    assert "nobody" in other
    assert "5 of them lent by others" in page(made)


def test_before_the_census_is_taken_nobody_is_said_to_have_missed_anything(commons: Any) -> None:
    made = commons.propose(now=NOON)
    Proposal.objects.filter(pk=made.pk).update(census_record=None, census_at=None)
    CensusEntry.objects.filter(proposal=made).update(power=None)
    assert "It is not known yet who can vote." in page(made, "?who=missing")
    assert "The census is being taken" in page(made)


def test_a_long_list_has_pages_and_says_where_it_ends(proposal: Proposal, monkeypatch: Any) -> None:
    monkeypatch.setattr(lists, "PER_PAGE", 2)
    assert listed(proposal, "?page=2") == ["Chloé", "Daouda"]
    assert listed(proposal, "?page=9") == ["Chloé", "Daouda"]
    monkeypatch.setattr(lists, "LOOKED_THROUGH_MAX", 2)
    text = page(proposal, "?reasons=1")
    assert "the first 2 in this order were looked through" in text
    assert listed(proposal, "?reasons=1") == ["Bob"]
    assert "the first 2 in this order were looked through" in page(proposal)


# --- files ------------------------------------------------------------------------------------------------------------


def test_the_files_have_exactly_what_is_listed(proposal: Proposal) -> None:
    rows = list(csv.DictReader(io.StringIO(file(proposal, "voters.csv", "?reasons=1").lstrip("\ufeff"))))
    assert [row["name"] for row in rows] == ["Bob", "Chloé"]
    assert (rows[0]["choice"], rows[0]["ballot"], rows[0]["votes"], rows[0]["share_bps"]) == ("for", "1", "30", "3000")
    body = json.loads(file(proposal, "voters.json", "?who=missing"))
    assert [row["name"] for row in body["rows"]] == ["Emma", "Farid"]
    assert (body["who"], body["is_complete"], body["proposal"]) == ("missing", True, proposal.public_id)


def test_attack_a_reason_is_no_formula_in_a_spreadsheet(proposal: Proposal) -> None:
    rows = list(csv.DictReader(io.StringIO(file(proposal, "voters.csv").lstrip("\ufeff"))))
    assert next(row["reason"] for row in rows if row["name"] == "Chloé") == "'=HYPERLINK(1)"
    assert [neutral(cell) for cell in ("+1", "-1", "@a", "\t=1", "a=1", -1, None)] == [
        "'+1", "'-1", "'@a", "'\t=1", "a=1", "-1", "",
    ]  # fmt: skip


def test_a_download_ends_somewhere_and_says_so(proposal: Proposal, monkeypatch: Any) -> None:
    monkeypatch.setattr(lists, "DOWNLOADED_MAX", 3)
    monkeypatch.setattr(lists, "AT_ONCE", 2)
    body = json.loads(file(proposal, "voters.json"))
    assert ([row["name"] for row in body["rows"]], body["is_complete"]) == (["Alice", "Bob", "Chloé"], False)


def test_the_results_are_a_file_too(proposal: Proposal) -> None:
    body = json.loads(file(proposal, "results.json"))
    assert (body["is_final"], body["passed"], body["ballots"], body["cast"]) == (False, True, 4, "100")
    assert {row["name"]: row["votes"] for row in body["rows"]} == {
        "for": "90", "against": "0", "abstain": "10", "quorum": "100", "majority": "90",
    }  # fmt: skip
    assert file(proposal, "results.csv").splitlines()[1].startswith("choice,for,90,9000,True")


# --- with many --------------------------------------------------------------------------------------------------------


def test_the_number_of_queries_does_not_grow_with_the_rows(commons: Any, proposal: Proposal) -> None:
    queries = ("", "?who=missing", "?reasons=1&sort=date", "?search=a", "?choice=2")

    def counted() -> list[int]:
        found = []
        for query in queries:
            with CaptureQueriesContext(connection) as captured:
                page(proposal, query)
            found.append(len(captured))
        return found

    before = counted()
    commons.vote(proposal, "Emma", 1, now=proposal.opens_at + timedelta(seconds=20))
    after = counted()
    assert all(now <= then + 1 for now, then in zip(after, before, strict=True)), (before, after)
    assert max(after) <= 25


@pytest.mark.skipif(connection.vendor != "sqlite", reason="asks SQLite for its plan")
def test_every_list_is_read_by_an_index_and_sorts_nothing(proposal: Proposal) -> None:
    shown = selectors.proposal_detail(proposal.community.slug, proposal.number, NOON, with_ballots=False)
    for wanted in (
        lists.Wanted(), lists.Wanted(sort="date"), lists.Wanted(reasons=True), lists.Wanted(choice=1, sort="date"),
        lists.Wanted(who="missing"), lists.Wanted(search="0x12"), lists.Wanted(who="missing", search="0x12"),
    ):  # fmt: skip
        with CaptureQueriesContext(connection) as captured:
            lists.voters(shown.proposal, shown.results, wanted)
        for query in captured:
            if "governance_ballot" not in query["sql"] and "governance_censusentry" not in query["sql"]:
                continue
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}".replace("%", "%%"))
                plan = " / ".join(row[3] for row in cursor.fetchall())
            assert "SCAN" not in plan, (wanted, plan)
            assert "TEMP B-TREE" not in plan, (wanted, query["sql"], plan)
