"""From SQLite to PostgreSQL and back: the same bytes at each step, and everything verifies in both.

One community has all that governance knows; another shares computing, and goes on in PostgreSQL with sites and books.
"""

# ruff: noqa: F401, F811 - fixtures are imported by their names

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from governance import fsck
from governance.errors import Refusal
from governance.models import Ballot, Community, Record
from governance.portability.exporting import export_community
from governance.portability.importing import import_community
from governance.receipts import verify_receipt
from governance.selectors.receipts import receipt, receipt_document
from models_registry.models import Version
from models_registry.provenance.verify import TrustRoots, check
from models_registry.services import version_folder
from tests.faults import everything
from tests.integration import commons
from tests.integration.books import balances
from tests.integration.conftest import NOON
from tests.integration.exports import empty, forge, hashes, instance
from tests.integration.reviews_story import Reviewed, told_reviews, valley
from tests.integration.shared_sites import kinds, machine_of, seen
from tests.integration.sharing_story import MOVING, sharing, wrong
from tests.integration.test_races import administer, at_once, using
from tests.testbed import migrated as tables
from training_jobs import services
from training_jobs.commons import allotting
from training_jobs.models import Allotment, ComputeRequest, Runner
from training_jobs.sites import services as sites

pytestmark = pytest.mark.postgres
HOUR = timedelta(hours=1)
SWEEPERS = 4


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


@pytest.fixture(scope="module")
def migrated(django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The address of an empty database of a PostgreSQL, to be copied."""
    with django_db_blocker.unblock(), tables.postgresql() as url:
        yield url


def copy_of(url: str, name: str) -> str:
    administer(url, f"CREATE DATABASE {name} TEMPLATE {url.rpartition('/')[2]}")
    return f"{url.rpartition('/')[0]}/{name}"


def test_from_sqlite_to_postgresql_and_back(home: Path, template: Path, migrated: str, tmp_path: Path) -> None:
    with instance(tmp_path / "other", copy_of(migrated, "gardens")):
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


def test_sites_books_and_checks_come_along_and_the_work_goes_on(
    sharing: Reviewed, migrated: str, tmp_path: Path
) -> None:
    community = sharing.commons.community
    assert wrong(community) == []
    counts = {model: model._default_manager.count() for model in MOVING}
    assert all(counts.values()), counts
    money = balances(community)
    digests = list(Ballot.objects.values_list("record", flat=True))
    receipts = {each: receipt_document(receipt(each)) for each in digests}
    revision = Version.objects.get(release_record__isnull=False).revision
    exported = export_community("valley", tmp_path / "first", sharing.now)
    before = hashes(tmp_path / "first")
    template = empty(tmp_path / "empty.sqlite3")

    with instance(tmp_path / "other", copy_of(migrated, "sharing")):
        assert connection.vendor == "postgresql"
        done = import_community(tmp_path / "first", sharing.now)
        assert (done.rows, done.renumbered, done.findings) == (exported.rows, {}, {})
        assert wrong(done.community) == []
        assert {model: model._default_manager.count() for model in MOVING} == counts
        assert balances(done.community) == money
        assert {each: receipt_document(receipt(each)) for each in digests} == receipts
        key = done.community.release_key
        assert sum(verify_receipt(document, key).ok for document in receipts.values()) > 3
        report = check(version_folder(Version.objects.get(revision=revision)), TrustRoots(release_key=key))
        assert report.ok, report.to_dict()
        export_community("valley", tmp_path / "second", sharing.now)
        assert hashes(tmp_path / "second") == before
        _goes_on(done.community, sharing.now + 2 * HOUR)

    with instance(tmp_path / "third", template):
        import_community(tmp_path / "second", sharing.now)
        export_community("valley", tmp_path / "back", sharing.now)
    assert hashes(tmp_path / "back") == before


def _goes_on(community: Community, now: datetime) -> None:
    """Two sweepers and more at once: the site is heard of again, the run is allotted once, and one machine takes it."""
    request = ComputeRequest.objects.open().get()
    assert sum(at_once(SWEEPERS, lambda _number: sites.tell_what_time_brought(now))) == 1
    assert sum(at_once(SWEEPERS, lambda _number: allotting.allot(now))) == 0, "nobody has heard of the site here"
    told = [event.data["standing"] for event in community.events.filter(kind="site_standing").order_by("position")]
    assert told[-1] == "silent"
    seen(now, "lake")
    assert sum(at_once(SWEEPERS, lambda _number: allotting.allot(now))) == 1
    assert Allotment.objects.in_force().get().request == request
    name = machine_of("lake").lease_name
    leases = at_once(SWEEPERS, lambda _number: services.claim(request.run_id, name, now))
    assert Counter(lease is None for lease in leases) == {True: SWEEPERS - 1, False: 1}
    assert kinds(community, request.name) == ["requested", "waits", "started"]
    assert wrong(community) == []
