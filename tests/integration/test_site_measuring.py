"""Machines measure themselves for their site: asked at hello, believed within what devices can do, added up."""

from datetime import timedelta

import pytest
from django.test import Client

from governance.clock import now as clock
from governance.errors import Conflict, Forbidden
from governance.models import Event
from tests.integration.conftest import NOON
from tests.integration.machines import HELLO, Machine
from tests.integration.site_places import GIB, MEASURED, machine, register
from training_jobs.bot import reference
from training_jobs.bot.config import Configuration
from training_jobs.models import Admission, Runner, Site, SiteMeasurement
from training_jobs.runners import services as runners
from training_jobs.sites import fsck, measuring, services
from training_jobs.sites.measured import tokens_max


@pytest.fixture
def gardens(list_community):
    return list_community()


@pytest.fixture
def now():
    return clock()


def test_a_machine_is_asked_when_it_is_new_at_a_site_and_again_when_its_figures_are_old(gardens, now):
    site = register(gardens, "Daouda", now)
    runner, token = machine(gardens, "Daouda", None, now)
    speaking = Machine(token)
    assert speaking.post("hello", HELLO).json()["measure"] is False, "it stands nowhere"
    services.attach("lake", gardens.address("Daouda"), runner.pk, now)
    assert speaking.post("hello", HELLO).json()["measure"] is True
    answer = speaking.post("measurement", MEASURED)
    assert (answer.status_code, answer.json()["tokens_per_second"]) == (201, 2_000)
    assert speaking.post("hello", HELLO).json()["measure"] is False
    site.refresh_from_db()
    assert (site.devices_measured, site.memory_measured, site.speed_measured) == (2, 8 * GIB, 2_000)
    runner.refresh_from_db()
    assert measuring.is_due(runner, clock() + measuring.MEASURED_AGAIN)


def test_absurd_figures_are_refused_and_change_nothing(gardens, now):
    site = register(gardens, "Daouda", now)
    speaking = Machine(machine(gardens, "Daouda", site, now)[1])
    most = tokens_max("cpu")
    answer = speaking.post("measurement", {**MEASURED, "repeats": [most + 1] * 3})
    refused = answer.json()
    assert (answer.status_code, refused["code"], refused["found"]) == (422, "not_believable", most + 1)
    assert refused["allowed"] == f"1 to {most}"
    for wrong in (
        {"repeats": [2_000.5] * 3}, {"repeats": ["2000"] * 3}, {"repeats": [True] * 3}, {"devices": -1}, {"devices": 10**30},
        {"software": "x"}, {"device_kind": "CPU"}, {"more": 1}, {"repeats": None}, {"repeats": [1] * 101},
    ):  # fmt: skip
        assert speaking.post("measurement", {**MEASURED, **wrong}).status_code in {400, 422}, wrong
    assert not SiteMeasurement.objects.exists()
    assert Site.objects.get().measured_at is None


def test_a_machine_measures_itself_once_in_a_while_and_only_for_its_site(gardens, now):
    site = register(gardens, "Daouda", now)
    speaking = Machine(machine(gardens, "Daouda", site, now)[1])
    assert speaking.post("measurement", MEASURED).status_code == 201
    again = speaking.post("measurement", MEASURED)
    assert (again.status_code, again.json()["code"]) == (429, "measured_already")
    assert int(again["Retry-After"]) > 0
    nowhere = Machine(machine(gardens, "Bob", None, now, name="bobs")[1])
    assert nowhere.post("measurement", MEASURED).json()["code"] == "no_site"
    assert Client().post("/api/v1/runner/measurement", MEASURED, content_type="application/json").status_code == 401


def test_machines_add_up_the_newest_of_each_counts_and_one_that_goes_counts_no_longer(gardens, now):
    site = register(gardens, "Daouda", now)
    one, _ = machine(gardens, "Daouda", site, now, name="one")
    two, _ = machine(gardens, "Daouda", site, now, name="two")
    measuring.take_in(one, {**MEASURED, "devices": 1}, now)
    measuring.take_in(two, {**MEASURED, "devices": 1, "repeats": [500] * 3, "memory_bytes": 4 * GIB}, now)
    later = now + timedelta(hours=1)
    measuring.take_in(one, {**MEASURED, "devices": 3}, later)
    site.refresh_from_db()
    assert (site.devices_measured, site.memory_measured, site.speed_measured) == (4, 4 * GIB, 500)
    services.detach("lake", gardens.address("Daouda"), two.pk, later)
    site.refresh_from_db()
    assert (site.devices_measured, site.memory_measured, site.speed_measured) == (3, 8 * GIB, 2_000)
    services.detach("lake", gardens.address("Daouda"), one.pk, later)
    site.refresh_from_db()
    assert (site.devices_measured, site.measured_at) == (0, None)


def test_a_machine_is_attached_by_its_owner_to_their_own_site_alone(gardens, now):
    register(gardens, "Daouda", now)
    register(gardens, "Bob", now, slug="hill")
    runner, _ = machine(gardens, "Daouda", None, now)
    with pytest.raises(Forbidden) as others_machine:
        services.attach("hill", gardens.address("Bob"), runner.pk, now)
    assert others_machine.value.code == "not_the_owner"
    with pytest.raises(Forbidden) as others_site:
        services.attach("hill", gardens.address("Daouda"), runner.pk, now)
    assert others_site.value.code == "not_the_operator"
    services.attach("lake", gardens.address("Daouda"), runner.pk, now)
    register(gardens, "Daouda", now, slug="pond")
    with pytest.raises(Conflict) as elsewhere:
        services.attach("pond", gardens.address("Daouda"), runner.pk, now)
    assert elsewhere.value.code == "runner_elsewhere"
    runners.revoke(runner.pk, gardens.address("Daouda"), now)
    with pytest.raises(Conflict):
        services.attach("lake", gardens.address("Daouda"), runner.pk, now)


def test_a_machine_that_is_revoked_counts_no_longer_and_the_log_is_told(gardens, now):
    site = register(gardens, "Daouda", now, devices=8)
    first, _ = machine(gardens, "Daouda", site, now)
    second, _ = machine(gardens, "Daouda", site, now, name="other")
    measuring.take_in(first, {**MEASURED, "devices": 4}, now)
    measuring.take_in(second, {**MEASURED, "devices": 1}, now)
    Admission.objects.create(
        site=site, community=gardens.community, admitted_at=now, admitted_by=site.operator, reason="It runs on water."
    )
    runners.revoke(first.pk, gardens.address("Daouda"), now)
    assert Site.objects.get().devices_measured == 1
    assert Event.objects.filter(kind="site_standing").latest("pk").data["devices"] == 1
    assert [found for found in fsck.check_one(gardens.community) if found.table == fsck.SITE] == []


class _Told:
    """The platform, as far as a bot that measures speaks with it."""

    def __init__(self):
        self.bodies = []

    def post(self, path, body):
        assert path == "measurement"
        self.bodies.append(body)
        return {}


def test_the_bot_really_measures_once_when_it_is_asked(gardens, now, tmp_path):
    config = Configuration("http://127.0.0.1:9", tmp_path, None, "TOKEN", None, None)
    capabilities, told = {"devices": [{"kind": "cpu", "name": "", "memory_bytes": 2 * GIB}]}, _Told()
    assert reference.measure(config, told, {}, capabilities) is None
    sent = reference.measure(config, told, {"measure": True}, capabilities)
    assert told.bodies == [sent]
    assert reference.measure(config, told, {"measure": True}, capabilities) is None, "an hour has not passed"
    site = register(gardens, "Daouda", now)
    runner, _ = machine(gardens, "Daouda", site, now)
    kept = measuring.take_in(Runner.objects.get(pk=runner.pk), sent, now)
    assert min(kept.repeats) <= kept.tokens_per_second <= max(kept.repeats)
    assert kept.measured_at > NOON
    assert [path.name for path in (tmp_path / "runs").iterdir()] == [], "nothing is left of it"
