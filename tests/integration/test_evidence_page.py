"""The evidence of a proposal: what was tried, two answers without names, scans, rules it may break; empty where nothing is."""

import re
import shutil
from collections import Counter
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from frontend.blind import PICKS, blind
from tests.faults import runs_site
from tests.integration import preview_site
from training_jobs import runner, supervisor

PROPOSALS = "/c/gardens/proposals/"
ROWS = [
    {"question": f"Question {number}?", "language": "en", "expected": "5", "base": f"before {number}", "result": f"after {number}"}
    for number in range(12)
]  # fmt: skip


@pytest.fixture(scope="module")
def ready(module_db, django_db_blocker, tmp_path_factory):
    """A community with an update to propose, for all tests of this module; and its files."""
    folder = tmp_path_factory.mktemp("evidence")
    with django_db_blocker.unblock(), preview_site.prepared(folder, runs_site.tiny(folder / "base")) as found:
        yield found, folder


@pytest.fixture
def site(ready, db, settings, tmp_path, monkeypatch):
    """The community, with files of its own and the stand-in as its trainer."""
    found, folder = ready
    shutil.copytree(folder / "artifacts", tmp_path / "artifacts")
    settings.ARTIFACTS_DIR, settings.RUNS_DIR = tmp_path / "artifacts", tmp_path / "runs"
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    settings.PREVIEW_STEPS, settings.PREVIEW_SAMPLES = 3, 2
    monkeypatch.setattr(supervisor, "TRAINER", preview_site.STAND_IN)
    monkeypatch.setattr(supervisor, "EVALUATOR", preview_site.STAND_IN)
    monkeypatch.setattr(runner, "CODE_FOLDERS", (*runner.CODE_FOLDERS, "tests"))
    return found


def page(proposal: Any, query: str = "", rest: str = "evidence/", client: Client | None = None) -> str:
    answer = (client or Client()).get(f"{PROPOSALS}{proposal.number}/{rest}{query}")
    assert answer.status_code == 200, answer.content.decode()[:1500]
    return answer.content.decode()


def blind_part(text: str) -> str:
    start = text.index('<section class="panel stack blind"')
    return text[start : text.index('id="previews"', start)]


# --- without names ----------------------------------------------------------------------------------------------------


@given(seed=st.text("0123456789abcdef", min_size=1, max_size=8), picks=st.text("abex", max_size=15))
def test_a_seed_fixes_the_order_and_the_counts_add_up(seed: str, picks: str) -> None:
    first, second = (blind(ROWS, "base", "result", seed, picks) for _ in range(2))
    assert first == second
    assert first is not None
    assert first.after + first.before + first.equal == len(first.done) == min(12, sum(pick in PICKS for pick in picks))
    assert (first.following is None) == (len(first.done) == 12)
    for pair in first.done:
        number = pair.question.split()[1].rstrip("?")
        assert {pair.a, pair.b} == {f"before {number}", f"after {number}"}
        assert pair.a.startswith("after") == pair.a_is_after


def test_which_side_is_which_is_drawn_by_lot() -> None:
    sides = Counter(
        pair.a_is_after
        for seed in range(40)
        for pair in (blind(ROWS, "base", "result", str(seed), "a" * 12) or pytest.fail("no pairs")).done
    )
    assert abs(sides[True] - sides[False]) < 120, "of 480, more than five standard deviations"


def test_answers_that_are_the_same_are_left_out() -> None:
    same = [{**row, "result": row["base"]} for row in ROWS[:3]]
    found = blind([*same, *ROWS[3:]], "base", "result", "1", "")
    assert found is not None
    assert (found.total, found.same) == (9, 3)
    assert blind(same, "base", "result", "1", "") is None
    assert blind([], "base", "result", "1", "") is None


def test_names_are_hidden_until_a_reader_has_picked_and_nothing_is_stored(site: Any) -> None:
    proposal = site.open()
    preview = site.made(proposal)
    start = blind_part(page(proposal))
    assert "Begin to compare" in start
    asked = blind_part(page(proposal, f"?seed=5&of={preview.pk}"))
    assert blind_part(page(proposal, f"?seed=5&of={preview.pk}")) == asked, "a reload is the same"
    assert "Question 1 of" in asked
    assert "version before ·" not in asked
    assert "You preferred" not in asked
    assert re.findall(r'name="pick" value="(\w)"', asked) == ["a", "b", "e"]
    picked = blind_part(page(proposal, f"?seed=5&of={preview.pk}&picks=&pick=a"))
    assert re.search(
        r"A is (what is proposed|the version before), B is (the version before|what is proposed)\.", picked
    )
    assert 'name="picks" value="a"' in picked or "That was all." in picked
    assert "Begin to compare" in blind_part(page(proposal, "?of=999&picks=aab")), (
        "picks of another preview do not count"
    )
    for odd in ("?seed=%00&picks=zz&pick=q", "?seed=" + "x" * 300, "?picks=" + "a" * 90):
        page(proposal, odd)


def test_the_page_of_the_decision_says_it_in_short_and_links(site: Any) -> None:
    proposal = site.open()
    short = page(proposal, rest="")
    assert "Make a preview" not in short
    assert f'href="{PROPOSALS}{proposal.number}/evidence/"' in short
    site.made(proposal)
    short = page(proposal, rest="")
    assert "A preview: the first 3 of 500 steps." in short
    assert "Where is well 1?" not in short
    whole = page(proposal)
    assert "Show the answers with their names" in whole
    assert "Where is well 1?" in whole
    assert len(re.findall(r"<h1[ >]", whole)) == 1
    ids = re.findall(r'\sid="([^"]+)"', whole)
    assert len(ids) == len(set(ids))


def test_without_evidence_it_says_what_could_stand_here_and_who_can_make_it(site: Any, settings: Any) -> None:
    settings.PREVIEWS = False
    signal = site.commons.propose(now=site.commons.founded_at)
    assert "Proposals of this kind train nothing" in page(signal)
    french = Client(headers={"Accept-Language": "fr"}).get(f"{PROPOSALS}{signal.number}/evidence/").content.decode()
    assert '<html lang="fr"' in french
    assert Client().get(f"{PROPOSALS}999/evidence/").status_code == 404
