"""Released versions measured again: on a schedule, on demand, by the real worker and the real evaluator."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from config import sweeper
from governance.clock import now as clock
from governance.errors import Refusal
from governance.fsck.logs import check_log
from governance.models import Community, Event, Record
from models_registry import services as registry
from models_registry import watch
from models_registry.incidents import regression
from models_registry.models import Version
from tests.integration import released_site
from tests.integration.released_site import DAY, later
from training_jobs import kept_samples
from training_jobs.evaluation import recompute
from training_jobs.inquiries import plan, schedule, services, work
from training_jobs.leases import StaleLease
from training_jobs.models import Inquiry, Run
from training_jobs.previews.lifecycle import State
from training_jobs.tasks import inquiry_job

ROWS = [
    {"id": f"q{number}", "language": "en", "topic": "water", "question": f"Where is well {number}?", "answer": "Here."}
    for number in range(6)
]


@pytest.fixture(scope="module")
def ready(module_db, django_db_blocker, tmp_path_factory):
    """A community with one real release, for all tests of this module."""
    folder = tmp_path_factory.mktemp("released")
    with django_db_blocker.unblock(), released_site.prepared(folder) as found:
        return found


@pytest.fixture
def site(ready, db, settings, tmp_path):
    """The community, with files of its own."""
    return released_site.use(ready, settings, tmp_path)


def refused(site, who, now=None):
    """Ask for what is refused; return the code. Nothing is left of it."""
    before = (Inquiry.objects.count(), Event.objects.count())
    with pytest.raises(Refusal) as refusal:
        services.ask(site.version, site.commons.address(who), now or clock())
    assert (Inquiry.objects.count(), Event.objects.count()) == before
    return refusal.value.code


def page(site, who=""):
    answer = site.client(who).get(f"/releases/{site.revision}/")
    assert answer.status_code == 200
    return answer.content.decode()


# --- the whole way ------------------------------------------------------------------------------------------------


def test_after_a_month_the_released_files_are_measured_again_and_everybody_reads_then_and_now(site, at, tmp_path):
    now = clock()
    assert schedule.order_due(now) == []
    assert "at the release" in page(site)
    now = later(31)
    at(now)
    (number,) = schedule.order_due(now)
    assert schedule.order_due(now) == [], "what is ordered is not ordered twice"
    inquiry_job(number)
    inquiry = Inquiry.objects.get()
    assert (inquiry.failure_detail, inquiry.state(now), inquiry.because) == ("", State.DONE, "schedule")

    body, release = inquiry.record.body, site.version.evaluation_record.body
    assert body["candidate"] == release["candidate"], "the same files, asked the same, say the same"
    assert body["samples_sha256"] == release["samples_sha256"]
    assert (body["worse"], body["fresh"], body["verdict"]["accepted"]) == ([], [], True)
    assert site.version.release_record_id in inquiry.record.value.parents
    assert body["measured_at"] == int(now.timestamp())

    report = tmp_path / "report.json"
    report.write_text(json.dumps(body))
    samples = kept_samples.find(body["samples_sha256"])
    assert recompute.main([str(report), str(samples)]) == 0

    text = page(site)
    for words in ("Measured again", "Then and now", "Answer accuracy", "holds", inquiry.record_id[:12]):
        assert words in text, words
    said = Client().get(f"/api/v1/releases/{site.revision}/measurements").json()["results"]
    assert [(each["id"], each["state"], each["record"]) for each in said] == [(number, "done", inquiry.record_id)]
    assert said[0]["measurement"] == body
    assert Client().get(f"/api/v1/records/{inquiry.record_id}").status_code == 200
    event = Event.objects.get(kind="release_measured_again")
    assert event.data == {
        "inquiry": number, "revision": site.revision, "record": inquiry.record_id, "holds": True,
    }  # fmt: skip
    assert not list(check_log(Community.objects.get()))
    left = sorted(path.name for path in work.folder_of(number).rglob("*") if path.is_file())
    assert left == sorted(work.KEPT)
    assert inquiry.removed_at is not None
    assert schedule.order_due(now + 29 * DAY) == []
    assert len(schedule.order_due(now + 30 * DAY)) == 1


def test_nothing_of_the_release_changes(site, at):
    at(later())
    before = Version.objects.filter(revision=site.revision).values().get()
    records = set(Record.objects.values_list("pk", flat=True))
    (number,) = schedule.order_due(later())
    site.worked(Inquiry.objects.get(pk=number))
    assert Version.objects.filter(revision=site.revision).values().get() == before
    assert Record.objects.exclude(pk__in=records).get().kind == watch.MEASUREMENT
    assert Run.objects.count() == 1


def test_a_rule_and_a_suite_that_came_since_have_it_measured_again_and_the_rules_of_today_judge(site, at):
    now = later(2)
    suite = site.suite("fresh", ROWS, now)
    rule = site.adopt(now, suite=suite.digest)
    at(now)
    unmeasured = watch.watched(site.version, now)
    assert [each.rule.slug for each in unmeasured.unmeasured] == [rule.slug]
    (number,) = schedule.order_due(now)
    inquiry = site.worked(Inquiry.objects.get(pk=number))
    assert (inquiry.because, inquiry.failure_detail) == ("change", "")
    body = inquiry.record.body
    assert set(body["further"]) == {suite.digest}
    assert body["further"][suite.digest]["samples"] == len(ROWS)
    assert body["fresh"] == [suite.digest]
    assert {each["rule"]: each["holds"] for each in body["verdict"]["reasons"]}[rule.slug] is False
    assert not body["verdict"]["accepted"]
    found = watch.watched(site.version, now)
    assert found.measured_again
    assert [each.rule.slug for each in found.broken] == [rule.slug]
    assert "new since the release" in page(site)
    assert schedule.order_due(now + timedelta(hours=1)) == [], "nothing changed since, and a month has not passed"


def test_a_suite_with_the_question_of_a_confirmed_incident_is_fresh_and_due_at_once(site):
    now = later(1)
    assert plan.plan_of(site.version, now).fresh == []
    incident = site.incident(now, outcome="confirmed")
    regression.make_case("gardens", incident.number, site.commons.address("Alice"), "", "en", now)
    incident.refresh_from_db()
    wanted = plan.plan_of(site.version, now)
    assert wanted.fresh == [incident.case.digest]
    assert set(wanted.further) == {incident.case.digest}
    assert schedule.turn_of(site.version, now).because == "change"


def test_of_many_new_suites_the_newest_few_small_ones_are_taken(site, monkeypatch):
    now = later(1)
    made = [
        site.suite(f"suite-{n}", [{**row, "answer": f"At {n}."} for row in ROWS], now + timedelta(minutes=n))
        for n in range(6)
    ]
    assert plan.plan_of(site.version, now).fresh == sorted(each.digest for each in made[2:])
    monkeypatch.setattr(plan, "FRESH_RECORDS_MAX", len(ROWS) - 1)
    assert plan.plan_of(site.version, now).fresh == []


# --- when ---------------------------------------------------------------------------------------------------------


def test_the_interval_is_that_of_the_community_or_of_the_site_and_zero_is_never(site, settings):
    assert len(schedule.order_due(later(30))) == 1
    Inquiry.objects.all().delete()
    settings.WATCH_DAYS_OF = {"gardens": 7, "water": 1}
    assert schedule.order_due(later(6)) == []
    assert len(schedule.order_due(later(7))) == 1
    Inquiry.objects.all().delete()
    for zero in ({"gardens": 0}, {}):
        settings.WATCH_DAYS_OF, settings.WATCH_DAYS = zero, 0
        assert schedule.order_due(later(900)) == []
    settings.WATCH_DAYS, settings.RUN_HERE = 30, False
    assert schedule.order_due(later(900)) == []


def test_a_version_that_is_not_the_current_one_or_that_no_rule_binds_is_not_measured_by_itself(site):
    now = later()
    Version.objects.filter(revision=site.revision).update(
        paused_by="0x1", paused_reason="Wait.", paused_until=now + DAY
    )
    assert schedule.order_due(now) == []
    assert len(schedule.order_due(now + DAY)) == 1
    Inquiry.objects.all().delete()
    rule = site.commons.community.ethics_rules.get()
    site.vote("rule_repeal", {"slug": rule.slug, "reason": "No more."}, now)
    assert schedule.order_due(now + DAY) == []


def test_a_failed_measurement_is_tried_again_a_day_later_and_not_at_every_sweep(site):
    now = later()
    (number,) = schedule.order_due(now)
    lease = services.claim(number, "worker", now)
    services.fail(lease, "payload_changed", "a file differs", now, permanent=True)
    assert schedule.order_due(now + timedelta(hours=23)) == []
    (again,) = schedule.order_due(now + DAY)
    assert again != number
    assert Event.objects.get(kind="inquiry_failed").data["code"] == "payload_changed"


def test_the_sweeper_orders_nudges_and_clears_away(site, at, monkeypatch):
    now = later()
    at(now)
    monkeypatch.setattr(sweeper, "clock", lambda: now)
    told = []
    monkeypatch.setattr(sweeper, "_tell", lambda task, numbers: told.extend((task.name, n) for n in numbers) or 0)
    assert sweeper.look_again() == 1
    number = Inquiry.objects.get().pk
    sweeper.nudge()
    assert ("training_jobs.inquiry_job", number) in told
    monkeypatch.setattr(work, "clean", lambda _number: None)
    site.worked(Inquiry.objects.get())
    monkeypatch.undo()
    monkeypatch.setattr(sweeper, "clock", lambda: now)
    assert sweeper.look_again() == 0
    assert Inquiry.objects.get().removed_at is not None


# --- who ----------------------------------------------------------------------------------------------------------


def test_stewards_and_whoever_may_propose_ask_and_nobody_else(site):
    assert "Measure it again" not in page(site)
    assert refused(site, "a stranger") == "below_threshold"
    for who in ("Bob", "Daouda"):  # a guardian, who answers incidents; a member with power
        made = services.ask(site.version, site.commons.address(who), clock())
        assert (made.because, made.asked_by) == ("asked", site.commons.address(who))
        Inquiry.objects.all().delete()
    answer = site.client("Alice").post(f"/releases/{site.revision}/measure/")
    assert (answer.status_code, Inquiry.objects.count()) == (302, 1)
    assert "In line" in page(site, "Alice")
    assert Client().post(f"/api/v1/releases/{site.revision}/measurements").status_code == 401


def test_one_at_a_time_and_so_many_a_day(site, settings):
    settings.INQUIRIES_PER_DAY = 2
    now = clock()
    for _ in range(2):
        asked = site.client("Alice").post(f"/api/v1/releases/{site.revision}/measurements")
        assert asked.status_code == 201
        assert refused(site, "Alice") == "inquiry_at_work"
        lease = services.claim(asked.json()["id"], "worker", clock())
        services.fail(lease, "killed", "", clock(), permanent=True)
    assert refused(site, "Alice") == "too_many_inquiries"
    assert services.ask(site.version, site.commons.address("Alice"), now + 2 * DAY)


def test_twice_at_once_is_once_whoever_comes_second(site):
    now = later()
    version, turn = site.version, schedule.turn_of(site.version, now)
    first = services.ordered_by_watch(version, turn.because, turn.plan, now)
    assert services.ordered_by_watch(version, turn.because, turn.plan, now) is None
    with pytest.raises(IntegrityError), transaction.atomic():
        Inquiry.objects.create(version=version, because="asked", plan={}, created_at=now, seconds_max=1)
    lease = services.claim(first.pk, "one", now)
    assert services.claim(first.pk, "other", now) is None
    assert lease.fence == 1


def test_what_cannot_be_measured_is_refused_and_leaves_nothing(site, settings):
    settings.RUN_HERE = False
    assert refused(site, "Alice") == "no_machines_here"
    settings.RUN_HERE = True
    registry_path = plan.dataset_path(plan.origin_of(site.version).spec["evaluation"]["suite"])
    kept = registry_path.read_bytes()
    registry_path.unlink()
    assert refused(site, "Alice") == "nothing_to_measure_again"
    registry_path.write_bytes(kept)
    Version.objects.filter(number=0).update(parent=None)
    base = Version.objects.select_related("model__community").get(number=0)
    with pytest.raises(Refusal, match="nothing_to_measure_again"):
        services.ask(base, site.commons.address("Alice"), clock())
    assert Client().get("/api/v1/releases/none/measurements").status_code == 404


# --- how it ends --------------------------------------------------------------------------------------------------


def asked(site, now=None):
    return services.ask(site.version, site.commons.address("Alice"), now or clock())


def withdraw(site, now):
    payload = {"revision": site.revision, "reason": "It lies."}
    site.vote("release_withdrawal", payload, now)


def test_a_release_that_is_withdrawn_meanwhile_is_measured_no_further(site):
    inquiry, now = asked(site), clock()
    lease = services.claim(inquiry.pk, "worker", now)
    assert services.heartbeat(lease, now) == "continue"
    withdraw(site, now + timedelta(seconds=1))
    assert services.heartbeat(lease, now) == "cancel"
    services.stopped(lease, now)
    inquiry.refresh_from_db()
    assert (inquiry.failure, inquiry.record) == ("release_withdrawn", None)
    assert refused(site, "Alice") == "already_withdrawn"
    assert schedule.order_due(later(60)) == []


def test_one_in_line_when_the_release_is_withdrawn_is_ended_by_the_sweeper(site):
    inquiry, now = asked(site), clock()
    withdraw(site, now)
    assert services.settle(now) == [inquiry.pk]
    inquiry.refresh_from_db()
    assert inquiry.failure == "release_withdrawn"


def test_when_the_worker_dies_another_one_begins_again_and_the_first_can_write_no_more(site, at):
    inquiry, now = asked(site), clock()
    dead = services.claim(inquiry.pk, "dead", now)
    assert services.due(now) == []
    now += timedelta(seconds=61)
    at(now)
    assert services.due(now) == [inquiry.pk]
    assert site.worked(inquiry).state(now) is State.DONE
    assert (inquiry.fence, services.heartbeat(dead, now)) == (2, "stale")
    for write in (
        lambda: services.stream(dead, []),
        lambda: services.measured(dead, {}, now),
        lambda: services.fail(dead, "killed", "", now, permanent=True),
        lambda: services.stopped(dead, now),
    ):
        with pytest.raises(StaleLease):
            write()


def test_workers_that_all_die_use_up_the_attempts(site, settings):
    inquiry, now = asked(site), clock()
    for _ in range(settings.RUN_ATTEMPTS_MAX):
        assert services.claim(inquiry.pk, "mortal", now)
        now += timedelta(seconds=61)
    assert services.claim(inquiry.pk, "mortal", now) is None
    inquiry.refresh_from_db()
    assert inquiry.failure == "attempts_used_up"


def test_a_measurement_that_takes_too_long_is_ended(site):
    inquiry, now = asked(site), clock()
    lease = services.claim(inquiry.pk, "slow", now)
    now += timedelta(seconds=inquiry.seconds_max + 1)
    assert services.heartbeat(lease, now) == "cancel"
    assert services.stopped(lease, now).failure == "inquiry_too_long"


def test_files_that_were_changed_since_the_release_are_not_measured(site):
    weights = registry.version_folder(site.version) / "model.safetensors"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.unlink()
    weights.write_bytes(changed)
    inquiry = site.worked(asked(site))
    assert (inquiry.failure, inquiry.record) == ("manifest_mismatch", None)


def test_a_report_of_other_suites_or_another_form_is_refused_and_leaves_nothing(site):
    inquiry, now = asked(site), clock()
    lease = services.claim(inquiry.pk, "liar", now)
    true = {name: site.version.evaluation_record.body[name] for name in services.MEASURED}
    part = {name: true[name] for name in ("candidate", "parent", "difference", "samples", "samples_sha256")}
    broken = [
        {}, {**true, "suite": "4" * 64}, {**true, "further": {"4" * 64: part}}, {**true, "further": []},
        {**true, "samples": -1}, {**true, "samples": "20"}, {**true, "samples_sha256": "x"},
        {**true, "candidate": None}, {**true, "parent": []}, {**true, "difference": 3}, {**true, "suite": None},
        {**true, "further": {"x": part}}, {**true, "further": {"4" * 64: {}}},
    ]  # fmt: skip
    for report in broken:
        with pytest.raises(Refusal):
            services.measured(lease, report, now)
    assert not Record.objects.filter(kind=watch.MEASUREMENT).exists()
    done = services.measured(lease, true, now)
    assert services.measured(lease, true, now).record_id == done.record_id, "said again, it changes nothing"
    assert Event.objects.filter(kind="release_measured_again").count() == 1


def test_rows_that_were_trained_on_and_are_gone_leave_out_what_needs_them_and_nothing_else(site, at):
    now = later(1)
    site.adopt(now, slug="recites", metric="memorisation", comparator="at_most", bound="1", severity="warn")
    assert "memorisation" in plan.plan_of(site.version, now).metrics
    for use in plan.origin_of(site.version).spec["datasets"]:
        plan.dataset_path(use["digest"]).unlink()
    wanted = plan.plan_of(site.version, now)
    assert wanted.left_out == ["memorisation"]
    at(now)
    (number,) = schedule.order_due(now)
    inquiry = site.worked(Inquiry.objects.get(pk=number))
    assert (inquiry.failure_detail, inquiry.record.body["left_out"]) == ("", ["memorisation"])
