"""Why requests wait is told to the log, once for each reason; what nobody can ever compute is refused in time."""

from datetime import timedelta
from fractions import Fraction

import pytest
from django.test import Client

from governance.clock import now as clock
from governance.errors import Conflict
from governance.models import Event
from governance.services import Draft, create_draft, note
from tests.integration.books import EURO, balances
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
from training_jobs import failures, services
from training_jobs.commons import allotting, door, fsck, requests, uncomputable, waiting
from training_jobs.ledger import booking
from training_jobs.lifecycle import State
from training_jobs.models import Allotment, ComputeRequest, Run, Site
from training_jobs.previews import services as previews
from training_jobs.scheduling.values import Policy
from training_jobs.transparency.figures import Entry, Log, figures

DAY = timedelta(days=1)
QUARTER = 15 * MINUTE
WAIT_MAX = timedelta(seconds=Policy().wait_max)


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()


@pytest.fixture
def order(update, propose, voters):
    """Order a run three hours ago; return it, and the moment of it."""

    def ordered(**changes):
        lately = clock() - timedelta(hours=3)
        pass_(propose("model_update", {"spec": {**update["spec"], **changes}}, now=lately), voters)
        run = Run.objects.order_by("-pk").first()
        seen(run.created_at, *Site.objects.values_list("slug", flat=True))
        return run, run.created_at

    return ordered


@pytest.fixture
def lake(community):
    """Let one site in, whose one machine takes one piece of work at a time."""
    return add_site(community, "lake", clock() - timedelta(hours=4))


@pytest.fixture
def sandbox(community, update, voters, settings):
    """Let this platform's own site in, and return what makes drafts that can be previewed."""
    settings.HOME_SITE, settings.PREVIEWS, settings.PREVIEW_SECONDS = "home", True, 600
    add_site(community, "home", clock())
    return lambda: commons_draft(community, voters["Alice"], update)


def commons_draft(community, author, update):
    draft = Draft("model_update", "A model update", "Because.", update, {}, "", 1)
    return create_draft(community, author.address, draft, clock())


def sweep(now):
    """Let the sites be heard of, and sweep."""
    seen(now, *Site.objects.values_list("slug", flat=True))
    return allotting.allot(now)


def suspend(moment):
    """Suspend every site, or restore it."""
    Site.objects.update(suspended_at=moment, suspended_reason="It burns.")


def waits(community, name):
    """Return why the log says that a request waits, in the order in which it was told."""
    return [each["why"] for each in told(community, name) if each["kind"] == "compute_waits"]


def sound(community):
    """Say whether database and log agree, and all that the log says fits together."""
    found = figures_of(community)
    return list(fsck.check_one(community)) == [] and found.strays == 0


def figures_of(community):
    return figures(
        Log.of(Entry(int(e.at.timestamp()), e.kind, e.data, e.actor) for e in community.events.order_by("position"))
    )


def measured(community, table, group, measure):
    """Return a figure of all months, computed from the log alone."""
    rows = {(row.table, row.group, row.measure): row.value for row in figures_of(community).rows if row.period == "all"}
    return rows.get((table, group, measure))


# --- told ---------------------------------------------------------------------------------------------------------


def test_why_a_request_waits_is_told_once_and_again_when_the_reason_changes(community, order, lake):
    first, _ = order()
    second, now = order()
    assert sweep(now) == 1
    name = f"run:{second.pk}"
    (entry,) = [each for each in told(community, name) if each["kind"] == "compute_waits"]
    assert entry["why"] == "all_busy"
    assert entry["expected"] >= int(now.timestamp())
    assert request_named(name).waits_for == "all_busy"
    assert waits(community, f"run:{first.pk}") == []
    for later in (MINUTE, 2 * QUARTER):
        seen(now + later, "lake")
        Allotment.objects.update(claimed_at=now + later)
        allotting.allot(now + later)
    assert waits(community, name) == ["all_busy"]
    suspend(now)
    Allotment.objects.update(claimed_at=now + 3 * QUARTER)
    sweep(now + 3 * QUARTER)
    assert waits(community, name) == ["all_busy", "no_site_fits"]
    assert told(community, name)[-1]["expected"] is None
    assert sound(community)


def test_what_has_begun_and_waits_again_is_told_anew(community, order, lake):
    first, _ = order()
    second, now = order()
    sweep(now)
    name = f"run:{second.pk}"
    services.fail(services.claim(first.pk, machine_of("lake").lease_name, now), "wrong", "", now, permanent=True)
    now += 5 * MINUTE
    assert sweep(now) == 1
    request = request_named(name)
    assert (request.waits_for, kinds(community, name)) == ("", ["requested", "waits", "started"])
    lease = services.claim(second.pk, machine_of("lake").lease_name, now)
    third, _ = order()
    services.stopped(lease, now)
    ComputeRequest.objects.filter(name=name).update(newcomer=False, tier=0)
    ComputeRequest.objects.filter(run=third).update(tier=9, requested_at=now - 30 * DAY)
    assert sweep(now + MINUTE) == 1
    assert allotted(f"run:{third.pk}").site == lake
    assert waits(community, name) == ["all_busy"], "not so soon after the last time"
    Allotment.objects.filter(request__run=third).update(claimed_at=now + QUARTER)
    sweep(now + QUARTER)
    assert waits(community, name) == ["all_busy", "all_busy"]


def test_a_reason_that_comes_and_goes_does_not_flood_the_log(community, order, lake):
    run, now = order()
    name = f"run:{run.pk}"
    for minute in range(45):
        at = now + minute * MINUTE
        suspend(now if minute % 2 else None)
        ComputeRequest.objects.filter(name=name).update(ceiling=1)
        sweep(at)
    assert waits(community, name) == ["too_dear", "no_site_fits", "too_dear"], "one in a quarter of an hour"


def test_two_sweepers_tell_a_reason_once(community, order, lake, monkeypatch):
    order()
    second, now = order()
    explained, inner = waiting.explain.explain, []

    def interrupted(*values):
        if not inner:
            inner.append(None)
            sweep(now)  # the other sweeper is faster
        return explained(*values)

    monkeypatch.setattr(waiting.explain, "explain", interrupted)
    sweep(now)
    assert waits(community, f"run:{second.pk}") == ["all_busy"]


def test_so_many_are_told_in_one_sweep_and_the_rest_in_the_next(community, order, lake, monkeypatch):
    monkeypatch.setattr(waiting, "AT_ONCE_MAX", 1)
    runs = [order()[0] for _ in range(3)]
    now = clock()
    sweep(now)
    assert [len(waits(community, f"run:{run.pk}")) for run in runs] == [0, 1, 0]
    sweep(now + MINUTE)
    assert [len(waits(community, f"run:{run.pk}")) for run in runs] == [0, 1, 1]


def test_the_soonest_answer_of_several_governing_communities_is_told(list_community, community, order, lake):
    other = list_community().community
    hill = add_site(other, "hill", clock() - timedelta(hours=4), devices=1)
    let_in(hill, community, clock() - timedelta(hours=4))
    order()
    _, now = order()
    assert sweep(now) == 2
    third, now = order()
    Allotment.objects.update(claimed_at=now)
    sweep(now)
    assert waits(community, f"run:{third.pk}") == ["all_busy"]
    ComputeRequest.objects.filter(run=third).update(devices=2)
    sweep(now + QUARTER)
    assert waits(community, f"run:{third.pk}") == ["all_busy"], "where it fits, it still waits for devices"
    assert request_named(f"run:{third.pk}").cannot_since is None


# --- what nobody can ever compute ---------------------------------------------------------------------------------


def fill(community, amount):
    line = booking.Line(booking.OUT, booking.budget_named("general"), "EUR", amount)
    booking.book(community, booking.Booking("opened", "for-tests", [line], community.proposals.first()), clock())


def costs(update, amount):
    money = {"amount": amount, "currency": "EUR"}
    return {"budget": {**update["spec"]["budget"], "device_seconds": 7_200, "money": money}}


def test_a_run_that_is_too_dear_everywhere_is_refused_and_its_money_goes_back(
    community, order, lake, update, voters, client
):
    fill(community, EURO)
    run, now = order(**costs(update, "0.01"))
    name = f"run:{run.pk}"
    sweep(now)
    assert waits(community, name) == ["too_dear"]
    since = request_named(name).cannot_since
    assert since == now
    assert balances(community)["held:runs EUR"] > 0
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "No site could begin it since" in page
    assert "it is refused" in page
    sweep(now + WAIT_MAX - MINUTE)
    assert kinds(community, name) == ["requested", "waits"]
    later = now + WAIT_MAX
    sweep(later)
    assert told(community, name)[-1] == {"kind": "compute_refused", "request": name, "reason": "too_dear"}
    run.refresh_from_db()
    assert (run.state(later), run.failure) == (State.FAILED, "too_dear")
    assert failures.failure(run.failure) is not None
    assert balances(community)["budget:general EUR"] == EURO
    (said,) = Event.objects.filter(kind="run_failed")
    assert (said.proposal, said.data["code"]) == (run.proposal, "too_dear")
    assert sound(community)
    sweep(later + MINUTE)
    assert kinds(community, name) == ["requested", "waits", "refused"]
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert "Propose it again with a higher ceiling" in page


def test_a_request_that_fits_again_before_its_time_is_over_begins(community, order, lake):
    run, now = order()
    suspend(now)
    sweep(now)
    assert request_named(f"run:{run.pk}").cannot_since == now
    suspend(None)
    assert sweep(now + WAIT_MAX + DAY) == 1
    assert services.claim(run.pk, machine_of("lake").lease_name, now + WAIT_MAX + DAY) is not None
    request = request_named(f"run:{run.pk}")
    assert (request.waits_for, request.cannot_since) == ("", None)
    assert sound(community)


def test_a_run_that_had_devices_ends_failed_and_is_not_refused(community, order, lake):
    run, now = order()
    name = f"run:{run.pk}"
    sweep(now)
    services.stopped(services.claim(run.pk, machine_of("lake").lease_name, now), now)
    suspend(now)
    sweep(now)
    later = now + WAIT_MAX
    sweep(later)
    assert kinds(community, name) == ["requested", "started", "interrupted", "waits", "ended"]
    assert told(community, name)[-1]["outcome"] == "failed"
    assert Run.objects.get(pk=run.pk).failure == "no_site_fits"
    assert sound(community)


def test_a_run_that_has_used_its_ceiling_is_left_alone_for_longer(order, lake):
    run, now = order()
    sweep(now)
    services.stopped(services.claim(run.pk, machine_of("lake").lease_name, now), now)
    Allotment.objects.update(how="ceiling")
    ComputeRequest.objects.update(ceiling=0)
    sweep(now)
    sweep(now + 4 * WAIT_MAX - MINUTE)
    assert Run.objects.get(pk=run.pk).failure == ""
    sweep(now + 4 * WAIT_MAX)
    assert Run.objects.get(pk=run.pk).failure == "too_dear"


def test_one_that_is_too_dear_waits_for_a_vote_on_more_money(order, lake, monkeypatch):
    run, now = order()
    ComputeRequest.objects.update(ceiling=1)
    monkeypatch.setattr(uncomputable.asking_more, "votes_on", lambda *_: [run.proposal])
    for moment in (now, now + WAIT_MAX, now + 2 * WAIT_MAX):
        sweep(moment)
    assert Run.objects.get(pk=run.pk).failure == ""
    monkeypatch.setattr(uncomputable.asking_more, "votes_on", lambda *_: [])
    sweep(now + 2 * WAIT_MAX)
    assert Run.objects.get(pk=run.pk).failure == "too_dear"


def test_a_preview_that_only_fits_the_reserve_fails_with_that_code(community, sandbox, voters, monkeypatch):
    policy = Policy(reserved_bps=10_000, wait_max=3_600)
    monkeypatch.setattr("training_jobs.commons.world.policy_of", lambda _: policy)
    monkeypatch.setattr("training_jobs.commons.uncomputable.policy_of", lambda _: policy)
    now = clock()
    preview = previews.order(sandbox().pk, voters["Alice"].address, now)
    name = f"preview:{preview.pk}"
    sweep(now)
    assert waits(community, name) == ["reserved"]
    sweep(now + 61 * MINUTE)
    preview.refresh_from_db()
    assert preview.failure == "reserved"
    assert told(community, name)[-1]["reason"] == "reserved"
    assert Event.objects.filter(kind="draft_preview_failed").get().data["code"] == "reserved"
    assert measured(community, "requests", "all", "refused") is None, "one person's requests stay hidden"
    assert sound(community)


# --- refused at the door ------------------------------------------------------------------------------------------


def test_a_used_quota_is_told_once_a_day_and_counts_as_refused(community, sandbox, voters, settings):
    settings.SANDBOX_SECONDS_PER_WEEK, settings.PREVIEWS_PER_DAY = 1_000, 99
    now = clock()
    alice = voters["Alice"].address
    previews.order(sandbox().pk, alice, now)
    proposal = sandbox()
    for minute in (0, 5, 23 * 60, 25 * 60):
        with pytest.raises(Conflict, match="sandbox_quota_used"):
            previews.order(proposal.pk, alice, now + minute * MINUTE)
    asked = Event.objects.filter(kind="compute_requested", data__request__startswith="door:").order_by("pk")
    assert [each.actor for each in asked] == [alice, alice]
    assert len({each.data["request"] for each in asked}) == 2
    name = asked[0].data["request"]
    assert told(community, name)[-1] == {"kind": "compute_refused", "request": name, "reason": "quota"}
    assert (told(community, name)[0]["origin"], told(community, name)[0]["seconds"]) == ("sandbox", 600)
    assert ComputeRequest.objects.count() == 1, "what is refused at the door leaves no row"
    assert sound(community)
    log = Client().get("/c/water-commons/log/").content.decode()
    assert "The member’s own quota for a week was used" in log


def test_who_asks_too_often_in_a_day_is_told_too(community, sandbox, voters, settings):
    settings.PREVIEWS_PER_DAY = 1
    previews.order(sandbox().pk, voters["Alice"].address, clock())
    proposal = sandbox()
    for _ in range(2):
        with pytest.raises(Conflict, match="too_many_previews"):
            previews.order(proposal.pk, voters["Alice"].address, clock())
    assert [each["reason"] for each in told(community) if each["kind"] == "compute_refused"] == ["daily_limit"]
    assert sound(community)


def test_a_run_without_enough_money_is_told_once_and_begins_when_there_is(
    community, update, propose, voters, lake, at, monkeypatch
):
    from config import sweeper

    fill(community, EURO)
    proposal = propose(
        "model_update", {"spec": {**update["spec"], **costs(update, "5")}}, now=clock() - timedelta(hours=3)
    )
    with pytest.raises(Conflict, match="account_exhausted"):
        pass_(proposal, voters)
    for _ in range(2):
        sweeper.sweep()
    name = f"door:no_money/{proposal.number}"
    assert kinds(community, name) == ["requested", "refused"]
    assert told(community, name)[0]["proposal_number"] == proposal.number
    assert told(community, name)[1]["reason"] == "no_money"
    assert sound(community)


def test_fsck_finds_a_refusal_at_the_door_that_was_tampered_with(community, sandbox, voters, settings):
    settings.SANDBOX_SECONDS_PER_WEEK = 1
    with pytest.raises(Conflict):
        previews.order(sandbox().pk, voters["Alice"].address, clock())
    assert sound(community)
    name = told(community)[-1]["request"]
    note("compute_refused", clock(), community=community, request=name, reason="quota")
    assert [each.table for each in fsck.check_one(community)] == ["governance_event"]


def test_the_acceptance_rate_counts_who_was_turned_away_with_the_reason(list_community):
    community, now = list_community().community, clock()
    refused = Conflict("sandbox_quota_used", "so many are enough")
    for number in range(10):
        asked = ComputeRequest(
            community=community, origin="sandbox", member=f"0x{number:040}", devices=1, memory_bytes=0, seconds=60,
            ceiling=0, newcomer=False,
        )  # fmt: skip
        if number % 2:
            turned_away = requests.TurnedAway(refused, requests.QUOTA, asked)
            assert [door.tell(turned_away, now) for _ in range(2)] == [True, False]
        else:
            asked.name = f"preview:{number}"
            requests.tell_requested(asked, None, now)
            began = {"site": "lake", "why": "starts", "waited": 0, "price": 0, "until": int(now.timestamp()) + 60}
            note("compute_started", now, community=community, request=asked.name, **began)
    assert measured(community, "requests", "all", "acceptance") == Fraction(1, 2)
    assert measured(community, "refusals", "quota", "refused") == 5
    page = Client().get("/c/gardens/compute/").content.decode()
    assert "The member’s own quota for a week was used" in page
