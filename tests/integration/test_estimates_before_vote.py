"""What voters are told of the size of a training: an interval from past runs, how often such ones held, and afterwards.

Past runs are written as rows: what they took is the point, not how.
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from governance.clock import now as clock
from governance.models import Proposal
from governance.records import keep
from tests.integration import commons_rows as rows
from tests.integration.conftest import NOON, pass_
from training_jobs import before_vote
from training_jobs import spec as specs
from training_jobs.carbon.meters import Energy, line_of
from training_jobs.ledger.estimates import forecast, past_runs
from training_jobs.models import Attempt, Run, RunEvent, Site

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
LONG_AGO = NOON - 100 * DAY


@pytest.fixture
def past(update, base, voters) -> Callable[..., Run]:
    """Return a past run of the community that took so many seconds at each place; judged, unless said otherwise."""

    def ran(seconds: int, *, site: Site | None = None, joules: int = 0, devices: int = 1, **changes: Any) -> Run:
        number = Run.objects.count() + 1
        changed = changes.pop("spec", {})
        ended = changes.pop("ended", LONG_AGO + number * DAY)
        community = base.model.community
        proposal = Proposal.objects.create(
            community=community,
            number=1_000 + number,
            author=voters["Alice"].address,
            kind="model_update",
            title="Past",
        )
        body = specs.from_payload({**update["spec"], **changed}).to_dict()
        facts: dict[str, Any] = {"judged_at": ended, **changes}
        run = Run.objects.create(
            community=community, proposal=proposal, model=base.model, base=base, created_at=ended - DAY,
            spec_record=keep("spec", f"past-{number}", body), **facts,
        )  # fmt: skip
        began = ended - seconds * SECOND
        Attempt.objects.create(
            run=run, number=1, owner="m", started_at=began, ended_at=ended, device_seconds=seconds, outcome="done"
        )
        if site is not None:
            request = rows.asked_for(community, began, run=run, devices=devices, ended_at=ended, outcome="done")
            rows.allotted(request, site, began, ended + DAY, ended_at=ended + SECOND, how="ended")
        if joules:
            line = line_of(Energy(joules, "metered", ("rapl",), ("processor",), seconds), 1)
            data = {name: value for name, value in line.items() if name != "event"}
            RunEvent.objects.create(run=run, attempt=1, at=ended, kind="energy", data=data)
        return run

    return ran


@pytest.fixture
def proposed(update, propose) -> Proposal:
    return propose("model_update", update)


def page(path: str, language: str = "en") -> str:
    answer = Client().get(path, headers={"accept-language": language})
    assert answer.status_code == 200, answer.content
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return text.replace("&#x27;", "'").replace("\xa0", " ")


def shown(proposal: Proposal, language: str = "en") -> str:
    return page(f"/c/{proposal.community.slug}/proposals/{proposal.number}/", language)


def estimate(proposal: Proposal) -> dict[str, Any]:
    found: dict[str, Any] = Client().get(f"/api/v1/proposals/{proposal.public_id}/estimate").json()
    return found


def planned(proposal: Proposal) -> int:
    found: int = estimate(proposal)["device_seconds"]["planned"]
    return found


def test_voters_read_the_interval_of_past_runs_and_how_often_such_ones_held(past, proposed, settings):
    settings.DEVICE_WATTS, settings.GRID_GRAMS_PER_KWH = 300, 50
    plan = planned(proposed)
    for seconds in (2, 3, 3, 3, 3, 3, 3, 3, 4, 3, 3, 90):
        past(seconds)
    told = estimate(proposed)
    seconds = told["device_seconds"]
    assert (seconds["runs"], seconds["level_bps"], seconds["alike"]) == (12, 8_000, True)
    assert (seconds["tried"], seconds["held"]) == (3, 2), "the last one lay outside the interval of its day"
    # of 12 the eleventh largest and the second smallest: 13 x (1 - 0.8) / 2 = 1 from each end
    assert (seconds["low"], seconds["high"]) == (2, 90)
    assert told["joules"] == {"low": 600, "high": 27_000, "most": 300 * seconds["most"], "places": 1}
    said = shown(proposed)
    assert f"Likely At most Device-seconds 2 to 90 {seconds['most']}" in said
    assert "Likely: by 12 past runs of the same model, objective and way to train, 80% end within." in said
    assert "Of 3 comparable past runs, 2 lay within such an interval of those before them." in said
    assert "Energy 0.17 Wh to 7.5 Wh" in said
    assert plan == seconds["planned"]


def test_what_failed_or_was_stopped_says_nothing_of_a_whole_training_and_a_used_up_budget_does(past, proposed):
    community = proposed.community
    past(5)
    past(1, judged_at=None, failed_at=LONG_AGO, failure="out_of_memory")
    past(1, judged_at=None, canceled_at=LONG_AGO)
    past(300, judged_at=None, failed_at=NOON - DAY, failure="budget_used_up")
    assert [each.metered for each in past_runs(community)] == [5, 300]
    assert estimate(proposed)["device_seconds"]["runs"] == 2
    assert "There are 2 comparable past runs, and what is likely is known from 9 on" in shown(proposed)


def test_runs_on_machines_where_this_one_cannot_land_are_not_comparable(past, proposed):
    community, spec = proposed.community, specs.from_payload(proposed.payload["spec"])
    past(5)
    assert forecast(community, spec).runs == 1
    lake = rows.site(community, NOON)
    assert forecast(community, spec).runs == 0, "it ran on machines of no site"
    past(5, site=lake)
    past(5, site=rows.site(None, NOON, "elsewhere"))
    assert forecast(community, spec).runs == 1
    assert len(past_runs(community)) == 3


def test_runs_of_the_same_sort_count_alone_as_soon_as_there_are_enough(past, proposed):
    community, spec = proposed.community, specs.from_payload(proposed.payload["spec"])
    inside = {"strategy": "ddp", "topology": {"workers": 2}}
    for _ in range(9):
        past(8, spec=inside)
    found = forecast(community, spec)
    assert (found.runs, found.alike) == (9, False)
    assert "by 9 past runs of this community on the same machines" in shown(proposed)
    for _ in range(9):
        past(3)
    found = forecast(community, spec)
    assert (found.runs, found.alike, found.interval) == (9, True, (3, 3))


def test_each_device_that_works_at_one_place_counts(past, proposed):
    inside = past(8, spec={"strategy": "ddp", "topology": {"workers": 2}})
    (one,) = past_runs(proposed.community)
    assert one.metered == 16
    afterwards = before_vote.compared_with(inside)
    assert afterwards is not None
    assert afterwards.took == 16


def test_the_power_that_was_metered_at_a_site_goes_before_what_it_declares(past, proposed):
    lake = rows.site(proposed.community, NOON, devices=2)
    for joules in (60_000, 66_000):
        past(120, site=lake, joules=joules, devices=2)
    (place,) = estimate(proposed)["places"]
    assert (place["watts"], place["watts_metered_in"]) == (400, 0), "two attempts say nothing yet"
    past(30, site=lake, joules=60_000)
    assert estimate(proposed)["places"][0]["watts_metered_in"] == 0, "half a minute is mostly start and end"
    past(120, site=lake, joules=10**15, devices=2)
    assert estimate(proposed)["places"][0]["watts_metered_in"] == 0, "more than devices can draw was cut off"
    past(120, site=lake, joules=72_000, devices=2)
    (place,) = estimate(proposed)["places"]
    # 66,000 J in 120 s by two devices
    assert (place["watts"], place["watts_metered_in"]) == (275, 3)
    assert "Power of a device as machines metered it at: lake (275 W, of 3 attempts)." in shown(proposed)


def test_without_sites_what_the_communitys_runs_metered_goes_before_what_the_installation_declares(past, proposed):
    for _ in range(3):
        past(100, joules=20_000)
    assert estimate(proposed)["joules"]["most"] == 200 * estimate(proposed)["device_seconds"]["most"]
    assert "Power of a device as machines metered it in 3 attempts: 200 W." in shown(proposed)


def test_a_voted_ceiling_in_money_is_the_most_that_the_page_names(update, propose):
    update["spec"]["budget"] = {"device_seconds": 3_000, "money": {"amount": "0.01", "currency": "EUR"}}
    proposal = propose("model_update", update)
    rows.site(proposal.community, NOON)
    (money,) = estimate(proposal)["money"]
    assert (money["currency"], money["most"]) == ("EUR", 1_000_000)


def test_voters_read_when_it_could_begin_where_computing_is_shared(proposed):
    now = clock()
    assert estimate(proposed)["next_slot"] is None
    lake = rows.site(proposed.community, now)
    assert "Approved today, it could begin at once, at Lake cluster." in shown(proposed)
    assert estimate(proposed)["next_slot"]["site"] == "lake"
    rows.busy(lake, now, now + timedelta(hours=3), devices=8)
    assert re.search(
        r"Approved today, it could begin at Lake cluster from [^.]*[0-9]{2}:[0-9]{2} UTC\.", shown(proposed)
    )
    assert estimate(proposed)["next_slot"]["since"] >= int((now + timedelta(hours=3)).timestamp())
    Site.objects.update(devices_measured=0)
    assert "No site that computes here could ever do this" in shown(proposed)


def test_the_page_asks_as_often_for_many_past_runs_as_for_few(past, proposed):
    lake = rows.site(proposed.community, NOON)

    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            before_vote.told_of(Proposal.objects.select_related("community").get(pk=proposed.pk), NOON)
        return len(caught)

    past(100, site=lake, joules=20_000)
    few = queries()
    for number in range(15):
        past(100 + number, site=lake, joules=20_000)
    assert queries() == few


# --- after the run ----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(proposed, voters) -> Run:
    pass_(proposed, voters)
    return Run.objects.select_related("proposal", "community", "spec_record").get(proposal=proposed)


def took(run: Run, seconds: int, now: datetime) -> None:
    ended = now + seconds * SECOND
    Attempt.objects.create(run=run, number=1, owner="m", started_at=now, ended_at=ended, device_seconds=seconds)
    Run.objects.filter(pk=run.pk).update(judged_at=ended)


def test_the_page_of_a_run_says_what_was_estimated_before_its_vote(past, run):
    before = run.proposal.submitted_at
    for number in range(9):
        past(4, ended=before - (20 - number) * DAY)
    past(99, ended=before + DAY)
    heading = "Estimated before the vote, and used"
    assert heading not in page(f"/runs/{run.pk}/"), "it has not ended"
    took(run, 4, before + 2 * DAY)
    said = page(f"/runs/{run.pk}/")
    assert heading in said
    budget = run.spec_record.body["budget"]["device_seconds"]
    assert re.search(rf"By its plan Likely At most Used Device-seconds [\d,]+ 4 {budget} 4 ", said), (
        "the later one is later"
    )
    assert "It ended within what was likely." in said
    run.attempts.update(device_seconds=7)
    assert "It ended outside of what was likely." in page(f"/runs/{run.pk}/")


def test_where_too_few_had_ended_the_page_of_a_run_says_so(run):
    took(run, 4, run.proposal.submitted_at + DAY)
    said = page(f"/runs/{run.pk}/")
    assert "not known: 0 of 9 runs" in said
    assert "Too few comparable runs had ended by then to say what is likely." in said


def test_a_run_that_was_stopped_is_held_against_nothing(run):
    took(run, 4, run.proposal.submitted_at + DAY)
    Run.objects.filter(pk=run.pk).update(judged_at=None, canceled_at=NOON)
    run.refresh_from_db()
    assert before_vote.compared_with(run) is None


def test_the_compute_page_says_how_often_intervals_held(past, proposed):
    path = f"/c/{proposed.community.slug}/compute/"
    assert "How well plans hold" not in page(path)
    for _ in range(3):
        past(4)
    assert "How well plans hold: Not known yet: 3 runs have ended, and more than 9 are needed." in page(path)
    for _ in range(9):
        past(4)
    assert "3 of 3 runs ended inside the interval of their day, which promises 80%." in page(path)
