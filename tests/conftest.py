"""Fixtures for all tests: a temporary folder that goes away, the clock of the API, rows that the tests of a module share.

And the order of the files: those that take longest first, so that no worker waits for the other one at the end.
"""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import settings
from pytest_django import DjangoDbBlocker

# How long one example takes says how busy the machine is, and nothing about the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

LONGEST = (
    "test_every_byte.py",
    "test_several_machines.py",
    "test_inside_site_ends.py",
    "test_lowcomm_sites.py",
    "test_lowcomm_stages.py",
    "test_trainer_checkpoints.py",
    "test_trainer_qlora.py",
    "test_release_guardians.py",
    "test_publishing_huggingface.py",
    "test_structural_edits.py",
    "test_publishing_half.py",
    "test_discussions_followed.py",
    "test_delivery_races.py",
    "test_fsck.py",
    "test_api_schema.py",
    "test_api_lives.py",
    "test_publishing_stores.py",
    "test_hub.py",
    "test_governance_machine.py",
    "test_delegation_chain.py",
    "test_trainer.py",
    "test_races.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; with `--no-loadscope-reorder`, xdist hands the files out in this order."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


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


@pytest.fixture(scope="session", autouse=True)
def _remove_data() -> Iterator[None]:
    """Remove what the tests wrote to disk."""
    yield
    from django.conf import settings

    if Path(settings.DATA_DIR).parent.name.startswith("commonweights-test-"):
        shutil.rmtree(settings.DATA_DIR, ignore_errors=True)
