"""A site with one approved run, in files of its own: what is killed, stopped and starved in the tests of runs.

Workers are processes, as in production, with short leases; they are ended by their number.
"""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import override_settings

from config.demo import corpus, specs
from governance.clock import now as clock
from governance.clock import whole_second
from governance.models import Proposal
from models_registry import services as registry
from models_registry.datasets import registering
from models_registry.models import Model
from tests.integration import commons
from tests.integration.commons import Commons
from tests.integration.conftest import FOR, RULE
from tests.integration.read_once import read_once
from tests.integration.test_races import using
from tests.simulators import tiny_model
from tests.testbed import migrated
from training_jobs import checkpoints
from training_jobs.folders import attempt_folder
from training_jobs.models import Run

POWERS = {"Alice": 40, "Bob": 30, "Chloé": 20, "Daouda": 10}
LEASE_SECONDS = 4
WAIT_SECONDS_MAX = 120
# The real worker; only the trainer is another one, when its name is given.
WORKER = """
import sys
import django
django.setup()
from training_jobs import runner, supervisor, worker
number, owner, trainer = sys.argv[1:]
if trainer:
    supervisor.TRAINER = supervisor.EVALUATOR = trainer
    runner.CODE_FOLDERS = (*runner.CODE_FOLDERS, "tests")
worker.work(int(number), owner)
"""
STEPPING = "tests.simulators.stepping_trainer"


def ready(base: Path, changes: dict[str, Any] | None = None) -> tuple[Commons, dict[str, Any], datetime]:
    """Found a community with a model, data and a rule; return it, what an update is made of, and a moment after."""
    then = whole_second(clock()) - timedelta(hours=1)
    found = commons.found(then, POWERS)
    found.elect("Bob", "Chloé", "Daouda", seats=2, now=then)
    moment = then + timedelta(minutes=10)
    model = Model.objects.create(
        community=found.community,
        namespace="commons",
        name="water-assistant",
        title_en="Water assistant",
        title_fr="Assistant de l’eau",
        license="apache-2.0",
    )
    version = registry.register_base(model, base, moment)

    def register(rows: Any, role: str, slug: str) -> Any:
        new = registering.NewDataset(slug, slug, "CC-BY-4.0", role, f"{slug}.jsonl")
        content = io.BytesIO(corpus.jsonl(rows))
        with read_once():
            return registering.register_dataset(found.community, found.address("Alice"), new, content, moment)[0]

    suite = register(corpus.evaluation_rows()[::12], "evaluation", "held-out")
    pairs = register(corpus.training_rows()[::10], "training", "pairs")
    pinned = {"model": str(model), "revision": version.revision, "manifest_sha256": version.manifest_sha256}
    spec = {**specs.good_update(pinned, pairs.digest, suite.digest), **(changes or {})}
    for kind, payload in (("dataset_inclusion", {"digest": pairs.digest}), ("ethics_rule", {**RULE, "bound": "1"})):
        passed(found, kind, payload, moment)
        moment += timedelta(minutes=10)
    return found, {"spec": spec}, moment


def passed(found: Commons, kind: str, payload: dict[str, Any], moment: datetime) -> Proposal:
    """Propose something, vote for it and carry it out."""
    proposal = found.propose(kind, payload, now=moment)
    found.vote(proposal, "Alice", FOR)
    found.vote(proposal, "Bob", FOR)
    return found.executed(proposal)


def order_run(base: Path, changes: dict[str, Any] | None = None) -> tuple[Commons, Run]:
    """Let a community of listed members vote for a run of a model in a folder; return both."""
    found, update, moment = ready(base, changes)
    passed(found, "model_update", update, moment)
    return found, Run.objects.get()


@dataclass(frozen=True)
class Made:
    """What is copied for each test: a database with one approved run, the artifacts of its community, and its key."""

    database: Path
    artifacts: Path
    keys: Path
    commons: Commons
    run_id: int


def make(folder: Path, base: Path, changes: dict[str, Any]) -> Made:
    """Make a site in a folder, with a run of the model in `base`; `changes` are those of its specification."""
    database, artifacts, keys = folder / "site.sqlite3", folder / "artifacts", folder / "keys"
    artifacts.mkdir()
    keys.mkdir()
    with (
        using(f"sqlite://{database}"),
        override_settings(
            ARTIFACTS_DIR=artifacts, KEYS_DIR=keys, VOTING_PERIOD_SECONDS_MIN=1, CHAIN_RPC="http://127.0.0.1:9"
        ),
    ):
        migrated.give_tables(database)
        found, run = order_run(base, changes)
    return Made(database, artifacts, keys, found, run.pk)


def tiny(folder: Path) -> Path:
    """Write a model that nobody loads."""
    return tiny_model.write(folder)


def thin(folder: Path) -> Path:
    """Write a model of two thin layers that can be trained, with random weights; a few milliseconds a step."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: as in every run
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from config.demo import base_model
    from training_jobs.trainer import outputs
    from training_jobs.trainer.chat import ChatFormat

    folder.mkdir()
    base_model._write_tokenizer(folder, [dict(row) for row in corpus.training_rows()])
    chat = ChatFormat(folder / "tokenizer.json")
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=chat.tokenizer.get_vocab_size(),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=chat.end,
        pad_token_id=chat.pad,
    )
    outputs.write_model(folder, LlamaForCausalLM(config), config.to_diff_dict())
    return folder


@dataclass
class Site:
    """The run, and the processes that work on it."""

    url: str
    commons: Commons
    run_id: int
    workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def run(self) -> Run:
        """The row as it is now."""
        return Run.objects.get(pk=self.run_id)

    def simulate(self, words: str) -> None:
        """Say what the stepping trainer is to do from its next start on."""
        config = registry.version_folder(self.run.base) / "config.json"
        changed = json.dumps({**json.loads(config.read_text()), "simulate": words})
        config.unlink()  # a name of bytes that the stored objects share
        config.write_text(changed)

    def worker(self, owner: str, trainer: str = STEPPING, **environment: str) -> "subprocess.Popen[bytes]":
        """Start a worker that does what the run needs."""
        chosen = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(settings.BASE_DIR),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "COMMONWEIGHTS_DATA": str(settings.DATA_DIR),
            "COMMONWEIGHTS_ARTIFACTS": str(settings.ARTIFACTS_DIR),
            "COMMONWEIGHTS_KEYS": str(settings.KEYS_DIR),
            "COMMONWEIGHTS_RUNS": str(settings.RUNS_DIR),
            "COMMONWEIGHTS_DATABASE": self.url,
            "COMMONWEIGHTS_LEASE_SECONDS": str(LEASE_SECONDS),
            "COMMONWEIGHTS_HEARTBEAT_SECONDS": "1",
            **environment,
        }
        command = [sys.executable, "-W", "ignore", "-c", WORKER, str(self.run_id), owner, trainer]
        process = subprocess.Popen(command, env=chosen)
        self.workers.append(process)
        return process

    def step(self, attempt: int) -> int:
        """Return the newest step that an attempt has reported."""
        newest = self.run.events.filter(attempt=attempt, kind="step").order_by("-pk").first()
        return newest.data["step"] if newest else 0

    def resumed_at(self, attempt: int) -> int | None:
        """Return the step that an attempt went on from, as its trainer said, whoever heard it."""
        lines = (self.folder(attempt) / "events.jsonl").read_text().splitlines()
        said = [event for event in map(json.loads, lines) if event["event"] == "resumed"]
        return said[0]["step"] if said else None

    def kept(self, attempt: int) -> list[int]:
        """Return the steps of the checkpoints that an attempt has left; each of them verifies."""
        folder = self.folder(attempt)
        steps = checkpoints.steps_in(folder)
        for step in steps:
            checkpoints.verify(checkpoints.folder_of(folder, step))
        return steps

    def written(self, attempt: int) -> list[int]:
        """Return the steps of the checkpoints that are there now, while the trainer may be removing old ones."""
        return checkpoints.steps_in(self.folder(attempt))

    def folder(self, attempt: int) -> Path:
        """Return the folder of an attempt."""
        return attempt_folder(self.run_id, attempt)

    def outcomes(self) -> list[tuple[str, str]]:
        """Return owner and outcome of the attempts."""
        return list(self.run.attempts.values_list("owner", "outcome"))

    def end(self) -> None:
        """End the workers that are still there, also stopped ones."""
        for process in self.workers:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait(WAIT_SECONDS_MAX)


@contextmanager
def copied(made: Made, folder: Path, settings: Any) -> Iterator[Site]:
    """Give one test a site of its own in a folder, with short leases; end the workers afterwards."""
    database = folder / "runs.sqlite3"
    shutil.copyfile(made.database, database)
    shutil.copytree(made.artifacts, folder / "artifacts")
    settings.ARTIFACTS_DIR, settings.RUNS_DIR = folder / "artifacts", folder / "runs"
    settings.KEYS_DIR = made.keys  # other tests in this process found communities of the same name
    settings.LEASE_SECONDS, settings.HEARTBEAT_SECONDS = LEASE_SECONDS, 1
    with using(f"sqlite://{database}"):
        site = Site(f"sqlite://{database}", made.commons, made.run_id)
        try:
            yield site
        finally:
            site.end()


def until(holds: Callable[[], Any], seconds: float = WAIT_SECONDS_MAX) -> float:
    """Wait until something holds; return how long that took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, "it did not come about in time"
        time.sleep(0.05)
    return time.monotonic() - began


def alive(folder: Path) -> bool:
    """Say whether any process works in a folder."""
    needle = str(folder).encode()
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = place.read_bytes()
            state = (place.parent / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if needle in command and state != "Z":
            return True
    return False
