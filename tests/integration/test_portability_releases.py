"""A released model leaves with its community: files, guardians, deliveries, reports of harm; all of it verifies elsewhere.

Two databases stand beside each other; the run, its release and what people said of it are made at home.
"""

# ruff: noqa: F401, F811 - fixtures are imported by their names

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from governance import fsck, keys, log
from governance.clock import now as clock
from governance.errors import Refusal
from governance.evidence.signing import SigningError
from governance.models import Community, Event
from governance.portability.exporting import Exported, export_community
from governance.portability.importing import import_community
from governance.portability.tables import parts
from models_registry.datasets.registering import dataset_path
from models_registry.incidents import services as incidents
from models_registry.models import Dataset, Delivery, Incident, Model, RemovalRequest, Version
from models_registry.provenance.verify import TrustRoots, check
from models_registry.rights import services as rights
from models_registry.services import version_folder
from models_registry.storage import checks, folders
from tests.integration.books import balances, commons, decide, funded, moving, wrong
from tests.integration.commons import Commons, found
from tests.integration.conftest import NOON
from tests.integration.exports import Lines, empty, forge, hashes, instance, rewrite
from tests.integration.settled import pay_on_chain
from tests.integration.test_registry_fsck import Site, site
from tests.integration.test_release_guardians import adopt, guardians
from tests.integration.test_runs import accepted
from training_jobs.models import Attempt, Run, RunEvent, Settlement

ZOE = "zoe@example.org"
CONTACT_LEFT = 1


@pytest.fixture
def home(site: Site) -> Site:
    """The site, and two people who wrote and said how to reach them."""
    dataset = Dataset.objects.filter(role="training").get()
    row = json.loads(dataset_path(dataset.digest).read_text().splitlines()[0])
    asked = rights.Asking(dataset.digest, "records", "It is mine.", records=(row["id"],), contact=ZOE)
    rights.ask(asked, "", clock())
    told = incidents.Report("other", "low", "Where?", "There.", contact=ZOE)
    incidents.report(site.version.revision, "", told, clock())
    return site


@pytest.fixture
def template(tmp_path: Path, db: None) -> Path:
    """An empty database, to be copied."""
    return empty(tmp_path / "empty.sqlite3")


def findings(community: Community) -> list[str]:
    fresh = Community.objects.get(pk=community.pk)
    return [str(found) for part in parts() for found in part.check(fresh)]


def test_a_released_model_comes_along_and_a_stranger_verifies_it_elsewhere(
    home: Site, template: Path, tmp_path: Path
) -> None:
    """The longest way: export, import, verify, export again."""
    slug, revision = home.community.slug, home.version.revision
    assert findings(home.community) == []
    counts = {model: model.objects.count() for model in (Run, Attempt, RunEvent, Version, Delivery, Incident)}
    shutil.copyfile(keys.release_key_path(slug), tmp_path / "home-key")
    exported = export_community(slug, tmp_path / "out", clock())
    text = b"".join(path.read_bytes() for path in sorted((tmp_path / "out").rglob("*.jsonl")))
    assert ZOE.encode() not in text
    assert RemovalRequest.objects.get().salt.encode() not in text
    names = hashes(tmp_path / "out")
    objects = {path: name for path, name in names.items() if path.startswith("objects/")}
    assert objects
    assert all(path == f"objects/{name[:2]}/{name[2:]}" for path, name in objects.items())

    with instance(tmp_path / "elsewhere", template):
        done = import_community(tmp_path / "out", clock())
        assert (done.rows, done.objects, done.renumbered) == (exported.rows, exported.objects, {})
        community = done.community
        assert findings(community) == []
        assert [str(found) for found in fsck.check()] == []
        assert [str(found) for found in checks.check(folders.store(), timedelta(hours=2), clock())] == []
        assert {model: model.objects.count() for model in counts} == counts
        report = check(version_folder(Version.objects.get(revision=revision)), TrustRoots(community.release_key))
        assert report.ok, report
        request = RemovalRequest.objects.get()
        assert (request.contact, request.salt, request.reason) == ("", "", "It is mine.")
        assert Event.objects.filter(kind="contact_erased").count() == CONTACT_LEFT
        run = Run.objects.get()
        assert (run.lease_owner, run.lease_expires_at) == ("", None)

        with pytest.raises(SigningError):
            log.publish_checkpoint(community.pk, clock())
        shutil.copyfile(tmp_path / "home-key", keys.release_key_path(slug))
        keys.release_key_path(slug).chmod(0o600)
        assert log.publish_checkpoint(community.pk, clock()) is not None
        export_community(slug, tmp_path / "again", clock())

    changed = {name for name, digest in hashes(tmp_path / "again").items() if names.get(name) != digest}
    grown = ("event", "lognode", "checkpoint", "community")  # what the log has, since the contact was left behind
    expected = {f"tables/governance_{name}.jsonl" for name in grown}
    assert changed == expected | {"tables/models_registry_removalrequest.jsonl", "manifest.json"}
    assert names.keys() == hashes(tmp_path / "again").keys()


def test_what_leads_outside_is_missing_or_is_changed_is_refused(home: Site, template: Path, tmp_path: Path) -> None:
    """One export, and every way in which its files can be wrong."""
    export_community(home.community.slug, tmp_path / "out", clock())

    def listing(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
        return lambda folder: forge(folder, "models_registry_version", lambda rows: change(rows[-1]))

    def an_object(folder: Path) -> Path:
        return max((folder / "objects").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)

    def grown(folder: Path) -> None:
        path = an_object(folder)
        path.chmod(0o644)
        path.write_bytes(path.read_bytes() + b"x")

    def turned(folder: Path) -> None:
        path = an_object(folder)
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[::-1])

    cases: dict[str, Callable[[Path], object]] = {
        "unsafe_path": listing(lambda row: row["files"][0].update(path="../../../keys/x")),
        "bad_value": listing(lambda row: row["files"][0].update(sha256="../x")),
        "does_not_verify": listing(lambda row: row.update(manifest_sha256="0" * 64)),
        "missing_file": lambda folder: an_object(folder).unlink(),
        "damaged_file": grown,
    }
    others: list[tuple[str, Callable[[Path], object]]] = [
        ("unsafe_path", listing(lambda row: row.update(folder="releases/../../keys"))),
        ("unsafe_path", listing(lambda row: row.update(folder="/etc"))),
        ("damaged_file", turned),
        ("missing_file", lambda folder: forge_objects(folder, lambda rows: rows.pop(0))),
        ("bad_value", lambda folder: forge(folder, "models_registry_dataset", lambda rows: rows[0].update(digest="x"))),
        ("bad_value", lambda folder: forge(folder, "training_jobs_run", lambda rows: rows[0].update(id=-1))),
        (
            "row_is_taken",
            lambda folder: forge(folder, "training_jobs_run", lambda rows: rows[0].update(verdict="fine")),
        ),
    ]
    with instance(tmp_path / "elsewhere", template):
        for place, (code, change) in enumerate([*cases.items(), *others]):
            copy = tmp_path / f"case{place}"
            shutil.copytree(tmp_path / "out", copy)
            change(copy)
            with pytest.raises(Refusal) as caught:
                import_community(copy, clock())
            assert caught.value.code == code, (place, caught.value)
            assert not Community.objects.exists()
            shutil.rmtree(copy)
        assert not (tmp_path / "keys").exists()
        assert import_community(tmp_path / "out", clock()).objects > 0, "what was left lying is no hindrance"


def forge_objects(folder: Path, change: Callable[[Lines], object]) -> None:
    """Change the list of files, checksums and all."""
    rows = [json.loads(line) for line in (folder / "objects.jsonl").read_bytes().splitlines()]
    change(rows)
    rewrite(folder, "objects.jsonl", b"".join(json.dumps(row).encode() + b"\n" for row in rows))


def test_without_files_all_the_rest_comes_along_and_says_so(home: Site, template: Path, tmp_path: Path) -> None:
    """To an instance that has a run of the same number already: the one that comes gets another."""
    exported = export_community(home.community.slug, tmp_path / "out", clock(), with_files=False)
    assert exported.objects == 0
    assert not (tmp_path / "out/objects").exists()
    number = Run.objects.get().pk
    attempts = Attempt.objects.count()
    with instance(tmp_path / "elsewhere", template):
        _a_run(number)
        done = import_community(tmp_path / "out", clock())
        assert findings(done.community) == []
        run = Run.objects.get(community=done.community)
        assert done.renumbered["training_jobs_run"] == {number: run.pk}
        assert run.attempts.count() == attempts
        assert not Run.objects.get(pk=number).attempts.exists()


def _a_run(number: int) -> None:
    """Make a run of another community."""
    other = found(NOON, {"Alice": 1}, slug="orchards")
    model = Model.objects.create(community=other.community, namespace="orchards", name="apples", license="MIT")
    base = Version.objects.create(model=model, number=0, revision="0" * 40, manifest_sha256="0" * 64, created_at=NOON)
    made = {"community": other.community, "model": model, "base": base, "proposal": other.draft()}
    Run.objects.create(pk=number, **made, spec_record=other.community.record, created_at=NOON)


def test_a_file_that_is_damaged_at_home_does_not_leave(home: Site, tmp_path: Path) -> None:
    sha256 = next(iter(folders.listing_of(home.version).values())).sha256
    path = folders.store().path(sha256)  # type: ignore[attr-defined]  # a local store
    kept = path.read_bytes()
    path.unlink()
    with pytest.raises(Refusal, match="file_is_missing"):
        export_community(home.community.slug, tmp_path / "out", clock())
    path.write_bytes(bytes(len(kept)))
    with pytest.raises(Refusal, match="file_is_damaged"):
        export_community(home.community.slug, tmp_path / "out", clock())
    assert sorted(tmp_path.glob("*out*")) == []
    path.unlink()
    path.write_bytes(kept)


def test_the_books_come_along_to_the_last_cent(funded: Commons, template: Path, tmp_path: Path) -> None:
    decide(funded, "budget_transfer", moving("30.00"))
    pay_on_chain(funded)
    at_home = balances(funded.community)
    export_community("gardens", tmp_path / "out", NOON)
    with instance(tmp_path / "elsewhere", template):
        community = import_community(tmp_path / "out", NOON).community
        assert balances(community) == at_home
        assert wrong(community) == findings(community) == []
        states = {each.state for each in Settlement.objects.filter(community=community)}
        assert states == {"paid", "due", "withdrawn"}
        export_community("gardens", tmp_path / "again", NOON)
    assert hashes(tmp_path / "again") == hashes(tmp_path / "out")
    forge(tmp_path / "out", "training_jobs_ledgeraccount", lambda rows: rows[-1].update(balance=1))
    with instance(tmp_path / "third", template), pytest.raises(Refusal, match="does_not_verify"):
        import_community(tmp_path / "out", NOON)
