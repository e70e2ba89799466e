"""Previews before a vote, with a stand-in for the trainer: who may ask, who works, what is shown, how they end."""

import hashlib
import shutil
from datetime import timedelta

import pytest
from django.conf import settings as project
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config import sweeper
from governance import services as governance
from governance.clock import now as clock
from governance.errors import Invalid, Refusal
from governance.evidence.canonical import canonical_bytes
from governance.fsck.logs import check_log
from governance.models import Community, Event, Proposal
from tests.faults import runs_site
from tests.integration import machines, preview_site
from tests.integration.commons import end_of
from tests.integration.preview_site import facts, left, weights_below
from training_jobs import runner, supervisor
from training_jobs import services as runs
from training_jobs.folders import attempt_folder
from training_jobs.models import Preview, Run, Runner
from training_jobs.previews import services, work
from training_jobs.previews.lifecycle import State
from training_jobs.runners import work as lent_work
from training_jobs.tasks import preview_job

DAY = timedelta(days=1)
PROPOSALS = "/c/gardens/proposals/"


@pytest.fixture(scope="module")
def ready(module_db, django_db_blocker, tmp_path_factory):
    """A community with an update to propose, for all tests of this module; and its files."""
    folder = tmp_path_factory.mktemp("previews")
    with (
        django_db_blocker.unblock(),
        preview_site.prepared(folder, runs_site.tiny(folder / "base")) as found,
    ):
        return found, folder


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


def refusal(site, proposal, who="Alice"):
    """Ask for what is refused; return the code. Nothing is left of it."""
    before = facts()
    with pytest.raises(Refusal) as refused:
        site.order(proposal, who)
    assert facts() == before
    return refused.value.code


def page(site, proposal, who="", **headers):
    """Return the text of the page of a proposal, or of a draft to its author."""
    draft = (
        f"/c/gardens/drafts/{proposal.pk}/"
        if proposal.submitted_at is None
        else f"{PROPOSALS}{proposal.number}/evidence/"
    )
    answer = site.client(who).get(draft, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


# --- the whole way ------------------------------------------------------------------------------------------------


def test_an_author_asks_a_worker_works_and_everybody_reads_the_report(site):
    proposal = site.open()
    before = facts()
    alice = site.client("Alice")
    assert "Make a preview" in page(site, proposal, "Alice")
    assert "Make a preview" not in page(site, proposal, "Bob")
    assert alice.post(f"{PROPOSALS}{proposal.number}/preview/").status_code == 302
    text = page(site, proposal)
    assert "Waiting for a machine; runs that were voted for come first." in text
    preview = Preview.objects.get()
    preview_job(preview.pk)

    preview.refresh_from_db()
    assert preview.state(clock()) is State.DONE
    assert preview.report_digest == hashlib.sha256(canonical_bytes(preview.report)).hexdigest()
    noted = {event.kind: event.data for event in Event.objects.filter(proposal=proposal, kind__startswith="preview")}
    assert set(noted) == {"preview_requested", "preview_done"}
    assert noted["preview_done"]["report"] == preview.report_digest
    assert not list(check_log(Community.objects.get()))

    text = page(site, proposal)
    for words in (
        "A preview: the first 3 of 500 steps.",
        "Its weights were deleted; this is not the model that a vote would make.",
        "2 of 20 questions were asked",
        "Where is well 1?",
        "Dig &lt;b&gt;deep&lt;/b&gt;.",
        "Answer accuracy",
        preview.report_digest,
    ):
        assert words in text, words
    assert "<b>deep</b>" not in text
    assert preview.removed_at is not None
    assert left(preview) == [f"1/{name}" for name in sorted(work.KEPT)]
    assert weights_below(project.RUNS_DIR) == []
    after = facts()
    assert {name: after[name] for name in ("runs", "versions", "records")} == {
        name: before[name] for name in ("runs", "versions", "records")
    }


def test_the_api_orders_lists_and_shows(site):
    proposal = site.open()
    alice, address = site.client("Alice"), f"/api/v1/proposals/{proposal.public_id}/previews"
    made = alice.post(address)
    assert made.status_code == 201
    body = made.json()
    assert (body["state"], body["proposal"], body["report"], body["current"]) == (
        "queued",
        proposal.public_id,
        None,
        True,
    )
    assert (body["steps_max"], body["samples_max"]) == (3, 2)
    work.work(body["id"], "worker")
    stranger = Client()
    (row,) = stranger.get(address).json()["results"]
    assert stranger.get(f"/api/v1/previews/{row['id']}").json() == row
    assert (row["state"], row["report"]["steps"], row["report"]["steps_total"]) == ("done", 3, 500)
    assert hashlib.sha256(canonical_bytes(row["report"])).hexdigest() == row["report_digest"]
    assert stranger.get(f"/previews/{row['id']}/").status_code == 200


def test_a_page_asks_again_while_a_preview_is_at_work_and_can_be_read_without_scripts(site):
    proposal = site.open()
    preview = site.order(proposal)
    assert f'hx-get="/previews/{preview.pk}/live/"' in page(site, proposal)
    lease = services.claim(preview.pk, "worker", clock())
    services.stream(lease, [{"event": "step", "step": 2}, {"event": "step", "step": "x"}, {"event": "step", "step": 9}])
    live = Client().get(f"/previews/{preview.pk}/live/").content.decode()
    assert "Step 2 of at most 3." in live
    work_done = services.fail(lease, "loss_not_finite", "the loss is nan", clock(), permanent=True)
    assert work_done.failed_at
    assert "hx-get" not in Client().get(f"/previews/{preview.pk}/live/").content.decode()


def test_the_page_of_a_proposal_takes_one_query_more_for_its_previews(site):
    proposal = site.open()
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            page(site, proposal)
        counts.append(len(captured))
        asked = [query for query in captured if "training_jobs_preview" in query["sql"]]
        assert len(asked) == 1
        site.made(proposal)
    assert counts[0] == counts[1] <= 25


# --- who, when, what ----------------------------------------------------------------------------------------------


def test_only_the_author_with_standing_may_ask(site):
    proposal = site.open()
    for who in ("Bob", "Chloé", "a stranger"):
        assert refusal(site, proposal, who) == "not_the_author"
    assert refusal(site, site.draft(author="Emma"), "Emma") == "below_threshold"


def test_a_draft_of_somebody_without_power_is_previewed_when_sponsors_back_it(site):
    draft = site.draft(author="Emma")
    governance.seek_sponsors(draft.pk, site.commons.address("Emma"), clock())
    site.commons.sponsor(draft, "Bob", now=clock())
    preview = services.order(draft.pk, site.commons.address("Emma"), clock())
    assert preview.requested_by == site.commons.address("Emma")


def states(site):
    """Yield proposals that are decided or gone, with the state that each is in."""
    address = site.commons.address("Alice")
    canceled = site.draft()
    governance.cancel(canceled.pk, address, "No.", clock())
    yield "canceled", canceled
    withdrawn = site.open()
    governance.cancel(withdrawn.pk, address, "No.", clock())
    yield "canceled", withdrawn
    then = clock() - timedelta(seconds=300)
    closing = site.commons.propose("model_update", site.spec(seed=1), now=then)
    yield "closing", closing
    governance.close_voting(closing.pk, end_of(closing))
    yield "defeated", closing
    passed = site.commons.propose("model_update", site.spec(seed=2), now=then)
    for name in ("Alice", "Bob"):
        site.commons.vote(passed, name, 1)
    governance.close_voting(passed.pk, end_of(passed))
    yield "succeeded", passed
    governance.queue(passed.pk, clock())
    yield "queued", passed
    governance.execute(passed.pk, clock() + timedelta(seconds=30))
    yield "executed", passed


def test_previews_are_for_the_time_before_a_decision(site):
    for state, proposal in states(site):
        fresh = Proposal.objects.get(pk=proposal.pk)
        assert str(fresh.state(clock())) == state
        assert refusal(site, fresh) == "wrong_state", state
    for timely in (site.draft(), site.commons.propose("model_update", site.spec(seed=3), now=clock())):
        assert site.order(timely).proposal == timely


def test_only_a_training_is_previewed_and_only_where_machines_make_previews(site, settings):
    assert refusal(site, site.commons.draft(now=clock())) == "nothing_to_preview"
    assert "Make a preview" not in page(site, site.commons.propose(now=clock()), "Alice")
    settings.PREVIEWS = False
    proposal = site.draft()
    assert refusal(site, proposal) == "previews_off"
    assert "Make a preview" not in page(site, proposal, "Alice")
    assert services.due(clock()) == []


def test_what_could_not_be_carried_out_any_more_is_not_previewed(site):
    proposal = site.draft()
    payload = site.spec(learning_rate="lots")
    Proposal.objects.filter(pk=proposal.pk).update(payload=payload)
    assert refusal(site, proposal) == "malformed_field"
    Proposal.objects.filter(pk=proposal.pk).update(payload=site.spec(evaluation={"suite": "0" * 64}))
    assert refusal(site, proposal) == "unknown_suite"


def test_one_at_a_time_and_so_many_a_day(site, settings):
    settings.PREVIEWS_PER_DAY = 2
    proposal = site.open()
    first = site.order(proposal)
    assert refusal(site, proposal) == "preview_at_work"
    with pytest.raises(IntegrityError), transaction.atomic():
        Preview.objects.create(
            proposal=proposal, requested_by="", spec={}, spec_digest="", created_at=clock(), steps_max=1,
            samples_max=1, seconds_max=1,
        )  # fmt: skip
    work.work(first.pk, "worker")
    assert "You can ask for 1 more today." in page(site, proposal, "Alice")
    site.made(proposal)
    assert refusal(site, proposal) == "too_many_previews"
    assert refusal(site, site.draft()) == "too_many_previews"
    assert "Make a preview" not in page(site, proposal, "Alice")
    Preview.objects.update(created_at=clock() - DAY)
    site.order(proposal)


def test_what_cannot_be_asked_over_the_api_is_refused_and_leaves_nothing(site):
    proposal, draft = site.open(), site.draft(seed=11)
    signal = site.commons.propose(now=clock())
    alice, bob, nobody = site.client("Alice"), site.client("Bob"), Client()
    here, of_draft = f"/api/v1/proposals/{proposal.public_id}/previews", f"/api/v1/drafts/{draft.pk}/previews"
    unknown = "0x" + "0" * 64
    before = facts()
    for client, method, address, status, code in (
        (nobody, "post", here, 401, "not_signed_in"),
        (nobody, "post", of_draft, 401, "not_signed_in"),
        (nobody, "get", of_draft, 404, "unknown_draft"),
        (bob, "post", here, 403, "not_the_author"),
        (bob, "post", of_draft, 404, "unknown_draft"),
        (bob, "get", of_draft, 404, "unknown_draft"),
        (alice, "post", f"/api/v1/proposals/{unknown}/previews", 404, "unknown_proposal"),
        (alice, "get", f"/api/v1/proposals/{unknown}/previews", 404, "unknown_proposal"),
        (alice, "post", "/api/v1/proposals/0x12/previews", 400, "malformed_field"),
        (alice, "get", "/api/v1/proposals/previews/previews", 400, "malformed_field"),
        (alice, "post", f"/api/v1/proposals/{proposal.number}/previews", 400, "malformed_field"),
        (alice, "post", f"/api/v1/proposals/{proposal.public_id.upper()}/previews", 400, "malformed_field"),
        (alice, "post", f"/api/v1/proposals/{signal.public_id}/previews", 422, "nothing_to_preview"),
        (alice, "post", "/api/v1/drafts/0/previews", 404, "unknown_draft"),
        (alice, "post", f"/api/v1/drafts/{10**25}/previews", 404, "unknown_draft"),
        (alice, "post", f"/api/v1/drafts/{proposal.pk}/previews", 404, "unknown_draft"),
        (alice, "get", "/api/v1/previews/0", 404, "unknown_preview"),
        (alice, "get", f"/api/v1/previews/{10**25}", 404, "unknown_preview"),
        (alice, "put", here, 405, "method_not_allowed"),
        (alice, "delete", here, 405, "method_not_allowed"),
        (alice, "post", "/api/v1/previews/1", 405, "method_not_allowed"),
    ):
        answer = getattr(client, method)(address)
        assert (answer.status_code, answer.json()["code"]) == (status, code), (method, address)
        assert facts() == before, address
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = alice.cookies
    assert careful.post(here).json()["code"] == "csrf_failed"
    for address, status in (
        (f"{PROPOSALS}{proposal.number}/preview/", 405),
        ("/previews/999/", 404),
        ("/previews/999/live/", 404),
    ):
        assert alice.get(address).status_code == status
    assert bob.post(f"{PROPOSALS}{draft.number}/preview/").status_code == 404
    assert bob.post(f"{PROPOSALS}{proposal.number}/preview/").status_code == 403
    assert nobody.post(f"{PROPOSALS}{proposal.number}/preview/").status_code == 302
    assert facts() == before


# --- drafts -------------------------------------------------------------------------------------------------------


def test_a_draft_is_previewed_for_its_author_until_it_seeks_sponsors_or_is_submitted(site):
    draft = site.draft()
    preview = site.made(draft)
    assert "A preview: the first 3 of 500 steps." in page(site, draft, "Alice")
    for who, status in (("Alice", 200), ("Bob", 404), ("", 404)):
        assert site.client(who).get(f"/previews/{preview.pk}/").status_code == status
        assert site.client(who).get(f"/api/v1/previews/{preview.pk}").status_code == status
    governance.seek_sponsors(draft.pk, site.commons.address("Alice"), clock())
    assert "A preview: the first 3" in site.client().get(f"/c/gardens/sponsor/{draft.pk}/").content.decode()
    assert site.client("Bob").get(f"/previews/{preview.pk}/").status_code == 200
    submitted = governance.submit(draft.pk, site.commons.address("Alice"), clock())
    assert "A preview: the first 3 of 500 steps." in page(site, submitted)
    noted = Event.objects.filter(kind__contains="preview").order_by("pk").values_list("kind", flat=True)
    assert list(noted) == ["draft_preview_requested", "draft_preview_done"]
    assert not list(check_log(Community.objects.get()))


def test_a_draft_that_was_changed_says_that_its_preview_is_of_an_earlier_one(site):
    draft = site.draft()
    first = site.made(draft)
    new = governance.Draft("model_update", "Another title", "Other words.", site.spec(), {})
    governance.edit_draft(draft.pk, site.commons.address("Alice"), new, clock())
    assert "of an earlier draft" not in page(site, draft, "Alice")
    new = governance.Draft("model_update", "Another title", "Other words.", site.spec(seed=8), {})
    governance.edit_draft(draft.pk, site.commons.address("Alice"), new, clock())
    text = page(site, draft, "Alice")
    assert "of an earlier draft" in text
    assert "the training has been changed since" in text
    alice = site.client("Alice")
    assert alice.get(f"/api/v1/previews/{first.pk}").json()["current"] is False
    second = site.made(draft)
    assert (second.spec["seed"], first.spec["seed"]) == (8, 7)
    assert "the training has been changed since" not in page(site, draft, "Alice")
    assert "the training has been changed since" in alice.get(f"/previews/{first.pk}/").content.decode()


# --- nothing of one is ever published -----------------------------------------------------------------------------


def test_what_was_made_as_a_preview_is_never_the_result_of_a_run(site, settings):
    runs_site.passed(site.commons, "model_update", site.update, clock() - timedelta(minutes=10))
    run = Run.objects.get()
    lease = runs.claim(run.pk, "worker", clock())
    before = facts()
    for call in (
        lambda: runs.trained(lease, {"files": [], "steps": 3, "preview": True}, "none", clock()),
        lambda: runs.trained(lease, {"files": [], "steps": 3, "preview": False}, "none", clock()),
        lambda: runs.judge(lease, {"suite": "0" * 64, "preview": True}, clock()),
    ):
        with pytest.raises(Invalid) as refused:
            call()
        assert refused.value.code == "preview_not_a_result"
        assert facts() == before
    run.refresh_from_db()
    assert (run.run_record, run.evaluation_record, run.verdict) == (None, None, "")


def test_a_member_s_machine_cannot_hand_a_preview_over_as_a_model(site, tmp_path):
    runs_site.passed(site.commons, "model_update", site.update, clock() - timedelta(minutes=10))
    run, community = Run.objects.get(), Community.objects.get()
    lent = Runner.objects.create(
        community=community, owner=site.commons.address("Bob"), name="laptop", created_at=clock()
    )
    fence = lent_work.claim(lent, run.pk, clock())["fence"]
    model = machines.model_in(tmp_path / "model")
    said = machines.description(model)
    uploads = attempt_folder(run.pk, fence) / "uploads"
    uploads.mkdir(parents=True)
    for entry in said["files"]:
        shutil.copyfile(model / entry["path"], uploads / entry["sha256"])
    with pytest.raises(Invalid) as refused:
        lent_work.trained(lent, run.pk, fence, {**said, "preview": True}, "none", clock())
    assert refused.value.code == "preview_not_a_result"
    assert not (uploads.parent / "artifact").exists()
    assert lent_work.trained(lent, run.pk, fence, said, "none", clock()).run_record


def test_the_sweeper_sends_previews_after_runs_and_requests_send_nothing(site, monkeypatch):
    sent = []
    for task in (sweeper.preview_job, sweeper.run_job):
        monkeypatch.setattr(task, "apply_async", lambda numbers, name=task.name, **_: sent.append((name, *numbers)))
    preview = site.order(site.open())
    assert sent == []
    sweeper.sweep()
    assert sent == [("training_jobs.preview_job", preview.pk)]
    runs_site.passed(site.commons, "model_update", site.spec(seed=5), clock() - timedelta(minutes=10))
    sent.clear()
    sweeper.nudge()
    assert sent == [("training_jobs.run_job", Run.objects.get().pk)]
    work.work(preview.pk, "worker")
    preview.refresh_from_db()
    assert preview.state(clock()) is State.QUEUED
