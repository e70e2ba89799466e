"""A hidden suite from its commitment to a verified release, and everything that must not happen on the way."""

import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from config.demo import corpus
from governance.clock import now as clock
from governance.errors import Refusal
from governance.models import Event, Record
from models_registry.datasets.rows import IntakeError
from models_registry.fsck import hidden_suites as fsck
from models_registry.hidden_suites import __main__ as command
from models_registry.models import Dataset, EthicsRule, HiddenSuite, SuiteOpening
from tests.faults import runs_site
from tests.integration.hidden_site import (
    ON_HIDDEN,
    ROWS,
    Base,
    Site,
    committed,
    everything_stored,
    prepared,
    unseen,
    verified,
    worked,
)
from training_jobs import services
from training_jobs.lifecycle import State
from training_jobs.models import Run


@pytest.fixture(scope="module")
def base(module_db: None, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Base]:
    with django_db_blocker.unblock(), prepared(tmp_path_factory.mktemp("hidden")) as made:
        yield made


@pytest.fixture
def site(base: Base, db: None, stand_in: Any, tmp_path: Path, capsys: Any) -> Site:
    return committed(base, tmp_path / "keeper", capsys)


# --- the whole story ---


def test_committed_voted_trained_opened_judged_released_and_verified(site: Site) -> None:
    run = worked(site.run())

    assert run.run_record is not None
    assert (run.state(clock()), run.verdict) == (State.AWAITING, "")
    assert [attempt.outcome for attempt in run.attempts.all()] == ["released"]
    assert site.secret not in everything_stored()

    dataset = site.open()
    run = worked(run)

    assert (run.verdict, run.state(clock())) == ("accepted", State.ACCEPTED)
    assert dataset.digest in run.evaluation_record.body["further"]
    parents = Record.objects.filter(pk__in=run.evaluation_record.value.parents)
    opening = parents.get(kind="opening")
    assert opening.body["digest"] == dataset.digest
    assert run.run_record.digest in opening.value.parents
    assert site.suite.record.digest in EthicsRule.objects.get(slug="unseen-answers").record.value.parents
    report = verified(run)
    assert report.ok, report.to_dict()
    assert list(fsck.check_hidden_suites(run.community)) == []
    order = list(Event.objects.order_by("position").values_list("kind", flat=True))
    kinds = ("suite_committed", "rule_adopted", "openings_awaited", "suite_opened", "run_judged")
    places = [max(place for place, kind in enumerate(order) if kind == wanted) for wanted in kinds]
    assert places == sorted(places)


def test_the_opened_suite_is_an_ordinary_one_marked_as_used(site: Site) -> None:
    worked(site.run())
    dataset = site.open()

    page = Client().get(f"/datasets/{dataset.digest}/").content.decode()
    rows = Client().get(f"/api/v1/datasets/{dataset.digest}/rows")

    assert "It was hidden until a model was fixed" in page
    assert site.secret in b"".join(rows.streaming_content).decode()
    told = Client().get(f"/api/v1/hidden-suites/{site.suite.commitment}").json()
    assert told["dataset"] == dataset.digest
    assert told["openings"][0]["salt"] == site.kept.salt


def test_anybody_computes_the_commitment_again_after_the_opening(site: Site, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "salt").write_text(site.kept.salt)
    (tmp_path / "rows.jsonl").write_bytes(site.kept.rows)

    assert command.main(["check", str(tmp_path), "--license", "CC-BY-4.0"]) == 0
    assert json.loads(capsys.readouterr().out)["commitment"] == site.suite.commitment


def test_fsck_finds_what_the_records_and_the_log_do_not_say(site: Site) -> None:
    run = worked(site.run())
    site.open()
    community = site.commons.community
    assert list(fsck.check_hidden_suites(community)) == []

    HiddenSuite.objects.update(title="Something else", opens_within_seconds=9)
    assert len(list(fsck.check_hidden_suites(community))) == 2
    HiddenSuite.objects.update(title="Sluices", opens_within_seconds=7_200)
    opening = SuiteOpening.objects.get()
    opening.run_record = run.spec_record  # of a model that the log does not name
    opening.save()
    (found,) = fsck.check_hidden_suites(community)
    assert "the model fixed at None" in str(found)
    SuiteOpening.objects.all().delete()
    assert len(list(fsck.check_hidden_suites(community))) == 1


# --- hidden once ---


def test_a_later_model_is_refused_because_the_suite_was_open_when_it_was_trained(site: Site) -> None:
    worked(site.run())
    site.open()
    Run.objects.update(verdict="", failed_at=clock())  # the first one is over; nothing else may depend on it

    later = site.moment + timedelta(minutes=5)
    runs_site.passed(site.commons, "model_update", site.update, later)
    run = worked(worked(Run.objects.latest("pk")))

    assert run.verdict == "rejected"
    reasons = {reason["rule"]: reason for reason in run.evaluation_record.body["verdict"]["reasons"]}
    assert reasons["unseen-answers"]["found"] == "the hidden suite was not opened for this model"


def test_one_opening_serves_every_model_that_waits(site: Site) -> None:
    first = worked(site.run())
    runs_site.passed(site.commons, "model_update", site.update, site.moment + timedelta(minutes=5))
    second = worked(Run.objects.latest("pk"))

    site.open()

    assert SuiteOpening.objects.count() == 2
    for run in (first, second):
        assert worked(run).verdict == "accepted"
        assert verified(run).ok
    assert list(fsck.check_hidden_suites(site.commons.community)) == []


def test_a_rule_cannot_name_a_suite_that_was_opened(site: Site) -> None:
    worked(site.run())
    dataset = site.open()

    with pytest.raises(Refusal) as refused:
        site.commons.propose("ethics_rule", {**ON_HIDDEN, "slug": "again", "suite": site.suite.name}, now=site.moment)

    assert refused.value.code == "suite_used"
    assert refused.value.allowed == dataset.digest


# --- never opened, too late, too early, wrong ---


def test_what_is_not_opened_in_time_is_not_measured_and_the_rule_refuses(
    site: Site, at: Callable[[datetime], None]
) -> None:
    run = worked(site.run())
    too_late = run.opening_until + timedelta(seconds=1)
    with pytest.raises(Refusal) as refused:
        site.open(now=too_late)
    assert refused.value.code == "opening_late"

    at(too_late)
    run = worked(run)

    assert run.verdict == "rejected"
    (broken,) = [reason for reason in run.evaluation_record.body["verdict"]["reasons"] if not reason["holds"]]
    assert broken["found"] == "the hidden suite was not opened for this model"
    assert run.version is None
    assert not Dataset.objects.filter(slug__startswith="hidden-").exists()
    site.suite.refresh_from_db()
    assert site.suite.opened_at is None


def test_a_suite_is_not_opened_before_a_model_is_fixed(site: Site) -> None:
    site.run()

    with pytest.raises(Refusal) as refused:
        site.open()

    assert refused.value.code == "opening_early"
    assert site.secret not in everything_stored()


def test_a_canceled_run_uses_no_suite_up(site: Site) -> None:
    run = worked(site.run())
    services.cancel(run.pk, site.commons.address("Alice"), clock())

    with pytest.raises(Refusal) as refused:
        site.open()

    assert refused.value.code == "opening_late"
    assert site.secret not in everything_stored()


def test_a_suite_is_not_opened_twice(site: Site) -> None:
    worked(site.run())
    site.open()

    with pytest.raises(Refusal) as refused:
        site.open()

    assert (refused.value.code, SuiteOpening.objects.count()) == ("already_opened", 1)


WRONG: dict[str, Callable[[list[dict[str, str]]], dict[str, Any]]] = {
    "one answer changed": lambda rows: {"rows": corpus.jsonl([{**rows[0], "answer": "The white one."}, *rows[1:]])},
    "a row left out": lambda rows: {"rows": corpus.jsonl(rows[1:])},
    "a row more": lambda rows: {"rows": corpus.jsonl([*rows, {**rows[0], "id": "more", "question": "More?"}])},
    "another salt": lambda _: {"salt": "0" * 64},
    "a salt that is too short": lambda _: {"salt": "0" * 63},
    "a salt in capitals": lambda _: {"salt": "A" * 64},
    "a salt with a newline": lambda _: {"salt": "0" * 64 + "\n"},
    "a salt of other digits": lambda _: {"salt": "٣" * 64},
    "a salt with a NUL": lambda _: {"salt": "0" * 63 + "\0"},
    "a very long salt": lambda _: {"salt": "0" * 100_000},
    "no rows": lambda _: {"rows": b""},
    "rows of another kind": lambda _: {
        "rows": corpus.jsonl([{"id": "1", "language": "en", "topic": "t", "text": "A text."}])
    },
    "no JSON": lambda _: {"rows": b"Which heron?\n"},
    "a pickle": lambda _: {"rows": b"\x80\x04\x95\x00"},
    "an archive": lambda _: {"rows": b"PK\x03\x04" + b"\0" * 100},
    "half a row": lambda _: {"rows": b'{"id":"1","language":"en"'},
    "a row with NUL": lambda _: {"rows": b'{"id":"1\\u0000"}\n'},
    "a file of NULs": lambda _: {"rows": b"\0" * 10_000},
    "deep nesting": lambda _: {"rows": b"[" * 50_000},
    "somebody who does not keep it": lambda _: {"who": "Alice"},
    "a stranger": lambda _: {"who": "Mallory"},
}


def test_every_wrong_opening_is_refused_and_leaves_nothing_and_the_right_one_still_opens(site: Site) -> None:
    run = worked(site.run())
    before = (Record.objects.count(), Dataset.objects.count(), Event.objects.count())

    for wrong, made in WRONG.items():
        with pytest.raises((Refusal, IntakeError)) as refused:
            site.open(**made(unseen(site.secret)))
        assert 400 <= refused.value.status < 500, wrong
        assert (Record.objects.count(), Dataset.objects.count(), Event.objects.count()) == before, wrong

    assert site.secret not in everything_stored()
    run.refresh_from_db()
    assert run.state(clock()) == State.AWAITING
    assert site.open().records == len(ROWS)


def test_rows_that_were_public_before_are_not_taken_for_hidden(site: Site) -> None:
    from models_registry.datasets import registering

    new = registering.NewDataset("shown", "Shown", "CC-BY-4.0", "evaluation", "rows.jsonl")
    alice = site.commons.address("Alice")
    registering.register_dataset(site.commons.community, alice, new, io.BytesIO(site.kept.rows), site.moment)
    worked(site.run())

    with pytest.raises(Refusal) as refused:
        site.open()

    assert refused.value.code == "suite_was_public"


def test_a_report_that_comes_before_the_opening_is_not_judged(site: Site) -> None:
    run = worked(site.run())
    assert services.claim(run.pk, "hasty", clock()) is None
    Run.objects.filter(pk=run.pk).update(lease_owner="hasty", lease_expires_at=clock() + timedelta(minutes=1))

    with pytest.raises(Refusal) as refused:
        services.judge(services.Lease(run.pk, run.fence), json.loads(json.dumps({"suite": "x"})), clock())

    assert refused.value.status == 503


def test_a_worker_that_dies_between_training_and_leaving_opens_nothing_early(
    site: Site, at: Callable[[datetime], None]
) -> None:
    run = worked(site.run())
    Run.objects.filter(pk=run.pk).update(lease_owner="dead", lease_expires_at=clock() - timedelta(seconds=1))
    run.refresh_from_db()

    assert run.state(clock()) == State.AWAITING
    assert services.due(clock()) == []
    site.open()
    assert services.due(clock()) == [run.pk]
    assert worked(run).verdict == "accepted"
