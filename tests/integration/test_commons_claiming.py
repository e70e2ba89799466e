"""Shared computing from an approved run to its end: who may take it, where it goes on, and what the log is told."""

from datetime import timedelta

import pytest

from governance.clock import now as clock
from tests.integration.conftest import pass_
from tests.integration.machines import HELLO, Machine, description, report
from tests.integration.shared_sites import (
    MINUTE,
    add_site,
    allotted,
    kinds,
    let_in,
    machine_of,
    request_named,
    seen,
    told,
)
from tests.simulators import tiny_model
from training_jobs import services
from training_jobs.commons import allotting, selectors
from training_jobs.lifecycle import State
from training_jobs.models import Allotment, ComputeRequest, Run
from training_jobs.runners import tokens, work
from training_jobs.scheduling.values import Why
from training_jobs.sites import services as sites
from training_jobs.transparency.figures import Entry, Log, figures


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()


@pytest.fixture
def order(update, propose, voters, community):
    """Let sites in, then order a run; return it, and the moment of it."""

    def ordered(*slugs, **changes):
        lately = clock() - timedelta(hours=3)
        for slug in slugs:
            add_site(community, slug, lately)
        pass_(propose("model_update", {"spec": {**update["spec"], **changes}}, now=lately), voters)
        run = Run.objects.order_by("-pk").first()
        seen(run.created_at, *slugs)
        return run, run.created_at

    return ordered


def take(run, slug, now):
    """Let the machine of a site take the lead."""
    return services.claim(run.pk, machine_of(slug).lease_name, now)


def figures_of(community):
    """Return the figures, and how many events did not fit together."""
    return figures(
        Log.of(Entry(int(e.at.timestamp()), e.kind, e.data, e.actor) for e in community.events.order_by("pk"))
    )


def test_a_run_is_allotted_to_a_site_and_only_its_machines_take_it(community, order, voters):
    run, now = order("lake", "hill")
    name = f"run:{run.pk}"
    asked = told(community, name)
    assert [each["kind"] for each in asked] == ["compute_requested"]
    assert (asked[0]["requester"], asked[0]["proposal_number"]) == ("member", run.proposal.number)
    assert request_named(name).member == voters["Alice"].address
    assert services.due(now) == []  # this platform's own workers are at no site
    assert take(run, "lake", now) is None
    assert allotting.allot(now + MINUTE) == 1
    assert allotting.allot(now + MINUTE) == 0
    started = told(community, name)[-1]
    here = allotted(name).site.slug
    assert (started["kind"], started["site"], started["waited"], started["why"]) == (
        "compute_started",
        here,
        60,
        "starts",
    )
    elsewhere = {"lake": "hill", "hill": "lake"}[here]
    now += MINUTE
    assert work.open_runs(machine_of(elsewhere), now) == []
    assert [offer.run for offer in work.open_runs(machine_of(here), now)] == [run]
    for owner in ("a-worker:12", machine_of(elsewhere).lease_name):
        assert services.claim(run.pk, owner, now) is None
    lease = take(run, here, now)
    assert lease is not None
    assert allotted(name).claimed_at == now
    assert services.heartbeat(lease, now) == "continue"


def test_a_run_without_sites_and_one_older_than_its_sites_are_for_whoever_asks_first(community, order):
    run, now = order()
    assert not ComputeRequest.objects.exists()
    assert told(community) == []
    add_site(community, "lake", now)
    assert allotting.allot(now) == 0
    assert services.due(now) == [run.pk]
    assert services.claim(run.pk, "a-worker:12", now) is not None


def test_this_platforms_own_workers_stand_at_the_home_site(settings, order):
    settings.HOME_SITE = "home"
    run, now = order("home")
    assert services.due(now) == []
    assert allotting.allot(now) == 1
    assert services.due(now) == [run.pk]
    assert services.claim(run.pk, "a-worker:12", now) is not None


def test_a_silent_site_loses_a_run_and_it_goes_on_elsewhere(community, order, settings):
    settings.ALLOTMENT_PATIENCE_SECONDS = 600
    run, now = order("lake", "hill")
    name = f"run:{run.pk}"
    allotting.allot(now)
    here = allotted(name).site.slug
    other = {"lake": "hill", "hill": "lake"}[here]
    lease = take(run, here, now)
    later = now + 5 * MINUTE
    seen(later, "lake", "hill")
    allotting.allot(later)  # its lease is over, and another machine of the site may still come
    assert allotted(name).site.slug == here
    later = now + 12 * MINUTE
    seen(later, other)
    assert allotting.allot(later) == 1
    assert allotted(name).site.slug == other
    assert [(each["kind"], each.get("why")) for each in told(community, name)][2:] == [
        ("compute_interrupted", "site_silent"),
        ("compute_started", "starts"),
    ]
    assert services.heartbeat(lease, later) == "stale"
    assert run.attempts.get(number=lease.fence).outcome == "lost"
    assert take(run, here, later) is None
    assert take(run, other, later).fence == lease.fence + 1


def test_what_no_machine_takes_is_taken_back_and_tried_elsewhere(community, order):
    run, now = order("lake", "hill")
    name = f"run:{run.pk}"
    allotting.allot(now)
    here = allotted(name).site.slug
    later = now + 11 * MINUTE
    seen(later, "lake", "hill")
    assert allotting.allot(later) == 1
    assert allotted(name).site.slug != here
    assert Allotment.objects.exclude(ended_at=None).get().how == "untaken"
    assert kinds(community, name) == ["requested", "started", "interrupted", "started"]
    later += 11 * MINUTE
    seen(later, "lake", "hill")
    assert allotting.allot(later) == 0  # neither of them took it
    later += timedelta(hours=1)
    seen(later, "lake", "hill")
    assert allotting.allot(later) == 1


def test_a_run_that_is_called_back_stops_at_a_checkpoint_and_nobody_is_blamed(community, order):
    run, now = order("lake")
    name = f"run:{run.pk}"
    allotting.allot(now)
    lease = take(run, "lake", now)
    Allotment.objects.update(recalled_at=now)
    assert services.heartbeat(lease, now) == "pause"
    assert services.stopped(lease, now + MINUTE).state(now + MINUTE) is State.QUEUED
    assert run.attempts.get().outcome == "interrupted"
    assert told(community, name)[-1]["why"] == "recalled"
    seen(now + MINUTE, "lake")
    assert allotting.allot(now + MINUTE) == 1
    assert services.claim(run.pk, machine_of("lake").lease_name, now + MINUTE) is not None


def test_hours_that_are_over_and_a_site_that_left_stop_the_work(order):
    run, now = order("lake", "hill")
    name = f"run:{run.pk}"
    allotting.allot(now)
    here = allotted(name).site
    lease = take(run, here.slug, now)
    Allotment.objects.update(until=now + 2 * MINUTE)
    assert services.heartbeat(lease, now + 2 * MINUTE) == "pause"
    Allotment.objects.update(until=now + 20 * MINUTE)
    sites.drain(here.slug, here.operator, now)
    assert services.heartbeat(lease, now + MINUTE) == "continue"
    sites.leave(here.slug, here.operator, now)
    assert services.heartbeat(lease, now + MINUTE) == "pause"


def test_an_attempt_that_fails_goes_on_at_another_site(community, order):
    run, now = order("lake", "hill")
    name = f"run:{run.pk}"
    allotting.allot(now)
    here = allotted(name).site.slug
    services.fail(take(run, here, now), "disk_full", "", now, permanent=False)
    assert told(community, name)[-1]["why"] == "attempt_failed"
    assert allotting.allot(now + MINUTE) == 1
    assert allotted(name).site.slug != here


def test_the_end_of_a_run_is_told_with_what_it_used_and_the_figures_agree(community, order, tmp_path):
    run, now = order("lake")
    name = f"run:{run.pk}"
    allotting.allot(now)
    lease = take(run, "lake", now)
    metered = {
        "joules": 180_000,
        "how": "metered",
        "by": ["rapl"],
        "covers": ["processor"],
        "seconds": 60,
        "note": "",
    }
    services.stream(lease, [{"event": "started"}, {"event": "energy", "child": 1, **metered}], now)
    done = now + 10 * MINUTE
    made = description(tiny_model.write(tmp_path / "made"))
    services.trained(lease, made, "none", done)
    services.judge(lease, report(run), done)
    ended = told(community, name)[-1]
    assert (ended["kind"], ended["outcome"], ended["site"]) == ("compute_ended", "done", "lake")
    assert (ended["device_seconds"], ended["joules"], ended["energy"], ended["grams"]) == (
        600,
        180_000,
        "metered",
        None,  # told afterwards, when the grid's history is known
    )
    assert ended["cost"] == 10_000_000 * 600 // 3_600 + 1
    assert not Allotment.objects.in_force().exists()
    assert request_named(name).outcome == "done"
    assert allotting.allot(done) == 0
    assert figures_of(community).strays == 0


def test_a_canceled_run_ends_its_request_when_its_machine_has_stopped(community, order, voters):
    run, now = order("lake")
    allotting.allot(now)
    lease = take(run, "lake", now)
    services.cancel(run.pk, voters["Alice"].address, now)
    assert request_named(f"run:{run.pk}").ended_at is None
    services.stopped(lease, now)
    assert told(community)[-1]["outcome"] == "canceled"
    waiting, now = order()
    services.cancel(waiting.pk, voters["Alice"].address, now)
    ended = told(community, f"run:{waiting.pk}")[-1]
    assert (ended["outcome"], ended["site"], ended["device_seconds"]) == ("canceled", None, 0)
    assert figures_of(community).strays == 0


def test_a_machine_of_a_site_takes_runs_of_every_community_that_the_site_serves(list_community, order, community):
    run, now = order()
    other = list_community().community
    site = add_site(other, "lake", now - MINUTE)
    let_in(site, community, now)
    runner = machine_of("lake")
    assert runner.community == other
    assert work.open_runs(runner, now) == []
    # the run was there before the site was: it asks for nothing, and is for the community's own machines
    ComputeRequest.objects.create(
        community=community, name=f"run:{run.pk}", origin="voted", member=run.proposal.author, run=run, devices=1,
        requested_at=now, waiting_since=now, memory_bytes=0, seconds=600, ceiling=2**53 - 1, checkpoints=True,
    )  # fmt: skip
    assert allotting.allot(now) == 1
    assert [offer.run for offer in work.open_runs(runner, now)] == [run]
    fresh = tokens.make()
    runner.tokens.create(
        digest=tokens.digest(fresh),
        scopes=list(tokens.SCOPES),
        days=9,
        created_at=now,
        expires_at=clock() + timedelta(9),
    )
    Allotment.objects.update(until=clock() + timedelta(hours=1))
    machine = Machine(fresh)
    assert machine.post("hello", HELLO).status_code == 200
    assignment = machine.claim(run)
    listed = machine.get(f"runs/{run.pk}/files?fence={assignment['fence']}")
    assert listed.status_code == 200
    assert machine.post(f"runs/{run.pk}/heartbeat", {"fence": assignment["fence"]}).json() == {"answer": "continue"}


def test_a_community_that_loses_its_last_site_computes_as_before(community, order):
    run, now = order("lake")
    sites.leave("lake", machine_of("lake").owner, now)
    allotting.allot(now)
    assert told(community, f"run:{run.pk}")[-1] == {
        "kind": "compute_refused",
        "request": f"run:{run.pk}",
        "reason": "no_sites",
    }
    assert services.claim(run.pk, "a-worker:12", now) is not None


def test_a_request_that_waits_says_why_and_about_until_when(community, order):
    _, now = order("lake")
    allotting.allot(now)
    second, later = order()
    seen(later, "lake")
    assert later >= now
    allotting.allot(later)
    request = selectors.open_requests(community).get(run=second)
    # one machine takes one piece of work at a time
    wait = selectors.explanation_of(request, later)
    assert wait.why is Why.ALL_BUSY
    assert wait.expected >= int(later.timestamp())
    rows = selectors.rows(selectors.open_requests(community), later)
    assert [str(row.state) for row in rows] == ["allotted", "waiting"]
    assert rows[0].wait is None
    assert rows[1].wait == wait
