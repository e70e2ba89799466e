"""What strangers filed: each row is its bytes, signed, about its release, and the log says that it was filed."""

import hashlib
from collections.abc import Iterator

from governance.fsck.finding import Finding, compare, finding, guarded, seconds
from governance.models import Community, Event
from models_registry import attestations
from models_registry.models import Attestation
from models_registry.provenance import attest
from models_registry.provenance.attestation import FormatError

TABLE = "models_registry_attestation"
RESTORE = "restore the row from a backup; nobody can make it again but who signed it, and the log says what it was"
_FILED, _HIDDEN = "attestation_filed", "attestation_hidden"


def check_attestations(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the attestations of a community: every row, and every event that has none."""
    filed, hidden = _events(community, _FILED), _events(community, _HIDDEN)
    rows = Attestation.objects.filter(version__model__community=community).select_related("version")
    for row in rows.order_by("pk").iterator(chunk_size=100):
        key = (row.version.revision, row.digest)
        yield from guarded(TABLE, row.pk, _check_row(row, filed.pop(key, None), hidden.pop(key, None)))
    for (_, digest), event in [*filed.items(), *hidden.items()]:
        yield finding("governance_event", event.pk, event.kind, f"an attestation {digest}", "none")


def _events(community: Community, kind: str) -> dict[tuple[str, str], Event]:
    events = community.events.filter(kind=kind).order_by("-position")
    return {(str(event.data.get("revision")), str(event.data.get("attestation"))): event for event in events}


def _check_row(row: Attestation, filed: Event | None, hidden: Event | None) -> Iterator[Finding]:
    data = bytes(row.envelope)
    digest = hashlib.sha256(data).hexdigest()
    if digest != row.digest:
        yield finding(TABLE, row.pk, "digest", digest, row.digest)
    try:
        said = attest.read(data)
    except FormatError as error:
        yield finding(TABLE, row.pk, "envelope", "an attestation", error.detail)
        return
    expected = {"public_key": said.public_key, "summary": attestations.summary_of(said)}
    yield from compare(TABLE, row.pk, expected, {"public_key": row.public_key, "summary": row.summary})
    if not said.holds:
        yield finding(TABLE, row.pk, "envelope", f"a signature of the key {said.fingerprint}", "one that does not hold")
    if said.files != attestations.files_of(row.version):
        yield finding(TABLE, row.pk, "version", "the release that it is about", row.version.revision)
    told = {**filed.data, "filed_at": seconds(filed.at)} if filed else {"filed_at": f"an event {_FILED}"}
    says = {**attestations.event_of(row), "filed_at": seconds(row.filed_at)}
    yield from compare(TABLE, row.pk, told, says if filed else {"filed_at": says["filed_at"]})
    because = (
        {"hidden_at": seconds(hidden.at), "hidden_reason": hidden.data.get("reason")}
        if hidden
        else {"hidden_at": None, "hidden_reason": ""}
    )
    yield from compare(
        TABLE, row.pk, because, {"hidden_at": seconds(row.hidden_at), "hidden_reason": row.hidden_reason}
    )
