"""A community of listed members with a model to train, for the tests of previews: who asks, and who works."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client, override_settings

from governance.clock import now as clock
from governance.models import Account, Event, Proposal, Record
from models_registry import services as registry
from models_registry.models import Version
from tests.faults import runs_site
from tests.integration.commons import Commons
from training_jobs.models import Preview, Run
from training_jobs.previews import services, work

NO_CHAIN = {"VOTING_PERIOD_SECONDS_MIN": 1, "CHAIN_RPC": "http://127.0.0.1:9"}
STAND_IN = "tests.simulators.preview_trainer"
WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf")


@dataclass(frozen=True)
class Site:
    """The community, and the payload of an update that it could vote on."""

    commons: Commons
    update: dict[str, Any]

    def spec(self, **changes: Any) -> dict[str, Any]:
        """Return the payload with changes of its specification."""
        return {"spec": {**self.update["spec"], **changes}}

    def draft(self, author: str = "Alice", **changes: Any) -> Proposal:
        """Write a draft of an update now."""
        return self.commons.draft("model_update", self.spec(**changes), author=author, now=clock())

    def open(self, **changes: Any) -> Proposal:
        """Publish an update whose vote has just opened."""
        then = clock() - timedelta(seconds=20)
        return self.commons.propose("model_update", self.spec(**changes), now=then, voting_period_seconds=10_000)

    def order(self, proposal: Proposal, who: str = "Alice") -> Preview:
        """Ask for a preview now."""
        return services.order(proposal.pk, self.commons.address(who), clock())

    def made(self, proposal: Proposal) -> Preview:
        """Ask for a preview, and let a worker look at it."""
        preview = self.order(proposal)
        work.work(preview.pk, "worker")
        return Preview.objects.get(pk=preview.pk)

    def client(self, who: str = "") -> Client:
        """Return a browser, with somebody signed in."""
        client = Client()
        if who:
            client.force_login(Account.objects.get_or_create(address=self.commons.address(who))[0])
        return client

    def simulate(self, mode: str) -> None:
        """Say what the stand-in does from its next start on."""
        config = registry.version_folder(Version.objects.get()) / "config.json"
        changed = json.dumps({**json.loads(config.read_text()), "simulate": mode})
        config.unlink()  # a name of bytes that the stored objects share
        config.write_text(changed)


@contextmanager
def prepared(folder: Path, base: Path, **changes: Any) -> Iterator[Site]:
    """Give a community whose model is that of `base`, with its files in `folder`."""
    (folder / "artifacts").mkdir()
    with override_settings(ARTIFACTS_DIR=folder / "artifacts", **NO_CHAIN):
        found, update, _ = runs_site.ready(base, changes)
        yield Site(found, update)


def left(preview: Preview) -> list[str]:
    """Return the files that are left of a preview."""
    root = work.folder_of(preview.pk)
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() or path.is_symlink())


def weights_below(folder: Path) -> list[Path]:
    """Return every file that looks like a model."""
    return [path for path in folder.rglob("*") if path.suffix in WEIGHTS]


def facts() -> dict[str, Any]:
    """Return what a preview must not touch, and how many there are."""
    return {
        "previews": Preview.objects.count(),
        "runs": Run.objects.count(),
        "versions": Version.objects.count(),
        "records": Record.objects.count(),
        "noted": Event.objects.filter(kind__contains="preview").count(),
        "files": len(list(Path(settings.RUNS_DIR).rglob("*"))),
    }
