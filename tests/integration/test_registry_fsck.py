"""fsck on the registry: silent where all is sound, and one row broken at a time is named, with what to do about it.

A real run is released under keys that a vote put in force and signed by two guardians; it is published in a folder,
given up at one target and planned for another; strangers have filed two attestations, one of which is hidden.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from governance.clock import now as clock
from governance.fsck import Finding
from governance.models import Community, Event, Proposal, Record
from models_registry import attestations, deliveries, delivering, fsck, release_keys
from models_registry.models import (
    Attestation,
    Delivery,
    Publication,
    ReleaseKeys,
    ReleaseSignature,
    Version,
    WaitingRelease,
)
from models_registry.provenance import attest
from models_registry.provenance.verify import TrustRoots, check
from models_registry.publishing import PublishError
from models_registry.services import version_folder
from tests.integration.test_release_guardians import adopt, body, guardians, handed_in  # noqa: F401 - fixtures
from tests.integration.test_runs import accepted  # noqa: F401 - a fixture
from tests.simulators.golden_bundle import KeySigner
from training_jobs import worker

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Site:
    """The rows that the cases break."""

    community: Community
    version: Version

    def delivery(self, target: str) -> Any:
        return Delivery.objects.filter(target=target)

    @property
    def guardian_signature(self) -> ReleaseSignature:
        """The first signature of a guardian; the P-256 key that signs the files has longer keys."""
        return next(row for row in ReleaseSignature.objects.order_by("pk") if len(row.public_key) == 64)


@pytest.fixture
def site(accepted, adopt, guardians, settings, tmp_path, capsys) -> Site:  # noqa: F811 - the fixtures
    settings.PUBLICATION_TARGETS = ["hub", "folder"]
    settings.PUBLICATION_FOLDER = tmp_path / "drive"
    settings.PUBLICATION_FOLDER.mkdir()
    community = accepted.community
    adopt(body(community, guardians))
    adopt(body(community, guardians, 2, revoked=["ab" * 32]))
    worker.release(accepted.pk)
    waiting = release_keys.waiting_of(community)[0]
    for name in ("Amina", "Clara"):
        assert handed_in(waiting, guardians[name], tmp_path, capsys).status_code == 201
    worker.work(accepted.pk)
    accepted.refresh_from_db()
    version = accepted.version
    delivering.deliver(version.deliveries.get().pk)
    assert version.deliveries.get().publication is not None
    deliveries.plan(version, ["s3", "huggingface"], clock())
    claim = deliveries.claim(version.deliveries.get(target="s3").pk, clock())
    assert claim is not None
    assert deliveries.failed(claim, PublishError("bucket_refuses", "no", permanent=True), clock())
    report = check(version_folder(version), TrustRoots(community.release_key))
    files = attestations.files_of(version)
    for seed in (50, 51):
        attestations.file(version.revision, attest.attested(report, files, KeySigner(seed)), clock())
    attestations.hide(version.revision, Attestation.objects.latest("pk").digest, "It names a person.", clock())
    return Site(community, version)


@contextmanager
def undone() -> Iterator[None]:
    """Take back what happens inside; whatever the database itself forbids is allowed meanwhile."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            cursor.execute("DROP TRIGGER IF EXISTS governance_event_no_delete")
        yield
        transaction.set_rollback(True)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints = OFF")


def found(site: Site) -> list[Finding]:
    return list(fsck.check_one(site.community))


def spare_record() -> Record:
    return Record.objects.filter(kind="community").get()


def changed(rows: Any, **values: Any) -> None:
    assert rows.update(**values) >= 1


# What is broken → the table that must be named, and the column or aspect.
Case = tuple[str, Callable[[Site], Any], str, str]
CASES: list[Case] = [
    ("a publication elsewhere", lambda s: changed(Publication.objects.filter(target="folder"), location="x"), "publication", "location"),
    ("a publication at another target", lambda s: changed(Publication.objects.filter(target="folder"), target="s3"), "publication", "target"),
    ("a publication with another record", lambda s: changed(Publication.objects.filter(target="hub"), record=spare_record()), "publication", "kind"),
    ("our own publication is gone", lambda s: Publication.objects.filter(target="hub").delete(), "publication", "target"),
    ("our own publication at another time", lambda s: changed(Publication.objects.filter(target="hub"), published_at=clock() + DAY), "publication", "published_at"),
    ("a publication that nobody delivered", lambda s: s.delivery("folder").delete(), "publication", "delivery"),
    ("a delivery to nowhere", lambda s: changed(s.delivery("huggingface"), target="carrier pigeon"), "delivery", "target"),
    ("a delivery to ourselves", lambda s: changed(s.delivery("huggingface"), target="hub"), "delivery", "target"),
    ("a delivery of a base model", lambda s: changed(s.delivery("huggingface"), version=s.version.parent), "delivery", "version"),
    ("a delivery with another's publication", lambda s: (changed(s.delivery("folder"), publication=None), changed(s.delivery("s3"), publication=Publication.objects.get(target="folder"))), "delivery", "target"),
    ("a delivery that was done at another time", lambda s: changed(Publication.objects.filter(target="folder"), published_at=clock() + DAY), "delivery", "publication"),
    ("more attempts than there are", lambda s: changed(s.delivery("s3"), attempts=31, fence=40), "delivery", "attempts"),
    ("a fence behind the attempts", lambda s: changed(s.delivery("s3"), fence=0), "delivery", "fence"),
    ("an attempt without a time", lambda s: changed(s.delivery("s3"), tried_at=None), "delivery", "tried_at"),
    ("a lease on nothing", lambda s: changed(s.delivery("s3"), lease_expires_at=clock()), "delivery", "lease_expires_at"),
    ("a lease before any attempt", lambda s: changed(s.delivery("huggingface"), lease_expires_at=clock()), "delivery", "lease_expires_at"),
    ("a detail without a code", lambda s: changed(s.delivery("huggingface"), error_detail="no"), "delivery", "error_code"),
    ("an error of what is published", lambda s: changed(s.delivery("folder"), error_code="no"), "delivery", "error_code"),
    ("another reason for giving up", lambda s: changed(s.delivery("s3"), error_code="other"), "delivery", "error_code"),
    ("given up at another time", lambda s: changed(s.delivery("s3"), failed_at=clock() + DAY), "delivery", "failed_at"),
    ("an event of a delivery that is not there", lambda s: (s.delivery("folder").delete(), Publication.objects.filter(target="folder").delete()), "event", "release_delivered"),
    ("keys with another record", lambda s: changed(ReleaseKeys.objects.filter(pk=ReleaseKeys.objects.latest("pk").pk), record=spare_record()), "releasekeys", "kind"),
    ("keys of another vote", lambda s: changed(ReleaseKeys.objects.filter(pk=ReleaseKeys.objects.latest("pk").pk), proposal=Proposal.objects.exclude(kind="release_keys").first()), "releasekeys", "kind"),
    ("keys adopted at another time", lambda s: changed(ReleaseKeys.objects.all(), adopted_at=clock() - DAY), "releasekeys", "adopted_at"),
    ("keys whose row is gone", lambda s: removed(ReleaseKeys.objects.earliest("pk")), "proposal", "release_keys"),
    ("a record of keys without a row", lambda s: removed(ReleaseKeys.objects.earliest("pk")), "record", "keys"),
    ("a revocation forgotten", lambda s: swapped_keys(), "releasekeys", "revoked"),
    ("a payload of something else", lambda s: changed(WaitingRelease.objects.all(), payload=b"{}"), "waitingrelease", "payload"),
    ("a payload of another release", lambda s: changed(WaitingRelease.objects.all(), payload=other_payload()), "waitingrelease", "release"),
    ("waiting under other keys", lambda s: changed(WaitingRelease.objects.all(), keys=ReleaseKeys.objects.earliest("pk")), "waitingrelease", "keys"),
    ("waiting with another evaluation", lambda s: changed(WaitingRelease.objects.all(), evaluation_record=spare_record()), "waitingrelease", "evaluation"),
    ("waiting with another release record", lambda s: changed(WaitingRelease.objects.all(), release_record=spare_record()), "waitingrelease", "cannot be read"),
    ("waiting for another vote", lambda s: changed(WaitingRelease.objects.all(), proposal=Proposal.objects.earliest("pk")), "waitingrelease", "proposal"),
    ("waiting since before its keys", lambda s: changed(WaitingRelease.objects.all(), since=clock() - 400 * DAY), "waitingrelease", "since"),
    ("a guardian's signature changed", lambda s: signature(s, signature=b"\x00" * 64), "releasesignature", "signature"),
    ("a guardian's signature of other bytes", lambda s: signature(s, message_sha256="ab" * 32), "releasesignature", "message_sha256"),
    ("a guardian's signature under another key", lambda s: signature(s, public_key="cd" * 32), "releasesignature", "public_key"),
    ("a guardian's signature for another release", lambda s: signature(s, release_record=spare_record()), "releasesignature", "release_record"),
    ("a guardian's signature at another time", lambda s: signature(s, signed_at=clock() + DAY), "releasesignature", "signed_at"),
    ("released with a signature too few", lambda s: removed(s.guardian_signature), "waitingrelease", "signatures"),
    ("a guardian's signature that is lost", lambda s: removed(s.guardian_signature), "event", "release_signed"),
    ("an attestation of other bytes", lambda s: changed(Attestation.objects.all(), envelope=b"{}"), "attestation", "envelope"),
    ("an attestation under another digest", lambda s: attestation(digest="ab" * 32), "attestation", "digest"),
    ("an attestation under another key", lambda s: attestation(public_key=KeySigner(9).public_key_hex), "attestation", "public_key"),
    ("an attestation that failed, they say", lambda s: attestation(summary={"outcome": "failed"}), "attestation", "summary"),
    ("an attestation of another release", lambda s: attestation(version=s.version.parent), "attestation", "version"),
    ("an attestation filed at another time", lambda s: attestation(filed_at=clock() + DAY), "attestation", "filed_at"),
    ("an attestation hidden in silence", lambda s: attestation(hidden_at=clock(), hidden_reason="x"), "attestation", "hidden_at"),
    ("an attestation hidden for another reason", lambda s: changed(Attestation.objects.exclude(hidden_at=None), hidden_reason="x"), "attestation", "hidden_reason"),
    ("an attestation shown again", lambda s: changed(Attestation.objects.exclude(hidden_at=None), hidden_at=None, hidden_reason=""), "attestation", "hidden_at"),
    ("an attestation that the operator lost", lambda s: removed(Attestation.objects.earliest("pk")), "event", "attestation_filed"),
]  # fmt: skip


def removed(row: Any) -> None:
    """Take a row away, whatever points to it."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA defer_foreign_keys = ON")
        cursor.execute(f"DELETE FROM {row._meta.db_table} WHERE id = %s", [row.pk])


def signature(site: Site, **values: Any) -> None:
    changed(ReleaseSignature.objects.filter(pk=site.guardian_signature.pk), **values)


def attestation(**values: Any) -> None:
    changed(Attestation.objects.filter(pk=Attestation.objects.earliest("pk").pk), **values)


def swapped_keys() -> None:
    """Let the older keys, which revoke nothing, look like those that came later."""
    first, second = ReleaseKeys.objects.order_by("pk")
    ReleaseKeys.objects.filter(pk=first.pk).update(adopted_at=second.adopted_at + DAY)


def other_payload() -> bytes:
    payload = bytes(WaitingRelease.objects.get().payload)
    return payload.replace(WaitingRelease.objects.get().release_record_id.encode(), b"ab" * 32)


def test_every_broken_row_is_named_and_a_sound_site_has_none(site: Site) -> None:
    assert [str(each) for each in found(site)] == []
    missed = []
    for name, break_it, table, what in CASES:
        with undone():
            break_it(site)
            named = [each for each in found(site) if each.table.endswith(f"_{table}") and each.what == what]
            if not named:
                missed.append((name, [str(each) for each in found(site)]))
            elif not all(each.todo for each in found(site)):
                missed.append((name, "says nothing to do"))
    assert not missed
    assert [str(each) for each in found(site)] == []

    with undone():
        removed(Event.objects.get(kind="release_keys_adopted", proposal=ReleaseKeys.objects.latest("pk").proposal))
        assert any(each.what == "adopted_at" for each in found(site))

    with undone():
        attestation(filed_at=clock() + DAY)
        out = io.StringIO()
        with pytest.raises(SystemExit):
            call_command("fsck", "--community", "water-commons", "--skip-signatures", stdout=out)
        assert "models_registry_attestation" in out.getvalue()
        assert "restore the row from a backup" in out.getvalue()
