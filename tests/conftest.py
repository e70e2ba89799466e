"""Fixtures for all tests: a temporary folder that goes away, the clock of the API, rows that the tests of a module share.

And the order of the files: the journeys, which wait more than they work, then those that take longest, so that no worker
waits for the others at the end.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from pytest_django import DjangoDbBlocker
from xdist.scheduler import LoadScopeScheduling

# How long one example takes says how busy the machine is, and nothing about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Those of one process first: they run beside the journeys, whose site must not wait for its processors. Then those that
# train in several processes, beside one another or beside what is short.
LONGEST = (
    "test_every_byte.py",
    "test_accessibility.py",
    "test_pseudo_locale.py",
    "test_api_schema.py",
    "test_api_lives.py",
    "test_structural_edits.py",
    "test_fsck.py",
    "test_governance_machine.py",
    "test_release_guardians.py",
    "test_portability.py",
    "test_delivery_races.py",
    "test_discussions_followed.py",
    "test_publishing_huggingface.py",
    "test_publishing_half.py",
    "test_publishing_stores.py",
    "test_several_machines.py",
    "test_inside_site_ends.py",
    "test_lowcomm_sites.py",
    "test_lowcomm_stages.py",
    "test_trainer_checkpoints.py",
    "test_trainer_qlora.py",
    "test_trainer.py",
    "test_seats_workers.py",
    "test_runs_real_trainer.py",
    "test_hub.py",
    "test_delegation_chain.py",
    "test_races.py",
)
VISITORS, MAIN_JOB = "visitors", "main job"


def _together(path: str) -> str:
    """Return what of the tests stays together on a worker: a file; of the journeys all who visit one demo."""
    if "/journeys/" not in path:
        return path
    return MAIN_JOB if path.endswith("/test_main_job.py") else VISITORS


class OneWorkerForADemo(LoadScopeScheduling):
    """A file to a worker, and to one of them all journeys of those who share a demo."""

    def _split_scope(self, nodeid: str) -> str:
        return _together(nodeid.split("::", 1)[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneWorkerForADemo | None:
    """Keep files and the visitors of a demo together, unless another way of sharing tests out is asked for."""
    return OneWorkerForADemo(config, log) if config.getoption("dist") in {"load", "loadfile"} else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first; with `--no-loadscope-reorder`, xdist hands the tests out in this order."""
    longest = (VISITORS, MAIN_JOB, *LONGEST)

    def place(item: pytest.Item) -> int:
        group = _together(item.path.as_posix())
        name = group if group in longest else item.path.name
        return longest.index(name) if name in longest else len(longest)

    items.sort(key=place)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the workers shared, once they have ended, and the folder around it when nothing else is in it."""
    if not hasattr(config, "workerinput"):
        from tests.testbed import shared

        shutil.rmtree(shared.folder(), ignore_errors=True)
        with suppress(OSError):
            shared.folder().parent.rmdir()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> Iterator[None]:
    """Copy the tables of the tests' database from where another worker, or another test, has migrated them."""
    from tests.testbed import migrated

    with migrated.copied():
        yield


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock that views and serializers read."""

    def set_clock(moment: datetime) -> None:
        monkeypatch.setattr("governance.clock.now", lambda: moment)

    return set_clock


@pytest.fixture(scope="module")
def module_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Keep what fixtures of a module write for all its tests, and take it back at its end.

    What a test writes is taken back as always, to a savepoint within this transaction. Not for modules whose tests
    commit (`transactional_db`), and what was put on disk or in Python is for the fixture to look after.
    """
    from django.db import transaction

    kept = transaction.atomic()
    # As Django's own TestCase: what must be durable may be inside, because nothing of this is meant to last.
    kept._from_testcase = True
    with django_db_blocker.unblock():
        kept.__enter__()
    yield
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        kept.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def _no_language_stays() -> Iterator[None]:
    """Forget the language of the last page that a test asked for: it would stay for whatever runs next on this worker."""
    from django.utils import translation

    yield
    translation.deactivate()


@pytest.fixture(scope="session", autouse=True)
def _remove_data() -> Iterator[None]:
    """Remove what the tests wrote to disk."""
    yield
    from django.conf import settings

    if Path(settings.DATA_DIR).parent.name.startswith("commonweights-test-"):
        shutil.rmtree(settings.DATA_DIR, ignore_errors=True)
