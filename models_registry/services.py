"""Versions are registered, signed and published.

Each service locks, reads the facts, asks the pure rules, writes facts and an event. The clock is a parameter.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max

from governance.clock import unix
from governance.errors import Conflict, Invalid
from governance.evidence.record import Record as RecordValue
from governance.evidence.signing import SigningError
from governance.models import Ballot, Community, Proposal, Record
from governance.records import closure, keep
from governance.selectors import census_entries, delegation_records
from governance.services import note
from models_registry import card, deliveries, release_keys
from models_registry.models import Model, Publication, ReleaseKeys, Version
from models_registry.provenance import bundle, manifest, writing
from models_registry.provenance.bundle import BundleError
from models_registry.provenance.entries import CensusEntry, HeldDelegation
from models_registry.provenance.lineage import LineageError
from models_registry.provenance.manifest import ManifestError
from models_registry.provenance.verify import Status, TrustRoots, check
from models_registry.publishing import HubTarget, PublishError
from models_registry.publishing.check import ArtifactError, check_artifact
from models_registry.storage import folders

REVISION_DIGITS = 40
RELEASES = "releases"
ROWS_AT_ONCE = 5_000


def register_base(model: Model, folder: Path, now: datetime) -> Version:
    """Register the weights that a community starts from as version 0. Safe to repeat."""
    _require_publishable(folder, release=False)
    manifest_sha256 = hashlib.sha256(bundle.manifest_bytes(folder)).hexdigest()
    revision = manifest_sha256[:REVISION_DIGITS]
    relative = Path("bases") / revision
    _copy_whole(folder, settings.ARTIFACTS_DIR / relative, manifest_sha256)
    files = folders.keep(settings.ARTIFACTS_DIR / relative)
    with transaction.atomic():
        version, created = Version.objects.get_or_create(
            model=model,
            number=0,
            defaults={
                "revision": revision,
                "manifest_sha256": manifest_sha256,
                "folder": str(relative),
                "files": files,
                "created_at": now,
                "published_at": now,
            },
        )
        if created:
            note("base_registered", now, community=model.community, model=str(model), revision=revision)
    if version.manifest_sha256 != manifest_sha256:
        raise Conflict("base_differs", "version 0 of this model is registered with other weights")
    return version


def version_folder(version: Version) -> Path:
    """Return where the files of a version lie; they are fetched from the storage if they are not there."""
    return folders.folder_of(version)


@dataclass(frozen=True)
class Candidate:
    """What a run hands over whose result may be released: its files, its records and where it comes from.

    `judged_at` is when that was decided: by the rules, or by the vote that overrode them (`override_record`).
    """

    model: Model
    parent: Version
    proposal: Proposal
    artifact: Path
    run_record: Record
    evaluation_record: Record
    judged_at: datetime
    override_record: Record | None = None


def release(candidate: Candidate) -> Version:
    """Sign and publish an accepted or overridden candidate; return its version. Safe to repeat after any interruption.

    Every input is a stored fact (the clock is `judged_at`), so a repeated call makes the same bytes and finds its own
    earlier work. Raises PublishError, or a Refusal for files that are not what the run made or may not be published.

    1. Stage the files of the run, the card and the licence; refuse whatever may not be published.
    2. Make the manifest and the release record; write the provenance and sign it; refuse what a stranger could not
       verify. Where guardians must sign as well, what they sign is kept, and the release is refused until they have.
    3. Publish on our own hub.
    4. In one transaction: the version exists, and its deliveries to the other targets are planned (`delivering`).
    """
    # Before the question whether it exists: whoever answers that with no has the number that the version would get.
    number = _next_number(candidate.model)
    existing = Version.objects.filter(evaluation_record=candidate.evaluation_record).first()
    if existing:
        return existing
    waiting = release_keys.blocking(candidate.evaluation_record, candidate.model.community, number)
    if waiting is not None:
        raise _signatures_missing(waiting)
    try:
        with _stage() as stage:
            return _release(candidate, number, stage)
    except SigningError as error:
        raise PublishError("release_key_unavailable", str(error), permanent=False) from error
    except (ManifestError, BundleError, LineageError) as error:
        raise PublishError("release_incomplete", str(error), permanent=False) from error
    except OSError as error:
        raise PublishError("storage_failed", str(error), permanent=False) from error


@contextmanager
def _stage() -> Iterator[Path]:
    """Give a fresh folder beside the artifacts, so that two releases at once share no file; remove it afterwards."""
    root = settings.ARTIFACTS_DIR / "staging"
    root.mkdir(parents=True, exist_ok=True)
    stage = Path(tempfile.mkdtemp(dir=root))
    stage.chmod(0o755)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _release(candidate: Candidate, number: int, stage: Path) -> Version:
    """Do the four steps of `release` in an empty folder."""
    for entry in candidate.run_record.body["artifact"]:  # 1
        destination = stage / entry["path"]
        destination.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(candidate.artifact / entry["path"], destination)
    require_files(candidate.run_record.body["artifact"], stage)
    shutil.copyfile(settings.BASE_DIR / "LICENSE", stage / "LICENSE")
    keys = release_keys.keys_in_force(candidate.model.community)
    further = [keys.record if keys else None, candidate.override_record]
    rests_on = [candidate.run_record, candidate.evaluation_record, *(record for record in further if record)]
    records = {digest: record for start in rests_on for digest, record in closure(start).items()}
    released_at = max(candidate.judged_at, keys.adopted_at) if keys else candidate.judged_at
    model_address = str(candidate.model)
    (stage / "README.md").write_text(
        card.render(
            card.Facts(
                model=model_address,
                version=number,
                title_en=candidate.model.title_en,
                title_fr=candidate.model.title_fr,
                license=candidate.model.license,
                run=candidate.run_record.digest,
                evaluation=candidate.evaluation_record.digest,
                override=candidate.override_record.digest if candidate.override_record else None,
            ),
            records,
        )
    )
    _require_publishable(stage, release=True)
    manifest_sha256 = hashlib.sha256(bundle.manifest_bytes(stage)).hexdigest()  # 2
    named = "".join([manifest_sha256, *(record.digest for record in rests_on[1:])])
    revision = hashlib.sha256(named.encode()).hexdigest()[:REVISION_DIGITS]
    with transaction.atomic():
        release_record = keep(
            "release",
            f"release:{model_address}@{revision}",
            {
                "model": model_address,
                "version": number,
                "revision": revision,
                "manifest_sha256": manifest_sha256,
                "card_sha256": hashlib.sha256((stage / "README.md").read_bytes()).hexdigest(),
                "released_at": unix(released_at),
            },
            rests_on,
        )
    _write_provenance(stage, release_record, records, candidate, keys)
    _require_verifiable(stage, candidate.model.community)
    others = deliveries.other_targets()  # 3
    hub = HubTarget(settings.ARTIFACTS_DIR / RELEASES)
    place = hub.publish(stage, model_address, number, revision, manifest_sha256)
    folder = f"{RELEASES}/{place.location}"
    files = folders.keep(settings.ARTIFACTS_DIR / folder)
    try:
        with transaction.atomic():  # 4
            version = Version.objects.create(
                model=candidate.model,
                number=number,
                revision=revision,
                manifest_sha256=manifest_sha256,
                folder=folder,
                files=files,
                parent=candidate.parent,
                evaluation_record=candidate.evaluation_record,
                release_record=release_record,
                proposal=candidate.proposal,
                created_at=candidate.judged_at,
                published_at=candidate.judged_at,
            )
            body = {"target": hub.name, "location": place.location, "revision": place.revision}
            record = keep("publication", f"publication:{revision}/{hub.name}", body, [release_record])
            Publication.objects.create(version=version, **body, record=record, published_at=candidate.judged_at)
            deliveries.plan(version, others, candidate.judged_at)
            # the digest leads whoever mirrors the log to the record, and on to the files
            said = {"revision": revision, "release": release_record.digest}
            note("version_released", candidate.judged_at, proposal=candidate.proposal, **said)
    except IntegrityError as error:
        existing = Version.objects.filter(evaluation_record=candidate.evaluation_record).first()
        if existing:  # another worker did the same work and was faster
            return existing
        raise PublishError(
            "version_number_taken", f"another release became version {number}; this one is next", permanent=False
        ) from error
    return version


def _write_provenance(
    stage: Path,
    release_record: Record,
    records: Mapping[str, RecordValue],
    candidate: Candidate,
    keys: ReleaseKeys | None,
) -> None:
    """Write the evidence of a release and sign it: its lineage, and for each vote in it who voted, who could, for whom.

    Raises PublishError where the keys in force ask for guardians who have not signed yet.
    """
    community = candidate.model.community
    proposals = [digest for digest, record in records.items() if record.kind == "proposal"]
    counting = Ballot.objects.counting().filter(proposal__record__in=proposals)
    ballots = counting.order_by("proposal__number", "voter_key").select_related("record")
    signer, model_signer = release_keys.signers(community, keys, release_record)
    writing.write_documents(
        stage,
        release_record.value,
        records,
        ballots=(ballot.record.value for ballot in ballots.iterator(chunk_size=ROWS_AT_ONCE)),
        census=(CensusEntry(*entry) for entry in census_entries(proposals)),
        delegations=(HeldDelegation(*held) for held in delegation_records(proposals)),
        signer=signer,
        model_signer=model_signer,
    )
    payload = writing.payload(stage, release_record.digest, model_signer.public_key_hex)
    guardians: list[release_keys.HandedIn] = []
    if keys is not None and keys.record.body["threshold"]:
        waiting = release_keys.remember(
            release_record, candidate.evaluation_record, candidate.proposal, candidate.model.pk, keys, payload
        )
        if waiting.missing:
            raise _signatures_missing(waiting)
        guardians = release_keys.guardians_of(waiting.release)
    writing.write_statement(stage, payload, signer, guardians)


def _signatures_missing(waiting: release_keys.Waiting) -> PublishError:
    """Say what a release waits for. Trying again helps as soon as guardians have signed."""
    detail = f"{waiting.signed} guardians have signed, {waiting.threshold} of {len(waiting.guardians)} are needed"
    return PublishError("signatures_missing", detail, permanent=False)


def _require_verifiable(stage: Path, community: Community) -> None:
    """Refuse to publish what the offline verifier would refuse: another key, a changed file, a wrong count."""
    report = check(stage, TrustRoots(release_key=community.release_key, community=community.record_id))
    failed = [finding for finding in report.findings if finding.status is Status.FAILED]
    if not report.ok:
        detail = "; ".join(f"{finding.number} {finding.code}: {finding.evidence}" for finding in failed)
        raise PublishError("release_does_not_verify", detail, permanent=False)


def _require_publishable(folder: Path, *, release: bool) -> None:
    """Refuse files that may not be published, as our own refusal."""
    try:
        check_artifact(folder, release=release)
    except ArtifactError as error:
        raise Invalid(error.code, error.detail, field=error.path) from error


def _next_number(model: Model) -> int:
    return (model.versions.aggregate(highest=Max("number"))["highest"] or 0) + 1


def require_files(files: object, folder: Path) -> None:
    """Refuse a folder that does not hold exactly these files, byte for byte."""
    problems = manifest.check(folder, {"version": 1, "files": files})
    if problems:
        first = problems[0]
        raise Invalid("manifest_mismatch", f"{first.place}: {first.detail}", field=first.place)


def _holds(folder: Path, manifest_sha256: str) -> bool:
    """Say whether a folder holds exactly the files of a manifest."""
    try:
        return hashlib.sha256(bundle.manifest_bytes(folder)).hexdigest() == manifest_sha256
    except ManifestError:
        return False


def _copy_whole(source: Path, destination: Path, manifest_sha256: str) -> None:
    """Copy a folder so that it is there whole or not at all; what is there already stays, unless it was changed."""
    if destination.exists():
        if _holds(destination, manifest_sha256):
            return
        shutil.rmtree(destination)
    temporary = destination.with_name(f".{destination.name}.{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, temporary)
    temporary.rename(destination)
