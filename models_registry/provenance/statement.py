"""The signed statement: an in-toto Statement v1 in a DSSE envelope, in one exact spelling. Knows no records.

Standards: in-toto Attestation Framework v1 (Statement), DSSE v1 (pre-authentication encoding), RFC 8785 for
both the payload and the envelope. JSON and base64 allow many spellings of the same content; only one is
accepted here, so that no byte of the file can change unnoticed, also where a signature alone would not mind.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.evidence.canonical import CanonicalError, canonical_bytes, strict_loads
from governance.evidence.signing import Signer, fingerprint, signature_holds
from models_registry.provenance import manifest as manifests

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:commonweights:release:1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_BYTES_MAX = 4_000_000
_DIGEST = re.compile(r"[0-9a-f]{64}")


class StatementError(Exception):
    """A statement that cannot be accepted. `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Statement:
    """What a well-formed statement says. Whether its signature holds is another question: `signed_by`."""

    files: tuple[tuple[str, str], ...]
    release: str
    manifest_sha256: str
    payload: bytes
    signature: bytes
    key_fingerprint: str

    def signed_by(self, public_key_hex: str) -> bool:
        """Say whether the holder of this Ed25519 key signed exactly this payload."""
        return self.key_fingerprint == fingerprint(public_key_hex) and signature_holds(
            public_key_hex, self.signature, pre_authentication_encoding(PAYLOAD_TYPE, self.payload)
        )


def build(manifest: Mapping[str, Any], manifest_sha256: str, release_digest: str, signer: Signer) -> bytes:
    """Return the bytes of `statement.json`: the signed claim that this release consists of these files."""
    payload = canonical_bytes(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": file["path"], "digest": {"sha256": file["sha256"]}} for file in manifest["files"]],
            "predicateType": PREDICATE_TYPE,
            "predicate": {"release": release_digest, "manifest_sha256": manifest_sha256},
        }
    )
    signature = signer.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
    return canonical_bytes(
        {
            "payload": base64.b64encode(payload).decode("ascii"),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {
                    "keyid": fingerprint(signer.public_key_hex),
                    "sig": base64.b64encode(signature).decode("ascii"),
                }
            ],
        }
    )


def parse(data: bytes) -> Statement:
    """Read `statement.json`; raise StatementError for anything but the one spelling of a true statement."""
    envelope = _canonical_object(data, "the envelope", {"payload", "payloadType", "signatures"})
    if envelope["payloadType"] != PAYLOAD_TYPE:
        raise StatementError("statement_malformed", f"payloadType {envelope['payloadType']!r} is not {PAYLOAD_TYPE}")
    signatures = envelope["signatures"]
    if not isinstance(signatures, list) or len(signatures) != 1:
        raise StatementError("statement_malformed", "exactly one signature is expected")
    entry = signatures[0]
    if not isinstance(entry, dict) or set(entry) != {"keyid", "sig"} or not _is_digest(entry["keyid"]):
        raise StatementError("statement_malformed", "a signature has exactly keyid (64 hex characters) and sig")
    payload = _base64(envelope["payload"], "payload")
    statement = _canonical_object(payload, "the payload", {"_type", "subject", "predicateType", "predicate"})
    if statement["_type"] != STATEMENT_TYPE or statement["predicateType"] != PREDICATE_TYPE:
        raise StatementError("statement_malformed", f"expected a {STATEMENT_TYPE} with predicate {PREDICATE_TYPE}")
    predicate = statement["predicate"]
    if (
        not isinstance(predicate, dict)
        or set(predicate) != {"release", "manifest_sha256"}
        or not all(_is_digest(value) for value in predicate.values())
    ):
        raise StatementError("statement_malformed", "the predicate has exactly the digests release and manifest_sha256")
    return Statement(
        files=_subject(statement["subject"]),
        release=predicate["release"],
        manifest_sha256=predicate["manifest_sha256"],
        payload=payload,
        signature=_base64(entry["sig"], "sig"),
        key_fingerprint=entry["keyid"],
    )


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return what DSSE v1 signs: type and payload with their lengths, so neither can pass for the other."""
    type_bytes = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(type_bytes), type_bytes, len(payload), payload)


def _canonical_object(data: bytes, what: str, keys: set[str]) -> dict[str, Any]:
    try:
        value = strict_loads(data, max_bytes=STATEMENT_BYTES_MAX)
        canonical = canonical_bytes(value)
    except CanonicalError as error:
        raise StatementError("statement_malformed", f"{what}: {error}") from error
    if canonical != data:
        raise StatementError("statement_not_canonical", f"{what} is not written in its canonical form (RFC 8785)")
    if not isinstance(value, dict) or set(value) != keys:
        raise StatementError("statement_malformed", f"{what} has exactly the keys {sorted(keys)}")
    return value


def _base64(text: object, what: str) -> bytes:
    if not isinstance(text, str):
        raise StatementError("statement_malformed", f"{what} is not text")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise StatementError("statement_malformed", f"{what} is not base64") from error
    if base64.b64encode(data).decode("ascii") != text:
        # The last character before padding has spare bits that a decoder ignores.
        raise StatementError("statement_not_canonical", f"{what} is not written in canonical base64")
    return data


def _subject(subject: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(subject, list) or len(subject) > manifests.FILES_MAX:
        raise StatementError("statement_malformed", "subject is not a list of files")
    files = []
    for entry in subject:
        if (
            not isinstance(entry, dict)
            or set(entry) != {"name", "digest"}
            or not isinstance(entry["name"], str)
            or not isinstance(entry["digest"], dict)
            or set(entry["digest"]) != {"sha256"}
            or not _is_digest(entry["digest"]["sha256"])
        ):
            raise StatementError("statement_malformed", "a subject has exactly a name and its sha256 digest")
        files.append((entry["name"], entry["digest"]["sha256"]))
    return tuple(files)


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None
