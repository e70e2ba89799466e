"""How previews end that do not end well: failures in words, leases that ran out, time and reasons that are over."""

from datetime import timedelta

import pytest

from config import sweeper
from governance import services as governance
from governance.clock import now as clock
from governance.models import Event
from tests.integration.preview_site import left, weights_below
from tests.integration.test_previews import page, project, ready, site
from training_jobs.leases import StaleLease
from training_jobs.models import Preview
from training_jobs.previews import services, work
from training_jobs.previews.lifecycle import State

__all__ = ["ready", "site"]


def test_a_loss_that_is_no_number_ends_the_preview_with_its_sentence(site):
    site.simulate("nan")
    proposal = site.open()
    preview = site.made(proposal)
    assert (preview.state(clock()), preview.failure, preview.fence) == (State.FAILED, "loss_not_finite", 1)
    text = page(site, proposal)
    assert "The loss was no number any more: the steps were too large." in text
    assert "Propose a lower learning rate, or a gradient clip of 1." in text
    assert "Make a preview" in page(site, proposal, "Alice")
    body = site.client().get(f"/api/v1/previews/{preview.pk}").json()
    assert (body["state"], body["explanation"]["says"][:8]) == ("failed", "The loss")
    assert Event.objects.get(kind="preview_failed").data["code"] == "loss_not_finite"
    assert preview.removed_at
    assert weights_below(project.RUNS_DIR) == []


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("unmarked", "malformed_result"),
        ("too many steps", "malformed_result"),
        ("other questions", "malformed_result"),
        ("broken trace", "malformed_result"),
        ("broken samples", "malformed_result"),
        ("samples lack answers", "malformed_result"),
        ("loss is a number", "malformed_result"),
        ("result lacks a digest", "malformed_result"),
        ("report lacks samples", "malformed_result"),
        ("report is text", "malformed_result"),
        ("permanent", "payload_changed"),
    ],
)
def test_what_cannot_be_a_preview_is_not_shown_as_one(site, mode, code):
    site.simulate(mode)
    preview = site.made(site.open())
    assert (preview.failure, preview.report, preview.finished_at) == (code, None, None)
    assert weights_below(project.RUNS_DIR) == []


def test_links_and_files_under_other_names_are_removed_too(site):
    site.simulate("link")
    preview = site.made(site.open())
    assert preview.finished_at
    assert set(left(preview)) <= {f"1/{name}" for name in work.KEPT}


def test_what_may_go_better_is_tried_again_and_then_given_up(site, settings):
    settings.RUN_ATTEMPTS_MAX = 2
    site.simulate("crash")
    preview = site.order(site.open())
    for attempt in (1, 2):
        work.work(preview.pk, "worker")
        preview.refresh_from_db()
        assert preview.fence == attempt
        assert preview.state(clock()) is (State.QUEUED if attempt == 1 else State.FAILED)
    assert left(preview) == [name for name in left(preview) if name.split("/")[1] in work.KEPT]


def test_a_preview_that_takes_too_long_is_ended_and_leaves_no_checkpoint(site, settings):
    settings.PREVIEW_SECONDS, settings.HEARTBEAT_SECONDS = 1, 1
    site.simulate("stubborn")
    proposal = site.open()
    preview = site.made(proposal)
    assert (preview.state(clock()), preview.failure) == (State.FAILED, "preview_too_long")
    assert "it took longer than previews may take on this site" in page(site, proposal)
    assert weights_below(project.RUNS_DIR) == []


def test_a_worker_that_leaves_gives_the_preview_back(site):
    preview = site.order(site.open())
    work.work(preview.pk, "worker", leaving=lambda: True)
    assert Preview.objects.get().fence == 0
    asked = iter([False])
    work.work(preview.pk, "worker", leaving=lambda: next(asked, True))
    preview.refresh_from_db()
    assert (preview.fence, preview.state(clock())) == (1, State.QUEUED)
    work.work(preview.pk, "another")
    preview.refresh_from_db()
    assert (preview.fence, preview.state(clock())) == (2, State.DONE)
    assert weights_below(project.RUNS_DIR) == []


def test_only_one_of_two_workers_gets_it_and_a_zombie_writes_nothing(site, settings):
    preview, now = site.order(site.open()), clock()
    zombie = services.claim(preview.pk, "zombie", now)
    assert services.claim(preview.pk, "second", now) is None
    assert services.heartbeat(zombie, now) == "continue"
    later = now + timedelta(seconds=settings.LEASE_SECONDS)
    assert Preview.objects.get().state(later) is State.STALLED
    heir = services.claim(preview.pk, "heir", later)
    assert heir.fence == zombie.fence + 1
    assert services.heartbeat(zombie, later) == "stale"
    for write in (
        lambda: services.stream(zombie, [{"event": "step", "step": 1}]),
        lambda: services.done(zombie, {"steps": 1}, later),
        lambda: services.fail(zombie, "crash", "", later, permanent=True),
        lambda: services.stopped(zombie, later),
    ):
        with pytest.raises(StaleLease):
            write()
    assert services.heartbeat(heir, later) == "continue"
    report = {"steps": 1, "preview": True}
    done = services.done(heir, report, later)
    assert services.done(heir, report, later + timedelta(seconds=5)).finished_at == done.finished_at
    with pytest.raises(StaleLease):
        services.done(heir, {"steps": 2}, later)
    assert Event.objects.filter(kind="preview_done").count() == 1


def test_a_preview_that_kills_its_workers_is_given_up(site, settings):
    preview, now = site.order(site.open()), clock()
    for number in range(1, settings.RUN_ATTEMPTS_MAX + 1):
        assert services.claim(preview.pk, "doomed", now).fence == number
        now += timedelta(seconds=settings.LEASE_SECONDS)
    assert services.claim(preview.pk, "one more", now) is None
    preview.refresh_from_db()
    assert (preview.state(now), preview.failure) == (State.FAILED, "attempts_used_up")


def test_a_preview_of_what_was_decided_meanwhile_is_ended(site):
    proposal = site.open()
    preview = site.order(proposal)
    lease = services.claim(preview.pk, "worker", clock())
    (work.folder_of(preview.pk) / "1" / "artifact").mkdir(parents=True)
    (work.folder_of(preview.pk) / "1" / "artifact" / "model.safetensors").write_bytes(b"weights")
    governance.cancel(proposal.pk, site.commons.address("Alice"), "No.", clock())
    assert services.heartbeat(lease, clock()) == "cancel"
    services.stopped(lease, clock())
    preview.refresh_from_db()
    assert (preview.failure, preview.removed_at) == ("preview_too_late", None)
    sweeper.settle()
    preview.refresh_from_db()
    assert preview.removed_at
    assert weights_below(project.RUNS_DIR) == []


def test_one_in_line_for_what_was_withdrawn_is_ended_by_the_sweeper(site):
    proposal = site.open()
    preview = site.order(proposal)
    governance.cancel(proposal.pk, site.commons.address("Alice"), "No.", clock())
    sweeper.settle()
    preview.refresh_from_db()
    assert (preview.failure, preview.fence) == ("preview_too_late", 0)
    assert "before the preview was done" in page(site, proposal)
