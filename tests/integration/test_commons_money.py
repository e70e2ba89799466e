"""What shared computing costs: a held ceiling, sites that are paid for attempts, and a run that stops at its ceiling."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from datetime import timedelta

import pytest
from django.db import transaction

from governance.errors import Conflict
from governance.models import Event
from tests.integration.books import EURO, balances, wrong
from tests.integration.machines import description, report
from tests.integration.paid_runs import CENT, PRICE, ordered, take
from tests.integration.shared_sites import MINUTE, OPERATOR, allotted, request_named, seen, told
from tests.simulators import tiny_model
from training_jobs import services
from training_jobs.commons import allotting, requests, selectors
from training_jobs.leases import locked
from training_jobs.ledger import fsck
from training_jobs.models import Allotment, ComputeRequest, Run
from training_jobs.scheduling.values import Why
from training_jobs.sites import services as sites


def test_a_run_at_two_sites_pays_both_and_gives_the_rest_back(community, ordered, tmp_path):
    run = ordered("1", 3 * EURO, device_seconds=7_200)
    now = run.created_at
    assert balances(community)["held:runs EUR"] == EURO
    assert request_named(f"run:{run.pk}").ceiling == EURO
    allotting.allot(now)
    first, lease = take(run, now)
    Allotment.objects.update(recalled_at=now)
    now += 12 * MINUTE
    services.stopped(lease, now)
    assert balances(community)[f"site_credit:{first} EUR"] == 2 * CENT
    seen(now, {"lake": "hill", "hill": "lake"}[first])
    Allotment.objects.filter(site__slug=first).update(how="untaken")  # so that it goes on at the other one
    assert allotting.allot(now) == 1
    second, lease = take(run, now)
    assert second != first
    now += 6 * MINUTE
    services.trained(lease, description(tiny_model.write(tmp_path / "made")), "none", now)
    services.judge(lease, report(run), now + 30 * MINUTE)  # measuring is not paid
    found = balances(community)
    assert found[f"site_credit:{second} EUR"] == CENT
    assert (found["budget:general EUR"], found["held:runs EUR"]) == (3 * EURO - 3 * CENT, 0)
    assert found[f"contribution_credit:{OPERATOR} device-second"] == 18 * 60
    ended = told(community)[-1]
    assert (ended["device_seconds"], ended["cost"], ended["site"]) == (18 * 60, 3 * CENT, second)
    assert ended["joules"] == 400 * (18 + 30) * 60  # nobody metered: the declared power of the site
    assert (ended["energy"], ended["grams"]) == ("estimated", None)
    assert [each for each in wrong(community) if "event" not in each] == []
    services.settle(now)
    allotting.allot(now)
    assert balances(community) == found


def test_a_run_stops_at_its_ceiling_and_asks(community, ordered, voters):
    run = ordered("0.1", EURO, device_seconds=7_200)
    now = run.created_at
    # twice as fast as the reference: it is expected to take half as long, which its ceiling pays for
    allotting.allot(now)
    site, lease = take(run, now)
    assert allotted(f"run:{run.pk}").until == now + 60 * MINUTE
    Allotment.objects.update(until=now + 90 * MINUTE)
    assert services.heartbeat(lease, now + 59 * MINUTE) == "continue"
    assert services.heartbeat(lease, now + 60 * MINUTE) == "pause"
    now += 60 * MINUTE + timedelta(seconds=30)
    services.stopped(lease, now)
    assert told(community)[-1] == {
        "kind": "compute_interrupted",
        "request": f"run:{run.pk}",
        "site": site,
        "why": "ceiling",
    }
    found = balances(community)
    assert (found[f"site_credit:{site} EUR"], found["held:runs EUR"]) == (10 * CENT, 0)
    seen(now, "lake", "hill")
    assert allotting.allot(now) == 0
    wait = selectors.explanation_of(request_named(f"run:{run.pk}"), now)
    assert (wait.why, wait.data["ceiling"]) == (Why.TOO_DEAR, 0)
    (said,) = Event.objects.filter(kind="run_at_ceiling")
    assert (said.proposal, said.data) == (run.proposal, {"run": run.pk, "amount": "0.10", "currency": "EUR"})
    services.cancel(run.pk, voters["Alice"].address, now)
    assert told(community)[-1]["outcome"] == "stopped"
    assert told(community)[-1]["cost"] == 10 * CENT


def test_a_run_whose_ceiling_pays_for_no_site_waits_and_says_so(ordered):
    run = ordered("0.01", EURO, device_seconds=7_200)
    now = run.created_at
    assert allotting.allot(now) == 0
    wait = selectors.explanation_of(request_named(f"run:{run.pk}"), now)
    assert (wait.why, wait.data) == (Why.TOO_DEAR, {"price": PRICE, "ceiling": CENT})


def test_a_run_does_not_begin_where_the_budget_has_not_got_its_ceiling(ordered):
    with pytest.raises(Conflict, match="account_exhausted"):
        ordered("5", EURO)
    assert not Run.objects.exists()
    assert not Event.objects.filter(kind="compute_requested").exists()


def test_money_of_a_run_goes_back_when_its_community_loses_its_last_site(community, ordered):
    run = ordered("0.1", EURO, device_seconds=7_200)
    now = run.created_at
    assert balances(community)["held:runs EUR"] == 10 * CENT
    for slug in ("lake", "hill"):
        sites.leave(slug, OPERATOR, now)
    allotting.allot(now + MINUTE)
    found = balances(community)
    assert (found["budget:general EUR"], found["held:runs EUR"]) == (EURO, 0)
    lease = services.claim(run.pk, "a-worker:12", now + 2 * MINUTE)
    assert lease is not None, "it goes on for whoever comes, without money"
    services.fail(lease, "broken", "", now + 3 * MINUTE, permanent=True)
    assert balances(community) == found
    assert [each for each in wrong(community) if "event" not in each] == []


def test_a_part_that_was_computed_is_paid_before_the_rest_goes_back(community, ordered):
    run = ordered("1", 3 * EURO, device_seconds=7_200)
    now = run.created_at
    allotting.allot(now)
    first, lease = take(run, now)
    for slug in ("lake", "hill"):
        sites.leave(slug, OPERATOR, now)
    for minute in range(12):
        assert services.heartbeat(lease, now + minute * MINUTE) == "pause"
    now += 12 * MINUTE
    allotting.allot(now - MINUTE)
    assert balances(community)["held:runs EUR"] == EURO, "a machine still stops"
    services.stopped(lease, now)
    allotting.allot(now + MINUTE)
    found = balances(community)
    assert (found[f"site_credit:{first} EUR"], found["held:runs EUR"]) == (2 * CENT, 0)
    assert found["budget:general EUR"] == 3 * EURO - 2 * CENT


def test_fsck_finds_money_that_is_held_for_a_run_that_is_over_and_closing_gives_it_back(community, ordered, voters):
    run = ordered("1", EURO, device_seconds=7_200)
    now = run.created_at
    ComputeRequest.objects.update(ended_at=now, outcome="canceled")
    Run.objects.filter(pk=run.pk).update(failed_at=now, failure="broken")
    assert any("held for a run that is over" in str(each) for each in fsck.check_one(community))
    with transaction.atomic():
        requests.close(locked(run.pk), now)
    assert balances(community)["held:runs EUR"] == 0
    assert not any("held for a run that is over" in str(each) for each in fsck.check_one(community))
