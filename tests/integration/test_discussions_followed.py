"""What becomes of model updates is told in their discussions on another hub, which never hold up a release."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from config import sweeper
from governance import services
from governance.lifecycle import State as ProposalState
from models_registry import delivering, errands, notices, noticing
from models_registry.models import Delivery, Notice
from models_registry.publishing.delivery import State
from models_registry.publishing.discussion import Stage
from tests.integration.conftest import AGAINST, NOON, TIMELOCK, pass_, vote
from tests.integration.test_publishing_discussions import hub, stages  # noqa: F401 - a fixture
from tests.simulators.hugging_face_hub import TOKEN
from training_jobs import discussions, worker
from training_jobs.models import Run

MODEL = "commons/water-assistant"


@pytest.fixture
def elsewhere(hub, settings):  # noqa: F811
    """A site that publishes to the simulated hub and talks there."""
    settings.PUBLICATION_TARGETS = ["hub", "huggingface"]
    settings.HUGGING_FACE_ENDPOINT, settings.HUGGING_FACE_TOKEN = hub.endpoint, TOKEN
    settings.HUGGING_FACE_DISCUSSIONS = True
    return hub


@pytest.fixture
def submitted(elsewhere, update, propose):
    return propose("model_update", update)


def say_all(now):
    """Follow, and let a worker say everything that is due, twice."""
    for _ in range(2):
        discussions.follow(now)
        while due := notices.due(now):
            for notice_id in due:
                noticing.say(notice_id)


def told(hub):  # noqa: F811
    """Return what stands in the discussions, and whether they are open."""
    return [(stages(entry), entry.status) for entry in hub.repositories[MODEL].discussions.values()]


def test_a_proposal_is_followed_to_its_release(submitted, elsewhere, voters, stand_in, at):
    at(NOON)
    say_all(NOON)
    assert told(elsewhere) == [(["opened"], "open")]
    text = elsewhere.repositories[MODEL].discussions[1].comments()[0]
    assert f"http://testserver/c/water-commons/proposals/{submitted.number}/" in text
    assert "Because\\." in text
    pass_(submitted, voters)
    now = submitted.closes_at + TIMELOCK
    at(now)
    say_all(now)
    assert told(elsewhere) == [(["opened", "passed"], "open")]
    run = Run.objects.get()
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    say_all(now)
    assert told(elsewhere) == [(["opened", "passed"], "open")], "not before it is published there"
    assert set(elsewhere.repositories[MODEL].tags) == set()
    delivering.deliver(Delivery.objects.get().pk)
    say_all(now)
    assert told(elsewhere) == [(["opened", "passed", "released"], "closed")]
    commit = run.version.publications.get(target="huggingface").revision
    assert f"commit `{commit}`, tag `v1`" in elsewhere.repositories[MODEL].discussions[1].comments()[-1]
    assert elsewhere.repositories[MODEL].tags == {"v1": commit}
    run.version.withdrawn_at, run.version.withdrawn_reason = now, "It names a neighbour."
    run.version.withdrawal = submitted
    run.version.save()
    say_all(now)
    assert told(elsewhere) == [(["opened", "passed", "released", "withdrawn"], "closed")]
    assert "It names a neighbour\\." in elsewhere.repositories[MODEL].discussions[1].comments()[-1]
    rows = Notice.objects.order_by("pk")
    assert {(row.number, row.attempts, errands.state(row, now)) for row in rows} == {(1, 1, State.PUBLISHED)}


def test_what_is_voted_down_or_withdrawn_is_closed_with_the_reason(submitted, elsewhere, propose, voters, at):
    at(NOON)
    say_all(NOON)
    canceled = propose("model_update", {"spec": submitted.payload["spec"] | {"seed": 8}})
    say_all(NOON)
    services.cancel(canceled.pk, voters["Alice"].address, "A better one comes.", NOON)
    vote(submitted, voters["Alice"], AGAINST)
    services.close_voting(submitted.pk, submitted.closes_at)
    at(submitted.closes_at)
    say_all(submitted.closes_at)
    assert told(elsewhere) == [(["opened", "rejected"], "closed"), (["opened", "canceled"], "closed")]
    assert "A better one comes\\." in elsewhere.repositories[MODEL].discussions[2].comments()[-1]


def test_a_run_that_fails_ends_it(submitted, elsewhere, voters, at):
    at(NOON)
    say_all(NOON)
    pass_(submitted, voters)
    now = submitted.closes_at + TIMELOCK
    at(now)
    run = Run.objects.get()
    run.failed_at, run.failure = now, "loss_not_finite"
    run.save()
    say_all(now)
    assert told(elsewhere) == [(["opened", "passed", "run_failed"], "closed")]
    assert "The loss was no number any more" in elsewhere.repositories[MODEL].discussions[1].comments()[-1]


def test_one_that_is_never_carried_out_ends_as_expired(submitted, elsewhere, voters, at):
    at(NOON)
    say_all(NOON)
    for name in ("Alice", "Bob"):
        vote(submitted, voters[name], 1)
    services.close_voting(submitted.pk, submitted.closes_at)
    queued = services.queue(submitted.pk, submitted.closes_at)
    assert queued.state(queued.expires_at) is ProposalState.EXPIRED
    at(queued.expires_at)
    say_all(queued.expires_at)
    assert told(elsewhere) == [(["opened", "passed", "expired"], "closed")]


def test_other_proposals_drafts_and_the_past_are_not_told(elsewhere, update, propose, voters, settings):
    settings.HUGGING_FACE_DISCUSSIONS = False
    executed = propose("model_update", update)
    assert discussions.follow(NOON) == 0
    pass_(executed, voters)
    propose("text_signal")
    services.create_draft(
        executed.community, voters["Alice"].address, services.Draft("model_update", "A", "", update, {}, "", 1), NOON
    )
    settings.HUGGING_FACE_DISCUSSIONS = True
    assert discussions.follow(NOON + timedelta(hours=1)) == 0
    settings.PUBLICATION_TARGETS = ["hub"]
    propose("model_update", {"spec": update["spec"] | {"seed": 9}})
    assert discussions.follow(NOON) == 0


def test_a_hub_that_has_no_discussions_does_not_hold_up_the_release(submitted, elsewhere, voters, stand_in, at, capsys):
    at(NOON)
    elsewhere.fail("POST", "/discussions$", "404", times=1)
    say_all(NOON)
    pass_(submitted, voters)
    now = submitted.closes_at + TIMELOCK
    at(now)
    worker.work(Run.objects.get().pk, "worker")
    say_all(now)
    delivering.deliver(Delivery.objects.get().pk)
    assert set(elsewhere.repositories[MODEL].tags) == {"v1"}
    say_all(now)
    first, *others = Notice.objects.order_by("pk")
    assert (first.error_code, errands.state(first, now)) == ("discussions_off", State.FAILED)
    assert [(row.stage, row.attempts) for row in others] == [("passed", 0), ("released", 0)]
    call_command("deliveries")
    assert f"{submitted.public_id} opened · failed · tried 1 times · discussions_off" in capsys.readouterr().out
    page = Client().get(f"/c/water-commons/proposals/{submitted.number}/evidence/").content.decode()
    assert "The repository there has no discussions" in page
    assert "Switch them on" in page
    call_command("deliveries", "--say-again", submitted.public_id, "opened")
    say_all(now)
    assert told(elsewhere) == [(["opened", "passed", "released"], "closed")]
    with pytest.raises(CommandError, match="already_said"):
        call_command("deliveries", "--say-again", submitted.public_id, "opened")
    with pytest.raises(CommandError, match="notice_not_found"):
        call_command("deliveries", "--say-again", submitted.public_id, "vetoed")


def test_a_notice_is_leased_fenced_tried_again_and_said_in_order(submitted, elsewhere, at):
    at(NOON)
    elsewhere.fail("POST", "/discussions$", "429")
    discussions.follow(NOON)
    (notice_id,) = notices.due(NOON)
    dead = notices.claim(notice_id, NOON)
    assert notices.due(NOON) == []
    later = NOON + timedelta(seconds=errands.LEASE_SECONDS)
    at(later)
    noticing.say(notice_id)
    row = Notice.objects.get()
    assert (row.error_code, row.attempts, errands.state(row, later)) == ("hub_unavailable", 2, State.WAITING)
    assert not errands.renew(dead, later)
    assert not notices.failed(dead, noticing.PublishError("hub_refused", "", permanent=True), later)
    notices.plan(submitted, row.model, [(Stage.PASSED, "")], later)
    assert notices.due(later) == [], "nothing is said before the discussion is open"
    at(row.next_at)
    noticing.say(notice_id)
    assert [Notice.objects.get(pk=pk).stage for pk in notices.due(row.next_at)] == ["passed"]
    with pytest.raises(IntegrityError), transaction.atomic():
        Notice.objects.filter(stage="passed").update(failed_at=NOON)


def test_the_sweeper_follows_and_nudges_without_talking_to_the_hub(submitted, elsewhere, monkeypatch, at):
    at(NOON)
    seen = []
    monkeypatch.setattr(
        sweeper, "_tell", lambda task, numbers: seen.extend((task.name, n) for n in numbers) or len(numbers)
    )
    sweeper.keep_up()
    sweeper.nudge()
    assert seen == [("models_registry.notice_job", Notice.objects.get().pk)]
    assert elsewhere.requests == []


def test_pages_and_the_api_show_where_it_is_discussed(submitted, elsewhere, voters, stand_in, at):
    at(NOON)
    say_all(NOON)
    address = f"{elsewhere.endpoint}/{MODEL}/discussions/1"
    for language, words in (("en", "Discussed elsewhere"), ("fr", "")):
        page = (
            Client()
            .get(f"/c/water-commons/proposals/{submitted.number}/evidence/", headers={"accept-language": language})
            .content.decode()
        )
        assert f'href="{address}"' in page
        assert words in page
    answer = Client().get(f"/api/v1/proposals/{submitted.public_id}/discussion").json()
    assert [(row["stage"], row["state"], row["location"]) for row in answer] == [("opened", "published", address)]


def test_an_answer_of_a_hub_that_is_gone_changes_nothing(submitted, elsewhere, settings, at):
    at(NOON)
    discussions.follow(NOON)
    settings.HUGGING_FACE_DISCUSSIONS = False
    noticing.say(Notice.objects.get().pk)
    assert Notice.objects.get().error_code == "target_not_configured"
    assert elsewhere.requests == []
