"""How devices of shared sites are given out: once, within quotas, by the policy in force, and explained to anybody."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from datetime import timedelta

import pytest
from django.test import Client

from config import sweeper
from governance.clock import now as clock
from governance.errors import Conflict
from tests.integration.conftest import pass_
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
from tests.integration.test_seats import TOPOLOGY, secret
from training_jobs import seats, services
from training_jobs.commons import allotting, selectors, world
from training_jobs.models import Allotment, ComputeRequest, Run
from training_jobs.previews import services as previews
from training_jobs.runners import work
from training_jobs.scheduling.values import Need


@pytest.fixture
def order(update, propose, voters, settings, tmp_path):
    """Order a run an hour ago; return it, and the moment of it."""
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()

    def ordered(**changes):
        lately = clock() - timedelta(hours=1)
        pass_(propose("model_update", {"spec": {**update["spec"], **changes}}, now=lately), voters)
        run = Run.objects.order_by("-pk").first()
        return run, run.created_at

    return ordered


def get(path, **query):
    return Client().get(f"/api/v1/communities/water-commons/{path}", query)


def test_two_sweepers_at_once_give_devices_once(community, order, monkeypatch):
    now = clock() - timedelta(hours=2)
    add_site(community, "lake", now)
    _, now = order()
    seen(now, "lake")
    decide, inner = allotting.choose, []

    def interrupted(*values):
        decision = decide(*values)
        if not inner:
            inner.append(None)
            inner[0] = allotting.allot(now)  # the other sweeper is faster
        return decision

    monkeypatch.setattr(allotting, "choose", interrupted)
    assert allotting.allot(now) == 0
    assert inner == [1]
    assert Allotment.objects.count() == 1
    assert kinds(community).count("started") == 1


def test_one_machine_gets_one_piece_of_work_at_a_time_and_the_sweeper_gives_it_the_next(community, order):
    add_site(community, "lake", clock() - timedelta(hours=2), devices=8)
    (first, _), (second, _) = order(), order()
    seen(clock(), "lake")
    sweeper.allot()
    assert Allotment.objects.in_force().get().request.run == first
    services.fail(
        services.claim(first.pk, machine_of("lake").lease_name, clock()), "wrong", "", clock(), permanent=True
    )
    sweeper.allot()
    assert Allotment.objects.in_force().get().request.run == second


def test_a_decision_that_ends_after_its_last_start_is_followed_by_the_next_at_once(community, order, monkeypatch):
    monkeypatch.setattr("training_jobs.scheduling.choose.STARTS_MAX", 1)
    monkeypatch.setattr(allotting, "ROUNDS_MAX", 1)
    for slug in ("lake", "hill"):
        add_site(community, slug, clock() - timedelta(hours=2))
    (first, _), (second, now) = order(), order()
    seen(now, "lake", "hill")
    assert allotting.allot(now) == 2
    assert {each.request.run for each in Allotment.objects.in_force()} == {first, second}


def test_work_on_lent_devices_is_called_back_for_a_newcomer(community, order, monkeypatch, voters):
    monkeypatch.setattr("training_jobs.commons.world.policy_of", lambda _: world.values.Policy(reserved_bps=5_000))
    monkeypatch.setattr(world, "STAY_MIN", 2 * MINUTE)  # less than the runs may take
    for slug in ("lake", "hill"):
        add_site(community, slug, clock() - timedelta(hours=2), devices=1)
    (first, _), (second, now) = order(), order()
    seen(now, "lake", "hill")
    assert allotting.allot(now) == 2
    Allotment.objects.update(until=now + timedelta(hours=9))
    lent = Allotment.objects.get(lent=True)
    assert (lent.request.run, lent.why) == (second, "starts_on_lent")
    lease = services.claim(second.pk, machine_of(lent.site.slug).lease_name, now)
    own = services.claim(first.pk, machine_of(allotted(f"run:{first.pk}").site.slug).lease_name, now)
    monkeypatch.setattr("training_jobs.commons.requests.is_newcomer", lambda *_: True)
    third, later = order()
    seen(later, "lake", "hill")
    for _ in range(2):  # it has only just come there, and is left to get somewhere
        assert allotting.allot(later) == 0
        assert services.heartbeat(lease, later) == "continue"
    (waits,) = [each for each in told(community, f"run:{third.pk}") if each["kind"] == "compute_waits"]
    assert waits["why"] == "reserve_recalled"
    while later < now + world.STAY_MIN:
        later += MINUTE
        seen(later, "lake", "hill")
        assert {services.heartbeat(each, later) for each in (lease, own)} == {"continue"}
        allotting.allot(later)
    assert services.heartbeat(lease, later) == "pause"
    services.stopped(lease, later)
    assert allotting.allot(later) == 1
    assert allotted(f"run:{third.pk}").site == lent.site
    stopped, waits = told(community, f"run:{second.pk}")[-2:]
    assert (stopped["why"], waits["kind"], waits["why"]) == ("recalled", "compute_waits", "all_busy")
    assert told(community, f"run:{third.pk}")[0]["requester"] == "newcomer"


def test_each_place_of_a_run_of_several_machines_is_allotted_by_itself(community, secret, order):
    for slug in ("lake", "hill"):
        add_site(community, slug, clock() - timedelta(hours=2))
    run, now = order(strategy="diloco", topology={**TOPOLOGY, "workers": 2})
    seen(now, "lake", "hill")
    lead, member = f"run:{run.pk}", f"run:{run.pk}/1"
    assert {each.name for each in ComputeRequest.objects.all()} == {lead, member}
    assert allotting.allot(now) == 1  # a member is asked for once its lead trains
    lease = services.claim(run.pk, machine_of(allotted(lead).site.slug).lease_name, now)
    assert allotting.allot(now) == 1
    here = allotted(member).site.slug
    assert here != allotted(lead).site.slug
    assert seats.due(now) == []
    assert seats.claim(run.pk, "a-worker:1", now) is None
    assert [offer.seat for offer in work.open_runs(machine_of(here), now)] == ["member"]
    seat = seats.claim(run.pk, machine_of(here).lease_name, now)
    assert services.heartbeat(seat, now) == "continue"
    services.stopped(lease, now)  # its machine is needed elsewhere
    assert services.heartbeat(seat, now) == "pause"
    services.stopped(seat, now)
    assert told(community, member)[-1] == {
        "kind": "compute_interrupted",
        "request": member,
        "site": here,
        "why": "checkpoint",
    }
    assert seats.open_to(run, "a-worker:1", now) == []


def test_a_preview_draws_on_its_members_own_quota_and_runs_where_it_was_allotted(
    community, update, propose, voters, settings
):
    settings.HOME_SITE, settings.SANDBOX_SECONDS_PER_WEEK = "home", 1_000
    settings.PREVIEWS, settings.PREVIEW_SECONDS = True, 600
    now = clock()
    add_site(community, "home", now)
    alice = voters["Alice"].address
    first, second = (propose("model_update", update, now=now) for _ in range(2))
    preview = previews.order(first.pk, alice, now)
    name = f"preview:{preview.pk}"
    assert told(community, name)[0]["origin"] == "sandbox"
    assert previews.due(now) == []
    assert previews.claim(preview.pk, "a-worker:1", now) is None
    with pytest.raises(Conflict) as refused:
        previews.order(second.pk, alice, now)
    assert (refused.value.code, refused.value.found, refused.value.allowed) == ("sandbox_quota_used", 600, 1_000)
    assert not second.previews.exists()
    assert allotting.allot(now) == 1
    assert previews.due(now) == [preview.pk]
    lease = previews.claim(preview.pk, "a-worker:1", now)
    made = {"steps": 1}
    previews.done(lease, made, now + MINUTE / 2)
    ended = told(community, name)[-1]
    assert (ended["outcome"], ended["device_seconds"], ended["energy"]) == ("done", 30, "estimated")
    previews.order(second.pk, alice, now + MINUTE / 2)  # 30 + 600 of 1,000


def test_a_community_without_sites_previews_without_a_quota(community, update, propose, voters, settings):
    settings.PREVIEWS, settings.SANDBOX_SECONDS_PER_WEEK = True, 0
    now = clock()
    preview = previews.order(propose("model_update", update, now=now).pk, voters["Alice"].address, now)
    assert previews.due(now) == [preview.pk]
    assert not ComputeRequest.objects.exists()


def test_anybody_may_ask_the_api_what_waits_and_why_and_where_the_next_slot_is(community, order):
    add_site(community, "lake", clock() - timedelta(hours=2))
    (first, _), (second, _) = order(), order()
    seen(clock(), "lake")
    allotting.allot(clock())
    one, other = get("compute-requests", open="true").json()["results"]
    assert (one["name"], one["state"], one["wait"], one["allotments"][0]["site"]) == (
        f"run:{first.pk}",
        "allotted",
        None,
        "lake",
    )
    assert (other["state"], other["wait"]["why"], other["ceiling"]) == ("waiting", "all_busy", None)
    assert get(f"compute-requests/{other['id']}").json()["name"] == f"run:{second.pk}"
    assert get("compute-requests/999999").json()["code"] == "unknown_request"
    assert get("next-slot", devices=2, seconds=3_600).json() == {"slot": None}  # one of the two is reserved
    slot = get("next-slot", devices=2, seconds=3_600, newcomer="true").json()["slot"]
    assert slot["site"] == "lake"
    assert slot["since"] >= allotted(f"run:{first.pk}").until.timestamp() - 1
    assert slot["until"] - slot["since"] == 1_800  # it is twice as fast as the reference
    assert get("next-slot", devices=3, seconds=3_600).json() == {"slot": None}
    assert get("next-slot", devices=1, seconds=3_600, ceiling=1).json() == {"slot": None}
    for wrong, field in (
        ({"devices": 1}, "seconds"),
        ({"devices": "one", "seconds": 1}, "devices"),
        ({"devices": 0, "seconds": 1}, "devices"),
        ({"devices": 1, "seconds": "9" * 5_000}, "seconds"),
        ({"devices": 1, "seconds": 1, "data": "A b"}, "data"),
        ({"devices": 1, "seconds": 1, "newcomer": "perhaps"}, "newcomer"),
    ):
        answer = get("next-slot", **wrong)
        assert (answer.status_code, answer.json()["field"]) == (422, field), wrong


def test_past_use_counts_for_whoever_asked_and_fades(community, order):
    site = add_site(community, "lake", clock() - timedelta(hours=2))
    run, now = order()
    seen(now, "lake")
    allotting.allot(now)
    services.claim(run.pk, machine_of("lake").lease_name, now)
    Allotment.objects.update(claimed_at=now, ended_at=now + timedelta(hours=1), how="ended")
    at = now + timedelta(hours=1)
    usage = world.usage_of([site], 7 * 24 * 3_600, at)
    assert set(usage.members) == {("water-commons", run.proposal.author)}
    assert usage.communities["water-commons"] > 0
    assert world.usage_of([site], 60, at + timedelta(days=1)).communities == {}


def test_a_site_follows_the_policy_of_the_community_that_let_it_in_first(list_community, community):
    now = clock()
    other = list_community().community
    site = add_site(other, "lake", now - MINUTE)
    let_in(site, community, now)
    assert [(each.community, [one.slug for one in each.sites]) for each in world.governed()] == [(other, ["lake"])]
    seen(now, "lake")
    need = Need(1, 0, 60)
    assert selectors.next_slot(community, need, now).site == "lake"
    assert selectors.next_slot(community, Need(1, 0, 60, frozenset({"text"})), now).site == "lake"
