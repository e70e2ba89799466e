"""A community whose model was trained and released for real, for the tests of what the site asks of it afterwards."""

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.test import Client, override_settings

from governance.clock import now as clock
from governance.models import Account, Proposal
from models_registry.datasets import registering
from models_registry.incidents import services as incidents
from models_registry.incidents.services import Answer, Report
from models_registry.models import Dataset, EthicsRule, Incident, Version
from tests.faults import runs_site
from tests.integration.commons import Commons
from tests.integration.conftest import FOR, RULE
from tests.integration.read_once import read_once
from training_jobs import worker
from training_jobs.inquiries import work
from training_jobs.models import Inquiry, Run

NO_CHAIN = {"VOTING_PERIOD_SECONDS_MIN": 1, "CHAIN_RPC": "http://127.0.0.1:9"}
RECIPE = {"epochs": 2, "batch_size": 32, "sequence_length": 128, "warmup_steps": 2, "checkpoint_steps": 100}
# The proportion of right answers that no model of two thin layers reaches.
STRICT = {
    **RULE,
    "slug": "all-right",
    "title": "All right",
    "metric": "answer_accuracy",
    "comparator": "at_least",
    "bound": "1",
}
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Site:
    """The community, and its first release."""

    commons: Commons
    folder: Path
    revision: str

    @property
    def version(self) -> Version:
        """The release as it is now."""
        return Version.objects.select_related("model__community", "evaluation_record").get(revision=self.revision)

    def adopt(self, now: datetime, **changes: Any) -> EthicsRule:
        """Vote a rule in that is in force at `now`; by default one that the release breaks."""
        payload = {**STRICT, **changes}
        self.vote("ethics_rule", payload, now)
        return EthicsRule.objects.get(slug=payload["slug"], revoked_at=None)

    def vote(self, kind: str, payload: dict[str, Any], now: datetime) -> Proposal:
        """Propose something so that its execution was a minute before `now`, vote for it and carry it out."""
        proposal = self.commons.propose(kind, payload, now=now - timedelta(seconds=190))
        self.commons.vote(proposal, "Alice", FOR)
        self.commons.vote(proposal, "Bob", FOR)
        return self.commons.executed(proposal)

    def suite(self, slug: str, rows: list[dict[str, Any]], now: datetime) -> Dataset:
        """Register a suite."""
        new = registering.NewDataset(slug, slug, "CC0-1.0", "evaluation", f"{slug}.jsonl")
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        alice = self.commons.address("Alice")
        with read_once():
            return registering.register_dataset(self.commons.community, alice, new, io.BytesIO(content), now)[0]

    def incident(self, now: datetime, outcome: str = "", **changes: str) -> Incident:
        """Report harm and triage it as Bob; with an outcome, answer it too."""
        told = Report("falsehood", "high", "Where does the water go?", "To plot 7.", "Nowhere.")
        made, _new = incidents.report(self.revision, "", Report(**{**told.__dict__, **changes}), now)
        bob = self.commons.address("Bob")
        incidents.triage("gardens", made.number, bob, "high", "Somebody could go dry.", now)
        if outcome:
            incidents.answer("gardens", made.number, bob, Answer(outcome, "We asked it."), now)
        made.refresh_from_db()
        return made

    def worked(self, inquiry: Inquiry) -> Inquiry:
        """Let a worker look at an inquiry; return what it became."""
        work.work(inquiry.pk, "worker")
        inquiry.refresh_from_db()
        return inquiry

    def client(self, who: str = "") -> Client:
        """Return a browser, with somebody signed in."""
        client = Client()
        if who:
            client.force_login(Account.objects.get_or_create(address=self.commons.address(who))[0])
        return client


@contextmanager
def prepared(folder: Path) -> Iterator[Site]:
    """Give a community whose trained model was released, with its files in `folder`."""
    for name in ("artifacts", "runs"):
        (folder / name).mkdir()
    with override_settings(ARTIFACTS_DIR=folder / "artifacts", RUNS_DIR=folder / "runs", **NO_CHAIN):
        found, update, moment = runs_site.ready(runs_site.thin(folder / "base"), RECIPE)
        runs_site.passed(found, "model_update", update, moment)
        run = Run.objects.get()
        worker.work(run.pk, "worker")
        run.refresh_from_db()
        assert run.version is not None, (run.failure, run.failure_detail)
        yield Site(found, folder, run.version.revision)


def use(site: Site, settings: Any, folder: Path) -> Site:
    """Let one test work on copies of the site's files in a folder of its own."""
    shutil.copytree(site.folder / "artifacts", folder / "artifacts", symlinks=True)
    settings.ARTIFACTS_DIR, settings.RUNS_DIR = folder / "artifacts", folder / "runs"
    for name, value in NO_CHAIN.items():
        setattr(settings, name, value)
    return site


def later(days: int = 31) -> datetime:
    """Return a moment so many days after the release, to the second."""
    return (clock() + days * DAY).replace(microsecond=0)
