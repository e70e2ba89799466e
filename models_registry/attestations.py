"""Attestations of strangers: reports that they signed about our releases, taken in, listed, and hidden with a reason.

The site checks the form, the signature, and that it is about exactly this release. Whether the report is true it cannot
know, and says so: keys cost nothing, and a thousand of them may be one person. That one was filed, and what it said in
one word, stands in the community's log, so that an operator cannot lose one that they do not like.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet

from governance.errors import Conflict, Invalid, Malformed, NotFound, TooLarge
from governance.evidence.signing import fingerprint
from governance.models import Community
from governance.services import note
from governance.services.common import lock_community
from models_registry.models import Attestation, ReleaseKeys, Version
from models_registry.provenance import attest
from models_registry.provenance.attestation import Files, FormatError
from models_registry.provenance.manifest import PROVENANCE_FOLDER
from models_registry.provenance.report import Status
from models_registry.storage import folders

# A report of twelve findings with twenty problems each about the thousand files of the largest manifest takes less.
BYTES_MAX = 500_000
REASON_MAX = 500
DAY = timedelta(days=1)
PER_KEY_PER_DAY_MAX = 5
# Of all keys together that no vote has named, in one community.
OF_STRANGERS_PER_DAY_MAX = 50
ON_A_PAGE = 10


@dataclass(frozen=True)
class Signatory:
    """What the community's votes say of a key: a guardian's name, or that it signs releases; mostly nothing."""

    guardian: str = ""
    release_key: bool = False

    def __bool__(self) -> bool:
        """Say whether the key is known here."""
        return bool(self.guardian) or self.release_key


@dataclass(frozen=True)
class Shown:
    """One attestation as a page shows it: the numbers of checks by what became of them, and failed ones with codes."""

    row: Attestation
    signatory: Signatory
    passed: tuple[int, ...]
    failed: tuple[tuple[int, str], ...]
    not_checked: tuple[int, ...]

    @property
    def fingerprint(self) -> str:
        """Return what people compare the key by."""
        return fingerprint(self.row.public_key)


@dataclass(frozen=True)
class ShownPage:
    """One page of what was filed for a release, newest first; and how many of all say what."""

    rows: tuple[Shown, ...]
    number: int
    pages: int
    holds: int
    fails: int
    hidden: int


def file(revision: str, data: bytes, now: datetime) -> tuple[Attestation, bool]:
    """Take an attestation in; return it, and whether it is new. The signature is the authority: anyone may bring it.

    1. There is such a release. 2. The bytes are an attestation, signed by the key that they name. 3. It is about this
    release. 4. What is here already is here once. 5. Keep it, within bounds, and write it into the log.
    """
    version = release_named(revision)  # 1
    said = _read(data)  # 2
    _require_about(version, said)  # 3
    digest = hashlib.sha256(data).hexdigest()
    community = version.model.community
    with transaction.atomic():
        lock_community(community.pk)
        kept = Attestation.objects.filter(version=version, digest=digest).first()  # 4
        if kept is not None:
            return kept, False
        _require_room(community, said.public_key, now)  # 5
        row = Attestation.objects.create(
            version=version,
            digest=digest,
            public_key=said.public_key,
            envelope=data,
            summary=summary_of(said),
            filed_at=now,
        )
        note("attestation_filed", now, community=community, **event_of(row))
    return row, True


def hide(revision: str, digest: str, reason: str, now: datetime) -> Attestation:
    """Hide one for good, as the operator, with a reason that everybody reads. The row and the log keep it."""
    reason = " ".join(reason.split())
    if not 1 <= len(reason) <= REASON_MAX or not reason.isprintable():
        raise Invalid("length_out_of_range", f"a reason has 1 to {REASON_MAX} printable characters", field="reason")
    with transaction.atomic():
        version = release_named(revision)
        community = version.model.community
        lock_community(community.pk)
        row = named(version, digest)
        if row.hidden_at is not None:
            raise Conflict("already_hidden", f"it is hidden already: {row.hidden_reason}", found=digest)
        row.hidden_at, row.hidden_reason = now, reason
        row.save(update_fields=["hidden_at", "hidden_reason"])
        note("attestation_hidden", now, community=community, attestation=digest, revision=revision, reason=reason)
    return row


def release_named(revision: str) -> Version:
    """Return a release by its revision, or raise NotFound; a base model has none."""
    found = Version.objects.select_related("model__community").filter(revision=revision, release_record__isnull=False)
    version = found.first()
    if version is None:
        raise NotFound("unknown_release", "there is no such release", field="revision", found=revision)
    return version


def of_release(version: Version) -> QuerySet[Attestation]:
    """Return all that were filed for a release, newest first, without their bytes."""
    return version.attestations.defer("envelope").order_by("-pk")


def page_of(version: Version, wanted: int) -> ShownPage:
    """Return one page of what was filed for a release; a number beyond the last is the last."""
    rows = of_release(version)
    counted = rows.filter(hidden_at__isnull=True).order_by().values_list("summary__outcome").annotate(rows=Count("pk"))
    outcomes = {str(outcome): number for outcome, number in counted}
    total = rows.count()
    pages = max(1, -(-total // ON_A_PAGE))
    number = min(max(wanted, 1), pages)
    known = signatories(version.model.community)
    start = (number - 1) * ON_A_PAGE
    shown = tuple(_shown(row, known) for row in rows[start : start + ON_A_PAGE])
    fails = outcomes.get(attest.Outcome.FAILED, 0)
    told = sum(outcomes.values())
    return ShownPage(shown, number, pages, holds=told - fails, fails=fails, hidden=total - told)


def named(version: Version, digest: str) -> Attestation:
    """Return one of a release by its digest, or raise NotFound."""
    row = version.attestations.filter(digest=digest).first()
    if row is None:
        raise NotFound("unknown_attestation", "there is no attestation with this digest", field="digest", found=digest)
    return row


def signatories(community: Community) -> dict[str, Signatory]:
    """Return who the keys are that votes of a community ever named, by public key. A revoked key is nobody's."""
    found = {community.release_key: Signatory(release_key=True)}
    # Oldest first: a later vote knows better.
    for keys in ReleaseKeys.objects.filter(community=community).select_related("record").order_by("adopted_at", "pk"):
        body = keys.record.body
        found |= {each["public_key"]: Signatory(guardian=each["name"]) for each in body["guardians"]}
        found[body["release_key"]["public_key"]] = Signatory(release_key=True)
        for each in body["revoked"]:
            found.pop(each["public_key"], None)
    return found


def event_of(row: Attestation) -> dict[str, str]:
    """Return what the log says when one is filed: the digest of the bytes, whose key, and the outcome in one word."""
    return {
        "attestation": row.digest,
        "revision": row.version.revision,
        "key": fingerprint(row.public_key),
        "outcome": row.summary["outcome"],
    }


def summary_of(said: attest.Attested) -> dict[str, Any]:
    """Return what lists show of a report: stable words and numbers, none of the stranger's own sentences."""
    report = said.report
    return {
        "outcome": str(said.outcome),
        "rerun": str(said.rerun),
        "checks": [{name: finding[name] for name in ("number", "status", "code")} for finding in report["findings"]],
    }


def files_of(version: Version) -> Files:
    """Return the files that an attestation of this release is about: name and SHA-256, in the manifest's order."""
    listing = folders.listing_of(version)
    provenance = f"{PROVENANCE_FOLDER}/"
    return tuple((path, listing[path].sha256) for path in sorted(listing) if not path.startswith(provenance))


def _shown(row: Attestation, known: dict[str, Signatory]) -> Shown:
    checks = row.summary["checks"]
    numbers = {
        status: tuple(check["number"] for check in checks if check["status"] == status)
        for status in (Status.PASSED, Status.NOT_CHECKED)
    }
    failed = tuple((check["number"], check["code"]) for check in checks if check["status"] == Status.FAILED)
    signatory = known.get(row.public_key, Signatory())
    return Shown(row, signatory, numbers[Status.PASSED], failed, numbers[Status.NOT_CHECKED])


def _read(data: bytes) -> attest.Attested:
    if len(data) > BYTES_MAX:
        detail = f"an attestation has at most {BYTES_MAX} bytes"
        raise TooLarge("too_large", detail, found=f"more than {BYTES_MAX}", allowed=BYTES_MAX)
    try:
        said = attest.read(data)
    except FormatError as error:
        allowed = f"an attestation as `--attest` writes it ({attest.PREDICATE_TYPE}), byte for byte"
        raise Malformed(f"attestation_{error.kind}", error.detail, allowed=allowed) from error
    if not said.holds:
        detail = "the signature does not hold: expected is one Ed25519 signature by the key that the report names"
        found = [signature.keyid for signature in said.envelope.signatures]
        raise Invalid("signature_wrong", detail, field="signatures", found=found, allowed=said.fingerprint)
    return said


def _require_about(version: Version, said: attest.Attested) -> None:
    """Refuse a report about other files, or one that read another release record in these."""
    expected, found = files_of(version), said.files
    if found != expected:
        wrong = next(iter(sorted(set(found) ^ set(expected))), ("the order of the files", ""))
        detail = f"it is about other files than those of this release; the first that differs: {wrong[0]}"
        raise Invalid("subject_wrong", detail, field="subject", found=_told(found), allowed=_told(expected))
    release = said.report["release"]
    if release is not None and release != version.release_record_id:
        detail = "the report names the record of another release"
        raise Invalid("release_wrong", detail, field="release", found=release, allowed=version.release_record_id)


def _require_room(community: Community, public_key: str, now: datetime) -> None:
    """Refuse more than a person has to say in a day; keys that votes have named do not share in the strangers' part."""
    today = Attestation.objects.filter(version__model__community=community, filed_at__gt=now - DAY)
    mine = today.filter(public_key=public_key).count()
    if mine >= PER_KEY_PER_DAY_MAX:
        detail = "this key has filed enough for one day; come back tomorrow"
        raise Conflict("too_many_attestations", detail, found=mine, allowed=PER_KEY_PER_DAY_MAX)
    known = signatories(community)
    of_strangers = today.exclude(public_key__in=known).count()
    if public_key not in known and of_strangers >= OF_STRANGERS_PER_DAY_MAX:
        detail = "unknown keys have filed enough for one day in this community; come back tomorrow"
        raise Conflict("too_many_attestations", detail, found=of_strangers, allowed=OF_STRANGERS_PER_DAY_MAX)


def _told(files: Files) -> list[str]:
    return [f"{name} {sha256}" for name, sha256 in files]
