"""Previews by the real trainer: the first steps of the very run that a vote would order, measured, and then deleted."""

import json
from itertools import count

import pytest

from governance.clock import now as clock
from models_registry.metrics import measured_on
from models_registry.models import Version
from tests.faults import runs_site
from tests.integration import preview_site
from tests.integration.preview_site import left, weights_below
from training_jobs import folders
from training_jobs.models import Preview
from training_jobs.previews import work
from training_jobs.previews.lifecycle import State

STEPS, SAMPLES = 6, 5
STOPPED = 4
RECIPE = {"epochs": 2, "batch_size": 32, "sequence_length": 128, "warmup_steps": 2, "checkpoint_steps": 4}


@pytest.fixture(scope="module")
def ready(module_db, django_db_blocker, tmp_path_factory):
    """A community with an update of a model of two thin layers, for both tests; and its files."""
    folder = tmp_path_factory.mktemp("previews")
    base = runs_site.thin(folder / "base")
    with django_db_blocker.unblock(), preview_site.prepared(folder, base, **RECIPE) as found:
        return found, folder


@pytest.fixture
def site(ready, db, settings, tmp_path):
    """The community, with a folder of runs of its own."""
    found, folder = ready
    settings.ARTIFACTS_DIR, settings.RUNS_DIR = folder / "artifacts", tmp_path / "runs"
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    settings.PREVIEW_STEPS, settings.PREVIEW_SAMPLES = STEPS, SAMPLES
    return found


def test_a_preview_is_the_beginning_of_the_run_and_its_weights_are_gone(site, settings, tmp_path):
    draft = site.draft()
    alice = site.client("Alice")
    made = alice.post(f"/api/v1/drafts/{draft.pk}/previews")
    assert made.status_code == 201
    work.work(made.json()["id"], "worker")
    preview = Preview.objects.get()
    assert (preview.state(clock()), preview.failure_detail) == (State.DONE, "")

    from training_jobs.trainer import job

    whole = tmp_path / "whole"
    folders.lay_in(whole, Version.objects.get(), preview.spec, [preview.spec["evaluation"]["suite"]])
    assert job.run(whole) == 0
    trace = [json.loads(line) for line in (whole / "trace.jsonl").read_text().splitlines()]
    report = preview.report
    assert report["curve"] == [{"step": line["step"], "loss": line["loss"]} for line in trace[:STEPS]]
    assert (report["steps"], report["steps_total"]) == (STEPS, len(trace))
    assert report["tokens"] == sum(line["tokens"] for line in trace[:STEPS])
    description = json.loads((whole / "artifact.json").read_text())
    assert "preview" not in description
    assert (report["code_digest"], report["environment"]) == (description["code_digest"], description["environment"])

    assert {row["language"] for row in report["answers"]} == {"en", "fr"}
    assert report["samples"] == len(report["answers"]) <= SAMPLES < report["samples_total"]
    assert set(report["base"]) == set(report["result"]) == set(measured_on("dialogue"))
    assert report["base"] != report["result"]

    text = alice.get(f"/c/gardens/drafts/{draft.pk}/").content.decode()
    assert f"A preview: the first {STEPS} of {len(trace)} steps." in text
    assert 'class="chart"' in text
    assert report["answers"][0]["question"].split()[0] in text
    assert weights_below(settings.RUNS_DIR) == []
    assert left(preview) == [f"1/{name}" for name in sorted(work.KEPT)]


@pytest.mark.usefixtures("every_strategy")
def test_a_training_of_several_machines_is_previewed_on_one_with_the_share_of_the_first(site, tmp_path):
    """Until the first exchange the lead of a DiLoCo run learns alone: the preview shows exactly that."""
    proposal = site.open(strategy="diloco", topology={"workers": 2, "local_steps": STEPS + 1})
    preview = site.made(proposal)
    assert (preview.state(clock()), preview.failure_detail) == (State.DONE, "")
    report = preview.report
    assert (report["strategy"], report["workers"], report["steps"]) == ("diloco", 2, STEPS)
    text = site.client().get(f"/c/gardens/proposals/{proposal.number}/evidence/").content.decode()
    assert "The training is proposed for 2 machines or devices together; the preview was made by one" in text

    from training_jobs.trainer import job

    lead = tmp_path / "lead"
    folders.lay_in(lead, Version.objects.get(), preview.spec, [preview.spec["evaluation"]["suite"]])
    (lead / "exchange").mkdir()
    place = {"member": "00-1", "workers": 2, "slot": 0, "round": 0}
    (lead / "exchange" / "member.json").write_text(json.dumps(place))
    asked = count()
    assert job.run(lead, lambda: next(asked) >= STEPS) == STOPPED
    trace = [json.loads(line) for line in (lead / "trace.jsonl").read_text().splitlines()]
    assert report["curve"] == [{"step": line["step"], "loss": line["loss"]} for line in trace[:STEPS]]
    started = json.loads((lead / "events.jsonl").read_text().splitlines()[0])
    assert report["steps_total"] == started["steps"]
