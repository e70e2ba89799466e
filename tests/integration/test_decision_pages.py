"""The page of a proposal: the one sentence, its tabs, what would have to change, the rules, what came of it, its weight."""

import gzip
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from frontend.words.missing import sentence as missing_sentence
from frontend.words.passing import Passing, earliest
from frontend.words.passing import sentence as passing_sentence
from governance.lifecycle import State
from governance.missing import Missing, missing
from governance.outcome import Electorate, Rules, decide
from governance.tally import METHODS
from tests.integration.pages_story import Story, Teller, get, story, told

__all__ = ["get", "story", "told"]
SLUG = "/c/water-commons/proposals"
RULES: dict[str, Any] = {
    "quorum_bps": 2_000, "threshold_bps": 5_000, "proposal_threshold": 0, "voting_delay_seconds": 0,
    "voting_period_seconds": 100, "timelock_seconds": 60, "execution_window_seconds": 100,
}  # fmt: skip


# --- the one sentence -------------------------------------------------------------------------------------------------


def test_the_page_begins_with_what_happens_when_and_what_it_costs(story: Story, get: Callable[..., str]) -> None:
    pages = {name: get(f"{SLUG}/{item.number}/") for name, item in story.proposals.items()}

    def first(name: str) -> str:
        return re.search(r'<p class="passes__effect">(.+?)</p>', pages[name])[1]  # type: ignore[index]

    assert re.match(
        r"It passed and was carried out on \d+ \w+ \d{4}, .+UTC, at a cost of \d+ device-seconds? by its plan, ",
        first("update"),
    )
    assert "at most 120 device-seconds: a new version of" in first("update")
    assert re.match(
        r"If this passes, then on \d+ \w+ \d{4}, .+ at the earliest and at no computing cost", first("open")
    )
    assert first("defeated").startswith("It did not pass, so nothing changed. Had it passed:")
    assert first("canceled").startswith("It was withdrawn, so nothing changed.")
    assert re.match(r"It passed. On \d+ \w+ \d{4}, .+ at the earliest", first("queued"))


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("state", [state for state in State if state is not State.DRAFT])
def test_every_state_has_its_sentence(state: State, language: str) -> None:
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    for cost in ("", "about 40 device-seconds"):
        for early in (False, True):
            with translation.override(language):
                said = passing_sentence(Passing(state, "wells are dug.", at, cost, may_close_early=early), "1 May")
            assert "wells are dug." in said
            assert "%(" not in said


def test_the_earliest_moment_is_the_end_of_the_vote_and_the_waiting_time() -> None:
    closes = datetime(2026, 11, 21, 12, tzinfo=UTC)
    rules = Rules(**RULES)
    assert earliest(State.ACTIVE, closes, None, None, rules) == closes + timedelta(seconds=60)
    eta = closes + timedelta(hours=3)
    assert earliest(State.QUEUED, closes, eta, None, rules) == eta
    assert earliest(State.EXECUTED, closes, eta, eta + timedelta(hours=1), rules) == eta + timedelta(hours=1)


# --- what would have to change ----------------------------------------------------------------------------------------


@given(
    in_favour=st.integers(0, 300), against=st.integers(0, 300), abstain=st.integers(0, 100),
    changes=st.sampled_from(
        [{}, {"threshold_bps": 6_667}, {"support_bps": 2_500}, {"quorum_bps": 0, "rejection_bps": 1_500}]
    ),
)  # fmt: skip
def test_what_is_said_to_be_missing_is_exactly_enough(
    in_favour: int, against: int, abstain: int, changes: dict[str, int]
) -> None:
    rules = Rules(**{**RULES, **changes})
    method, names = METHODS["governor"], ("against", "for", "abstain")

    def judged(votes_for: int, votes_against: int, abstaining: int) -> dict[str, Any]:
        ballots = [(1, votes_for), (0, votes_against), (2, abstaining)]
        count = method.count([ballot for ballot in ballots if ballot[1]], 3)
        return {each.condition: each for each in decide(rules, count, names, Electorate(1_000, 1_000)).conditions}

    now = judged(in_favour, against, abstain)
    found = missing(list(now.values()), rules.threshold_bps, in_favour, against, 1_000)
    assert {each.condition for each in found} >= {name for name, each in now.items() if not each.holds}
    for each in found:
        for power, turned in ((each.power, True), (each.power - 1, False)):
            if each.condition == "quorum":
                after = judged(in_favour, against, abstain + power)
            elif each.condition in {"majority", "support"} and not each.holds:
                after = judged(in_favour + power, against, abstain)
            elif each.condition == "rejection" and not each.holds:
                after = judged(in_favour, against - power, abstain)
            else:
                after = judged(in_favour, against + power, abstain)
            assert (after[each.condition].holds != each.holds) is turned, (each, power)
        for language in ("en", "fr"):
            with translation.override(language):
                assert str(each.power) in missing_sentence(each, 0)


def test_the_least_part_of_a_token_is_not_called_a_number_of_votes() -> None:
    for holds, expected in (
        (False, "For a majority, any vote more in favour is enough."),
        (True, "The majority is lost with any vote more against."),
    ):
        least = Missing("majority", holds, 1, is_left=True)
        assert missing_sentence(least, 18) == expected
        assert "1 more votes" in missing_sentence(least, 0)  # where votes are counted by heads, one is one
    assert "Fewer votes than that are left" in missing_sentence(Missing("majority", False, 1, is_left=False), 18)


def test_an_open_vote_says_what_would_have_to_change(story: Story, get: Callable[..., str]) -> None:
    proposal = story.proposals["open"]
    text = get(f"{SLUG}/{proposal.number}/")
    assert "What would have to change" in text
    assert "The majority is lost with 30,000 more votes against." in text
    assert "What would have to change" not in get(f"{SLUG}/{story.proposals['defeated'].number}/")
    Teller(story.community, story.wallets).vote(proposal, "Daouda", 0, datetime.now(UTC))
    assert "For a majority, 60,001 more votes have to be in favour." in get(f"{SLUG}/{proposal.number}/")


# --- the page and those below it --------------------------------------------------------------------------------------


def test_each_tab_is_a_page_and_says_which_one_it_is(story: Story, get: Callable[..., str]) -> None:
    number = story.proposals["open"].number
    tabs_of = {"": "Decision", "discussion/": "Discussion", "evidence/": "Evidence", "voters/": "Voters"}
    for rest, name in (*tabs_of.items(), ("census/", "Census")):
        text = get(f"{SLUG}/{number}/{rest}")
        tabs = text[text.index('class="page-tabs"') : text.index("</nav>", text.index('class="page-tabs"'))]
        assert tabs.count("aria-current") == 1
        assert re.search(rf'aria-current="page">{name}', tabs), name
        assert tabs.count("<a href=") == 5
        assert len(re.findall(r"<h1[ >]", text)) == 1
        assert not re.search(r"\s(style|onclick|onload|onsubmit)=|<script(?![^>]*\bsrc=)", text)


def test_the_page_is_light_and_asks_little(story: Story, client: Client) -> None:
    for name, proposal in story.proposals.items():
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(f"{SLUG}/{proposal.number}/")
        assert len(gzip.compress(answer.content)) < 40_000, name
        assert len(queries) <= 25, name


def test_a_condition_has_its_line_with_its_number(story: Story, get: Callable[..., str]) -> None:
    text = get(f"{SLUG}/{story.proposals['update'].number}/")
    gauges = re.findall(r'class="gauge".*?</svg>', text)
    assert len(gauges) == 2
    quorum, majority = gauges
    assert ">200,000</text>" in quorum
    assert 'class="mark" x="21.97%"' in quorum, "200,000 of 910,000"
    assert ">480,001</text>" in majority
    assert 'width="90.62%"' in majority, "870,000 of 960,000"


def test_the_vote_over_time_is_a_picture_with_its_table(story: Story, get: Callable[..., str]) -> None:
    text = get(f"{SLUG}/{story.proposals['open'].number}/")
    part = text[text.index('id="over-time"') : text.index('id="ballots"')]
    assert 'role="img"' in part
    assert "The chart as a table" in part
    assert "250,000" in part
    assert 'id="over-time"' not in get(f"{SLUG}/{story.proposals['pending'].number}/")


def over_time_part(text: str) -> str:
    return text[text.index('id="over-time"') : text.index('id="ballots"')]


def test_where_only_turnout_is_followed_the_heading_says_so(story: Story, get: Callable[..., str]) -> None:
    teller, now = Teller(story.community, story.wallets), datetime.now(UTC)
    assert "How the vote stood over time</h2>" in get(f"{SLUG}/{story.proposals['open'].number}/")
    poll = teller.poll("Which day?", "ranked-choice", now - timedelta(hours=2), ["Monday", "Tuesday", "Friday"])
    teller.vote(poll, "Alice", [1, 2, 3], poll.opens_at + timedelta(minutes=1))
    part = over_time_part(get(f"{SLUG}/{poll.number}/"))
    assert "Votes cast over time</h2>" in part
    assert "How the vote stood" not in part


def test_the_table_over_time_has_all_choices_where_the_picture_draws_five(
    story: Story, get: Callable[..., str], monkeypatch: Any
) -> None:
    teller, now = Teller(story.community, story.wallets), datetime.now(UTC)
    choices = [f"Well {number}" for number in range(1, 8)]
    poll = teller.poll("Which well?", "approval", now - timedelta(hours=2), choices)
    teller.vote(poll, "Alice", [1, 2, 3, 4, 5], poll.opens_at + timedelta(minutes=1))
    teller.vote(poll, "Daouda", [7], poll.opens_at + timedelta(minutes=9))
    part = over_time_part(get(f"{SLUG}/{poll.number}/"))
    assert part.count('class="chart__series ') == 5
    assert "The picture draws the 5 choices with the most; the table has all of them." in part
    table = part[part.index("<table") :]
    assert re.findall(r'<th scope="col">(.*?)</th>', table)[1:] == [*choices[:5], "Well 7", "Well 6"]
    last = re.findall(r'<td class="number">(.*?)</td>', table)[-7:]
    assert last == ["400,000"] * 5 + ["90,000", "0"]
    monkeypatch.setattr("frontend.charts.votes.CELLS_MAX", 14)
    thinner = over_time_part(get(f"{SLUG}/{poll.number}/"))
    assert thinner.count('<th scope="row"') == 2, "fewer moments, the last of them the same"
    assert re.findall(r'<td class="number">(.*?)</td>', thinner)[-7:] == last


def test_a_measured_run_is_evidence_and_leads_to_its_measures_and_samples(
    story: Story, get: Callable[..., str], settings: Any
) -> None:
    def evidence(name: str) -> str:
        text = get(f"{SLUG}/{story.proposals[name].number}/")
        return text[text.index('id="evidence-summary"') : text.index("See all evidence")]

    nothing, run = "Nothing was tried or measured for it so far.", story.accepted
    assert nothing in evidence("queued")
    measured = evidence("update")
    assert nothing not in measured
    assert "It was carried out, and the result was measured." in measured
    assert f'href="/runs/{run.pk}/#measures"' in measured
    assert 'id="measures"' in get(f"/runs/{run.pk}/")
    assert "/samples/" not in measured, "none are kept"
    assert nothing in evidence("next"), "its run is at work, and nothing is measured yet"
    assert "There is no evidence yet." not in get(f"{SLUG}/{story.proposals['update'].number}/evidence/")
    digest = run.evaluation_record.body["samples_sha256"]
    kept = settings.ARTIFACTS_DIR / "samples" / f"{digest}.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("{}\n")
    try:
        assert f'href="/api/v1/samples/{digest}" download' in evidence("update")
    finally:
        kept.unlink()


def test_the_rules_say_who_can_stop_it_and_the_end_says_what_came_of_it(story: Story, get: Callable[..., str]) -> None:
    update = get(f"{SLUG}/{story.proposals['update'].number}/")
    assert "Nobody: there is no council in office." in update
    assert f'href="/releases/{story.version.revision}/#verification"' in update
    teller = Teller(story.community, story.wallets)
    done = teller.executed("text_signal", "Dig", {"statement": "We dig."}, datetime.now(UTC) - timedelta(days=30))
    text = get(f"{SLUG}/{done.number}/")
    assert "The outcome was recorded. Nothing else follows from it." in text
    assert 'id="next"' not in get(f"{SLUG}/{story.proposals['defeated'].number}/")


def test_the_largest_ballots_and_the_newest_reasons_stand_on_the_page(
    story: Story, get: Callable[..., str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(import_module("governance.selectors.proposals"), "BALLOTS_SHOWN_MAX", 1)
    text = get(f"{SLUG}/{story.proposals['open'].number}/")
    part = text[text.index('aria-labelledby="ballots"') :]
    assert part.count('role="rowheader"') == 1
    reasons = part[part.index("Newest reasons") :]
    assert reasons.index("I changed my mind") < reasons.index("The water guard")
    assert "All voters, with reasons, and who has not voted" in part
