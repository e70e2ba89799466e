"""Who signs releases: the keys that a vote put in force, and the guardians whose signatures a release may wait for.

A release that needs guardians is made as far as its evidence; what they sign (`WaitingRelease.payload`) names every
byte of it. Each signs on a machine of their own and hands the signature in; with enough of them the release is
published. What a signature is worth is judged by the offline verifier (check 10), never by these rows.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from governance import clock
from governance.errors import Conflict, Forbidden, Invalid, NotFound
from governance.evidence.p256 import ModelSigner
from governance.evidence.record import Record as RecordValue
from governance.evidence.signing import ALGORITHM, Signer, fingerprint, signature_holds
from governance.keys import model_signer, release_signer
from governance.models import Community, Proposal, Record
from governance.records import keep
from governance.services import note
from models_registry.models import ReleaseKeys, ReleaseSignature, Version, WaitingRelease
from models_registry.provenance import attestation


@dataclass(frozen=True)
class Guardian:
    """One guardian of a release that waits: who it is, and whether they have signed."""

    name: str
    public_key: str
    signed_at: datetime | None

    @property
    def fingerprint(self) -> str:
        """Return what the statement names the key by."""
        return fingerprint(self.public_key)


@dataclass(frozen=True)
class Waiting:
    """A release that waits: what is to be signed, by whom, and how many have."""

    release: WaitingRelease
    guardians: tuple[Guardian, ...]
    threshold: int

    @property
    def payload_sha256(self) -> str:
        """Return the digest of what is signed, to be compared over another channel."""
        return hashlib.sha256(self.release.payload).hexdigest()

    @property
    def signed(self) -> int:
        """Return how many guardians have signed."""
        return sum(guardian.signed_at is not None for guardian in self.guardians)

    @property
    def missing(self) -> int:
        """Return how many signatures are still needed."""
        return max(0, self.threshold - self.signed)


# --- the keys in force --------------------------------------------------------------------------------------------


def keys_in_force(community: Community) -> ReleaseKeys | None:
    """Return the keys that the last vote on them put in force; None while the founding key signs alone."""
    return ReleaseKeys.objects.filter(community=community).select_related("record", "proposal").first()


@dataclass(frozen=True)
class InForce:
    """Who signs releases now, in the form of a keys record. `keys` is None before the first vote on them."""

    keys: ReleaseKeys | None
    body: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint of the release key."""
        return fingerprint(self.body["release_key"]["public_key"])

    @property
    def guardians(self) -> tuple[Guardian, ...]:
        """Return the guardians."""
        return tuple(Guardian(each["name"], each["public_key"], None) for each in self.body["guardians"])

    @property
    def revoked(self) -> list[tuple[str, str]]:
        """Return the fingerprints of the revoked keys, with the reasons."""
        return [(fingerprint(each["public_key"]), each["reason"]) for each in self.body["revoked"]]


def in_force(community: Community) -> InForce:
    """Return who signs releases now: before the first vote on keys the founding key alone."""
    keys = keys_in_force(community)
    founding = {"algorithm": ALGORITHM, "public_key": community.release_key}
    alone = {"guardians": [], "release_key": founding, "revoked": [], "threshold": 0}
    return InForce(keys, keys.record.body if keys else alone)


@dataclass(frozen=True)
class SignedWith:
    """The release key under which a release was signed. `keys` is None for the founding key, before any vote on keys.

    `replaced` says that a later vote put another key in force, `revoked` why a vote has revoked this one since.
    """

    public_key: str
    keys: ReleaseKeys | None
    replaced: bool
    revoked: str

    @property
    def fingerprint(self) -> str:
        """Return what people compare."""
        return fingerprint(self.public_key)


def signed_with(version: Version) -> SignedWith:
    """Return the key of a release: that of the keys record which it rests on, else the founding key."""
    community = version.model.community
    parents = version.release_record.value.parents if version.release_record else ()
    keys = ReleaseKeys.objects.filter(record__in=parents).select_related("record", "proposal").first()
    public_key = keys.record.body["release_key"]["public_key"] if keys else community.release_key
    now = in_force(community).body
    revoked = {each["public_key"]: each["reason"] for each in now["revoked"]}
    return SignedWith(public_key, keys, now["release_key"]["public_key"] != public_key, revoked.get(public_key, ""))


def adopt_keys(proposal: Proposal, execution: Record, now: datetime) -> ReleaseKeys:
    """Put voted keys in force for every release from now on. Runs inside the execution's transaction."""
    body = proposal.payload["keys"]
    require_revoked_stay(keys_in_force(proposal.community), body)
    community = proposal.community
    keys = ReleaseKeys.objects.create(
        community=community,
        record=keep("keys", f"keys:{community.slug}", body, [execution]),
        proposal=proposal,
        adopted_at=now,
    )
    revoked = [fingerprint(entry["public_key"]) for entry in body["revoked"]]
    note(
        "release_keys_adopted",
        now,
        proposal=proposal,
        release_key=fingerprint(body["release_key"]["public_key"]),
        guardians=len(body["guardians"]),
        threshold=body["threshold"],
        revoked=revoked,
    )
    return keys


def require_revoked_stay(keys: ReleaseKeys | None, body: Mapping[str, Any]) -> None:
    """Refuse new keys that no longer revoke what was revoked before: a stolen key stays stolen."""
    before = {entry["public_key"] for entry in keys.record.body["revoked"]} if keys else set()
    dropped = sorted(before - {entry["public_key"] for entry in body["revoked"]})
    if dropped:
        detail = "a key that was revoked stays revoked; list it again"
        raise Conflict("revocation_dropped", detail, field="payload.keys.revoked", found=dropped)


# --- signing ------------------------------------------------------------------------------------------------------


class Remembering:
    """A signer that makes each signature once: a key in a module takes another nonce each time."""

    def __init__(self, signer: ModelSigner, release_record: Record) -> None:
        """Take who signs, and the release that it is for."""
        self._signer = signer
        self._release_record = release_record

    @property
    def public_key_hex(self) -> str:
        """Return the public key of the signer."""
        return self._signer.public_key_hex

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data` that was made first."""
        kept = _signature(data, self.public_key_hex)
        if kept is None:
            kept, _ = ReleaseSignature.objects.get_or_create(
                message_sha256=hashlib.sha256(data).hexdigest(),
                public_key=self.public_key_hex,
                defaults={
                    "release_record": self._release_record,
                    "signature": self._signer.sign(data),
                    "signed_at": clock.now(),
                },
            )
        return bytes(kept.signature)


class HandedIn:
    """A guardian as a signer: the signature that they handed in."""

    def __init__(self, public_key: str, signature: bytes) -> None:
        """Take the key and the signature."""
        self.public_key_hex = public_key
        self._signature = signature

    def sign(self, data: bytes) -> bytes:
        """Return what was handed in; whether it is that of `data` was checked then, and is checked again by all."""
        return self._signature


def signers(community: Community, keys: ReleaseKeys | None, release_record: Record) -> tuple[Signer, ModelSigner]:
    """Return who signs a release: the release key in force, and the key of its files. Raises SigningError."""
    key = keys.record.body["release_key"]["public_key"] if keys else None
    return release_signer(community.slug, key), Remembering(model_signer(community.slug), release_record)


def guardians_of(waiting: WaitingRelease) -> list[HandedIn]:
    """Return the guardians who have signed what waits, as signers."""
    rows = _signatures(waiting)
    return [HandedIn(key, bytes(row.signature)) for key, row in rows.items()]


# --- releases that wait -------------------------------------------------------------------------------------------


def remember(
    release_record: Record, evaluation: Record, proposal: Proposal, model_id: int, keys: ReleaseKeys, payload: bytes
) -> Waiting:
    """Keep what guardians have to sign for a release, once; what changed since (another key, say) is signed anew."""
    with transaction.atomic():
        waiting, _ = WaitingRelease.objects.update_or_create(
            release_record=release_record,
            create_defaults={
                "evaluation_record": evaluation,
                "proposal": proposal,
                "model_id": model_id,
                "keys": keys,
                "payload": payload,
                "since": clock.now(),
            },
            defaults={"payload": payload},
        )
    return _waiting(waiting)


def blocking(evaluation: Record, community: Community, number: int) -> Waiting | None:
    """Return what a release still waits for, if it was made as far as that already and nothing changed since."""
    keys = keys_in_force(community)
    waiting = (
        WaitingRelease.objects.filter(evaluation_record=evaluation).select_related("keys", "release_record").first()
    )
    if (
        waiting is None
        or keys is None
        or waiting.keys_id != keys.pk
        or waiting.release_record.body["version"] != number
    ):
        return None
    found = _waiting(waiting)
    return found if found.missing else None


def waiting_of(community: Community) -> list[Waiting]:
    """Return the releases of a community that wait for guardians, oldest first."""
    keys = keys_in_force(community)
    if keys is None:
        return []
    rows = WaitingRelease.objects.filter(keys=keys).select_related("release_record", "keys__record", "model")
    newest: dict[str, WaitingRelease] = {}
    for row in rows.order_by("pk"):
        newest[row.evaluation_record_id] = row
    released = set(Version.objects.filter(evaluation_record__in=newest).values_list("evaluation_record_id", flat=True))
    return [_waiting(row) for evaluation, row in newest.items() if evaluation not in released]


def waiting_for(evaluation: Record | None) -> Waiting | None:
    """Return what a run's release waits for, or None if it does not wait."""
    rows = WaitingRelease.objects.filter(evaluation_record=evaluation).select_related("keys__community")
    row = rows.first() if evaluation is not None else None
    if row is None:
        return None
    found = [each for each in waiting_of(row.keys.community) if each.release.pk == row.pk]
    return found[0] if found else None


def waiting_named(release: str) -> Waiting:
    """Return a release that waited once, by the digest of its release record, or raise NotFound."""
    row = (
        WaitingRelease.objects.filter(release_record=release)
        .select_related("release_record", "keys__record", "keys__community", "model", "proposal")
        .first()
    )
    if row is None:
        raise NotFound("no_waiting_release", "no release with this digest waits for guardians", found=release)
    return _waiting(row)


def sign(release: str, public_key: str, signature: bytes, now: datetime) -> tuple[Waiting, bool]:
    """Take in a guardian's signature; return what is still missing, and whether this one is new.

    The signature is the authority: who brings it does not matter.
    """
    waiting = waiting_named(release)
    row = waiting.release
    guardian = next((each for each in waiting.guardians if each.public_key == public_key), None)
    if guardian is None:
        raise Forbidden("not_a_release_guardian", "this is not the key of a guardian of this release", found=public_key)
    data = attestation.to_sign(bytes(row.payload))
    if not signature_holds(public_key, signature, data):
        detail = f"the signature does not hold over the payload with SHA-256 {waiting.payload_sha256}"
        raise Invalid("signature_wrong", detail, field="signature")
    if guardian.signed_at is not None:
        return waiting, False
    if Version.objects.filter(evaluation_record=row.evaluation_record_id).exists():
        raise Conflict("already_released", "this release was published already", found=release)
    keys = keys_in_force(row.keys.community)
    if keys is None or keys.pk != row.keys_id:
        raise Conflict("keys_replaced", "a vote has put other keys in force since; the release is made anew")
    with transaction.atomic():
        _, new = ReleaseSignature.objects.get_or_create(
            message_sha256=hashlib.sha256(data).hexdigest(),
            public_key=public_key,
            defaults={"release_record": row.release_record, "signature": signature, "signed_at": now},
        )
        waiting = _waiting(row)
        if new:
            signed = {"signed": waiting.signed, "threshold": waiting.threshold}
            note("release_signed", now, proposal=row.proposal, release=release, guardian=guardian.name, **signed)
    return waiting, new


def _waiting(row: WaitingRelease) -> Waiting:
    body = row.keys.record.body
    rows = _signatures(row)
    guardians = tuple(
        Guardian(
            each["name"], each["public_key"], rows[each["public_key"]].signed_at if each["public_key"] in rows else None
        )
        for each in body["guardians"]
    )
    return Waiting(row, guardians, body["threshold"])


def _signatures(row: WaitingRelease) -> dict[str, ReleaseSignature]:
    """Return the signatures of guardians over what waits now, by key."""
    message = hashlib.sha256(attestation.to_sign(bytes(row.payload))).hexdigest()
    keys = _public_keys(row.keys.record.value)
    rows = ReleaseSignature.objects.filter(message_sha256=message, public_key__in=keys).order_by("pk")
    return {found.public_key: found for found in rows}


def _public_keys(keys: RecordValue) -> Iterable[str]:
    return [guardian["public_key"] for guardian in keys.body["guardians"]]


def _signature(data: bytes, public_key: str) -> ReleaseSignature | None:
    digest = hashlib.sha256(data).hexdigest()
    return ReleaseSignature.objects.filter(message_sha256=digest, public_key=public_key).first()
