"""A community with a gate and a duty, and a run that was measured: what tests of reviews start from.

Members are listed, so that no chain is needed. Alice proposes, a machine of Hugo's works, Emma has no power.
"""

import copy
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from config.demo import corpus, specs
from governance.clock import now as clock
from governance.clock import whole_second
from models_registry import services as registry
from models_registry.datasets import registering
from models_registry.metrics import measured_on
from models_registry.models import Model
from tests.integration import commons
from tests.integration.commons import Commons
from tests.integration.machines import description
from tests.integration.read_once import read_once
from tests.simulators import tiny_model
from training_jobs import kept_samples, services
from training_jobs.evaluation import report as reports
from training_jobs.evaluation.samples import Asked
from training_jobs.folders import attempt_folder
from training_jobs.models import Run, Runner

POWERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10, "Hugo": 5}
SETTINGS = {"VOTING_PERIOD_SECONDS_MIN": 1, "CHAIN_RPC": "http://127.0.0.1:9"}
SAMPLES = 8
DUTY = {"task": "read_samples", "people": 2, "samples": 4, "days": 7, "objections": 0}
RULE: dict[str, Any] = {"slug": "members-look", "title": "Members look first", "scope": "all", "duty": DUTY}
GATE: dict[str, Any] = {
    "slug": "right",
    "title": "Answers are right",
    "metric": "answer_accuracy",
    "comparator": "at_least",
    "bound": "0.5",
    "scope": "all",
}


@dataclass
class Reviewed:
    """The community, the payload of an update, and the moment after everything was voted."""

    commons: Commons
    update: dict[str, Any]
    now: datetime

    def passed(self, kind: str, payload: dict[str, Any], author: str = "Alice") -> None:
        """Let a proposal pass with the votes of Alice and Bob."""
        proposal = self.commons.propose(kind, payload, author=author, now=self.now)
        for name in ("Alice", "Bob"):
            self.commons.vote(proposal, name, 1)
        self.now = self.commons.executed(proposal).executed_at + timedelta(seconds=1)

    def run(self) -> Run:
        """Order a training by vote."""
        self.passed("model_update", self.update)
        return Run.objects.latest("pk")

    def address(self, name: str) -> str:
        return self.commons.address(name)


def tell(now: datetime, folder: Path) -> Reviewed:
    """Found the community, adopt both rules, and register what a training needs."""
    made = Reviewed(commons.found(now, POWERS, slug="valley"), {}, now)
    model = Model.objects.create(
        community=made.commons.community, namespace="commons", name="valley-assistant", title_en="Valley assistant",
        title_fr="Assistant de la vallée", license="apache-2.0",
    )  # fmt: skip
    base = registry.register_base(model, tiny_model.write(folder / "base"), now)

    def register(rows: list[dict[str, Any]], role: str) -> str:
        new = registering.NewDataset(role, role, "CC-BY-4.0", role, f"{role}.jsonl")
        stream = io.BytesIO(corpus.jsonl(rows))
        with read_once():
            return registering.register_dataset(made.commons.community, made.address("Alice"), new, stream, now)[
                0
            ].digest

    suite = register(corpus.evaluation_rows()[::12], "evaluation")
    learnt = register(corpus.training_rows()[::50], "training")
    made.passed("dataset_inclusion", {"digest": learnt})
    made.passed("ethics_rule", GATE)
    made.passed("ethics_rule", RULE, author="Bob")
    pinned = {"model": str(model), "revision": base.revision, "manifest_sha256": base.manifest_sha256}
    made.update = {"spec": specs.good_update(pinned, learnt, suite)}
    return made


def measured(run: Run, right: int = 8, samples: int = SAMPLES) -> tuple[dict[str, Any], Path]:
    """Return a true report on so many questions, and the file of its samples."""

    def asked(number: int, answer: str) -> Asked:
        language = "en" if number % 2 else "fr"
        return Asked(str(number), language, "answer", f"When {number}?", "At dawn.", answer, 900, 800_000, 4, 60)

    ours = [asked(number, "At dawn." if number < right else "At noon.") for number in range(samples)]
    theirs = [asked(number, "At noon.") for number in range(samples)]
    folder = Path(django_settings.DATA_DIR) / "made-reviews"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"samples-{right}-{samples}.jsonl"
    digest = reports.write_samples(path, ours, theirs)
    suite = run.spec_record.body["evaluation"]["suite"]
    values = reports.measure_all(suite, measured_on("dialogue"), ours, theirs).values
    report = {"suite": suite, **values, "samples": samples, "samples_sha256": digest, "further": {}}
    return report, path


def work(run: Run, now: datetime, right: int = 8, owner: str = "worker", keep: bool = True, samples: int = 8) -> Run:
    """Let a machine do the run and hand its report over, with its samples if `keep`."""
    lease = services.claim(run.pk, owner, now)
    assert lease is not None
    artifact = tiny_model.write(attempt_folder(run.pk, lease.fence) / "artifact")
    services.trained(lease, description(artifact), "none", now + timedelta(seconds=5))
    report, path = measured(run, right, samples)

    def keeping() -> None:
        if keep:
            kept_samples.keep(report, {report["samples_sha256"]: path})

    return services.judge(lease, report, now + timedelta(seconds=10), keeping)


def lend(made: Reviewed, owner: str) -> Runner:
    """Let a member lend a machine."""
    return Runner.objects.create(
        community=made.commons.community, owner=made.address(owner), name=f"{owner}’s", created_at=made.now
    )


# --- fixtures -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told_reviews(
    module_db: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Reviewed]:
    """The community up to the last vote on its rules, told once for a module. It ends an hour ago."""
    with django_db_blocker.unblock(), override_settings(**SETTINGS):
        yield tell(whole_second(clock()) - timedelta(hours=1), tmp_path_factory.mktemp("reviews"))


@pytest.fixture
def valley(told_reviews: Reviewed, db: None, settings: Any) -> Reviewed:
    """The community for one test."""
    for name, value in SETTINGS.items():
        setattr(settings, name, value)
    return copy.deepcopy(told_reviews, {id(told_reviews.commons.members): told_reviews.commons.members})
