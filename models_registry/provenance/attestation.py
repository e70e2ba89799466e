"""Attestations: an in-toto Statement v1 in a DSSE envelope, in one exact spelling. Knows no predicate and no records.

Standards: in-toto Attestation Framework v1 (Statement), DSSE v1 (pre-authentication encoding), RFC 8785 for both the
payload and the envelope. JSON and base64 allow many spellings of the same content; only one is accepted here, so that
no byte of a file can change unnoticed, also where a signature alone would not mind.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from governance.evidence.signing import Signer, fingerprint, signature_holds
from models_registry.provenance import manifest as manifests

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
BYTES_MAX = 4_000_000
# The release key and sixteen guardians.
SIGNATURES_MAX = 17
_DIGEST = re.compile(r"[0-9a-f]{64}")

Files = tuple[tuple[str, str], ...]  # name and SHA-256 of each file, in the order of the manifest


class FormatError(Exception):
    """Bytes that are not the one spelling of what they should be. `kind` is malformed or not_canonical."""

    def __init__(self, kind: str, detail: str) -> None:
        """Keep the kind beside the sentence."""
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True)
class Signature:
    """One signature of an envelope: a hint at the key, and the bytes."""

    keyid: str
    sig: bytes


@dataclass(frozen=True)
class Envelope:
    """A payload with its signatures. Whether they hold is another question: `signed_by`."""

    payload: bytes
    signatures: tuple[Signature, ...]

    def signed_by(self, public_key_hex: str, place: int = 0) -> bool:
        """Say whether the signature at this place is that of this Ed25519 key over exactly this payload."""
        signature = self.signatures[place]
        return signature.keyid == fingerprint(public_key_hex) and signature_holds(
            public_key_hex, signature.sig, pre_authentication_encoding(PAYLOAD_TYPE, self.payload)
        )


@dataclass(frozen=True)
class Statement:
    """What an in-toto statement says about some files."""

    files: Files
    predicate: Mapping[str, Any]


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return what DSSE v1 signs: type and payload with their lengths, so neither can pass for the other."""
    type_bytes = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(type_bytes), type_bytes, len(payload), payload)


def to_sign(payload: bytes) -> bytes:
    """Return the bytes that are signed for a payload of this project."""
    return pre_authentication_encoding(PAYLOAD_TYPE, payload)


def statement(files: Files, predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """Return the canonical payload of a statement about files."""
    subject = [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in files]
    return canonical_bytes(
        {"_type": STATEMENT_TYPE, "subject": subject, "predicateType": predicate_type, "predicate": predicate}
    )


def envelope(payload: bytes, signatures: Iterable[Signature]) -> dict[str, Any]:
    """Return an envelope as data."""
    return {
        "payload": base64.b64encode(payload).decode("ascii"),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [
            {"keyid": signature.keyid, "sig": base64.b64encode(signature.sig).decode("ascii")}
            for signature in signatures
        ],
    }


def signed(payload: bytes, signers: Iterable[Signer]) -> bytes:
    """Return the bytes of an envelope that these Ed25519 keys sign, in this order."""
    signatures = [Signature(fingerprint(each.public_key_hex), each.sign(to_sign(payload))) for each in signers]
    return canonical_bytes(envelope(payload, signatures))


def parse(data: bytes) -> Envelope:
    """Read an envelope; raise FormatError for anything but its one spelling.

    Signatures name their keys; behind the first, they are in strictly ascending order of these names.
    """
    found = read_envelope(canonical_value(data, "the envelope"))
    keyids = [signature.keyid for signature in found.signatures]
    if not 1 <= len(keyids) <= SIGNATURES_MAX or not all(map(is_digest, keyids)):
        detail = f"1 to {SIGNATURES_MAX} signatures are expected, each with the fingerprint of its key as keyid"
        raise FormatError("malformed", detail)
    if keyids[1:] != sorted(set(keyids[1:])):
        raise FormatError("malformed", "behind the first, signatures stand in ascending order of keyid, each key once")
    return found


def read_envelope(value: object) -> Envelope:
    """Read an envelope from data; raise FormatError for keys, types or base64 that are not as they must be."""
    require_keys(value, "the envelope", {"payload", "payloadType", "signatures"})
    assert isinstance(value, dict)
    if value["payloadType"] != PAYLOAD_TYPE:
        raise FormatError("malformed", f"payloadType {value['payloadType']!r} is not {PAYLOAD_TYPE}")
    entries = value["signatures"]
    if not isinstance(entries, list):
        raise FormatError("malformed", "signatures is not a list")
    signatures = []
    for entry in entries:
        require_keys(entry, "a signature", {"keyid", "sig"})
        if not isinstance(entry["keyid"], str):
            raise FormatError("malformed", "keyid is not text")
        signatures.append(Signature(entry["keyid"], _base64(entry["sig"], "sig")))
    return Envelope(_base64(value["payload"], "payload"), tuple(signatures))


def read_statement(payload: bytes, predicate_type: str) -> Statement:
    """Read a canonical statement about files with this predicate; raise FormatError for anything else."""
    value = canonical_value(payload, "the payload")
    require_keys(value, "the payload", {"_type", "subject", "predicateType", "predicate"})
    if value["_type"] != STATEMENT_TYPE or value["predicateType"] != predicate_type:
        raise FormatError("malformed", f"expected a {STATEMENT_TYPE} with predicate {predicate_type}")
    if not isinstance(value["predicate"], dict):
        raise FormatError("malformed", "the predicate is not an object")
    return Statement(_files(value["subject"]), value["predicate"])


def canonical_value(data: bytes, what: str) -> Any:  # noqa: ANN401 - JSON is any shape
    """Read JSON in its canonical form; raise FormatError for any other bytes."""
    try:
        value = strict_loads(data, max_bytes=BYTES_MAX)
        canonical = canonical_bytes(value)
    except CanonicalError as error:
        raise FormatError("malformed", f"{what}: {error}") from error
    if canonical != data:
        raise FormatError("not_canonical", f"{what} is not written in its canonical form (RFC 8785)")
    return value


def require_keys(value: object, what: str, keys: set[str]) -> None:
    """Raise FormatError unless this is an object with exactly these keys."""
    if not isinstance(value, dict) or set(value) != keys:
        raise FormatError("malformed", f"{what} has exactly the keys {sorted(keys)}")


def is_digest(value: object) -> bool:
    """Say whether this is a SHA-256 as 64 lower-case hex characters."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _base64(text: object, what: str) -> bytes:
    if not isinstance(text, str):
        raise FormatError("malformed", f"{what} is not text")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError("malformed", f"{what} is not base64") from error
    if base64.b64encode(data).decode("ascii") != text:
        # The last character before padding has spare bits that a decoder ignores.
        raise FormatError("not_canonical", f"{what} is not written in canonical base64")
    return data


def _files(subject: object) -> Files:
    if not isinstance(subject, list) or len(subject) > manifests.FILES_MAX:
        raise FormatError("malformed", "subject is not a list of files")
    files = []
    for entry in subject:
        require_keys(entry, "a subject", {"name", "digest"})
        require_keys(entry["digest"], "a digest", {"sha256"})
        if not isinstance(entry["name"], str) or not is_digest(entry["digest"]["sha256"]):
            raise FormatError("malformed", "a subject has exactly a name and its sha256 digest")
        files.append((entry["name"], entry["digest"]["sha256"]))
    return tuple(files)
