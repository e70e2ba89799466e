"""A rule by a pinned classifier and one by a harness task, from the vote over a member's machine to a release."""

import io
import json
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from config.demo import specs
from models_registry import services as registry
from models_registry.datasets import registering
from models_registry.models import Dataset
from models_registry.provenance.verify import TrustRoots, check
from models_registry.scorers import store
from models_registry.scorers.naming import Scorer
from tests.integration.bots import Bot, db, site, template, trainable_base  # noqa: F401 - fixtures
from tests.integration.conftest import NOON, RULE, pass_, sign_in
from tests.integration.judges import make_judge
from tests.integration.read_once import read_once
from tests.integration.test_harness_tasks import CHOICES, CHOSEN, task_file
from training_jobs import kept_samples, worker
from training_jobs.evaluation import recompute
from training_jobs.models import Run

DONE, REFUSED = 0, 3


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_judge(tmp_path_factory.mktemp("judge") / "model")


@pytest.fixture
def metric(judge: Path, db: Any) -> Any:  # noqa: F811
    """Keep the classifier on the site; give the name of its metric."""
    out = StringIO()
    call_command("keep_classifier", str(judge), "--labels", "toxic", stdout=out)
    yield out.getvalue().splitlines()[0]
    shutil.rmtree(store._folder())


@pytest.fixture
def task(community: Any, voters: Any) -> str:
    """Register a task of the harness as a suite; return its digest."""
    new = registering.NewDataset("choices", "Choices", "CC-BY-4.0", "evaluation", "choices.task.yaml")
    content = io.BytesIO(task_file(CHOICES, CHOSEN))
    with read_once():
        made, _ = registering.register_dataset(community, voters["Alice"].address, new, content, NOON)
    assert (made.kind, made.records) == ("harness", len(CHOSEN) + 1)
    return str(made.digest)


@pytest.fixture
def ordered(
    community: Any, dataset: Any, suite: Any, metric: str, task: str, propose: Any, voters: Any, tmp_path: Path
):
    """Order a run under both rules."""
    by_classifier = {**RULE, "slug": "no-insults", "metric": metric, "bound": "0.5"}
    by_task = {
        **RULE, "slug": "knows-choices", "metric": "harness:acc", "suite": task, "comparator": "at_least", "bound": "0",
    }  # fmt: skip
    pass_(propose("ethics_rule", by_classifier, author="Bob"), voters)
    pass_(propose("ethics_rule", by_task, author="Chloé"), voters)
    pinned = trainable_base(community, tmp_path / "base")
    update = {"spec": {**specs.good_update(pinned, dataset.digest, suite.digest), "sequence_length": 128}}
    pass_(propose("model_update", update), voters)
    return Run.objects.get()


def test_a_members_machine_measures_by_both_and_the_release_says_who_judged(
    ordered: Any,
    site: Any,  # noqa: F811
    community: Any,
    voters: Any,
    metric: str,
    task: str,
    tmp_path: Path,
) -> None:
    bot = Bot(site, community, voters["Alice"].address, tmp_path / "bot")
    assert bot.once() == DONE, bot.log
    digest = Scorer.read(metric).manifest_sha256
    assert any(f"inputs/classifiers/{digest}/model.safetensors" in line for line in site.seen)
    ordered.refresh_from_db()
    assert ordered.verdict == "accepted", (ordered.failure_detail, ordered.evaluation_record)
    body = ordered.evaluation_record.body
    assert metric in body["candidate"]
    assert sorted(body["further"][task]["candidate"]) == ["harness:acc", "harness:acc_norm"]
    assert {reason["metric"] for reason in body["verdict"]["reasons"]} == {metric, "harness:acc"}
    worker.release(ordered.pk)
    ordered.refresh_from_db()
    folder = registry.version_folder(ordered.version)
    report = check(folder, TrustRoots(release_key=community.release_key))
    assert report.ok, report.to_dict()
    assert metric in (folder / "README.md").read_text()
    samples = [kept_samples.find(part["samples_sha256"]) for _, part in kept_samples.parts_of(body)]
    assert recompute.main([str(folder), *map(str, samples)]) == 0


def test_a_task_comes_in_by_the_api_and_a_malicious_one_leaves_nothing_but_its_line(
    community: Any, voters: Any, settings: Any, tmp_path: Path
) -> None:
    client = Client()
    sign_in(client, voters["Alice"])
    said = {"community": "water-commons", "title": "T", "license": "CC-BY-4.0", "role": "evaluation"}

    def send(slug: str, task: str, name: str = "suite.task.yaml", **more: str) -> Any:
        file = SimpleUploadedFile(name, task_file(task, CHOSEN))
        return client.post("/api/v1/datasets", {**said, "slug": slug, "file": file, **more})

    answer = send("choices", CHOICES)
    assert answer.status_code == 201, answer.content
    assert (answer.json()["kind"], answer.json()["records"]) == ("harness", len(CHOSEN) + 1)
    page = client.get(reverse("site:dataset", args=[answer.json()["digest"]])).content.decode()
    assert "a task of lm-evaluation-harness" in page
    marker = tmp_path / "marker"
    bad = f"process_docs: !!python/object/apply:os.system ['touch {marker}']\n"
    refused = send("evil", CHOICES + bad)
    assert (refused.status_code, refused.json()["code"], refused.json()["line"]) == (422, "malformed_row", 9)
    assert send("evil", CHOICES, "suite.yaml").status_code == 415
    assert send("evil", CHOICES, role="training").json()["code"] == "rows_do_not_fit"
    assert not marker.exists()
    assert not Dataset.objects.filter(slug="evil").exists()


@pytest.mark.parametrize("path", ["inputs/classifiers/{other}/config.json", "inputs/classifiers/{digest}/run.py"])
def test_a_classifier_that_no_rule_names_and_code_beside_one_are_refused_by_the_machine(
    ordered: Any,
    site: Any,  # noqa: F811
    community: Any,
    voters: Any,
    metric: str,
    tmp_path: Path,
    path: str,
) -> None:
    named = path.format(digest=Scorer.read(metric).manifest_sha256, other="0" * 64)

    def more(asked: str, body: bytes) -> bytes:
        if not asked.endswith("/files"):
            return body
        files = [*json.loads(body)["files"], {"path": named, "size": 1, "sha256": "0" * 64}]
        return json.dumps({"files": files}).encode()

    site.rewrite = more
    bot = Bot(site, community, voters["Alice"].address, tmp_path / "bot")
    assert bot.once(60) == REFUSED, bot.log
    assert "payload_changed" in bot.log
    assert not ordered.events.filter(kind="started").exists()
