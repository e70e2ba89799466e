"""Fixtures of the tests of runs: a site that is made once, and a copy of it for each test."""

from collections.abc import Iterator

import pytest

from tests.faults import runs_site
from tests.faults.runs_site import Made, Site
from training_jobs import runner, supervisor


@pytest.fixture(scope="session")
def made_site(tmp_path_factory, django_db_blocker) -> Made:
    """A site with an approved run of a model that nobody loads."""
    folder = tmp_path_factory.mktemp("site")
    base = runs_site.tiny(folder / "base")
    with django_db_blocker.unblock():
        return runs_site.make(folder, base, {"budget": {"device_seconds": 600}})


@pytest.fixture
def site(made_site, tmp_path, django_db_blocker, settings) -> Iterator[Site]:
    """A site with an approved run, for one test; its workers end with it."""
    with django_db_blocker.unblock(), runs_site.copied(made_site, tmp_path, settings) as copy:
        yield copy


@pytest.fixture
def stepping(monkeypatch) -> None:
    """Let the stepping trainer stand in for the real one, for workers in the process of the test."""
    monkeypatch.setattr(supervisor, "TRAINER", runs_site.STEPPING)
    monkeypatch.setattr(supervisor, "EVALUATOR", runs_site.STEPPING)
    monkeypatch.setattr(runner, "CODE_FOLDERS", (*runner.CODE_FOLDERS, "tests"))
