"""A site with one golden release: its records, its files in the store, and its community; no chain, no run."""

from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from governance.evidence.record import Record as RecordValue
from governance.models import Community, Record
from models_registry.models import Model, Version
from models_registry.storage import folders
from tests.simulators import golden_bundle
from tests.simulators.golden_bundle import KeySigner, Story

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEY = KeySigner(7).public_key_hex


def keep(value: RecordValue) -> Record:
    """Store a record as it is."""
    columns = {"kind": value.kind, "subject": value.subject, "canonical": value.canonical().decode()}
    return Record.objects.get_or_create(digest=value.digest, defaults=columns)[0]


def released(story: Story | None = None) -> Version:
    """Build the bundle of a story, and let a site have released it."""
    folder = Path("releases") / "golden"
    told = golden_bundle.build(settings.ARTIFACTS_DIR / folder, story)
    rows = {value.kind: keep(value) for value in told.records.values()}
    body, release = rows["community"].body, rows["release"]
    names = {"name_en": body["name"]["en"], "name_fr": body["name"]["fr"]}
    community = Community.objects.create(
        slug=body["slug"], instance=body["instance"], chain_id=body["chain_id"], token=body["token"], **names,
        release_key=body["release_key"]["public_key"], record=rows["community"], charter=rows["charter"],
    )  # fmt: skip
    namespace, name = release.body["model"].split("/")
    model = Model.objects.create(
        community=community, namespace=namespace, name=name, title_en="Water", title_fr="Eau", license="MIT"
    )
    return Version.objects.create(
        model=model, number=release.body["version"], revision=release.body["revision"],
        manifest_sha256=release.body["manifest_sha256"], folder=str(folder),
        files=folders.keep(settings.ARTIFACTS_DIR / folder), evaluation_record=rows["evaluation"],
        release_record=release, created_at=NOON, published_at=NOON,
    )  # fmt: skip


def folder_of(version: Version) -> Path:
    """Return where the files of the release lie."""
    return Path(settings.ARTIFACTS_DIR) / version.folder
