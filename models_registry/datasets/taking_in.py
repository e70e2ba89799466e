"""Taking in: fetches or finds the files of one claimed intake, and registers them, keeping the lease. Workers only."""

import logging
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings

from governance import clock
from governance.errors import Refusal
from models_registry.datasets import intakes, registering, uploads
from models_registry.datasets.boxed import Taken, Wanted, read_and_scan
from models_registry.datasets.fetch import Fetcher, FetchError
from models_registry.datasets.repositories import fetch_files
from models_registry.datasets.rows import IntakeError
from models_registry.errand_work import LeaseLost, work
from models_registry.models import Dataset, DatasetIntake
from models_registry.publishing import PublishError

logger = logging.getLogger(__name__)
Files = list[tuple[str, Path]]
DEFAULT_PORTS = {"https": 443, "http": 80}


def take_in(intake_id: int) -> None:
    """Work on one intake if it is due and free. Safe to call twice, at once, or for nothing.

    1. Claim it.  2. Fetch, read and scan, keeping the lease.  3. Write what came of it, if the claim still counts.
    """
    # 1.
    claim = intakes.claim(intake_id, clock.now())
    if claim is None:
        return
    row = claim.row
    try:
        # 2.
        with registering.work_folder() as folder:
            wanted = _wanted(row)
            taken = work(claim, lambda _permit: _read(row, wanted, folder), lambda: None)
            dataset = _register(row, taken)
    except LeaseLost:
        logger.warning("intake %s, attempt %s: somebody else took over", intake_id, claim.attempt)
        return
    except PublishError as error:
        logger.warning("intake %s, attempt %s: %s", intake_id, claim.attempt, error)
        # 3.
        intakes.failed(claim, error, clock.now())
        return
    intakes.done(claim, dataset, clock.now())


def _wanted(row: DatasetIntake) -> Wanted:
    try:
        return registering.wanted(row.community, intakes.new_dataset(row), [])
    except Refusal as error:
        raise PublishError(error.code, error.detail, permanent=False) from error


def _read(row: DatasetIntake, wanted: Wanted, folder: Path) -> Taken:
    """Do what needs no database, in a thread of its own: fetch the files, and let a child read and scan them."""
    box = folder / "box"
    box.mkdir()
    try:
        files = _files(row, folder)
        return read_and_scan(replace(wanted, files=files), box, registering.box(settings.DATASET_SECONDS))
    except FetchError as error:
        raise PublishError(
            error.code, error.detail, permanent=error.permanent, retry_after_seconds=error.retry_after_seconds
        ) from error
    except IntakeError as error:
        raise PublishError(error.code, str(error).partition(": ")[2], permanent=True) from error


def _files(row: DatasetIntake, folder: Path) -> Files:
    source = row.source
    if source["kind"] == "upload":
        if row.upload is None:
            raise PublishError("upload_gone", "the file that was sent is not there any more", permanent=True)
        return [(source["name"], uploads.path_of(row.upload))]
    if source["kind"] == "repository":
        endpoint = settings.HUGGING_FACE_ENDPOINT
        hub = urlsplit(endpoint)
        # The operator chose this hub; where it sends us on to is judged like any other place.
        hub_host = f"{hub.hostname}:{hub.port or DEFAULT_PORTS[hub.scheme]}"
        wanted = (source["repository"], source["revision"], source["files"])
        return fetch_files(_fetcher(hub_host), endpoint, *wanted, folder)
    place = folder / "fetched"
    found = _fetcher().fetch(source["url"], place)
    if found.sha256 != source["sha256"]:
        detail = f"what lies at this address has the SHA-256 {found.sha256}, not the one that was said"
        raise PublishError("digest_mismatch", detail, permanent=True)
    return [(source["name"], place)]


def _fetcher(*hosts: str) -> Fetcher:
    allowed = frozenset({*settings.DATASET_FETCH_HOSTS, *hosts})
    return Fetcher(settings.DATASET_BYTES_MAX, settings.DATASET_FETCH_SECONDS, allowed)


def _register(row: DatasetIntake, taken: Taken) -> Dataset:
    try:
        return registering.keep_taken(row.community, row.actor, intakes.new_dataset(row), taken, clock.now())[0]
    except Refusal as error:
        raise PublishError(error.code, error.detail, permanent=True) from error
