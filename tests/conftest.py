"""Fixtures for all tests: a temporary folder that goes away, and the clock of the API."""

import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock that views and serializers read."""

    def set_clock(moment: datetime) -> None:
        monkeypatch.setattr("governance.clock.now", lambda: moment)

    return set_clock


@pytest.fixture(scope="session", autouse=True)
def _remove_data() -> Iterator[None]:
    """Remove what the tests wrote to disk."""
    yield
    from django.conf import settings

    if Path(settings.DATA_DIR).parent.name.startswith("commonweights-test-"):
        shutil.rmtree(settings.DATA_DIR, ignore_errors=True)
