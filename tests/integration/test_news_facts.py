"""What the registry and the runs know of an event, on a community with a real release: followers of a model hear of it."""

import pytest
from django.test import Client

from config import sweeper
from governance.models import LetterErrand, NewsCursor, Notification
from governance.notifications import moments, planning
from tests.integration import released_site
from tests.integration.readers_told import follow, kinds, reader
from tests.integration.released_site import DAY, later
from training_jobs import news
from training_jobs.tasks import run_job


@pytest.fixture(scope="module")
def ready(module_db, django_db_blocker, tmp_path_factory):
    """A community with one real release, for all tests of this module."""
    with django_db_blocker.unblock(), released_site.prepared(tmp_path_factory.mktemp("told")) as found:
        return found


@pytest.fixture
def site(ready, db, settings, tmp_path, monkeypatch):
    """The community, with files of its own; what happened before counts as news."""
    monkeypatch.setattr(moments, "STALE", 1_000 * DAY)
    return released_site.use(ready, settings, tmp_path)


def test_a_follower_of_the_model_hears_of_its_run_its_release_and_its_pause(site):
    now = later(2)
    fan, other = reader(now), reader(now)
    follow(fan, site.version.model.community, now, model=str(site.version.model))
    follow(other, site.version.model.community, now, model="gardens/other")
    planning.plan(now, news.facts)
    told = kinds(fan)
    assert {"run_started:run_created", "run_ended:run_judged", "released:version_released"} <= set(told)
    assert kinds(other) == []
    line = Notification.objects.get(reader=fan, announcement__kind="version_released")
    assert line.announcement.said["version"] == site.version.number
    assert line.announcement.said["title_en"] == site.version.model.title_en


def test_stewards_are_asked_and_followers_told_of_harm(site):
    now = later(2)
    bob = reader(now, address=site.commons.address("Bob"))
    fan = reader(now)
    follow(fan, site.version.model.community, now, model=str(site.version.model))
    planning.plan(now, news.facts)
    Notification.objects.all().delete()
    site.incident(now)
    planning.plan(now, news.facts)
    assert "steward_duty:incident_reported" in kinds(bob)
    assert kinds(fan) == ["incident:incident_reported"]


def test_the_feed_of_the_community_leads_to_the_release_and_to_the_run(site):
    feed = Client().get("/c/gardens/feed/").content.decode()
    assert f"/releases/{site.revision}/" in feed
    assert "/runs/" in feed
    assert f"version {site.version.number}" in feed


def test_the_sweeper_plans_and_tells_workers_of_letters(site, monkeypatch):
    nudged = []
    monkeypatch.setattr(sweeper, "_tell", lambda task, numbers: nudged.append((task.name, list(numbers))) or 0)
    NewsCursor.objects.update(position=0)
    fan = reader(later(0), email="fan@example.org")
    follow(fan, site.version.model.community, later(0))
    sweeper.keep_up()
    assert "released:version_released" in kinds(fan)
    LetterErrand.objects.update(next_at=later(0))
    sweeper.nudge()
    (letters,) = [numbers for name, numbers in nudged if name == "frontend.letter_job"]
    assert letters == list(LetterErrand.objects.values_list("pk", flat=True))
    assert letters
    assert run_job.name in dict(nudged)
