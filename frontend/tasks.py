"""Celery's doors to letters and to names. A task's message is a nudge: it may come twice, late, or never."""

import tempfile
from pathlib import Path

from celery import shared_task

from frontend import letters
from governance import names
from governance.clock import now
from governance.names.avatars import BYTES_MAX
from models_registry.datasets.fetch import Fetcher, FetchError

PICTURE_SECONDS_MAX = 5


@shared_task(name="frontend.letter_job")  # type: ignore[untyped-decorator]
def letter_job(errand_id: int) -> None:
    """Look at one letter and send it."""
    letters.deliver(errand_id)


@shared_task(name="frontend.names_job")  # type: ignore[untyped-decorator]
def names_job() -> None:
    """Ask what some of those who are due are called."""
    names.refresh(now(), _picture_at)


def _picture_at(address: str) -> bytes | None:
    """Return what lies at an address that a stranger wrote, if it can be had in a few seconds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "picture"
        try:
            Fetcher(BYTES_MAX, PICTURE_SECONDS_MAX).fetch(address, file)
        except FetchError:
            return None
        return file.read_bytes()
