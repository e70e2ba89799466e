"""A run under its lease: one worker at a time, every write fenced, failures told apart, publication once."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from config import sweeper
from config.demo import corpus, specs
from governance import services as governance
from governance.clock import now as clock
from governance.errors import Conflict, Refusal
from governance.evidence.signing import generate_key
from governance.keys import release_key_path
from governance.models import Event, Record
from models_registry import services as registry
from models_registry.datasets import registering
from models_registry.models import Dataset, EthicsRule, Publication, Version
from tests.integration.conftest import NOON, TIMELOCK, data_folder, pass_, register
from tests.simulators import tiny_model
from tests.simulators.attacks import PROVENANCE
from training_jobs import services, worker
from training_jobs.folders import attempt_folder
from training_jobs.lifecycle import State
from training_jobs.models import Attempt, Run
from training_jobs.services import StaleLease

MINUTE = timedelta(minutes=1)


def test_an_executed_update_is_a_queued_run_bound_to_its_votes(run, dataset, rule):
    assert run.state(clock()) == State.QUEUED
    parents = {parent.kind: parent for parent in Record.objects.filter(pk__in=run.spec_record.value.parents)}
    assert parents["dataset"] == dataset.inclusion_record
    assert parents["rule"] == rule.record
    assert parents["execution"] == run.proposal.execution_record
    assert run.spec_record.body == run.proposal.payload["spec"]


def test_a_worker_trains_measures_judges_and_publishes(run, stand_in):
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert (run.verdict, run.state(clock())) == ("accepted", State.ACCEPTED)
    assert run.version.number == 1
    assert run.version.publications.get().target == "hub"
    assert [event.kind for event in run.events.all()] == ["claimed", "started", "step", "finished", "trained", "judged"]
    folder = registry.version_folder(run.version)
    assert {path.name for path in (folder / "provenance").iterdir()} == set(PROVENANCE)


def test_the_release_verifies_and_a_second_message_changes_nothing(run, stand_in):
    from models_registry.provenance.verify import TrustRoots, check

    worker.work(run.pk, "worker")
    worker.work(run.pk, "another")
    run.refresh_from_db()
    report = check(registry.version_folder(run.version), TrustRoots(release_key=run.community.release_key))
    assert report.ok, report.to_dict()
    assert (run.attempts.count(), Version.objects.filter(number=1).count()) == (1, 1)


def test_publication_is_finished_after_a_crash_and_gives_the_same_bytes(run, stand_in, monkeypatch):
    """Killed between publishing and writing it down: the sweeper finds the run, and the release is the same."""
    releases = registry.settings.ARTIFACTS_DIR / "releases" / str(run.model)
    earlier = set(releases.glob("*"))  # of other tests in this process
    monkeypatch.setattr(Version.objects, "create", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        worker.work(run.pk, "worker")
    monkeypatch.undo()
    run.refresh_from_db()
    assert (run.verdict, run.version) == ("accepted", None)
    (published,) = set(releases.glob("*")) - earlier
    before = (published / "provenance" / "statement.json").read_bytes()
    assert services.due(clock()) == [run.pk]
    worker.work(run.pk, "another")
    run.refresh_from_db()
    assert run.version.revision == published.name
    assert (published / "provenance" / "statement.json").read_bytes() == before
    assert Publication.objects.count() == 1


def test_a_rejected_run_publishes_nothing_and_says_why(run, stand_in):
    EthicsRule.objects.all()
    Record.objects.get(pk__in=run.spec_record.value.parents, kind="rule")
    lease = services.claim(run.pk, "worker", clock())
    folder = attempt_folder(run.pk, lease.fence)
    artifact = tiny_model.write(folder / "artifact")
    services.trained(lease, artifact_of(artifact), "none", clock())
    judged = services.judge(lease, report(run, gap=(1, 2)), clock())
    assert judged.verdict == "rejected"
    assert judged.evaluation_record.body["verdict"]["reasons"][0]["rule"] == "equal-service"
    worker.release(run.pk)
    assert Version.objects.filter(number=1).count() == 0
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(version=run.base)


def artifact_of(folder):
    from models_registry.provenance import manifest

    return {
        "files": manifest.build(folder)["files"],
        "steps": 1,
        "tokens": 1,
        "code_digest": "1" * 64,
        "environment": {},
        "trace_sha256": "2" * 64,
    }


def report(run, gap):
    value = {"numerator": gap[0], "denominator": gap[1], "samples": 20}
    suite = run.spec_record.body["evaluation"]["suite"]
    return {
        "suite": suite,
        "candidate": {"language_gap": value},
        "parent": {},
        "difference": {},
        "further": {},
        "samples": 20,
        "samples_sha256": "3" * 64,
    }


def test_only_one_of_two_workers_gets_the_lease(run):
    now = clock()
    assert services.claim(run.pk, "first", now).fence == 1
    assert services.claim(run.pk, "second", now) is None


def test_a_zombie_that_wakes_up_after_its_lease_writes_nothing(run, settings):
    now = clock()
    zombie = services.claim(run.pk, "zombie", now)
    later = now + timedelta(seconds=settings.LEASE_SECONDS)
    heir = services.claim(run.pk, "heir", later)
    assert heir.fence == zombie.fence + 1
    assert services.heartbeat(zombie, later) == "stale"
    writes = (
        lambda: services.stream(zombie, [{"event": "step"}], later),
        lambda: services.trained(zombie, {}, "none", later),
        lambda: services.judge(zombie, {}, later),
        lambda: services.fail(zombie, "crash", "", later, permanent=False),
        lambda: services.stopped(zombie, later),
    )
    for write in writes:
        with pytest.raises(StaleLease):
            write()
    assert services.heartbeat(heir, later) == "continue"
    assert list(Attempt.objects.values_list("number", "outcome")) == [(1, "lost"), (2, "")]


def test_two_live_attempts_are_impossible_even_by_hand(run):
    services.claim(run.pk, "first", clock())
    with pytest.raises(IntegrityError), transaction.atomic():
        Attempt.objects.create(run=run, number=2, owner="second", started_at=clock())


def test_a_crashed_trainer_is_tried_again_and_then_given_up(run, stand_in, settings):
    stand_in(run, "crash")
    moment = clock()
    for attempt in range(1, settings.RUN_ATTEMPTS_MAX + 1):
        worker.work(run.pk, f"worker {attempt}")
        run.refresh_from_db()
        if attempt < settings.RUN_ATTEMPTS_MAX:
            assert run.state(moment) == State.WAITING
            Run.objects.filter(pk=run.pk).update(retry_at=None)
    assert run.state(clock()) == State.FAILED
    assert services.claim(run.pk, "one more", clock()) is None


def test_inputs_that_changed_since_the_vote_end_the_run_at_once(run, stand_in):
    stand_in(run, "permanent")
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert (run.state(clock()), run.failure, run.attempts.count()) == (State.FAILED, "payload_changed", 1)


def test_a_trainer_that_lies_about_its_files_is_not_believed(run, stand_in):
    stand_in(run, "lie")
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert (run.failure, run.verdict) == ("manifest_mismatch", "")


def test_the_author_can_stop_a_run_and_nobody_else(run, voters):
    lease = services.claim(run.pk, "worker", clock())
    with pytest.raises(Refusal):
        services.cancel(run.pk, voters["Bob"].address, clock())
    services.cancel(run.pk, voters["Alice"].address, clock())
    assert services.heartbeat(lease, clock()) == "cancel"
    assert Run.objects.get().state(clock()) == State.STOPPING
    services.stopped(lease, clock())
    assert Run.objects.get().state(clock()) == State.CANCELED


def test_a_hanging_trainer_is_killed_when_the_run_is_canceled(run, stand_in, monkeypatch, voters, settings):
    stand_in(run, "hang")
    settings.HEARTBEAT_SECONDS = 1
    beat = services.heartbeat

    def cancel_and_beat(lease, now):
        if run.events.filter(kind="started").exists() and not Run.objects.get().canceled_at:
            services.cancel(run.pk, voters["Alice"].address, now)
        return beat(lease, now)

    monkeypatch.setattr(services, "heartbeat", cancel_and_beat)
    worker.work(run.pk, "worker")
    assert Run.objects.get().state(clock()) == State.CANCELED


def test_the_sweeper_finds_what_a_lost_message_forgot(run, monkeypatch):
    sent = []
    monkeypatch.setattr(sweeper.run_job, "apply_async", lambda arguments, **_: sent.append(arguments))
    assert sweeper.sweep() == 1
    assert sent == [(run.pk,)]
    services.claim(run.pk, "worker", clock())
    assert sweeper.sweep() == 0


def test_a_dead_broker_does_not_hold_up_the_sweeper(run, monkeypatch):
    def refuse(*_, **__):
        raise ConnectionRefusedError

    monkeypatch.setattr(sweeper.run_job, "apply_async", refuse)
    assert sweeper.sweep() == 1


# --- what breaks on the way ---------------------------------------------------------------------------------------


def test_a_run_that_kills_its_workers_is_given_up(run, settings):
    """Nobody says that an attempt failed, because the worker is gone each time: attempts end all the same."""
    now = clock()
    for number in range(1, settings.RUN_ATTEMPTS_MAX + 1):
        assert services.claim(run.pk, "doomed", now).fence == number
        now += timedelta(seconds=settings.LEASE_SECONDS)
    assert services.claim(run.pk, "one more", now) is None
    run.refresh_from_db()
    assert (run.state(now), run.failure) == (State.FAILED, "attempts_used_up")
    assert set(Attempt.objects.values_list("outcome", flat=True)) == {"lost"}
    assert Event.objects.filter(kind="run_failed").count() == 1
    assert services.due(now) == []


def test_a_trainer_killed_in_the_middle_of_a_line_is_tried_again(run, stand_in):
    stand_in(run, "cut line")
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert (run.state(clock()), run.failed_at) == (State.WAITING, None)


def test_what_a_trainer_screams_is_kept_without_what_no_database_keeps(run, stand_in):
    stand_in(run, "noise")
    worker.work(run.pk, "worker")
    attempt = Attempt.objects.get()
    assert "\x00" not in attempt.detail
    assert "screaming" in attempt.detail
    assert (attempt.outcome, run.events.filter(kind="unreadable").count()) == ("x" * 20, 3)
    run.refresh_from_db()
    assert run.failure == "x" * 60


@pytest.mark.parametrize("mode", ["no result", "result is a list", "result lacks a digest", "result has a float"])
def test_a_result_that_cannot_be_read_ends_the_run_with_a_reason(run, stand_in, mode):
    stand_in(run, mode)
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert run.lease_owner == ""
    expected = {"no result": ("", State.WAITING)}
    assert (run.failure, run.state(clock())) == expected.get(mode, ("malformed_result", State.FAILED))


@pytest.mark.parametrize("mode", ["report lacks samples", "report of another suite", "report is text"])
def test_a_report_that_cannot_be_judged_ends_the_run_with_a_reason(run, stand_in, mode):
    stand_in(run, mode)
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    expected = "suite_changed" if "suite" in mode else "malformed_result"
    assert (run.failure, run.verdict, run.lease_owner) == (expected, "", "")


def test_a_run_that_is_canceled_while_it_is_measured_gets_no_verdict(run, voters):
    lease = services.claim(run.pk, "worker", clock())
    artifact = tiny_model.write(attempt_folder(run.pk, lease.fence) / "artifact")
    services.trained(lease, artifact_of(artifact), "none", clock())
    services.cancel(run.pk, voters["Alice"].address, clock())
    judged = services.judge(lease, report(run, gap=(0, 1)), clock())
    assert (judged.verdict, judged.state(clock())) == ("", State.CANCELED)


def test_a_folder_of_runs_that_cannot_be_written_fails_the_attempt_and_not_the_worker(
    run, stand_in, settings, tmp_path
):
    (tmp_path / "file").write_text("")
    settings.RUNS_DIR = tmp_path / "file" / "runs"
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    assert (run.state(clock()), Attempt.objects.get().outcome) == (State.WAITING, "storage_failed")


@pytest.fixture
def accepted(run, stand_in, monkeypatch):
    """A run that is accepted and not yet published."""
    monkeypatch.setattr(worker, "release", lambda _run: None)
    worker.work(run.pk, "worker")
    monkeypatch.undo()
    run.refresh_from_db()
    assert (run.verdict, run.version) == ("accepted", None)
    return run


def refusals(run):
    return list(Event.objects.filter(proposal=run.proposal, kind="release_refused").values_list("data", flat=True))


def test_a_release_waits_for_its_key_and_says_so_once(accepted):
    key = release_key_path(accepted.community.slug)
    away = key.rename(key.with_suffix(".away"))
    for _ in range(3):
        worker.release(accepted.pk)
    assert refusals(accepted) == [{"run": accepted.pk, "code": "release_key_unavailable"}]
    assert [event.data for event in accepted.events.filter(kind="release_refused")] == [
        {"code": "release_key_unavailable"}
    ]
    assert services.due(clock()) == [accepted.pk]
    away.rename(key)
    worker.work(accepted.pk)
    accepted.refresh_from_db()
    assert accepted.version.number == 1


def test_attack_a_swapped_release_key_publishes_nothing(accepted):
    key = release_key_path(accepted.community.slug)
    key.unlink()
    generate_key(key)
    worker.release(accepted.pk)
    assert [refusal["code"] for refusal in refusals(accepted)] == ["release_does_not_verify"]
    assert not (registry.settings.ARTIFACTS_DIR / "releases").exists()
    assert Version.objects.filter(number=1).count() == 0


@pytest.mark.parametrize("attack", ["changed", "removed", "linked", "added"])
def test_attack_an_artifact_that_changed_after_the_training_is_not_released(accepted, attack, tmp_path):
    folder = attempt_folder(accepted.pk, 1) / "artifact"
    config = folder / "config.json"
    if attack == "changed":
        config.write_text(config.read_text() + " ")
    elif attack == "added":
        (folder / "chat_template.jinja").write_text("{{ 'a' * 10**9 }}")
    else:
        config.rename(tmp_path / "config.json")
        if attack == "linked":
            config.symlink_to(tmp_path / "config.json")
    worker.release(accepted.pk)
    accepted.refresh_from_db()
    if attack in {"changed", "removed"}:
        expected = "manifest_mismatch" if attack == "changed" else "storage_failed"
        assert ([refusal["code"] for refusal in refusals(accepted)], accepted.version) == ([expected], None)
    else:  # only what the run's record lists is copied, byte for byte
        assert {path.name for path in registry.version_folder(accepted.version).iterdir()} >= {"config.json"}
        assert not (registry.version_folder(accepted.version) / "chat_template.jinja").exists()
        assert not (registry.version_folder(accepted.version) / "config.json").is_symlink()


def test_a_target_that_nobody_knows_publishes_nothing_and_says_so(accepted, settings):
    settings.PUBLICATION_TARGETS = ["hub", "floppy"]
    worker.release(accepted.pk)
    assert [refusal["code"] for refusal in refusals(accepted)] == ["unknown_target"]


def test_a_stranger_registers_no_dataset_and_leaves_no_file(community, voters):
    stranger = voters["Emma"]
    with pytest.raises(Refusal) as refusal:
        register(community, corpus.evaluation_rows()[::12], "evaluation", "in-the-way", stranger)
    assert refusal.value.code == "below_threshold"
    assert Dataset.objects.count() == 0
    assert not (data_folder() / "artifacts" / "datasets").exists()


def test_a_dataset_that_is_included_already_is_not_put_to_the_vote_again(dataset, propose):
    with pytest.raises(Conflict) as refusal:
        propose("dataset_inclusion", {"digest": dataset.digest}, author="Bob")
    assert refusal.value.code == "already_included"


def test_a_dataset_whose_rows_are_gone_is_not_included_and_can_be_later(community, suite, propose, voters):
    found = register(community, corpus.training_rows()[::50], "training", "pairs", voters["Alice"])
    path = registering.dataset_path(found.digest)
    away = path.rename(path.with_suffix(".away"))
    proposal = propose("dataset_inclusion", {"digest": found.digest})
    with pytest.raises(Refusal) as refusal:
        pass_(proposal, voters)
    assert (refusal.value.status, refusal.value.code) == (503, "dataset_unreadable")
    away.rename(path)
    assert governance.execute(proposal.pk, proposal.closes_at + TIMELOCK)[1]


def test_an_update_on_a_dataset_nobody_voted_in_is_refused(base, suite, rule, community, propose, voters):
    unvoted = register(community, corpus.training_rows()[::50], "training", "pairs", voters["Alice"])
    pinned = {"model": str(base.model), "revision": base.revision, "manifest_sha256": base.manifest_sha256}
    with pytest.raises(Refusal) as refusal:
        propose("model_update", {"spec": specs.good_update(pinned, unvoted.digest, suite.digest)})
    assert refusal.value.code == "dataset_not_included"


def test_an_update_without_any_ethics_rule_is_refused(base, dataset, suite, propose):
    pinned = {"model": str(base.model), "revision": base.revision, "manifest_sha256": base.manifest_sha256}
    with pytest.raises(Conflict) as refusal:
        propose("model_update", {"spec": specs.good_update(pinned, dataset.digest, suite.digest)})
    assert refusal.value.code == "no_rules"


SPECS = {
    "A30": ({"trust_remote_code": True}, 422, "spec_forbidden_key"),
    "A31": ({"base": {"revision": "main"}}, 422, "revision_not_pinned"),
    "A32 text": ({"learning_rate": "NaN"}, 400, "malformed_field"),
    "A32 negative": ({"learning_rate": "-1"}, 422, "value_out_of_range"),
    "A32 epochs": ({"epochs": 10**9}, 422, "budget_exceeded"),
    "A33": ({"output": "../../etc"}, 422, "path_forbidden"),
    "A33 key": ({"output_dir": "../../etc"}, 422, "path_forbidden"),
    "A34": ({"datasets": [{"url": "http://169.254.169.254/"}]}, 422, "url_forbidden"),
    "A34 file": ({"datasets": [{"url": "file:///etc/passwd"}]}, 422, "url_forbidden"),
    "A35 optimizer": ({"optimizer": "magic"}, 422, "value_out_of_range"),
    "A35 key": ({"magic": 1}, 422, "spec_unknown_key"),
}


@pytest.mark.parametrize(("change", "status", "code"), SPECS.values(), ids=SPECS.keys())
def test_a_bad_specification_is_refused(update, community, voters, change, status, code):
    spec = update["spec"]
    for name, value in change.items():
        spec[name] = {**spec[name], **value} if isinstance(value, dict) else value
    draft = governance.Draft("model_update", "Bad", "", {"spec": spec}, {})
    with pytest.raises(Refusal) as refusal:
        governance.create_draft(community, voters["Alice"].address, draft, NOON)
    assert (refusal.value.status, refusal.value.code) == (status, code)


def test_a_dataset_whose_stored_rows_changed_is_not_included(community, suite, propose, voters):
    found = register(community, corpus.training_rows()[::50], "training", "pairs", voters["Alice"])
    path = registering.dataset_path(found.digest)
    proposal = propose("dataset_inclusion", {"digest": found.digest})
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(Conflict) as refusal:
        pass_(proposal, voters)
    assert refusal.value.code == "blocked_payload_changed"


@pytest.fixture(autouse=True)
def _clean_folders():
    """Leave no files of one test to the next."""
    yield
    for name in ("artifacts", "runs"):
        shutil.rmtree(Path(data_folder()) / name, ignore_errors=True)
