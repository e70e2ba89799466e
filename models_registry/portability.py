"""What the registry has of a community: models and releases, data, rules, what people reported; and their files."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from django.db.models import Q, QuerySet

from governance.errors import Invalid
from governance.fsck import Finding
from governance.fsck.finding import finding
from governance.models import Community
from governance.portability.tables import Part, Row, Table
from governance.services import note
from models_registry import fsck
from models_registry.datasets.registering import dataset_path
from models_registry.models import (
    Attestation,
    Call,
    Dataset,
    DatasetIntake,
    DatasetUpload,
    Delivery,
    EthicsRule,
    HiddenSuite,
    Incident,
    IncidentStewards,
    Model,
    Notice,
    Publication,
    ReleaseKeys,
    ReleaseSignature,
    Removal,
    RemovalRequest,
    SuiteOpening,
    Version,
    WaitingRelease,
    WaitingReport,
)
from models_registry.rights.settling import contributions_path
from models_registry.storage import folders
from models_registry.storage.base import NAME, ObjectMissing
from models_registry.storage.checks import MANIFEST

_PATH_CHARACTERS_MAX = 300
LEASE = "a lease: nobody works on it elsewhere"
NETWORK = "from where somebody wrote, which the next day forgets"
_LEASE = {"lease_expires_at": (None, LEASE)}


def _without_contact(row: Row) -> Row:
    return {**row, "contact": ""}


def _without_sources_contact(row: Row) -> Row:
    return {**row, "sources": [{**source, "contact": ""} for source in row["sources"]]}


def _without_told_contact(row: Row) -> Row:
    return {**row, "told": {**row["told"], "contact": ""}}


def _without_request_contact(row: Row) -> Row:
    """Take out how to reach somebody, and the salt by which a contact could be guessed from the digest in the log."""
    return row if not row["contact"] else {**row, "contact": "", "salt": ""}


def _translate_request(row: Row, _numbers: object) -> None:
    """Let a request without contact have a moment when that was erased; `_follow` says which."""
    if row["contact"] == row["salt"] == "" and row["contact_erased_at"] is None:
        row["contact_erased_at"] = row["asked_at"]


def _require_version(row: Row) -> None:
    """Refuse a version whose files would lie outside of their place."""
    listing = row["files"]
    places = [row["folder"]]
    if not isinstance(listing, list):
        raise Invalid("bad_value", "the listing of a version is a list", field="files")
    for entry in listing:
        if not isinstance(entry, dict) or set(entry) != {"path", "size", "sha256", "git_id"}:
            raise Invalid("bad_value", "an entry of a listing has other keys", field="files")
        if not isinstance(entry["sha256"], str) or not NAME.fullmatch(entry["sha256"]):
            raise Invalid("bad_value", "a file is named by its SHA-256", field="files", found=str(entry["sha256"])[:80])
        places.append(entry["path"])
    for place in places:
        _require_below(place)
    if len({*places}) != len(places) or places[0].split("/")[0] not in {"bases", "releases"}:
        raise Invalid("bad_value", "files of a version lie below bases or releases, each once", found=places[0])


def _require_below(place: object) -> None:
    """Refuse a path that is not a plain way downwards."""
    wrong = not isinstance(place, str) or not 0 < len(place) <= _PATH_CHARACTERS_MAX or "\\" in place or "\0" in place
    if wrong or not isinstance(place, str) or PurePosixPath(place).as_posix() != place or place.startswith("/"):
        raise Invalid("unsafe_path", "a path leads outside of its folder", field="files", found=str(place)[:100])
    if any(part in {"", ".", ".."} or part.startswith(".") for part in place.split("/")):
        raise Invalid("unsafe_path", "a path leads outside of its folder", field="files", found=place[:100])


def _require_dataset(row: Row) -> None:
    for name in ("digest", "contributions"):
        value = row[name]
        if not isinstance(value, str) or not (NAME.fullmatch(value) or (name == "contributions" and not value)):
            raise Invalid("bad_value", f"{name} is a SHA-256", field=name, found=str(value)[:80])


def _signatures(community: Community) -> "QuerySet[ReleaseSignature]":
    """Return the signatures for releases, and for those that wait."""
    waiting = WaitingRelease.objects.filter(model__community=community).values("release_record")
    released = Version.objects.filter(model__community=community, release_record__isnull=False)
    own = Q(release_record__in=waiting) | Q(release_record__in=released.values("release_record"))
    return ReleaseSignature.objects.filter(own).order_by("pk")


class _Releases:
    """The files of versions, from and into the store of objects."""

    role = "release"
    optional = False

    def wanted(self, community: Community) -> Iterator[tuple[str, str]]:
        """Yield the files of all versions."""
        listings = Version.objects.filter(model__community=community).order_by("pk").values_list("files", flat=True)
        for listing in listings.iterator(chunk_size=20):
            for entry in listing:
                yield entry["sha256"], ""

    def size(self, sha256: str, of: str) -> int:
        """Ask the store."""
        del of
        found = folders.store().stored(sha256)
        if found is None:
            raise ObjectMissing(sha256)
        return found.size

    def open(self, sha256: str, of: str) -> BinaryIO:
        """Open an object."""
        del of
        return folders.store().open(sha256)

    def keep(self, file: Path, sha256: str, of: str) -> None:
        """Put an object into the store."""
        del of
        folders.store().keep(file, sha256)


class _Rows:
    """The canonical rows of datasets."""

    role = "dataset"
    optional = False

    def wanted(self, community: Community) -> Iterator[tuple[str, str]]:
        """Yield the datasets."""
        for digest in community.datasets.order_by("pk").values_list("digest", flat=True):
            yield digest, ""

    def size(self, sha256: str, of: str) -> int:
        """Ask the disk."""
        del of
        return dataset_path(sha256).stat().st_size

    def open(self, sha256: str, of: str) -> BinaryIO:
        """Open the rows of a dataset."""
        del of
        return dataset_path(sha256).open("rb")

    def keep(self, file: Path, sha256: str, of: str) -> None:
        """Put rows where rows lie."""
        del of
        put(file, dataset_path(sha256), sha256)


class _Contributions:
    """Who contributed which rows of a dataset; `of` is the dataset."""

    role = "contributions"
    optional = False

    def wanted(self, community: Community) -> Iterator[tuple[str, str]]:
        """Yield those of the datasets that name somebody."""
        named = community.datasets.exclude(contributions="").order_by("pk")
        yield from named.values_list("contributions", "digest")

    def size(self, sha256: str, of: str) -> int:
        """Ask the disk."""
        del sha256
        return contributions_path(dataset_path(of)).stat().st_size

    def open(self, sha256: str, of: str) -> BinaryIO:
        """Open them."""
        del sha256
        return contributions_path(dataset_path(of)).open("rb")

    def keep(self, file: Path, sha256: str, of: str) -> None:
        """Put them beside the rows of their dataset."""
        if not NAME.fullmatch(of):
            raise Invalid("unsafe_path", "contributions belong to a dataset", found=of[:80])
        put(file, contributions_path(dataset_path(of)), sha256)


def put(source: Path, target: Path, sha256: str) -> None:
    """Copy a file so that it is there whole or not at all; what is there with the same bytes stays."""
    if target.is_file():
        with target.open("rb") as there:
            if hashlib.file_digest(there, "sha256").hexdigest() == sha256:
                return
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as copy, source.open("rb") as file:
            os.fchmod(descriptor, 0o644)
            shutil.copyfileobj(file, copy)
            copy.flush()
            os.fsync(descriptor)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _check(community: Community) -> Iterator[Finding]:
    """Yield what fsck finds, and the releases whose files are not those that were signed."""
    yield from fsck.check_one(community)
    table = "models_registry_version"
    releases = Version.objects.filter(model__community=community, release_record__isnull=False).order_by("pk")
    for version in releases.iterator(chunk_size=20):
        signed = folders.listing_of(version).get(MANIFEST)
        if signed is None or signed.sha256 != version.manifest_sha256:
            yield finding(table, version.pk, "listing_wrong", version.manifest_sha256, signed and signed.sha256)


def _follow(community: Community, now: datetime) -> None:
    """Say in the log that how to reach somebody was left behind: the rows without it say so, too."""
    said = community.events.filter(kind="contact_erased", data__has_key="request").values_list("data", flat=True)
    told = {data["request"] for data in said}
    for row in RemovalRequest.objects.filter(community=community, contact="", salt="").order_by("pk"):
        if row.reference not in told:
            row.contact_erased_at = now
            row.save(update_fields=["contact_erased_at"])
            note("contact_erased", now, community=community, request=row.reference)


PART = Part(
    tables=(
        Table(Model, key=("namespace", "name"), key_is_global=True),
        Table(Version, of="model__community", key=("revision",), key_is_global=True, require=_require_version),
        Table(Publication, of="version__model__community", key=("record",), key_is_global=True),
        Table(Attestation, of="version__model__community"),
        Table(Dataset, key=("digest",), redact=_without_sources_contact, require=_require_dataset),
        Table(HiddenSuite, key=("commitment",)),
        Table(SuiteOpening, of="suite__community"),
        Table(EthicsRule, key=("record",)),
        Table(
            RemovalRequest,
            key=("reference",),
            key_is_global=True,
            left_out={"network": ("", NETWORK)},
            redact=_without_request_contact,
            translate=_translate_request,
        ),
        Table(Removal, of="dataset__community"),
        Table(ReleaseKeys, key=("record",)),
        Table(WaitingRelease, of="model__community"),
        Table(ReleaseSignature, rows=_signatures),
        Table(IncidentStewards),
        Table(Incident, key=("number",), left_out={"network": ("", NETWORK)}, redact=_without_contact),
        Table(WaitingReport, left_out={"network": ("", NETWORK)}, redact=_without_told_contact),
        Table(Call, numbered=True),
        Table(Delivery, of="version__model__community", left_out=_LEASE),
        Table(Notice, of="proposal__community", left_out=_LEASE),
    ),
    left_out={
        DatasetIntake: "a file on its way in, with how to reach its sources: it is sent again",
        DatasetUpload: "parts of a file on its way in: it is sent again",
    },
    check=_check,
    shelves=(_Releases(), _Rows(), _Contributions()),
    follow=_follow,
)
