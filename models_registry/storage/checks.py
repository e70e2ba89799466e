"""What `fsck` says of the storage: each file of each version, each object. Reads every byte that lies there.

Codes: object_missing, object_wrong (other bytes than its name says), object_unreachable (no version reaches it and the
grace period is over: `collect_objects --delete` removes it), listing_empty, listing_wrong (not what was published).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from governance.fsck import Finding
from governance.fsck.finding import finding
from models_registry.models import Version
from models_registry.storage.base import ObjectMissing, ObjectStore, digest_of
from models_registry.storage.collect import unreached
from models_registry.storage.folders import listing_of

MANIFEST = "provenance/manifest.json"
TABLE = "models_registry_version"


def check(store: ObjectStore, grace: timedelta, now: datetime) -> Iterator[Finding]:
    """Yield what is wrong with the storage; each object is read once however many versions name it."""
    judged: dict[str, str] = {}
    for version in Version.objects.select_related("model").order_by("pk").iterator():
        files = listing_of(version)
        if not files:
            yield finding(TABLE, version.pk, "listing_empty", f"the files of {version}", "none")
        signed = files.get(MANIFEST)
        if version.release_record_id and files and (signed is None or signed.sha256 != version.manifest_sha256):
            found = signed.sha256 if signed else "none"
            yield finding(TABLE, version.pk, "listing_wrong", f"manifest {version.manifest_sha256}", found)
        for file in files.values():
            if file.sha256 not in judged:
                judged[file.sha256] = _bytes_of(store, file.sha256)
            if judged[file.sha256] != file.sha256:
                code = "object_wrong" if judged[file.sha256] else "object_missing"
                place = f"{version} {file.path}"
                yield finding("object", file.sha256, code, place, judged[file.sha256] or "nothing")
    for stored in unreached(store, grace, now):
        yield finding(
            "object", stored.sha256, "object_unreachable", "a version that reaches it", f"{stored.size} bytes"
        )


def _bytes_of(store: ObjectStore, sha256: str) -> str:
    """Return the SHA-256 of what lies under this name, empty when nothing does."""
    try:
        return digest_of(store.open(sha256))
    except ObjectMissing:
        return ""
