"""A site whose checkpoint was altered is found by a slice that others compute again, and suspended; an honest one is not.

One training, in a fixture: a machine of a site hands over its first checkpoint as it is, and in a second attempt the
next one with other weights.
"""

import json
from datetime import timedelta
from hashlib import sha256

import pytest
from django.test import Client, override_settings
from safetensors.numpy import load_file, save_file

from governance.clock import now as clock
from governance.evidence.canonical import canonical_bytes
from governance.log import publish_checkpoint
from governance.models import Event
from tests.faults import runs_site
from tests.integration.machines import Machine, model_in
from tests.integration.preview_site import NO_CHAIN
from tests.integration.site_places import MEASURED, machine, register
from training_jobs import folders
from training_jobs.models import Doubt, Run, Site, SiteMeasurement, Slice, SpotCheck
from training_jobs.sites import admitting, measuring
from training_jobs.sites.lifecycle import Standing
from training_jobs.spot_checks import comparison, draw, drawing, files, handing, services, sweeping, work

RECIPE = {"epochs": 2, "batch_size": 16, "sequence_length": 128, "warmup_steps": 2, "checkpoint_steps": 3}
HONEST, ALTERED = 3, 6
STOPPED = 4


@pytest.fixture(scope="module")
def handed(module_db, django_db_blocker, tmp_path_factory):
    """What a site handed over in two attempts, drawn and ordered to be checked; the tokens of other machines; files."""
    folder = tmp_path_factory.mktemp("checked")
    (folder / "artifacts").mkdir()
    base = runs_site.thin(folder / "base")
    places = {"ARTIFACTS_DIR": folder / "artifacts", "RUNS_DIR": folder / "runs", "SPOT_CHECK_BPS": draw.BPS}
    with django_db_blocker.unblock(), override_settings(**places, **NO_CHAIN):
        found, run = runs_site.order_run(base, RECIPE)
        now = clock()
        lake = register(found, "Daouda", now)
        runner, token = machine(found, "Daouda", lake, now)
        measuring.take_in(runner, {**MEASURED, "repeats": [10**6] * 3}, now)
        admitting.admit("lake", found.community, found.address("Bob"), "Near.", now)
        others = {name: machine(found, name, None, now, name=name) for name in ("Alice", "Daouda")}

        trained = folder / "trained"
        folders.lay_in(trained, run.base, run.spec_record.body, [run.spec_record.body["evaluation"]["suite"]])
        _train(trained)
        _alter(trained / "checkpoints" / f"{ALTERED:08d}")
        of_site = Machine(token)
        for step in (HONEST, ALTERED):
            fence = of_site.claim(run)["fence"]
            kept = trained / "checkpoints" / f"{step:08d}"
            manifest = json.loads((kept / "manifest.json").read_bytes())
            for entry in manifest["files"]:
                assert of_site.put(run, fence, (kept / entry["path"]).read_bytes()).status_code == 201
            body = {"fence": fence, "manifest": manifest}
            for _ in range(2):  # the second time because the answer was lost
                assert of_site.post(f"runs/{run.pk}/checkpoint", body).status_code == 200
            assert of_site.post(f"runs/{run.pk}/stopped", {"fence": fence}).status_code == 200
        assert sweeping.sweep(clock()) == 0, "nothing is drawn before the log is signed"
        publish_checkpoint(found.community.pk, clock())
        assert sweeping.sweep(clock()) == 2
        return found, run, places, {name: made[1] for name, made in others.items()}, token


@pytest.fixture
def site(handed, db, settings):
    for name, value in {**handed[2], **NO_CHAIN}.items():
        setattr(settings, name, value)
    return handed


def _train(folder):
    from training_jobs.trainer import checkpoint, job

    usual, checkpoint.KEPT = checkpoint.KEPT, 99
    try:
        last = folder / "checkpoints" / f"{ALTERED:08d}"
        assert job.run(folder, should_stop=last.exists) == STOPPED
    finally:
        checkpoint.KEPT = usual


def _alter(kept):
    """Write other weights into a checkpoint, with a manifest that says so: its losses stay those of the training."""
    weights = load_file(kept / "state.safetensors")
    name = next(name for name in sorted(weights) if name.startswith("weight/"))
    save_file({**weights, name: weights[name] * 1.5}, kept / "state.safetensors")
    manifest = json.loads((kept / "manifest.json").read_bytes())
    for entry in manifest["files"]:
        data = (kept / entry["path"]).read_bytes()
        entry |= {"size": len(data), "sha256": sha256(data).hexdigest()}
    (kept / "manifest.json").write_bytes(canonical_bytes(manifest))


def crafted(checked, **changes):
    """Return what a machine of the same class says that found all as it was claimed."""
    claimed = checked.claimed
    return {
        "first": checked.first_step,
        "last": checked.last_step,
        "final": False,
        "sketch": None,
        **{name: claimed.get(name) for name in ("losses", "files", "code_digest", "environment")},
        **changes,
    }


def check_of(step):
    return SpotCheck.objects.get(slice__last_step=step, finished_at__isnull=True)


def test_an_altered_checkpoint_is_found_by_two_machines_and_an_honest_one_is_not(site, monkeypatch):
    _, _, _, tokens, own = site
    Run.objects.update(canceled_at=clock())  # no run waits for the machines, which would come first
    said, keep = [], services.recomputed
    monkeypatch.setattr(
        services, "recomputed", lambda lease, found, *rest: (said.append(found), keep(lease, found, *rest))
    )
    for step in (HONEST, ALTERED):
        work.work(check_of(step).pk, "worker")
    honest, altered = SpotCheck.objects.filter(finished_at__isnull=False).order_by("slice__last_step")
    assert (honest.outcome, honest.report["same_class"]) == ("equal", True), honest.report
    assert (altered.outcome, altered.report["same_class"]) == ("differs", True), altered.report
    assert [each["path"] for each in altered.report["evidence"]["files"]] == ["state.safetensors"]
    assert altered.report["evidence"]["losses"] == [], "its losses were those of an honest training"
    assert Site.objects.get().standing(clock()) is Standing.OPEN, "one checker condemns nobody"

    second = check_of(ALTERED)
    assert (second.number, services.due(clock())) == (2, [])
    assert Machine(own).get("checks").json() == {"checks": []}, "no machine of its own"
    assert Machine(tokens["Daouda"]).get("checks").json() == {"checks": []}, "and none of its operator"
    other = Machine(tokens["Alice"])
    assert [each["check"] for each in other.get("checks").json()["checks"]] == [second.pk]
    refused = Machine(own).post(f"checks/{second.pk}/claim")
    assert (refused.status_code, refused.json()["code"]) == (409, "own_work")
    given = other.post(f"checks/{second.pk}/claim").json()
    assert given["request"] == {"first": HONEST, "last": ALTERED, "final": False, "seed": second.slice.seed}
    listed = other.get(f"checks/{second.pk}/files?fence=1").json()["files"]
    assert {each["path"] for each in listed if each["path"].startswith("checkpoints/")} == {
        f"checkpoints/{HONEST:08d}/{name}"
        for name in ("manifest.json", "state.json", "state.safetensors", "trace.jsonl")
    }
    body = {"fence": given["fence"], "report": said[1], "isolation": "bubblewrap"}
    wrong = other.post(f"checks/{second.pk}/recomputed", {**body, "report": {**said[1], "last": 7}})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "malformed_result")
    for _ in range(2):
        assert other.post(f"checks/{second.pk}/recomputed", body).status_code == 200

    lake = Site.objects.get()
    assert (lake.standing(clock()), lake.suspended_by) == (Standing.SUSPENDED, "")
    evidence = lake.suspended_evidence
    assert [each["machine"] for each in evidence["checks"]] == ["platform", second.slice.checks.get(number=2).checker]
    assert evidence["drawn"]["seed"] == second.slice.seed
    assert evidence["handed_over"]["end"] == second.slice.end_digest
    told = Event.objects.get(kind="site_suspended")
    assert told.data["evidence"] == evidence
    assert [event.data["outcome"] for event in Event.objects.filter(kind="spot_check").order_by("pk")] == [
        "equal", "differs", "differs",
    ]  # fmt: skip
    shown = Client().get("/api/v1/sites/lake/spot-checks").json()["results"]
    assert {(each["last_step"], each["outcome"]) for each in shown} == {(HONEST, "equal"), (ALTERED, "differs")}
    sweeping.sweep(clock())
    assert not any(files.of_slice(each.pk).exists() for each in Slice.objects.all()), "nothing is kept for longer"


def test_the_model_ends_the_last_slice_and_is_held_to_its_files_and_its_trace(site, tmp_path):
    found, run, _, _, own = site
    of_site = Machine(own)
    fence = of_site.claim(run)["fence"]
    said = of_site.upload(run, fence, model_in(tmp_path / "model"))
    for _ in range(2):
        body = {"fence": fence, "description": said, "isolation": "bubblewrap"}
        assert of_site.post(f"runs/{run.pk}/trained", body).status_code == 200
    final = Slice.objects.get(is_final=True)
    assert (final.first_step, final.last_step, final.seed) == (0, said["steps"], "")
    publish_checkpoint(found.community.pk, clock())
    assert sweeping.sweep(clock()) == 1
    check = SpotCheck.objects.get(slice=final)
    lease = services.claim(check.pk, "worker", None, clock())
    again = crafted(final, final=True, losses=["1.0"] * 2, trace_sha256=said["trace_sha256"])
    assert services.recomputed(lease, again, "none", clock()).outcome == "equal"
    other = comparison.compare(final.claimed, {**again, "trace_sha256": "3" * 64}, 0)
    assert (other.outcome, other.evidence["trace"]) == ("differs", True)


def test_anybody_can_draw_again_from_the_log(site):
    found = site[0]
    for drawn in Slice.objects.all():
        event = Event.objects.get(kind="slice_handed_over", data__last_step=drawn.last_step)
        assert event.position + 1 == drawn.log_size, "both ends stood in the log before the root was signed"
        root = drawing.root_after(found.community, drawn.log_size)
        assert drawn.seed == draw.seed(event.data["start"], event.data["end"], root)
    assert drawing.root_after(found.community, 10**9) == ""
    honest, altered = Slice.objects.order_by("last_step")
    assert (honest.start_digest, altered.start_digest) == ("", honest.end_digest), "the second went on from the first"


def test_a_checker_that_stands_alone_against_two_is_noted_and_condemns_nobody(site):
    _, _, _, tokens, _ = site
    first = check_of(HONEST)
    lease = services.claim(first.pk, "worker", None, clock())
    lied = crafted(first.slice, losses=["1.0"] * HONEST)
    assert services.recomputed(lease, lied, "none", clock()).outcome == "differs"
    second = check_of(HONEST)
    given = Machine(tokens["Alice"]).post(f"checks/{second.pk}/claim").json()
    body = {"fence": given["fence"], "report": crafted(second.slice), "isolation": "bubblewrap"}
    assert Machine(tokens["Alice"]).post(f"checks/{second.pk}/recomputed", body).status_code == 200
    assert Site.objects.get().suspended_at is None
    noted = Event.objects.get(kind="site_doubted").data
    assert (noted["doubt"], noted["evidence"]["checker"]) == ("stood_alone", "platform")
    assert not SpotCheck.objects.filter(slice=first.slice, finished_at__isnull=True).exists()


def test_what_is_not_possible_never_condemns(site, settings):
    settings.RUN_ATTEMPTS_MAX = 2
    for _ in range(2):
        lease = services.claim(check_of(HONEST).pk, "worker", None, clock())
        services.fail(lease, "checkpoint_not_taken", "", clock(), permanent=False)
    ended = SpotCheck.objects.get(slice__last_step=HONEST)
    assert (ended.outcome, ended.report["reason"]) == ("not_possible", "checkpoint_not_taken")
    services.settle(clock() + timedelta(days=settings.SPOT_CHECK_DAYS, seconds=1))
    assert {check.outcome for check in SpotCheck.objects.all()} == {"not_possible"}
    assert (Site.objects.get().suspended_at, Doubt.objects.count()) == (None, 0)


def test_the_home_sites_own_worker_does_not_check_it(site, settings):
    assert services.due(clock()) == [], "a run waits"
    Run.objects.update(canceled_at=clock())
    assert services.due(clock()) == sorted(check.pk for check in SpotCheck.objects.all())
    settings.HOME_SITE = "lake"
    assert services.due(clock()) == []


def test_hand_overs_with_wrong_digests_are_doubts_and_three_attempts_of_a_week_suspend(site):
    _, run, _, _, own = site
    of_site = Machine(own)
    for count in (1, 2, 3):
        fence = of_site.claim(run)["fence"]
        for _ in range(2):  # tried again, it counts once
            refused = of_site.put(run, fence, b"these bytes", sha256="0" * 64)
            assert (refused.status_code, refused.json()["code"]) == (422, "digest_mismatch")
        assert Doubt.objects.filter(kind="wrong_digest").count() == count
        assert (Site.objects.get().suspended_at is not None) == (count == 3)
        of_site.post(f"runs/{run.pk}/stopped", {"fence": fence})
    assert len(Site.objects.get().suspended_evidence["doubts"]) == 3
    assert [each["doubt"] for each in Client().get("/api/v1/sites/lake/doubts").json()["results"]] == [
        "wrong_digest"
    ] * 3


def test_absurd_throughput_is_a_doubt_that_the_platform_measures(site):
    SiteMeasurement.objects.update(tokens_per_second=1)
    drawn = Slice.objects.order_by("last_step").first()
    drawn.claimed = {**drawn.claimed, "tokens": 10**12}
    drawn.save()
    assert handing.doubting.look_at_speed(drawn, clock()) is None, "over three steps nothing is said"
    Slice.objects.filter(pk=drawn.pk).update(last_step=40)
    drawn.refresh_from_db()
    noted = handing.doubting.look_at_speed(drawn, clock())
    assert (noted.kind, noted.evidence["steps"]) == ("too_fast", 40)
    assert handing.doubting.is_doubted(drawn.attempt)
    assert handing.doubting.look_at_speed(drawn, clock()) is None, "once for an attempt"
    assert Site.objects.get().suspended_at is None
