"""Releases that wait for guardians, and the signatures for them: about that release, by its guardians, and holding."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping

from governance.evidence.record import Record as RecordValue
from governance.evidence.signing import signature_holds
from governance.fsck.finding import Finding, advised, compare, finding, guarded, seconds
from governance.models import Community, Event
from governance.records import closure
from models_registry.models import ReleaseSignature, Version, WaitingRelease
from models_registry.provenance import attestation, statement
from models_registry.provenance.attestation import FormatError

WAITING, SIGNATURES = "models_registry_waitingrelease", "models_registry_releasesignature"
ANEW = "tell the guardians not to sign; delete the row in `manage.py shell`, and the worker makes it anew"
ASK = "delete the row in `manage.py shell`, and ask this guardian to sign again"
AGAIN = "restore the row from a backup, or ask this guardian to sign again"
STOP = "hand the release out no more until it is explained: its statement must have as many signatures as the vote asks"


def check_waiting(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with what guardians were asked to sign, and with what they signed.

    1. every release that waited: what is signed is that release. 2. every signature. 3. every event of a signature.
    4. what was released although signatures were missing.
    """
    rows = WaitingRelease.objects.filter(model__community=community).select_related(
        "release_record", "evaluation_record", "proposal", "model", "keys__record", "keys__community"
    )
    heard = _heard(community)
    for row in rows.order_by("pk"):
        yield from guarded(WAITING, row.pk, advised(ANEW, _check_row(community, row)))  # 1
        yield from guarded(SIGNATURES, f"of {row}", advised(ASK, _check_signatures(row, heard)))  # 2
        yield from guarded(WAITING, row.pk, advised(STOP, _check_released(row)))  # 4
    for (_, release, name, at), times in heard.items():  # 3
        if times > 0:
            said = f"{name} signed {release} at {at}"
            yield finding("governance_event", f"of {community.slug}", "release_signed", "a signature", said, todo=AGAIN)


def _heard(community: Community) -> "Counter[tuple[int | None, str, str, int | None]]":
    """Return what the log says of signatures: proposal, release, guardian, moment."""
    events = Event.objects.filter(community=community, kind="release_signed")
    return Counter(
        (event.proposal_id, str(event.data.get("release")), str(event.data.get("guardian")), seconds(event.at))
        for event in events
    )


def _check_row(community: Community, row: WaitingRelease) -> Iterator[Finding]:
    """Check what is to be signed: it names this release and its manifest, under the keys that the release rests on."""
    release = row.release_record.value
    try:
        said = statement.read_payload(bytes(row.payload))
    except FormatError as error:
        yield finding(WAITING, row.pk, "payload", "the statement of a release", error.detail)
        return
    expected = {"release": release.digest, "manifest_sha256": release.body["manifest_sha256"]}
    yield from compare(WAITING, row.pk, expected, {"release": said.release, "manifest_sha256": said.manifest_sha256})
    documents = dict(said.documents)
    if documents.get("manifest.json") != release.body["manifest_sha256"]:
        yield finding(WAITING, row.pk, "payload", "the manifest of the release", documents.get("manifest.json"))
    rests_on = {"keys": row.keys.record_id, "evaluation": row.evaluation_record_id}
    for name, digest in rests_on.items():
        if digest not in release.parents:
            yield finding(WAITING, row.pk, name, f"one of {', '.join(release.parents)}", digest)
    found = {"model": str(row.model), "community of the keys": row.keys.community.slug, "kind": release.kind}
    needed = {"model": release.body["model"], "community of the keys": community.slug, "kind": "release"}
    yield from compare(WAITING, row.pk, needed, found)
    yield from _check_origin(row)
    if not row.keys.record.body["threshold"]:
        yield finding(WAITING, row.pk, "keys", "keys that ask for guardians", "none is asked for")
    if row.since < row.keys.adopted_at:
        yield finding(WAITING, row.pk, "since", f"not before {row.keys.adopted_at}", row.since)


def _check_origin(row: WaitingRelease) -> Iterator[Finding]:
    """Find the vote on the training in the lineage of the evaluation."""
    records = closure(row.evaluation_record)
    runs = [record for record in _of_kind(records, "run") if record.digest in row.evaluation_record.value.parents]
    specs = [record for record in _of_kind(records, "spec") if any(record.digest in run.parents for run in runs)]
    executions = {parent for spec in specs for parent in spec.parents}
    if row.proposal.execution_record_id not in executions:
        yield finding(WAITING, row.pk, "proposal", "the vote that the training rests on", row.proposal_id)


def _of_kind(records: Mapping[str, RecordValue], kind: str) -> list[RecordValue]:
    return [record for record in records.values() if record.kind == kind]


def _check_signatures(
    row: WaitingRelease, heard: "Counter[tuple[int | None, str, str, int | None]]"
) -> Iterator[Finding]:
    """Check the signatures of guardians over what waits now; those over what it was before say nothing any more."""
    data = attestation.to_sign(bytes(row.payload))
    names = {each["public_key"]: each["name"] for each in row.keys.record.body["guardians"]}
    message = hashlib.sha256(data).hexdigest()
    signatures = ReleaseSignature.objects.filter(release_record=row.release_record, public_key__in=names)
    for signature in signatures.order_by("pk"):
        name = names[signature.public_key]
        event = (row.proposal_id, row.release_record_id, name, seconds(signature.signed_at))
        if not heard[event]:
            found = f"{name} at {signature.signed_at}"
            yield finding(SIGNATURES, signature.pk, "signed_at", "an event release_signed that says it", found)
        heard[event] -= 1
        holds = signature_holds(signature.public_key, bytes(signature.signature), data)
        if signature.message_sha256 == message and not holds:
            yield finding(SIGNATURES, signature.pk, "signature", f"one of {name} over the payload", "another one")
        if signature.message_sha256 != message and holds:
            yield finding(SIGNATURES, signature.pk, "message_sha256", message, signature.message_sha256)
    strangers = ReleaseSignature.objects.filter(message_sha256=message).exclude(public_key__in=names)
    for key in strangers.values_list("pk", flat=True):
        yield finding(SIGNATURES, key, "public_key", "a guardian of this release", "another key")
    moved = ReleaseSignature.objects.filter(message_sha256=message, public_key__in=names)
    for key in moved.exclude(release_record=row.release_record).values_list("pk", flat=True):
        yield finding(SIGNATURES, key, "release_record", row.release_record_id, "another release")


def _check_released(row: WaitingRelease) -> Iterator[Finding]:
    if not Version.objects.filter(release_record=row.release_record).exists():
        return
    message = hashlib.sha256(attestation.to_sign(bytes(row.payload))).hexdigest()
    names = [each["public_key"] for each in row.keys.record.body["guardians"]]
    count = ReleaseSignature.objects.filter(message_sha256=message, public_key__in=names).count()
    if count < row.keys.record.body["threshold"]:
        needed = f"at least {row.keys.record.body['threshold']} signatures of guardians"
        yield finding(WAITING, row.pk, "signatures", needed, count)
