"""Samples that a machine hands in with its report: they must give the report, are kept by digest, and anyone gets them."""

import hashlib
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from governance.errors import Refusal
from models_registry.metrics import measured_on
from models_registry.models import Dataset
from tests.integration.conftest import RULE, Voter, pass_, sign_in
from tests.integration.machines import Machine, model_in
from training_jobs import kept_samples, worker
from training_jobs.evaluation import report as reports
from training_jobs.evaluation.samples import Asked
from training_jobs.models import Run
from training_jobs.suites import asked_for, measuring

SUITE = "ab" * 32


def asked(number: int, answer: str) -> Asked:
    language = "en" if number % 2 else "fr"
    return Asked(str(number), language, "answer", "When?", "At dawn.", answer, 900 * number, 800_000, 4, 60)


@pytest.fixture
def report(tmp_path: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    """Return a true report and the file that it comes from, by digest."""
    return report_on(SUITE, tmp_path)


def report_on(suite: str, tmp_path: Path) -> tuple[dict[str, Any], dict[str, Path]]:
    ours = [asked(number, "At dawn." if number < 5 else "At noon.") for number in range(8)]
    theirs = [asked(number, "At noon.") for number in range(8)]
    path = tmp_path / "samples.jsonl"
    digest = reports.write_samples(path, ours, theirs)
    values = reports.measure_all(suite, measured_on("dialogue"), ours, theirs).values
    return {"suite": suite, **values, "samples": 8, "samples_sha256": digest, "further": {}}, {digest: path}


def test_a_report_must_be_what_its_samples_give(report: tuple[dict[str, Any], dict[str, Path]]) -> None:
    told, files = report
    kept_samples.require_true(told, files)
    better = json.loads(json.dumps(told))
    better["candidate"]["answer_accuracy"]["numerator"] = 8
    with pytest.raises(Exception, match="report_differs"):
        kept_samples.require_true(better, files)
    path = files[told["samples_sha256"]]
    path.write_bytes(path.read_bytes().replace(b"At noon.", b"At dawn."))
    with pytest.raises(Exception, match="report_differs"):
        kept_samples.require_true(told, files)


def test_kept_samples_are_handed_out_by_their_digest_and_nothing_else_is(
    db: None, report: tuple[dict[str, Any], dict[str, Path]], settings: Any, tmp_path: Path
) -> None:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    told, files = report
    digest = told["samples_sha256"]
    client = Client()
    assert client.get(f"/api/v1/samples/{digest}").status_code == 404
    kept_samples.keep(told, files)
    kept_samples.keep(told, files)
    answer = client.get(f"/api/v1/samples/{digest}")
    content = b"".join(answer.streaming_content)
    answer.close()
    assert (answer.status_code, hashlib.sha256(content).hexdigest()) == (200, digest)
    for wrong in ("..", "0" * 64, digest.upper(), f"{digest}.jsonl", "%2e%2e"):
        assert client.get(f"/api/v1/samples/{wrong}").status_code == 404
    assert [path.name for path in (settings.ARTIFACTS_DIR / "samples").iterdir()] == [f"{digest}.jsonl"]


def test_a_file_that_is_not_what_the_report_names_is_not_kept(
    report: tuple[dict[str, Any], dict[str, Path]], settings: Any, tmp_path: Path
) -> None:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    told, files = report
    files[told["samples_sha256"]].write_text("something else")
    kept_samples.keep(told, files)
    assert list((settings.ARTIFACTS_DIR / "samples").iterdir()) == []


def test_rules_ask_for_their_metric_on_their_suite_or_on_that_of_the_run() -> None:
    rules = [
        {"suite": None, "metric": "language_gap"},
        {"suite": "cd" * 32, "metric": "refusal"},
        {"suite": "cd" * 32, "metric": "jailbreak_success"},
        {"suite": SUITE, "metric": "memorisation"},
    ]
    people = {"suite": None, "metric": None, "duty": {"task": "read_report"}}
    rules = [*({**rule, "duty": None} for rule in rules), people]
    assert asked_for(SUITE, rules) == {
        SUITE: {"language_gap", "memorisation"},
        "cd" * 32: {"refusal", "jailbreak_success"},
    }


@pytest.fixture
def shipped(community: Any, voters: dict[str, Voter]) -> dict[str, Dataset]:
    """Register the suites that ship, twice; return them by the kind of their rows."""
    for _ in range(2):
        call_command("ship_suites", community.slug, voters["Alice"].address, stdout=StringIO())
    return {dataset.kind: dataset for dataset in Dataset.objects.filter(role="evaluation", slug__startswith="shipped")}


def test_the_suites_that_ship_are_registered_once_and_only_by_whom_may_propose(
    shipped: dict[str, Dataset], community: Any
) -> None:
    assert {kind: dataset.records for kind, dataset in shipped.items()} == {"behaviour": 112, "pair": 76}
    assert all(dataset.languages == ["en", "fr"] for dataset in shipped.values())
    with pytest.raises(CommandError, match="no community"):
        call_command("ship_suites", "nobody", "0x" + "1" * 40)
    with pytest.raises(CommandError):
        call_command("ship_suites", community.slug, "0x" + "1" * 40, stdout=StringIO())


@pytest.mark.parametrize("is_measured", [True, False])
def test_a_rule_on_a_suite_of_its_own_is_measured_there_and_rejects_where_it_is_not(
    is_measured: bool,
    shipped: dict[str, Dataset],
    update: dict[str, Any],
    propose: Any,
    voters: dict[str, Voter],
    stand_in: Any,
) -> None:
    suite = shipped["behaviour"].digest
    body = {"slug": "refuses-harm", "title": "It refuses harm", "metric": "refusal", "suite": suite}
    pass_(propose("ethics_rule", {**RULE, **body, "comparator": "at_least", "bound": "0.5"}, author="Bob"), voters)
    pass_(propose("model_update", update), voters)
    run = Run.objects.get()
    stand_in(run, "" if is_measured else "report without further suites")
    assert measuring(run).further == {suite: measured_on("behaviour")}
    worker.work(run.pk)
    run.refresh_from_db()
    assert run.evaluation_record is not None
    reasons = {reason["rule"]: reason for reason in run.evaluation_record.body["verdict"]["reasons"]}
    assert reasons["refuses-harm"]["holds"] is is_measured
    assert run.verdict == ("accepted" if is_measured else "rejected")
    assert (run.version is not None) is is_measured


def test_a_run_is_asked_questions_only_by_a_suite_of_questions_with_answers(
    shipped: dict[str, Dataset], update: dict[str, Any], propose: Any
) -> None:
    update["spec"]["evaluation"]["suite"] = shipped["pair"].digest
    with pytest.raises(Refusal, match="unknown_suite"):
        propose("model_update", update)


def test_what_a_members_machine_reports_is_computed_again_from_its_samples(
    run: Run, voters: dict[str, Voter], settings: Any, tmp_path: Path
) -> None:
    settings.RUNS_DIR = tmp_path / "runs"
    browser = Client()
    sign_in(browser, voters["Alice"])
    lent = {"community": "water-commons", "name": "laptop"}
    machine = Machine(browser.post("/api/v1/runners", lent, content_type="application/json").json()["token"])
    fence = machine.claim(run)["fence"]
    told = machine.upload(run, fence, model_in(tmp_path / "model"))
    body = {"fence": fence, "description": told, "isolation": "bubblewrap"}
    assert machine.post(f"runs/{run.pk}/trained", body).status_code == 200
    true, files = report_on(run.spec_record.body["evaluation"]["suite"], tmp_path)
    digest, path = next(iter(files.items()))
    assert machine.put(run, fence, path.read_bytes()).status_code == 201

    better = json.loads(json.dumps(true))
    better["candidate"]["answer_accuracy"]["numerator"] = 8
    refused = machine.post(f"runs/{run.pk}/evaluated", {"fence": fence, "report": better})
    assert (refused.status_code, refused.json()["code"]) == (422, "report_differs")
    assert browser.get(f"/api/v1/samples/{digest}").status_code == 404
    judged = machine.post(f"runs/{run.pk}/evaluated", {"fence": fence, "report": true})
    assert judged.status_code == 200, judged.content
    kept = browser.get(f"/api/v1/samples/{digest}")
    assert b"".join(kept.streaming_content) == path.read_bytes()
    kept.close()


def test_a_rule_needs_a_suite_on_which_its_metric_can_be_measured(shipped: dict[str, Dataset], propose: Any) -> None:
    for metric, suite in (("refusal", None), ("refusal", shipped["pair"].digest), ("toxicity", shipped["pair"].digest)):
        payload = {**RULE, "slug": "unfit", "metric": metric, "suite": suite}
        with pytest.raises(Refusal, match="metric_does_not_fit"):
            propose("ethics_rule", payload, author="Bob")
