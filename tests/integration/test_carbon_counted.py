"""What a run emits, from its vote to the log, the pages and the figures: counted hour by hour, when that is known."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from governance.clock import now as clock
from governance.clock import unix
from governance.models import Event
from governance.services import note
from tests.integration.conftest import pass_
from tests.integration.machines import description, report
from tests.integration.shared_sites import add_site, machine_of, seen, told
from tests.integration.site_places import INPUTS, price_input
from tests.simulators import tiny_model
from training_jobs import services
from training_jobs.commons import allotting, emitted
from training_jobs.commons.fsck import check_one
from training_jobs.models import ComputeRequest, Run
from training_jobs.scheduling import carbon
from training_jobs.scheduling.values import Series
from training_jobs.transparency.figures import Entry, Log, figures
from training_jobs.transparency.world import World

HOUR = timedelta(hours=1)
WATTS, PUE_PERMILLE = 1_000, 1_500
ASKED_AT, BEGUN_AT, LATER = 300, 100, 500  # grams per kWh
HOURS = 12


@pytest.fixture(autouse=True)
def _folders(settings, tmp_path):
    settings.RUNS_DIR, settings.DATA_DIR = tmp_path / "runs", tmp_path / "data"
    settings.RUNS_DIR.mkdir()
    settings.CARBON_SOURCE, settings.CARBON_FILE = "file", tmp_path / "carbon.csv"


@pytest.fixture
def worked(update, propose, voters, community, tmp_path):
    """Return a run that was asked for, begun an hour later at one site, and judged after twelve hours of work."""
    lately = clock() - timedelta(days=2)
    inputs = {**INPUTS, "watts": price_input(WATTS), "pue_permille": price_input(PUE_PERMILLE)}
    add_site(community, "lake", lately, devices=1, inputs=inputs)
    spec = {**update["spec"], "budget": {**update["spec"]["budget"], "device_seconds": 86_400}}
    pass_(propose("model_update", {"spec": spec}, now=lately), voters)
    run = Run.objects.order_by("-pk").first()
    begin = run.created_at + HOUR
    seen(begin, "lake")
    assert allotting.allot(begin) == 1
    lease = services.claim(run.pk, machine_of("lake").lease_name, begin)
    services.stream(lease, [{"event": "started"}], begin)
    for minutes in range(1, HOURS * 60):
        services.heartbeat(lease, begin + timedelta(minutes=minutes))
    end = begin + HOURS * HOUR
    services.trained(lease, description(tiny_model.write(tmp_path / "made")), "none", end)
    services.judge(lease, report(run), end)
    return run, end


def grid(settings, run, hours=HOURS + 2):
    """Write what the grid was from the moment at which the run was asked for; return it."""
    values = (ASKED_AT, BEGUN_AT, *[LATER] * hours)[:hours]
    since = unix(run.created_at)
    moments = [datetime.fromtimestamp(since + 3_600 * at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for at in range(hours)]
    rows = [f"FR,{moment},{value}" for moment, value in zip(moments, values, strict=True)]
    settings.CARBON_FILE.write_text("\n".join(["region,hour,grams", *rows, ""]))
    return Series(since, 3_600, values)


def page(path):
    answer = Client().get(path, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())).replace("\xa0", " ")


def footprint(of):
    return Client().get(f"/api/v1/{of}/footprint").json()


def world_of(community):
    world = World()
    for each in community.events.order_by("position"):
        world.take("log", unix(each.at), each.kind, each.data, each.actor)
    return world


def test_a_run_emits_what_the_grid_was_in_its_hours_and_waiting_can_have_cost_some(community, worked, settings):
    run, end = worked
    series = grid(settings, run)
    ended = told(community)[-1]
    assert (ended["kind"], ended["joules"], ended["grams"]) == ("compute_ended", WATTS * HOURS * 3_600, None)
    assert emitted.count(end) == 1
    assert emitted.count(end) == 0, "told once"
    said = told(community)[-1]
    assert (said["kind"], said["grams"], said["grams_saved"]) == ("compute_emitted", 8_400, -300)
    asked, since = unix(run.created_at), unix(run.created_at) + 3_600
    until = since + HOURS * 3_600
    assert said["grams"] == carbon.grams(series, since, until, WATTS, PUE_PERMILLE)
    assert said["grams_saved"] == carbon.saved(series, asked, since, HOURS * 3_600, WATTS, PUE_PERMILLE)
    assert (said["joules"], said["pue_permille"], said["source"]) == (WATTS * HOURS * 3_600, PUE_PERMILLE, "file")
    assert said["gram_seconds"] == (BEGUN_AT + (HOURS - 1) * LATER) * 3_600
    for of in (f"runs/{run.pk}", f"models/{run.model}", f"communities/{community.slug}"):
        found = footprint(of)
        assert (found["grams"], found["grams_saved"], found["grid"]) == (8_400, -300, "file")
    shown = page(f"/runs/{run.pk}/")
    assert "about 8.4 kg of CO₂e, at the intensity of the grid by the source file" in shown
    assert "Waiting cost 300 g against starting at once." in shown
    settings.CARBON_FILE.unlink()
    assert footprint(f"runs/{run.pk}")["grams"] == 8_400, "what was told stays, whatever is kept of the grid"


def test_the_figures_and_fsck_follow_from_the_log_alone(community, worked, settings):
    run, end = worked
    grid(settings, run)
    (asked,) = world_of(community).asked.values()
    assert asked.grams is None, "not known is not zero"
    emitted.count(end)
    world = world_of(community)
    (asked,) = world.asked.values()
    assert (asked.grams, world.strays) == (8_400, 0)
    log = Log.of(Entry(unix(e.at), e.kind, e.data, e.actor) for e in community.events.order_by("position"))
    assert figures(log).strays == 0
    assert list(check_one(community)) == []
    event = Event.objects.get(kind="compute_emitted")
    note(event.kind, end, community=community, **{**event.data, "part": 2, "grams": 1_200})
    assert [each.what for each in check_one(community)] == ["grams"]
    assert world_of(community).strays == 1, "who recomputes it sees it, too"


def test_a_history_that_is_missing_leaves_the_carbon_unknown_until_it_comes(community, worked, settings):
    run, end = worked
    grid(settings, run, hours=HOURS)  # its last hour is not there
    assert emitted.count(end) == 0
    assert "emitted" not in " ".join(each["kind"] for each in told(community))
    for of in (f"runs/{run.pk}", f"models/{run.model}", f"communities/{community.slug}"):
        found = footprint(of)
        assert (found["grams"], found["grams_saved"], found["grid"]) == (None, None, "")
    assert "Not known, or not yet: it is counted when the history of the grid in these hours is known." in page(
        f"/runs/{run.pk}/"
    )
    grid(settings, run)
    assert emitted.count(end + emitted.ASK_AGAIN) == 1
    assert footprint(f"runs/{run.pk}")["grams"] == 8_400


def test_after_two_weeks_without_a_history_nothing_is_made_up(community, worked, settings):
    run, end = worked
    assert emitted.count(end) == 0, "there is no such file"
    grid(settings, run)
    assert emitted.count(end + emitted.PATIENCE) == 0
    assert footprint(f"runs/{run.pk}")["grams"] is None


def test_what_was_saved_is_unknown_where_only_the_hours_before_the_start_are(community, worked, settings):
    run, end = worked
    grid(settings, run)
    lines = settings.CARBON_FILE.read_text().splitlines()
    settings.CARBON_FILE.write_text("\n".join([lines[0], *lines[2:], ""]))
    assert emitted.count(end) == 1
    found = footprint(f"runs/{run.pk}")
    assert (found["grams"], found["grams_saved"]) == (8_400, None)
    assert ComputeRequest.objects.get().outcome == "done"
