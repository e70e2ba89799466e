"""A community arrives where every number that its log names is taken: all verifies, opens, and goes on under its names."""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from governance import keys
from governance.clock import now as clock
from governance.errors import Refusal
from governance.models import Ballot, Community
from governance.portability.exporting import export_community
from governance.portability.importing import import_community
from governance.receipts import verify_receipt
from governance.records import keep
from governance.selectors.receipts import receipt, receipt_document
from governance.services import note
from models_registry.models import Model, Version
from models_registry.provenance.verify import TrustRoots, check
from models_registry.services import version_folder
from tests.integration.books import balances
from tests.integration.commons import Commons, charter_of_members, found
from tests.integration.commons_rows import asked_for
from tests.integration.exports import empty, instance
from tests.integration.reviews_story import POWERS, Reviewed, told_reviews, valley, work
from tests.integration.shared_sites import kinds, machine_of, seen, told
from tests.integration.sharing_story import sharing, wrong
from tests.integration.test_portability_postgres import copy_of, migrated
from tests.integration.test_reviews import attest
from training_jobs import services, worker
from training_jobs.commons import allotting, naming, selectors
from training_jobs.folders import attempt_folder
from training_jobs.ledger import runs as books
from training_jobs.models import Allotment, Attempt, ComputeRequest, LedgerHold, Preview, Run, Runner
from training_jobs.overrides.services import number_of
from training_jobs.previews import services as previews
from training_jobs.transparency import published

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SEVERAL = {
    "strategy": "diloco",
    "topology": {"workers": 2, "local_steps": 2, "compression": "none"},
}
MONEY = {"amount": "1", "currency": "EUR"}
OVERRIDE = {"reason": "The drought does not wait."}


@pytest.fixture
def leaving(sharing: Reviewed, settings: Any) -> Reviewed:
    """The community, with books and holds, a preview that waits, a run that a vote released, and one that was rejected."""
    settings.HOME_SITE, settings.PREVIEWS = "lake", True
    settings.ALLOTMENT_PATIENCE_SECONDS = 60
    grave = {"quorum_bps": 4_000, "threshold_bps": 6_000}
    charter = charter_of_members(POWERS, {"standard": {}, "gravest": grave}, {"verdict_override": "gravest"})
    sharing.now += 2 * HOUR
    sharing.passed("governance_rules", {"charter": charter})
    sharing.update["spec"]["budget"]["money"] = MONEY
    overridden, rejected = (_rejected(sharing) for _ in range(2))
    sharing.passed("verdict_override", {"run": overridden.pk, **OVERRIDE})
    worker.release(overridden.pk)
    proposal = sharing.commons.propose("model_update", sharing.update, now=sharing.now)
    previews.order(proposal.pk, sharing.address("Alice"), sharing.now)
    assert rejected.verdict == "rejected"
    assert wrong(sharing.commons.community) == []
    return sharing


def _rejected(made: Reviewed) -> Run:
    """Order a run, let a machine of the site do it badly, and let reviewers look."""
    run = made.run()
    _allotted(run, made.now)
    done = work(run, made.now, right=0, owner=machine_of("lake").lease_name)
    if done.reviewing_since is not None:
        for name in ("Bob", "Chloé"):
            done = attest(made, run, name, now=made.now + MINUTE)
    allotting.allot(made.now + 2 * MINUTE)
    made.now += HOUR
    return done


def _allotted(run: Run, now: datetime) -> None:
    seen(now, "lake")
    allotting.allot(now)
    assert Allotment.objects.in_force().filter(request__run=run).exists()


def _taken(numbers: int) -> Commons:
    """Be a community that has every number already, and requests of the same names."""
    other = found(clock() - HOUR, {"Alice": 1}, slug="orchards")
    model = Model.objects.create(community=other.community, namespace="orchards", name="apples", license="MIT")
    base = Version.objects.create(
        model=model, number=0, revision="0" * 40, manifest_sha256="0" * 64, created_at=clock()
    )
    for number in range(1, numbers + 1):
        run = Run.objects.create(
            pk=number, community=other.community, model=model, base=base, proposal=other.draft(),
            spec_record=keep("spec", f"spec:{number}", {"number": number}), created_at=clock(),
        )  # fmt: skip
        Runner.objects.create(
            pk=number, community=other.community, owner="0x0", name=f"tree {number}", created_at=clock()
        )
        Attempt.objects.create(pk=number, run=run, number=1, owner="x", started_at=clock(), ended_at=clock())
        for asked in (asked_for(other.community, clock(), run), asked_for(other.community, clock())):
            assert asked.name.rpartition(":")[2] == str(number)
    return other


def test_where_all_numbers_are_taken_everything_verifies_and_the_work_goes_on(
    leaving: Reviewed, tmp_path: Path
) -> None:
    _arrives(leaving, empty(tmp_path / "empty.sqlite3"), tmp_path)


@pytest.mark.postgres
def test_in_postgresql_everything_verifies_where_all_numbers_are_taken(
    leaving: Reviewed, migrated: str, tmp_path: Path
) -> None:
    _arrives(leaving, copy_of(migrated, "taken"), tmp_path)


def _arrives(leaving: Reviewed, database: Path | str, tmp_path: Path) -> None:
    """Export, import among others, verify, open the pages, go on, and leave again."""
    community = leaving.commons.community
    names = {each.name: each.run_id for each in ComputeRequest.objects.filter(community=community)}
    holds = {each.request: each.spent for each in LedgerHold.objects.filter(community=community)}
    assert holds.keys() < names.keys()
    digests = list(Ballot.objects.values_list("record", flat=True))
    receipts = {each: receipt_document(receipt(each)) for each in digests}
    money, figures = balances(community), _figures(community)
    rejected = Run.objects.get(verdict="rejected", override_record=None).pk
    numbers = max(*Run.objects.values_list("pk", flat=True), *Preview.objects.values_list("pk", flat=True))
    shutil.copyfile(keys.release_key_path("valley"), tmp_path / "key")
    export_community("valley", tmp_path / "out", leaving.now)

    with instance(tmp_path / "other", database):
        other = _taken(numbers)
        before = wrong(other.community)
        done = import_community(tmp_path / "out", leaving.now)
        moved = done.renumbered["training_jobs_run"]
        assert moved.keys() == {number for number in names.values() if number} == set(range(1, len(moved) + 1))
        assert done.renumbered["training_jobs_preview"]
        assert (wrong(done.community), wrong(other.community)) == ([], before)

        assert {each: receipt_document(receipt(each)) for each in digests} == receipts
        key = done.community.release_key
        assert all(verify_receipt(document, key).ok for document in receipts.values() if "proof" in document)
        assert [_verified(each).ok for each in Version.objects.filter(release_record__isnull=False)] == [True, True]
        assert (balances(done.community), _figures(done.community)) == (money, figures)

        mine = ComputeRequest.objects.filter(community=done.community)
        assert {each.name: each.run_id for each in mine} == {
            name: moved[number] if number else None for name, number in names.items()
        }
        for run in Run.objects.filter(community=done.community):
            assert books.request_of(run) in names
            held = books.held_for(run)
            assert (held.request, held.spent) in holds.items() if held else books.request_of(run) not in holds
        _opens(done.community, moved, holds)
        _goes_on(leaving, done.community)
        _overridden_here(leaving, done.community, moved[rejected], rejected, tmp_path / "key")
        export_community("valley", tmp_path / "again", leaving.now)

    with instance(tmp_path / "third", empty(tmp_path / "third.sqlite3")):
        assert wrong(import_community(tmp_path / "again", leaving.now).community) == []


def _verified(version: Version) -> Any:
    return check(version_folder(version), TrustRoots(version.model.community.release_key))


def _figures(community: Community) -> Any:
    found = published.of_community(Community.objects.get(pk=community.pk))
    assert found.rows
    assert not found.strays, "an event of a request that the log does not know"
    return [row for row in found.rows if row.table in {"requests", "energy", "interruptions"}]


def _opens(community: Community, moved: dict[int, int], holds: dict[str, int]) -> None:
    """Each page says the names of the log and leads to the runs of this community."""
    client = Client()
    for page in ("compute", "calendar", "runs", "log", "machines"):
        assert client.get(f"/c/valley/{page}/").status_code == 200, page
    shown = client.get("/c/valley/books/").content.decode()
    for name in holds:
        number = naming.runs_named(community, [name])[name]
        assert f'href="/runs/{number}/">Run {name.removeprefix("run:")}<' in shown
        assert f"called <code>{name}</code>" in client.get(f"/runs/{number}/").content.decode()
    assert not any(f'href="/runs/{number}/"' in shown for number in moved)
    for version in Version.objects.filter(release_record__isnull=False):
        page = client.get(f"/releases/{version.revision}/").content.decode()
        run = Run.objects.get(version=version)
        assert f'href="/runs/{run.pk}/"' in page
        assert not any(f'href="/runs/{number}/"' in page for number in moved)


def _goes_on(leaving: Reviewed, community: Community) -> None:
    """What waited is allotted, and a new run gets a name of its own, is paid for, and counted."""
    leaving.commons.community = community
    leaving.now += HOUR
    run = leaving.run()
    name = books.request_of(run)
    assert ComputeRequest.objects.get(run=run).name == name == f"run:{run.pk}"
    seen(leaving.now, "lake")
    now = leaving.now
    waiting = selectors.rows(selectors.open_requests(community), now)
    assert len(waiting) == 3
    for row in waiting:
        assert row.wait is None or row.wait.request == row.request.name
    for _ in range(4):
        allotting.allot(now)
        if Allotment.objects.in_force().filter(request__run=run).exists():
            break
        for other in Allotment.objects.in_force().filter(request__community=community):
            assert other.request.run is not None
            services.cancel(other.request.run_id, leaving.address("Alice"), now)
        now += 2 * MINUTE
        seen(now, "lake")
    lease = services.claim(run.pk, machine_of("lake").lease_name, now)
    assert lease is not None
    services.stopped(lease, now + 10 * MINUTE)
    held = books.held_for(run)
    assert held is not None
    assert held.spent > 0
    services.cancel(run.pk, leaving.address("Alice"), now + 11 * MINUTE)
    allotting.allot(now + 12 * MINUTE)
    assert kinds(community, name)[0] == "requested"
    assert told(community, name)[-1]["outcome"] == "canceled"
    held.refresh_from_db()
    assert held.released_at is not None
    assert wrong(community) == []
    leaving.now = now + HOUR


def _overridden_here(leaving: Reviewed, community: Community, here: int, number: int, key: Path) -> None:
    """A vote here names a run by the number in its record, and what it releases verifies."""
    run = Run.objects.get(pk=here)
    assert number_of(run) == number
    with pytest.raises(Refusal, match="override_differs"):
        leaving.commons.draft("verdict_override", {"run": here, **OVERRIDE}, now=leaving.now)
    leaving.passed("verdict_override", {"run": number, **OVERRIDE})
    shutil.copyfile(key, keys.release_key_path("valley"))
    keys.release_key_path("valley").chmod(0o600)
    # What was not released yet has no files in an export: somebody brings them along.
    shutil.copytree(attempt_folder(number, 1).parent, attempt_folder(here, 1).parent)
    worker.release(run.pk)
    run.refresh_from_db()
    assert run.version is not None
    report = _verified(run.version)
    assert report.ok, report.to_dict()
    assert report.findings[8].code == "overridden"
    assert wrong(community) == []


def test_a_name_that_only_the_log_still_has_is_given_to_nothing_else(leaving: Reviewed) -> None:
    """Such as that of a preview of a draft that stayed behind."""
    community, preview = leaving.commons.community, Preview.objects.latest("pk")
    request = preview.request
    assert request.name == f"preview:{preview.pk}"
    ComputeRequest.objects.filter(pk=request.pk).delete()
    assert naming.of_preview(preview) == f"preview:{preview.pk}-2"
    run = Run.objects.latest("pk")
    assert books.request_of(run) == f"run:{run.pk}"
    ComputeRequest.objects.filter(run=run).update(name=f"run:{run.pk + 1}")
    note("compute_requested", leaving.now, community=community, request=f"run:{run.pk + 2}")
    sharing_next = leaving.run()
    assert books.request_of(sharing_next) == f"run:{sharing_next.pk}-2"
    assert books.held_for(sharing_next) is not None
