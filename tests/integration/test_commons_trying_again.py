"""What no machine of a site can take is left out there for good; what is only for now is tried again, and told so."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from collections import Counter
from datetime import timedelta

import pytest

from governance.clock import now as clock
from governance.errors import Conflict
from tests.integration.conftest import pass_
from tests.integration.shared_sites import MINUTE, add_site, allotted, let_in, machine_of, request_named, seen, told
from tests.integration.test_seats import TOPOLOGY, secret
from training_jobs import services
from training_jobs.commons import allotting, selectors
from training_jobs.models import ComputeRequest, Run, Runner, Site, SiteMeasurement
from training_jobs.runners import work
from training_jobs.scheduling.values import Policy, Why
from training_jobs.transparency.figures import Entry, Log, figures

HOUR = timedelta(hours=1)
WAIT_MAX = timedelta(seconds=Policy().wait_max)


@pytest.fixture
def order(update, propose, voters, settings, tmp_path):
    """Order a run three hours ago; return it, and the moment of it."""
    settings.RUNS_DIR = tmp_path / "runs"
    settings.RUNS_DIR.mkdir()

    def ordered(**changes):
        lately = clock() - timedelta(hours=3)
        pass_(propose("model_update", {"spec": {**update["spec"], **changes}}, now=lately), voters)
        run = Run.objects.order_by("-pk").first()
        return run, run.created_at

    return ordered


@pytest.fixture
def lake(community):
    """Let one site in, whose one machine takes one piece of work at a time."""
    return add_site(community, "lake", clock() - timedelta(hours=4))


def sweep(now):
    """Let the sites be heard of, and sweep."""
    seen(now, *Site.objects.values_list("slug", flat=True))
    return allotting.allot(now)


def why(run, now, slot=0):
    """Return why a place of a run waits, as the pages say it."""
    return selectors.explanation_of(ComputeRequest.objects.get(run=run, slot=slot), now).why


def waits(community, name):
    """Return why the log says that a request waits, in the order in which it was told."""
    return [each["why"] for each in told(community, name) if each["kind"] == "compute_waits"]


def give_up(run, slug, now):
    """Let the machine of a site say that it can never do a run."""
    lease = services.claim(run.pk, machine_of(slug).lease_name, now)
    work.fail(machine_of(slug), lease, "cannot", "", now, permanent=True)


def test_a_run_that_the_only_site_has_given_up_is_refused_in_time_and_not_tried_again(community, order, lake):
    run, now = order()
    name = f"run:{run.pk}"
    assert sweep(now) == 1
    give_up(run, "lake", now + MINUTE)
    for hours in range(1, 49):
        assert sweep(now + hours * HOUR) == 0
    assert why(run, now + 48 * HOUR) is Why.NO_SITE_FITS
    assert waits(community, name) == ["no_site_fits"]
    assert Counter(each["kind"] for each in told(community, name)) == {
        "compute_requested": 1, "compute_started": 1, "compute_interrupted": 1, "compute_waits": 1,
    }  # fmt: skip
    sweep(now + HOUR + WAIT_MAX)
    assert Run.objects.get(pk=run.pk).failure == "no_site_fits"


def test_another_machine_of_the_site_may_take_what_one_has_given_up(community, order, lake):
    run, now = order()
    sweep(now)
    give_up(run, "lake", now)
    now += 20 * MINUTE
    assert sweep(now) == 0
    given_up = machine_of("lake")
    add_site(community, "hill", now)
    second = machine_of("hill")
    SiteMeasurement.objects.filter(runner=second).update(site=lake)
    Runner.objects.filter(pk=second.pk).update(site=lake)
    assert sweep(now) == 1
    assert allotted(f"run:{run.pk}").site == lake
    assert work.open_runs(given_up, now) == []


def test_since_when_none_could_begin_it_holds_until_a_machine_comes(order, lake):
    run, now = order()
    name = f"run:{run.pk}"
    Site.objects.update(suspended_at=now, suspended_reason="It burns.")
    sweep(now)
    Site.objects.update(suspended_at=None)
    assert sweep(now + HOUR) == 1
    assert request_named(name).cannot_since == now, "it is allotted, and nobody has come yet"
    sweep(now + HOUR + 11 * MINUTE)
    assert (request_named(name).cannot_since, why(run, now + HOUR + 11 * MINUTE)) == (now, Why.TRIED_AGAIN)
    assert sweep(now + 3 * HOUR) == 1
    assert services.claim(run.pk, machine_of("lake").lease_name, now + 3 * HOUR) is not None
    assert request_named(name).cannot_since is None


def test_what_no_machine_took_is_not_said_to_be_a_silent_site_and_is_tried_again(community, order, lake):
    run, now = order()
    name = f"run:{run.pk}"
    sweep(now)
    later = now + 11 * MINUTE
    assert sweep(later) == 0
    assert told(community, name)[-2:] == [
        {"kind": "compute_interrupted", "request": name, "site": "lake", "why": "untaken"},
        {"kind": "compute_waits", "request": name, "why": "tried_again", "expected": None, "plus_minus": 0},
    ]
    assert why(run, later) is Why.TRIED_AGAIN
    assert request_named(name).cannot_since is None
    (row,) = selectors.rows([request_named(name)], later)
    assert row.outlook is None
    entries = (Entry(int(e.at.timestamp()), e.kind, e.data, e.actor) for e in community.events.order_by("pk"))
    assert figures(Log.of(entries)).strays == 0
    assert sweep(later + HOUR) == 1


def test_what_nobody_took_at_a_site_that_fell_silent_is_told_so(community, order, lake):
    run, now = order()
    sweep(now)
    later = now + 12 * MINUTE
    seen(now - HOUR, "lake")  # nothing was heard of it lately
    allotting.allot(later)
    (told_so,) = [each["why"] for each in told(community) if each["kind"] == "compute_interrupted"]
    assert told_so == "site_silent"
    assert why(run, later) is Why.NO_SITE_FITS, "it is not there"


def test_a_place_waits_while_all_machines_have_another_place_of_the_run(secret, order, lake):
    run, now = order(strategy="diloco", topology={**TOPOLOGY, "workers": 2})
    assert sweep(now) == 1
    assert services.claim(run.pk, machine_of("lake").lease_name, now) is not None
    sweep(now)
    member = request_named(f"run:{run.pk}/1")
    assert (why(run, now, slot=1), member.waits_for) == (Why.TRIED_AGAIN, "tried_again")
    assert member.cannot_since is None
    ComputeRequest.objects.filter(pk=member.pk).update(devices=9)
    assert why(run, now, slot=1) is Why.NO_SITE_FITS, "no machine there could ever have it"


def test_a_community_whose_decision_is_refused_silences_no_other(list_community, community, order, lake, monkeypatch):
    other = list_community().community
    add_site(other, "hill", clock() - timedelta(hours=4))
    order()
    second, now = order()
    decide = allotting._decide

    def refused(governing, forecast, moment):
        if governing.community == other:
            raise Conflict("refused", "not today")
        return decide(governing, forecast, moment)

    monkeypatch.setattr(allotting, "_decide", refused)
    sweep(now)
    assert waits(community, f"run:{second.pk}") == ["all_busy"]


def test_nothing_is_ended_in_vain_while_a_site_that_serves_it_was_not_looked_at(
    list_community, community, order, lake, monkeypatch
):
    other = list_community().community
    let_in(add_site(other, "hill", clock() - timedelta(hours=4)), community, clock() - timedelta(hours=4))
    run, now = order()
    ComputeRequest.objects.update(ceiling=1)
    sweep(now)
    assert request_named(f"run:{run.pk}").cannot_since == now
    decide = allotting._decide

    def refused(governing, forecast, moment):
        if governing.community == other:
            raise Conflict("refused", "not today")
        return decide(governing, forecast, moment)

    with monkeypatch.context() as patched:
        patched.setattr(allotting, "_decide", refused)
        sweep(now + WAIT_MAX)
    assert Run.objects.get(pk=run.pk).failure == ""
    sweep(now + WAIT_MAX + MINUTE)
    assert Run.objects.get(pk=run.pk).failure == "too_dear"
