"""What requests have used: the same for one as for many, in as many queries however often work was interrupted."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.clock import now as clock
from governance.services import Draft, create_draft
from tests.integration.books import EURO
from tests.integration.conftest import pass_
from tests.integration.paid_runs import CENT, ordered, take
from tests.integration.shared_sites import MINUTE, add_site, allotted, machine_of, seen, told
from training_jobs import services
from training_jobs.commons import allotting, beginning, requests, used
from training_jobs.models import Allotment, ComputeRequest, Preview, Run


@pytest.fixture
def tried(update, voters):
    """Return a preview of a run's proposal that had a device for five minutes."""

    def make(run, now):
        preview = Preview.objects.create(
            proposal=run.proposal, kind=Preview.TRIAL, plan={"dataset": "0" * 64, "rows": 1},
            requested_by=voters["Alice"].address, spec=update["spec"], spec_digest="a" * 64, created_at=now, steps_max=1, samples_max=1, seconds_max=600,
        )  # fmt: skip
        requests.of_preview(preview, now)
        seen(now, "lake", "hill")
        allotting.allot(now)
        given = Allotment.objects.in_force().filter(request=preview.request)
        given.update(claimed_at=now)
        given.update(ended_at=now + 5 * MINUTE, how="ended")
        return preview

    return make


def interrupt(run, now):
    """Let a run work for two minutes at the site that it gets, and call it back; return the moment after."""
    seen(now, "lake", "hill")
    allotting.allot(now)
    _, lease = take(run, now)
    Allotment.objects.in_force().update(recalled_at=now + MINUTE)
    services.stopped(lease, now + 2 * MINUTE)
    seen(now + 2 * MINUTE, "lake", "hill")
    return now + 2 * MINUTE


def queries(function, *args):
    with CaptureQueriesContext(connection) as seen_queries:
        function(*args)
    return len(seen_queries)


def test_the_totals_of_many_are_what_the_parts_of_each_sum_up_to(ordered, tried):
    run = ordered("1", 3 * EURO, device_seconds=7_200)
    moment = interrupt(run, run.created_at)
    preview = tried(run, moment)
    interrupt(run, moment + 20 * MINUTE)
    every = list(ComputeRequest.objects.order_by("pk"))
    assert {each.run_id for each in every} == {run.pk, None}
    totals = used.totals_of(every)
    for request in every:
        parts = used.parts_of(request)
        assert totals[request.pk].seconds == sum(part.device_seconds for part in parts) // request.devices
        assert totals[request.pk].cost == sum(part.cost for part in parts) == used.of(request).cost
    assert [totals[each.pk].seconds for each in every if each.run_id] == [4 * 60]
    assert totals[preview.request.pk].seconds == 5 * 60
    assert queries(used.totals_of, every) == queries(used.totals_of, every[:1]) == 4


def test_when_a_training_could_begin_is_asked_in_as_many_queries_however_often_others_were_interrupted(
    community, ordered, update, voters
):
    run = ordered("1", 3 * EURO, device_seconds=7_200)
    draft = Draft("model_update", "A model update", "Because.", update, {}, "", 1)
    proposal = create_draft(community, voters["Alice"].address, draft, clock())
    now, counted = run.created_at, []
    for _ in range(3):
        now = interrupt(run, now + 20 * MINUTE)
        counted.append(queries(beginning.beginning_of, proposal, now))
    assert len(set(counted)) == 1, counted


def test_sites_that_do_not_serve_a_community_are_no_question_of_its_next_slot(list_community, ordered, update, voters):
    run = ordered("1", 3 * EURO, device_seconds=7_200)
    draft = Draft("model_update", "A model update", "Because.", update, {}, "", 1)
    proposal = create_draft(run.community, voters["Alice"].address, draft, clock())
    before = queries(beginning.beginning_of, proposal, run.created_at)
    others = list_community({"Ada": 100}, slug="elsewhere").community
    add_site(others, "far", run.created_at - timedelta(hours=1))
    assert queries(beginning.beginning_of, proposal, run.created_at) == before


def test_what_nobody_pays_is_told_at_the_sites_price_and_never_beyond_the_ceiling(
    community, update, propose, voters, settings, tmp_path
):
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()
    lately = clock() - timedelta(hours=3)
    add_site(community, "lake", lately)  # 10 cents for a device-hour, and the community keeps no budget
    limits = {**update["spec"]["budget"], "device_seconds": 7_200, "money": {"amount": "0.1", "currency": "EUR"}}
    pass_(propose("model_update", {"spec": {**update["spec"], "budget": limits}}, now=lately), voters)
    run = Run.objects.get()
    now = run.created_at
    seen(now, "lake")
    assert allotting.allot(now) == 1
    _, lease = take(run, now)
    services.fail(lease, "trainer_died", "", now + 90 * MINUTE, permanent=True)
    (part,) = used.parts_of(ComputeRequest.objects.get())
    assert (part.cost, part.booked) == (15 * CENT, False)
    ended = told(community)[-1]
    assert (ended["kind"], ended["device_seconds"], ended["cost"]) == ("compute_ended", 5_400, 10 * CENT)
