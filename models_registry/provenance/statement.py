"""The signed statement of a release: it names the release record, the model files and every file of `provenance/`.

An attestation (in-toto in DSSE, see `attestation`) that the release key signs, and guardians where the community's keys
ask for them. Knows no records.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from governance.evidence.signing import Signer, fingerprint
from models_registry.provenance import attestation
from models_registry.provenance.attestation import Envelope, Files, FormatError, is_digest, require_keys

PREDICATE_TYPE = "urn:commonweights:release:1"
DOCUMENTS_MAX = 100
_POINT = re.compile(r"04[0-9a-f]{128}")


class StatementError(Exception):
    """A statement that cannot be accepted. `code` is stable."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Statement:
    """What a well-formed statement says. Whether its signatures hold is another question: `envelope.signed_by`."""

    files: Files
    documents: Files  # every other file of provenance/, sorted by name
    release: str
    manifest_sha256: str
    model_key: str  # the P-256 key of model.sig: the uncompressed point in hex
    envelope: Envelope


def payload(manifest: Mapping[str, Any], documents: Files, release_digest: str, model_key: str) -> bytes:
    """Return what is signed: the claim that this release consists of these files, with these documents."""
    named = dict(documents)
    return attestation.statement(
        tuple((file["path"], file["sha256"]) for file in manifest["files"]),
        PREDICATE_TYPE,
        {
            "documents": [{"name": name, "sha256": named[name]} for name in sorted(named)],
            "manifest_sha256": named["manifest.json"],
            "model_key": model_key,
            "release": release_digest,
        },
    )


def build(signed_payload: bytes, signer: Signer, guardians: Iterable[Signer] = ()) -> bytes:
    """Return the bytes of `statement.json`: signed by the release key, then by guardians in the order of their keys."""
    by_key = {guardian.public_key_hex: guardian for guardian in guardians}
    ordered = sorted(by_key.values(), key=lambda guardian: fingerprint(guardian.public_key_hex))
    return attestation.signed(signed_payload, [signer, *ordered])


def parse(data: bytes) -> Statement:
    """Read `statement.json`; raise StatementError for anything but the one spelling of a true statement."""
    try:
        envelope = attestation.parse(data)
        return read_payload(envelope.payload, envelope)
    except FormatError as error:
        raise StatementError(f"statement_{error.kind}", error.detail) from error


def read_payload(data: bytes, envelope: Envelope | None = None) -> Statement:
    """Read what a statement says, signed or not yet; raise FormatError for anything but its one spelling."""
    found = attestation.read_statement(data, PREDICATE_TYPE)
    predicate = found.predicate
    require_keys(predicate, "the predicate", {"documents", "manifest_sha256", "model_key", "release"})
    if not is_digest(predicate["release"]) or not is_digest(predicate["manifest_sha256"]):
        raise FormatError("malformed", "release and manifest_sha256 are digests (64 lower-case hex characters)")
    if not isinstance(predicate["model_key"], str) or not _POINT.fullmatch(predicate["model_key"]):
        raise FormatError("malformed", "model_key is an uncompressed P-256 point (130 lower-case hex characters)")
    return Statement(
        files=found.files,
        documents=_documents(predicate["documents"]),
        release=predicate["release"],
        manifest_sha256=predicate["manifest_sha256"],
        model_key=predicate["model_key"],
        envelope=envelope or Envelope(data, ()),
    )


def _documents(entries: object) -> Files:
    if not isinstance(entries, list) or len(entries) > DOCUMENTS_MAX:
        raise FormatError("malformed", "documents is not a list of the other files of provenance/")
    found = []
    for entry in entries:
        require_keys(entry, "a document", {"name", "sha256"})
        if not isinstance(entry["name"], str) or not is_digest(entry["sha256"]):
            raise FormatError("malformed", "a document has exactly a name and its sha256 digest")
        found.append((entry["name"], entry["sha256"]))
    names = [name for name, _ in found]
    if names != sorted(set(names)):
        raise FormatError("malformed", "documents are sorted by name, each once")
    return tuple(found)
