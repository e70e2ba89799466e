"""`model.sig`: the OpenSSF Model Signing v1.0 bundle over the files of a release, so that tools of others verify it.

    model_signing verify key . --signature provenance/model.sig --public_key provenance/model-key.pem

Standards: Model Signing v1.0 (predicate `https://model_signing/signature/v1.0`), Sigstore bundle v0.3 with a public key
and no transparency log, DSSE v1, ECDSA on P-256 with SHA-256. Written and accepted in one exact spelling only. What the
signature is worth follows from the statement, which names its key: alone it says only that somebody signed.
"""

import hashlib
from typing import Any

from governance.evidence.canonical import canonical_bytes
from governance.evidence.p256 import ModelSigner, p256_signature_holds, public_key_pem
from models_registry.provenance import attestation
from models_registry.provenance.attestation import Files, FormatError, Signature
from models_registry.provenance.manifest import CLIENT_FOLDER, PROVENANCE_FOLDER

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
# What is not signed: the evidence, which holds this signature, and the notes of the download client.
_SERIALIZATION = {
    "allow_symlinks": False,
    "hash_type": "sha256",
    "ignore_paths": [CLIENT_FOLDER, PROVENANCE_FOLDER],
    "method": "files",
}


def build(model: str, files: Files, signer: ModelSigner) -> bytes:
    """Return the bytes of `model.sig`: these files of this model, signed."""
    payload = _payload(model, files)
    signature = Signature("", signer.sign(attestation.to_sign(payload)))
    return canonical_bytes(_bundle(payload, signature, public_key_pem(signer.public_key_hex)))


def key_file(model_key: str) -> bytes:
    """Return the bytes of `model-key.pem`; raise FormatError if the key is no point on P-256."""
    try:
        return public_key_pem(model_key)
    except ValueError as error:
        raise FormatError("malformed", "the statement's model_key is not a point on P-256") from error


def check(data: bytes, model: str, files: Files, model_key: str) -> None:
    """Raise FormatError unless `data` is the one spelling of a signature of these files under this key."""
    pem = key_file(model_key)
    value = attestation.canonical_value(data, "the bundle")
    attestation.require_keys(value, "the bundle", {"dsseEnvelope", "mediaType", "verificationMaterial"})
    envelope = attestation.read_envelope(value["dsseEnvelope"])
    if len(envelope.signatures) != 1:
        raise FormatError("malformed", "exactly one signature is expected")
    expected = _payload(model, files)
    if envelope.payload != expected:
        raise FormatError("malformed", "it does not sign exactly this model and the files of the manifest")
    signature = envelope.signatures[0]
    if canonical_bytes(_bundle(expected, Signature("", signature.sig), pem)) != data:
        raise FormatError("malformed", "media type, key hint or keyid is not that of such a signature")
    if not p256_signature_holds(model_key, signature.sig, attestation.to_sign(expected)):
        raise FormatError("malformed", "the signature does not hold under the key that the statement names")


def _payload(model: str, files: Files) -> bytes:
    """Return the statement of Model Signing: one subject for all files, each file a resource."""
    digests = b"".join(bytes.fromhex(sha256) for _, sha256 in files)
    return canonical_bytes(
        {
            "_type": attestation.STATEMENT_TYPE,
            "subject": [{"name": model, "digest": {"sha256": hashlib.sha256(digests).hexdigest()}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "serialization": _SERIALIZATION,
                "resources": [{"algorithm": "sha256", "digest": sha256, "name": name} for name, sha256 in files],
            },
        }
    )


def _bundle(payload: bytes, signature: Signature, pem: bytes) -> dict[str, Any]:
    return {
        "mediaType": MEDIA_TYPE,
        "verificationMaterial": {"publicKey": {"hint": hashlib.sha256(pem).hexdigest()}, "tlogEntries": []},
        "dsseEnvelope": attestation.envelope(payload, [signature]),
    }
