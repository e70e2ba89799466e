"""A community leaves with everything and comes back elsewhere as it was; whatever was changed on the way is refused."""

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from governance import fsck
from governance.errors import Conflict, Refusal
from governance.models import Ballot, Community, Event, GuardianVoice, Proposal, Reader, Record, SearchEntry
from governance.portability.exporting import Exported, export_community
from governance.portability.importing import import_community
from governance.portability.tables import columns, parts, tables
from governance.receipts import verify_receipt
from governance.selectors.receipts import receipt, receipt_document
from tests.faults import everything
from tests.integration import commons
from tests.integration.conftest import NOON
from tests.integration.exports import Lines, empty, forge, hashes, instance, manifest, rewrite
from training_jobs.models import Runner

NO_CHAIN = {"VOTING_PERIOD_SECONDS_MIN": 1, "CHAIN_RPC": "http://127.0.0.1:9"}
SECRET_TITLE = "Nobody has seen this"
EMAIL = "lea@example.org"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def template(module_db: None, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Path:
    """An empty database, to be copied."""
    with django_db_blocker.unblock():
        return empty(tmp_path_factory.mktemp("template") / "empty.sqlite3")


@pytest.fixture(scope="module")
def home(
    module_db: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> everything.Everything:
    """A community with all that governance knows, a machine, a draft that nobody has seen, and a reader."""
    files = tmp_path_factory.mktemp("home")
    with django_db_blocker.unblock(), override_settings(**NO_CHAIN, ARTIFACTS_DIR=files):
        made = everything.make(lambda members, **rules: commons.found(NOON, members, **rules))
        Proposal.objects.filter(submitted_at=None, canceled_at=None).update(title=SECRET_TITLE)
        Runner.objects.create(community=made.community, owner=made.commons.address("Bob"), name="shed", created_at=NOON)
        Reader.objects.create(
            handle="h", stamp="s", email=EMAIL, email_confirmed_at=NOON, language="en", created_at=NOON, seen_at=NOON
        )
        return made


@pytest.fixture(scope="module")
def written(
    home: everything.Everything, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Exported]:
    """Its export as a folder; tests copy it before they change anything."""
    place = tmp_path_factory.mktemp("written") / "gardens"
    with django_db_blocker.unblock():
        return place, export_community("gardens", place, NOON)


@pytest.fixture
def export(written: tuple[Path, Exported], tmp_path: Path) -> Path:
    """A copy of the export."""
    shutil.copytree(written[0], tmp_path / "gardens")
    return tmp_path / "gardens"


@pytest.fixture
def elsewhere(template: Path, tmp_path: Path, db: None) -> Iterator[Path]:
    """Another instance with nothing in it."""
    with instance(tmp_path / "elsewhere", template), override_settings(**NO_CHAIN):
        yield tmp_path / "elsewhere"


def refused(place: Path, **given: Any) -> Refusal:
    """Return how an import is refused, after a look that it has left nothing behind."""
    with pytest.raises(Refusal) as caught:
        import_community(place, NOON, **given)
    assert not Community.objects.exists()
    assert not Record.objects.exists()
    assert not Event.objects.exists()
    return caught.value


# --- there and back -----------------------------------------------------------------------------------------------


def test_a_community_comes_back_elsewhere_as_it_was_and_everything_verifies(
    home: everything.Everything, written: tuple[Path, Exported], elsewhere: Path, tmp_path: Path
) -> None:
    place, exported = written
    done = import_community(place, NOON, expected=exported.manifest_sha256)
    assert (done.rows, done.renumbered, done.findings) == (exported.rows, {}, {})
    assert [str(found) for found in fsck.check()] == []
    again = export_community("gardens", tmp_path / "again", NOON)
    assert again == exported
    assert hashes(tmp_path / "again") == hashes(place)
    assert Community.objects.get().log_size == home.community.log_size


def test_every_receipt_of_home_verifies_elsewhere_to_the_last_byte(
    written: tuple[Path, Exported], template: Path, tmp_path: Path, db: None
) -> None:
    digests = list(Ballot.objects.filter(proposal__community__slug="gardens").values_list("record", flat=True))
    at_home = {digest: receipt_document(receipt(digest)) for digest in digests}
    with instance(tmp_path / "elsewhere", template):
        key = import_community(written[0], NOON).community.release_key
        there = {digest: receipt_document(receipt(digest)) for digest in digests}
    assert there == at_home
    reports = [verify_receipt(document, key) for document in there.values()]
    assert len(reports) > 10
    assert sum(report.ok for report in reports) == sum(bool(document["log"]) for document in there.values())


def test_an_archive_holds_the_same_and_is_the_same_every_time(
    home: everything.Everything, written: tuple[Path, Exported], template: Path, tmp_path: Path, db: None
) -> None:
    first, second = tmp_path / "a.tar", tmp_path / "b.tar"
    assert export_community("gardens", first, NOON) == export_community("gardens", second, NOON) == written[1]
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_mode & 0o077 == 0
    with tarfile.open(first) as archive:
        assert {member.name for member in archive} == set(hashes(written[0]))
        assert {member.mtime for member in archive} == {0}
    with instance(tmp_path / "elsewhere", template):
        assert import_community(first, NOON).rows == written[1].rows


def test_the_commands_work_in_another_process_with_other_data(
    home: everything.Everything, template: Path, tmp_path: Path, db: None
) -> None:
    (tmp_path / "data").mkdir()
    shutil.copyfile(template, tmp_path / "data/commonweights.sqlite3")
    with pytest.raises(CommandError, match="unknown_community"):
        call_command("export_community", "nobody", tmp_path / "out")
    told = io.StringIO()
    call_command("export_community", "gardens", tmp_path / "out.tar", stdout=told)
    digest = told.getvalue().split()[-1]
    script = (
        "import django, sys; django.setup(); from django.core.management import call_command as run;"
        "run('import_community', sys.argv[1], manifest_sha256=sys.argv[2]); run('fsck');"
        "run('export_community', 'gardens', sys.argv[3])"
    )
    named = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "COMMONWEIGHTS_DATA": str(tmp_path / "data"),
        "COMMONWEIGHTS_ORIGIN": "http://elsewhere.example",
        "COMMONWEIGHTS_COLLECTED_STATIC": "0",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COMMONWEIGHTS_")}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "out.tar"), digest, str(tmp_path / "again.tar")],
        cwd=ROOT,
        env={**kept, **named},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "everything verifies" in done.stdout
    assert "nothing is wrong" in done.stdout
    with tarfile.open(tmp_path / "out.tar") as first, tarfile.open(tmp_path / "again.tar") as second:
        names = first.getnames()
        assert second.getnames() == names
        for name in names[1:]:  # all but the manifest, which says when it was made
            one, other = first.extractfile(name), second.extractfile(name)
            assert one is not None and other is not None  # noqa: PT018 - for the types
            assert one.read() == other.read(), name


def test_what_is_private_or_made_again_stays_behind(written: tuple[Path, Exported], elsewhere: Path) -> None:
    everything_written = b"".join(path.read_bytes() for path in sorted(written[0].rglob("*.jsonl")))
    for private in (SECRET_TITLE.encode(), EMAIL.encode()):
        assert private not in everything_written
    import_community(written[0], NOON)
    assert not Reader.objects.exists()
    assert not SearchEntry.objects.exists()
    assert Proposal.objects.filter(submitted_at=None, canceled_at=None).values_list("title", flat=True)[0] == ""


def test_a_machine_gets_another_number_where_its_own_is_taken(written: tuple[Path, Exported], elsewhere: Path) -> None:
    here = commons.found(NOON, {"Alice": 1}, slug="orchards")
    row = json.loads((written[0] / "tables/training_jobs_runner.jsonl").read_bytes())
    Runner.objects.create(pk=row["id"], community=here.community, owner="0x0", name="other", created_at=NOON)
    done = import_community(written[0], NOON)
    number = Runner.objects.get(community=done.community).pk
    assert done.renumbered == {"training_jobs_runner": {row["id"]: number}}
    assert number > row["id"]
    assert [str(found) for found in fsck.check()] == []


def test_what_is_there_already_is_left_alone(written: tuple[Path, Exported], elsewhere: Path) -> None:
    import_community(written[0], NOON)
    before = Event.objects.count()
    with pytest.raises(Conflict, match="community_is_here"):
        import_community(written[0], NOON)
    assert Event.objects.count() == before


def test_another_community_of_the_same_name_keeps_its_place(written: tuple[Path, Exported], elsewhere: Path) -> None:
    commons.found(NOON, {"Alice": 1})
    with pytest.raises(Conflict, match="slug_is_taken"):
        import_community(written[0], NOON)
    assert Community.objects.count() == 1


def test_nothing_is_written_over(home: everything.Everything, written: tuple[Path, Exported], db: None) -> None:
    with pytest.raises(Conflict, match="place_is_taken"):
        export_community("gardens", written[0], NOON)
    assert [path.name for path in written[0].parent.iterdir()] == ["gardens"]


def test_what_fsck_finds_at_home_is_written_down_and_holds_nobody_back(
    home: everything.Everything, template: Path, tmp_path: Path, db: None
) -> None:
    voice = GuardianVoice.objects.earliest("pk")
    GuardianVoice.objects.filter(pk=voice.pk).update(reason="Otherwise.")
    exported = export_community("gardens", tmp_path / "out", NOON)
    assert exported.findings > 0
    with instance(tmp_path / "elsewhere", template):
        assert sum(import_community(tmp_path / "out", NOON).findings.values()) == exported.findings


# --- what is refused ----------------------------------------------------------------------------------------------


def _bit(folder: Path) -> None:
    path = folder / "tables/governance_ballot.jsonl"
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)


def _link(folder: Path) -> None:
    path = folder / "tables/governance_event.jsonl"
    path.rename(folder.parent / "away")
    path.symlink_to(folder.parent / "away")


def _linked_folder(folder: Path) -> None:
    (folder / "tables").rename(folder.parent / "tables")
    (folder / "tables").symlink_to(folder.parent / "tables")


def _first(**changes: Any) -> Callable[[Lines], None]:
    return lambda rows: rows[0].update(changes)


DAMAGED: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a flipped bit": ("damaged_file|unreadable_line", _bit),
    "a shorter file": ("damaged_file", lambda x: os.truncate(x / "tables/governance_event.jsonl", 1_000)),
    "a table that is gone": ("missing_file", lambda x: (x / "tables/governance_ballot.jsonl").unlink()),
    "a table that the manifest does not name": (
        "missing_part",
        lambda x: manifest(x, lambda said: said["files"].pop()) or (x / "objects.jsonl").unlink(),
    ),
    "another table": ("unknown_part", lambda x: (x / "tables/auth_user.jsonl").write_bytes(b"")),
    "a file of another name": ("unsafe_path", lambda x: (x / "run.sh").write_bytes(b"")),
    "a link in place of a table": ("link_in_export", _link),
    "a link in place of a folder": ("link_in_export", _linked_folder),
    "no manifest": ("missing_file", lambda x: (x / "manifest.json").unlink()),
    "a manifest without end": ("bad_manifest", lambda x: (x / "manifest.json").write_bytes(b" " * 5_000_000)),
    "a manifest that is none": ("bad_manifest", lambda x: (x / "manifest.json").write_bytes(b"{")),
    "another format": ("unknown_format", lambda x: manifest(x, lambda said: said.update(format="zip"))),
    "a version of tomorrow": ("unknown_version", lambda x: manifest(x, lambda said: said.update(version=2))),
    "a version that is no number": ("unknown_version", lambda x: manifest(x, lambda said: said.update(version=True))),
    "a path that leads outside": (
        "bad_manifest",
        lambda x: manifest(x, lambda said: said["files"][0].update(path="tables/../../keys.jsonl")),
    ),
    "lines that are no JSON": ("unreadable_line", lambda x: rewrite(x, "tables/governance_event.jsonl", b"{]\n")),
    "JSON without bottom": (
        "unreadable_line",
        lambda x: rewrite(x, "tables/governance_event.jsonl", b"[" * 100_000 + b"\n"),
    ),
    "a number that is none": (
        "unreadable_line",
        lambda x: rewrite(x, "tables/governance_event.jsonl", b'{"a": NaN}\n'),
    ),
    "a column of tomorrow": ("unknown_column", lambda x: forge(x, "governance_member", _first(age=7))),
    "a column that is missing": ("missing_column", lambda x: forge(x, "governance_event", lambda r: r[0].pop("at"))),
    "truth for a number": ("bad_value", lambda x: forge(x, "governance_ballot", _first(nonce=True))),
    "a number beyond all": ("bad_value", lambda x: forge(x, "governance_ballot", _first(nonce=10**40))),
    "a moment that never was": (
        "bad_value",
        lambda x: forge(x, "governance_ballot", _first(cast_at="2026-02-31T00:00:00.000000Z")),
    ),
    "half a letter": ("unreadable_line", lambda x: forge(x, "governance_member", _first(name="\ud800"))),
    "a name that nobody has": ("unknown_name", lambda x: forge(x, "governance_ballot", _first(proposal=99))),
    "a number that is a list": ("bad_value", lambda x: forge(x, "governance_ballot", _first(proposal=[1, 2]))),
    "one row twice": ("row_is_taken", lambda x: forge(x, "governance_ballot", lambda rows: rows.append(rows[0]))),
    "a community of another name": (
        "other_community",
        lambda x: manifest(x, lambda said: said.update(community="orchards")),
    ),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_export_is_refused_and_leaves_nothing(export: Path, elsewhere: Path, case: str) -> None:
    codes, change = DAMAGED[case]
    change(export)
    assert refused(export).code in codes.split("|")


FORGED: dict[str, tuple[str, Callable[[Lines], object]]] = {
    "a ballot for another": ("governance_ballot", _first(choice=2)),
    "a signature of another": ("governance_ballot", lambda rows: rows[0].update(signature=rows[1]["signature"])),
    "a ballot that is gone": ("governance_ballot", lambda rows: rows.pop()),
    "more power": ("governance_censusentry", _first(power="1000000")),
    "an event that is gone": ("governance_event", lambda rows: rows.pop()),
    "another event": ("governance_event", lambda rows: rows[5].update(actor="0x" + "0" * 40)),
    "another node of the tree": ("governance_lognode", lambda rows: rows[0].update(hash=rows[1]["hash"])),
    "a checkpoint of another size": ("governance_checkpoint", lambda rows: rows[0].update(size=7)),
    "a record that is gone": ("governance_record", lambda rows: rows.remove(next(_of("charter", rows)))),
    "a record under another name": (
        "governance_record",
        lambda rows: next(_of("ballot", rows)).update(canonical=next(_of("tally", rows))["canonical"]),
    ),
    "a vote that passed": (
        "governance_proposal",
        lambda rows: next(row for row in rows if row["passed"] is False).update(passed=True),
    ),
    "another release key": ("governance_community", _first(release_key="00" * 32)),
    "a guardian who said nothing": ("governance_guardianvoice", _first(reason="Because I say so.")),
}


def _of(kind: str, rows: Lines) -> Iterator[dict[str, Any]]:
    return (row for row in rows if row["kind"] == kind)


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_export_whose_checksums_fit_does_not_verify(export: Path, elsewhere: Path, case: str) -> None:
    table, change = FORGED[case]
    forge(export, table, change)
    assert refused(export).code in {"does_not_verify", "unknown_name"}


def test_another_export_than_the_expected_one_is_refused(export: Path, elsewhere: Path) -> None:
    assert refused(export, expected="00" * 32).code == "other_export"


def _member(name: str, kind: bytes = tarfile.REGTYPE, data: bytes = b"") -> Callable[[tarfile.TarFile], None]:
    def add(archive: tarfile.TarFile) -> None:
        member = tarfile.TarInfo(name)
        member.type, member.size, member.linkname = kind, len(data), "/etc/passwd"
        archive.addfile(member, io.BytesIO(data))

    return add


ARCHIVES: dict[str, tuple[str, Callable[[tarfile.TarFile], None]]] = {
    "a link": ("link_in_export", _member("tables/x.jsonl", tarfile.SYMTYPE)),
    "a hard link": ("link_in_export", _member("tables/x.jsonl", tarfile.LNKTYPE)),
    "a device": ("link_in_export", _member("tables/x.jsonl", tarfile.CHRTYPE)),
    "a file with holes": ("link_in_export", _member("tables/x.jsonl", tarfile.GNUTYPE_SPARSE)),
    "a long name": ("link_in_export", _member("tables/x.jsonl", tarfile.XHDTYPE, b"9 path=a\n")),
    "a way out": ("unsafe_path", _member("../keys/gardens.ed25519")),
    "a way from the root": ("unsafe_path", _member("/etc/cron.d/x")),
    "a file twice": ("bad_archive", _member("manifest.json", data=b"{}")),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_an_archive_with_more_than_plain_files_is_refused(export: Path, elsewhere: Path, case: str) -> None:
    code, add = ARCHIVES[case]
    packed = export.parent / "export.tar"
    with tarfile.open(packed, "w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(export / "manifest.json", "manifest.json")
        add(archive)
    assert refused(packed).code == code


def test_a_packed_or_broken_archive_is_never_unpacked(export: Path, elsewhere: Path) -> None:
    packed = export.parent / "export.tar"
    with tarfile.open(packed, "w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(export / "manifest.json", "manifest.json")
    whole = packed.read_bytes()
    bomb = gzip.compress(bytes(10_000_000))
    for data in (b"", bomb, b"PK\x03\x04" + bytes(600), whole[:700], whole[:1024], bytes(100)):
        packed.write_bytes(data)
        assert refused(packed).code == "bad_archive"
    (export.parent / "link").symlink_to(export)
    assert refused(export.parent / "link").code == "not_a_file"
    assert refused(export.parent / "nothing").code == "no_export"


SETTLING = ("settlement", "settlementreading", "settlementterms")

# --- nothing can be forgotten -------------------------------------------------------------------------------------


def test_every_table_leaves_or_is_named_with_the_reason_why_not() -> None:
    leaving = [table.model for part in parts() for table in part.tables]
    staying = [model for part in parts() for model in part.left_out]
    assert len(leaving) == len(set(leaving))
    assert not set(leaving) & set(staying)
    names = ("governance", "models_registry", "training_jobs")
    there = {model for name in names for model in apps.get_app_config(name).get_models(include_auto_created=True)}
    forgotten = sorted(model.__name__ for model in there - set(leaving) - set(staying))
    assert forgotten == [], "a new table goes into portability.py of its app: it leaves, or a reason says why not"
    assert all(reason for part in parts() for reason in part.left_out.values())
    assert all(reason for part in parts() for table in part.tables for _, reason in table.left_out.values())


def test_no_column_that_names_a_secret_leaves() -> None:
    private = {
        "password",
        "salt_key",
        "token",
        "digest_of_token",
        "lease_owner",
        "lease_expires_at",
        "network",
        "stamp",
    }
    leaving = {f"{table.name}.{column.name}" for table in tables().values() for column in columns(table)}
    found = {name for name in leaving if name.rpartition(".")[2] in private}
    contracts = {"governance_community.token", *(f"training_jobs_{each}.token" for each in SETTLING)}
    assert found == contracts, "the addresses of tokens, which are contracts, are public; nothing else is"
