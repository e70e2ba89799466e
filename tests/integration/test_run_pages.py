"""The page of a run: its charts, what it used, what is measured so far; its streams and files; the list of runs."""

import csv
import io
import json
import re
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from django.test import Client

from frontend import streams
from governance.clock import now as clock
from training_jobs import services
from training_jobs.models import Run
from training_jobs.series import POINTS_SHOWN_MAX, points_of, series_of


def told(run, **headers):
    answer = Client().get(f"/runs/{run.pk}/", headers={"Accept-Language": "en", **headers})
    assert answer.status_code == 200
    return answer.content.decode()


def words(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def step(number, loss, steps=100, **more):
    return {
        "event": "step",
        "step": number,
        "steps": steps,
        "loss": str(loss),
        "tokens_per_second": 640 + number,
        **more,
    }


def work(run, *events, owner="machine-1"):
    lease = services.claim(run.pk, owner, clock())
    services.stream(lease, [{"event": "started"}, *events], clock())
    return lease


@pytest.fixture
def at_work(run):
    """A run whose machine has said something."""
    steps = [step(number, Decimal(3) / number, learning_rate=f"{number}e-5") for number in range(1, 31)]
    work(run, *steps, {"event": "checkpoint", "step": 20, "seconds": "0.1"})
    return run


# --- charts -------------------------------------------------------------------------------------------------------


def test_a_run_at_work_draws_loss_speed_and_learning_rate_with_the_same_values_in_a_table(at_work):
    html = told(at_work)
    assert html.count('class="chart__line"') == 3
    labels = re.findall(r'role="img" aria-label="([^"]+)"', html)
    assert any(re.match(r"Loss: from 3 at step 1 to 0\.1 at step 30", label) for label in labels)
    table = words(html[html.index('id="curves-table"') :])
    assert "Step Loss (nats per token) Speed (tokens per second) Learning rate" in table
    assert "30 0.1 670 3 × 10⁻⁴" in table.replace("\xa0", " ")
    assert "The notch on the axis: a checkpoint was saved there." in words(html)
    assert "style=" not in html


def test_a_machine_of_an_earlier_version_says_no_learning_rate_and_is_shown_without(run):
    work(run, *[step(number, 2) for number in range(1, 5)])
    html = told(run)
    assert html.count('class="chart__line"') == 2
    assert "Learning rate" not in words(html[html.index("How the training goes") : html.index("Used so far")])


def test_what_a_strangers_machine_says_may_be_anything_and_the_page_still_stands(run):
    odd = [
        step(1, "NaN"), step(2, "x"), {"event": "step", "loss": "1"}, step(3, 1) | {"step": "3"}, step(4, "1e999999"), step(5, 0),
        step(6, 1, learning_rate="Infinity"), step(7, 1, learning_rate={"a": 1}), step(8, 1) | {"tokens_per_second": "fast"},
        step(9, 1) | {"tokens_per_second": -5}, step(10, 1) | {"step": 10**30},
        {"event": "checkpoint", "step": "x"}, {"event": "measured", "metric": ["x"], "value": {}},
    ]  # fmt: skip
    work(run, *odd)
    html = told(run)
    assert "Infinity" not in html[html.index("chart-box") : html.index("</figure>")]
    assert [point.step for point in series_of(run).points] == [5, 6, 7, 8, 9]


def test_a_later_attempt_takes_over_from_its_first_step_and_the_chart_says_where(at_work):
    Run.objects.filter(pk=at_work.pk).update(lease_expires_at=clock() - timedelta(seconds=1))
    work(at_work, *[step(number, 9) for number in range(21, 25)], owner="machine-2")
    series = series_of(at_work)
    assert [(each.step, each.attempt) for each in series.breaks] == [(21, 2)]
    assert series.points[-1].step == 24
    assert {point.loss for point in series.points if point.step > 20} == {Decimal(9)}
    assert "<title>Attempt 2</title>" in told(at_work)


def test_a_long_run_is_thinned_evenly_and_keeps_both_ends(run):
    work(run, *[step(number, 1.5, steps=3000) for number in range(1, 3001)])
    points = series_of(run).points
    assert len(points) == POINTS_SHOWN_MAX
    assert (points[0].step, points[-1].step) == (1, 3000)
    assert max(b.step - a.step for a, b in pairwise(points)) < 30


def test_a_line_that_came_twice_is_one_point():
    lines = [(1, step(1, 3)), (1, step(2, 2)), (1, step(2, 2)), (1, step(3, 1))]
    assert [point.step for point in points_of(lines)] == [1, 2, 3]


def test_a_run_that_said_nothing_yet_says_so(run):
    assert "The curves appear with the first step." in words(told(run))


# --- what it used -------------------------------------------------------------------------------------------------


def used(run):
    html = told(run)
    return words(html[html.index('id="used"') : html.index('id="log"')])


def test_energy_and_carbon_are_not_known_where_the_site_declares_nothing(at_work):
    said = used(at_work)
    assert "approved device-seconds" in said
    assert said.count("Not known: this site declares no power.") == 2


def test_energy_and_carbon_are_estimates_from_what_the_site_declares(at_work, settings):
    attempt = at_work.attempts.get()
    attempt.ended_at, attempt.device_seconds, attempt.outcome = clock(), 60, "failed"
    attempt.save()
    settings.DEVICE_WATTS = 300
    said = used(at_work)
    assert "about 5 Wh, estimated from 300 W for each device" in said
    assert "Not known: this site declares no carbon intensity of its grid." in said
    settings.GRID_GRAMS_PER_KWH = 50
    said = used(at_work)
    assert "about 0.25 g of CO₂e, estimated from 50 g for each kWh" in said
    assert "not a measurement" in said


# --- gates as they arrive -----------------------------------------------------------------------------------------


def test_what_is_measured_so_far_is_shown_while_the_result_is_measured(at_work):
    Run.objects.filter(pk=at_work.pk).update(trained_at=clock())
    suite = at_work.spec_record.body["evaluation"]["suite"]
    lease = services.Lease(at_work.pk, Run.objects.get(pk=at_work.pk).fence)
    said = [
        {"event": "evaluating", "model": "candidate", "samples": 30, "samples_total": 120},
        {"event": "measured", "suite": suite, "metric": "answer_accuracy", "value": "47/120"},
        {"event": "not_measured", "suite": suite, "metric": "language_gap", "reason": "no_pairs"},
    ]
    services.stream(lease, said, clock())
    html = told(at_work)
    section = words(html[html.index('id="measuring"') : html.index('id="curves"')])
    assert "30 of 120 questions answered" in section
    assert re.search(r"2 of \d+ metrics are known", section)
    assert "39.17% (47/120)" in section
    assert "It could not be measured." in section
    assert "not yet" in section


# --- live ---------------------------------------------------------------------------------------------------------


def test_a_run_at_work_asks_to_be_renewed_and_a_finished_one_is_a_record(at_work):
    html = told(at_work)
    assert f'data-live-stream="/runs/{at_work.pk}/events/"' in html
    assert 'hx-trigger="live-changed"' in html
    assert "Load this page again to see what is new." in html
    services.cancel(at_work.pk, at_work.proposal.author, clock())
    Run.objects.filter(pk=at_work.pk).update(lease_owner="", lease_expires_at=None)
    still = told(at_work)
    assert "data-live-stream" not in still
    assert "live-changed" not in still
    assert "What it used" in still
    assert still.count('class="chart__line"') == html.count('class="chart__line"')


def test_the_stream_of_a_run_tells_a_change_and_names_its_state(at_work, settings):
    settings.LIVE_STREAM_SECONDS = 1
    answer = Client().get(f"/runs/{at_work.pk}/events/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/event-stream")
    said = b"".join(answer.streaming_content).decode()
    answer.close()
    newest = at_work.events.order_by("pk").last().pk
    assert f"id: running-{newest}-0\nevent: changed\n" in said
    data = json.loads(re.search(r"data: (.+)", said)[1])
    assert data == {"seen": f"running-{newest}-0", "over": False}
    assert f'data-live-seen="running-{newest}-0"' in told(at_work)
    assert streams.streams_open() == 0


def test_the_stream_of_an_unknown_run_or_with_another_verb_is_refused(at_work):
    assert Client().get("/runs/999999/events/").status_code == 404
    assert Client().post(f"/runs/{at_work.pk}/events/").status_code == 405


def test_a_stream_that_nobody_reads_gives_its_place_back(at_work, settings):
    settings.LIVE_STREAMS = 1
    first = Client().get(f"/runs/{at_work.pk}/events/")
    assert Client().get(f"/runs/{at_work.pk}/events/").status_code == 503
    first.close()
    second = Client().get(f"/runs/{at_work.pk}/events/")
    assert second.status_code == 200
    second.close()
    assert streams.streams_open() == 0


# --- files --------------------------------------------------------------------------------------------------------


def test_the_series_is_handed_out_whole_as_csv_and_json_and_by_the_api(at_work):
    answer = Client().get(f"/runs/{at_work.pk}/series.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert len(rows) == 30
    assert rows[0] == {"step": "1", "attempt": "1", "loss": "3", "tokens_per_second": "641", "learning_rate": "0.00001"}
    page, api = (
        Client().get(path).json() for path in (f"/runs/{at_work.pk}/series.json", f"/api/v1/runs/{at_work.pk}/series")
    )
    assert page == api
    assert (len(api["points"]), api["checkpoints"], api["attempts"]) == (30, [20], [])
    assert api["points"][0]["loss"] == "3"
    assert Client().get("/runs/999999/series.csv").status_code == 404
    assert Client().get("/api/v1/runs/999999/series").json()["code"] == "unknown_run"


# --- the list -----------------------------------------------------------------------------------------------------


def listed(query=""):
    answer = Client().get(f"/c/water-commons/runs/{query}", headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_list_shows_how_the_loss_went_and_what_was_used(at_work):
    html = listed()
    assert 'aria-label="Loss from 3 to 0.1"' in html
    assert re.search(r"\d+ of [\d,]+ approved device-seconds", words(html))
    assert "1 run" in words(html)


@pytest.mark.parametrize(
    ("query", "found"),
    [("state=running", True), ("state=accepted", False), ("state=nonsense", False), ("model=%00", True),
     ("model=nobody/nothing", False), ("page=99", True), ("page=-1", True)],
)  # fmt: skip
def test_filters_stand_in_the_address_and_nonsense_matches_nothing(at_work, query, found):
    html = listed(f"?{query}")
    assert ("listing__item" in html) is found
    assert found or "No run matches this filter." in words(html)


def test_the_list_by_model_has_the_runs_of_the_model(at_work):
    assert "listing__item" in listed(f"?model={at_work.model}")


def test_a_community_that_trained_nothing_says_what_to_do(community):
    assert "Nothing has been trained yet." in words(listed())
