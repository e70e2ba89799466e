"""From SQLite to PostgreSQL and back: the same bytes at each step, and everything verifies in both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from governance import fsck
from governance.errors import Refusal
from governance.models import Community, Record
from governance.portability.exporting import export_community
from governance.portability.importing import import_community
from tests.faults import everything
from tests.integration import commons
from tests.integration.conftest import NOON
from tests.integration.exports import empty, forge, hashes, instance
from tests.journeys.services import postgresql
from training_jobs.models import Runner

pytestmark = pytest.mark.postgres


@pytest.fixture
def home(db: None, settings: Any, tmp_path: Path) -> Path:
    """A community with all that governance knows, and a machine, in SQLite; return its export."""
    settings.VOTING_PERIOD_SECONDS_MIN = 1
    settings.CHAIN_RPC = "http://127.0.0.1:9"
    settings.ARTIFACTS_DIR = tmp_path / "home"
    made = everything.make(lambda members, **rules: commons.found(NOON, members, **rules))
    Runner.objects.create(id=700, community=made.community, owner="0x0", name="shed", created_at=NOON)
    export_community("gardens", tmp_path / "first", NOON)
    return tmp_path / "first"


@pytest.fixture
def template(db: None, tmp_path: Path) -> Path:
    """An empty SQLite, to be copied."""
    return empty(tmp_path / "empty.sqlite3")


@pytest.fixture
def server(django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """An empty PostgreSQL."""
    with postgresql() as url, django_db_blocker.unblock():
        yield url


def test_from_sqlite_to_postgresql_and_back(home: Path, template: Path, server: str, tmp_path: Path) -> None:
    with instance(tmp_path / "other", server):
        call_command("migrate", verbosity=0)
        assert connection.vendor == "postgresql"
        forged = tmp_path / "forged"
        export = hashes(home)
        for name in export:
            (forged / name).parent.mkdir(parents=True, exist_ok=True)
            (forged / name).write_bytes((home / name).read_bytes())
        forge(forged, "governance_event", lambda rows: rows[3].update(kind="something_else"))
        with pytest.raises(Refusal, match="does_not_verify"):
            import_community(forged, NOON)
        assert not Record.objects.exists()
        done = import_community(home, NOON)
        assert [str(found) for found in fsck.check()] == []
        after = Runner.objects.create(community=done.community, owner="0x0", name="barn", created_at=NOON)
        assert after.pk > 700, "the numbers go on after those that came along"
        Runner.objects.filter(pk=after.pk).delete()
        export_community("gardens", tmp_path / "second", NOON)
    assert hashes(tmp_path / "second") == export

    with instance(tmp_path / "third-site", template):
        import_community(tmp_path / "second", NOON)
        assert [str(found) for found in fsck.check()] == []
        assert Community.objects.count() == 1
        export_community("gardens", tmp_path / "third", NOON)
    assert hashes(tmp_path / "third") == export
