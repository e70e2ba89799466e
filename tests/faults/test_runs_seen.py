"""What a person sees of a run that is paused, canceled, overdue or failed, and what they can do about it."""

import json

import pytest
from django.test import Client

from governance.clock import now as clock
from governance.models import Account
from tests.faults.runs_site import until
from tests.moments import just_past
from training_jobs import services
from training_jobs.lifecycle import State
from training_jobs.models import Run


@pytest.fixture
def signed_in(site):
    """Return a browser of somebody who is signed in."""

    def browser(name):
        client = Client()
        client.force_login(Account.objects.get_or_create(address=site.commons.address(name))[0])
        return client

    return browser


def page(site, client=None):
    """Return the page of the run as text."""
    answer = (client or Client()).get(f"/runs/{site.run_id}/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_guardian_pauses_on_the_page_and_everybody_reads_why(site, signed_in):
    assert "Pause this run" not in page(site)
    assert "Pause this run" not in page(site, signed_in("Alice"))
    guardian = signed_in("Bob")
    assert "Pause this run" in page(site, guardian)
    answer = guardian.post(f"/runs/{site.run_id}/pause/", {"reason": "The data looks odd."})
    assert answer.status_code == 302
    shown = page(site)
    assert "Paused." in shown
    assert "The data looks odd." in shown
    assert "Pause this run" not in page(site, guardian)
    assert site.run.state(clock()) is State.PAUSED


def test_the_author_cancels_on_the_page_and_nobody_else_is_offered_it(site, signed_in):
    assert "Cancel this run" not in page(site, signed_in("Bob"))
    author = signed_in("Alice")
    assert "Cancel this run" in page(site, author)
    assert signed_in("Bob").post(f"/runs/{site.run_id}/cancel/").status_code == 403
    assert author.post(f"/runs/{site.run_id}/cancel/").status_code == 302
    assert "It was canceled before it ended." in page(site)


def test_a_failed_run_says_what_happened_and_one_thing_to_do(site):
    lease = services.claim(site.run_id, "worker", clock())
    services.fail(lease, "loss_not_finite", "the loss is nan at step 7", clock(), permanent=True)
    shown = page(site)
    assert "The loss was no number any more" in shown
    assert "Propose a lower learning rate" in shown
    assert "the loss is nan at step 7" in shown
    told = Client().get(f"/api/v1/runs/{site.run_id}").json()
    assert told["failure"] == "loss_not_finite"
    assert told["explanation"]["suggestion"] == "Propose a lower learning rate, or a gradient clip of 1."


def test_a_failure_without_words_is_shown_as_it_is(site):
    lease = services.claim(site.run_id, "worker", clock())
    services.fail(lease, "moonshine", "too bright", clock(), permanent=True)
    assert "moonshine" in page(site)
    assert Client().get(f"/api/v1/runs/{site.run_id}").json()["explanation"] is None


def test_what_is_saved_and_what_is_used_is_shown_while_a_run_is_at_work(site):
    lease = services.claim(site.run_id, "worker", clock())
    services.stream(lease, [{"event": "started"}, {"event": "checkpoint", "step": 40}], clock())
    assert "Saved up to step 40" in page(site)
    Run.objects.update(deadline_at=just_past())
    until(lambda: "Has to be done" in page(site))


def test_the_api_pauses_for_guardians_and_refuses_others(site, signed_in):
    def ask(name, reason):
        body = json.dumps({"reason": reason})
        return signed_in(name).post(f"/api/v1/runs/{site.run_id}/pause", body, content_type="application/json")

    assert Client().post(f"/api/v1/runs/{site.run_id}/pause", "{}", content_type="application/json").status_code in {
        401,
        403,
    }
    assert (ask("Alice", "Wait.").status_code, ask("Alice", "Wait.").json()["code"]) == (403, "not_a_guardian")
    assert ask("Bob", "").status_code in {400, 422}
    answer = ask("Bob", "Wait.")
    assert (answer.status_code, answer.json()["state"], answer.json()["pause_reason"]) == (200, "paused", "Wait.")
    assert ask("Chloé", "Longer.").status_code == 409
