"""A community with a rule on a suite that a member keeps to themselves, for the tests of hidden suites."""

import io
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings as django_settings
from django.test import override_settings

from config.demo import corpus
from governance.clock import now as clock
from models_registry import services as registry
from models_registry.hidden_suites import __main__ as command
from models_registry.hidden_suites import services as suites
from models_registry.models import Dataset, HiddenSuite
from models_registry.provenance.verify import TrustRoots, check
from tests.faults import runs_site
from tests.integration.commons import Commons
from tests.integration.conftest import RULE
from training_jobs import openings, worker
from training_jobs.models import Run

NO_CHAIN = {"VOTING_PERIOD_SECONDS_MIN": 1, "CHAIN_RPC": "http://127.0.0.1:9"}


def unseen(secret: str) -> list[dict[str, str]]:
    """Return twelve questions that hold a secret, so that every place where one shows up can be found."""
    return [
        {
            "id": f"h{number}",
            "language": language,
            "topic": "sluices",
            "question": f"{secret} {number}?",
            "answer": f"The grey one, number {number}.",
        }
        for number, language in enumerate(["en", "fr"] * 6)
    ]


ROWS = unseen("Which heron guards the ninth sluice")
ON_HIDDEN = {
    **RULE,
    "slug": "unseen-answers",
    "title": "Unseen answers",
    "metric": "answer_accuracy",
    "comparator": "at_least",
    "bound": "0.5",
    "judged": "value",
}


@dataclass
class Kept:
    """What a keeper has at home: the rows, the salt, and what the command told them to publish."""

    folder: Path
    said: dict[str, Any]

    @property
    def salt(self) -> str:
        return (self.folder / "salt").read_text().strip()

    @property
    def rows(self) -> bytes:
        return (self.folder / "rows.jsonl").read_bytes()


@dataclass
class Site:
    """A community with a model, data, and a rule on a suite that Bob keeps."""

    commons: Commons
    update: dict[str, Any]
    moment: datetime
    kept: Kept
    suite: HiddenSuite
    secret: str

    def run(self) -> Run:
        """Let the community vote for a training."""
        runs_site.passed(self.commons, "model_update", self.update, self.moment)
        return Run.objects.latest("pk")

    def open(self, who: str = "Bob", rows: bytes | None = None, salt: str | None = None, now: Any = None) -> Dataset:
        """Open the suite."""
        stream = io.BytesIO(self.kept.rows if rows is None else rows)
        address = self.commons.address(who)
        return openings.open_suite(self.suite.commitment, address, salt or self.kept.salt, stream, now or clock())


def kept_in(folder: Path, capsys: Any, rows: list[dict[str, str]] = ROWS) -> Kept:
    """Compute a commitment as a keeper does."""
    folder.mkdir()
    (folder / "questions.jsonl").write_bytes(corpus.jsonl(rows))
    asked = ["commit", str(folder / "questions.jsonl"), "--license", "CC-BY-4.0", "--keep", str(folder / "kept")]
    assert command.main(asked) == 0
    return Kept(folder / "kept", json.loads(capsys.readouterr().out))


def new_suite(kept: Kept, **changes: Any) -> suites.NewSuite:
    return suites.NewSuite(**{"title": "Sluices", "opens_within_seconds": 7_200, **kept.said, **changes})


Base = tuple[Commons, dict[str, Any], datetime]


@contextmanager
def prepared(folder: Path) -> Iterator[Base]:
    """Give a community with a model, data and an ordinary rule, with its files in `folder`."""
    for name in ("artifacts", "runs"):
        (folder / name).mkdir()
    with override_settings(ARTIFACTS_DIR=folder / "artifacts", RUNS_DIR=folder / "runs", **NO_CHAIN):
        yield runs_site.ready(runs_site.tiny(folder / "base"))


def committed(base: Base, folder: Path, capsys: Any) -> Site:
    """Let Bob commit to a suite, and the community vote for a rule that is measured on it."""
    found, update, moment = base
    secret = f"Which heron guards the sluice {secrets.token_hex(8)}"
    kept = kept_in(folder, capsys, unseen(secret))
    suite, _ = suites.commit(found.community, found.address("Bob"), new_suite(kept), moment)
    runs_site.passed(found, "ethics_rule", {**ON_HIDDEN, "suite": suite.name}, moment)
    return Site(found, update, moment + timedelta(minutes=10), kept, suite, secret)


def worked(run: Run) -> Run:
    """Let a worker do what the run needs now."""
    worker.work(run.pk, "worker")
    run.refresh_from_db()
    return run


def verified(run: Run) -> Any:
    return check(registry.version_folder(run.version), TrustRoots(release_key=run.community.release_key))


def everything_stored() -> str:
    """Return every row of every table, and every file that this site has, as one text."""
    rows = [str(list(model.objects.values())) for model in apps.get_models()]
    folders = (django_settings.ARTIFACTS_DIR, django_settings.RUNS_DIR)
    files = [
        path.read_bytes().decode("utf-8", "replace")
        for each in folders
        for path in Path(each).rglob("*")
        if path.is_file()
    ]
    return "\n".join([*rows, *files])
