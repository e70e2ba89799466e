"""What a run, its model and its community show of energy: metered where a machine did, cut off where it exaggerates."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from governance.clock import now as clock
from governance.services import note
from tests.integration import commons_rows as rows
from training_jobs import services
from training_jobs.carbon.meters import Energy, line_of
from training_jobs.commons import used
from training_jobs.models import Attempt, RunEvent
from training_jobs.scheduling.events import ComputeEmitted, Signal, data_of

SECONDS = 1_000
METERED = Energy(360_000, "metered", ("rapl",), ("processor",), SECONDS)


def said(path: str) -> str:
    answer = Client().get(path, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode())).replace("\xa0", " ")


def footprint(of: str) -> dict[str, object]:
    answer = Client().get(f"/api/v1/{of}/footprint")
    assert answer.status_code == 200, answer.content
    found: dict[str, object] = answer.json()
    return found


@pytest.fixture
def worked(run):
    """A run with an attempt that has ended, on a device of a site that was allotted for a greener hour."""
    now = clock() - timedelta(hours=2)
    lake = rows.site(run.community, now, devices=2, devices_measured=2)
    services.claim(run.pk, "machine-1", now)
    end = now + timedelta(seconds=SECONDS)
    request = rows.asked_for(run.community, now, run=run, devices=1)
    rows.allotted(request, lake, now, now + timedelta(hours=3), claimed_at=now)
    Attempt.objects.filter(run=run).update(started_at=now, ended_at=end, outcome="released", device_seconds=SECONDS)
    type(run).objects.filter(pk=run.pk).update(lease_owner="", lease_expires_at=None)
    return run, request


def say(run, energy: Energy) -> None:
    data = {name: value for name, value in line_of(energy, 1).items() if name != "event"}
    RunEvent.objects.create(run=run, attempt=1, at=clock(), kind="energy", data=data)


def test_what_was_metered_is_shown_as_metered_with_the_grid_and_what_waiting_saved(worked):
    run, _ = worked
    say(run, METERED)
    begin = int(run.attempts.get().started_at.timestamp())
    said_then = ComputeEmitted.of(
        request=f"run:{run.pk}", part=1, site="lake", since=begin, until=begin + SECONDS, joules=360_000,
        pue_permille=1_250, source="uk", signal=Signal.AVERAGE, gram_seconds=160 * SECONDS,
        at_once_gram_seconds=400 * SECONDS,
    )  # fmt: skip
    note(said_then.kind, clock(), community=run.community, **data_of(said_then))
    page = said(f"/runs/{run.pk}/")
    assert "100 Wh, metered (rapl)" in page
    assert "about 20 g of CO₂e, at the intensity of the grid by the source uk" in page
    assert "Waiting for a greener hour saved 30 g against starting at once." in page
    found = footprint(f"runs/{run.pk}")
    assert found == {
        "runs": 1,
        "device_seconds": SECONDS,
        "joules": 360_000,
        "joules_metered": 360_000,
        "how": "metered",
        "by": ["rapl"],
        "complete": True,
        "capped": False,
        "grams": 20,
        "grams_saved": 30,
        "grid": "uk",
    }
    assert footprint(f"models/{run.model}") == footprint(f"communities/{run.community.slug}") == found
    for path in (f"/models/{run.model}/", f"/c/{run.community.slug}/compute/"):
        assert "100 Wh, metered (rapl)" in said(path)


def test_more_than_the_devices_can_draw_is_cut_off_and_no_longer_called_metered(worked):
    run, request = worked
    most = 2 * 2 * 400 * SECONDS  # twice the declared power of the two devices
    say(run, Energy(10**15, "metered", ("rapl",), ("processor",), SECONDS))
    found = footprint(f"runs/{run.pk}")
    assert (found["joules"], found["how"], found["capped"]) == (most, "estimated", True)
    assert "it was cut off there, and counts as an estimate" in said(f"/runs/{run.pk}/")
    assert (used.of(request).joules, str(used.of(request).energy)) == (most, "estimated"), "as the log is told"


def test_where_no_machine_said_anything_the_declared_power_of_the_site_counts(worked):
    run, _ = worked
    found = footprint(f"runs/{run.pk}")
    assert (found["joules"], found["how"], found["by"]) == (400 * SECONDS, "estimated", [])
    assert "about 110 Wh, estimated" in said(f"/runs/{run.pk}/")


def test_an_unknown_run_has_no_footprint(db):
    assert Client().get("/api/v1/runs/99/footprint").json()["code"] == "unknown_run"
