"""Writes `provenance/`: the evidence of a release first, then the statement that names all of it. `bundle` reads it.

The two steps are apart because guardians may have to sign between them: `write_documents` leaves everything but the
statement, `payload` is what is signed, `write_statement` puts the signatures beside it.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from governance.evidence.canonical import canonical_bytes
from governance.evidence.p256 import ModelSigner
from governance.evidence.record import Record
from governance.evidence.signing import Signer
from models_registry.provenance import bom, bundle, lineage, manifest, oms, slsa, statement
from models_registry.provenance.attestation import Files
from models_registry.provenance.bundle import BundleError, place_of
from models_registry.provenance.entries import CensusEntry, HeldDelegation, Line


def write(
    folder: Path,
    release: Record,
    records: Mapping[str, Record],
    *,
    ballots: Iterable[Record],
    census: Iterable[CensusEntry],
    delegations: Iterable[HeldDelegation],
    signer: Signer,
    model_signer: ModelSigner,
    guardians: Iterable[Signer] = (),
) -> None:
    """Write `provenance/` whole: the documents, then the statement with the signatures of these guardians."""
    write_documents(
        folder,
        release,
        records,
        ballots=ballots,
        census=census,
        delegations=delegations,
        signer=signer,
        model_signer=model_signer,
    )
    write_statement(folder, payload(folder, release.digest, model_signer.public_key_hex), signer, guardians)


def write_documents(
    folder: Path,
    release: Record,
    records: Mapping[str, Record],
    *,
    ballots: Iterable[Record],
    census: Iterable[CensusEntry],
    delegations: Iterable[HeldDelegation],
    signer: Signer,
    model_signer: ModelSigner,
) -> None:
    """Write all of `provenance/` but the statement, for the files in `folder`. Safe to repeat.

    `records` holds at least all that `release` rests on, by digest; others are left out. `ballots` (the counting ones),
    `census` and `delegations` are those of every proposal in the lineage; they come in the order of the files, are
    read once and not kept. Raises BundleError, LineageError, ManifestError or SigningError.

    1. The manifest must be the one that the release record names.
    2. The lineage must be complete.
    3. Files are replaced one by one, each whole or not at all; every line must belong to the lineage.
    4. The same again in the forms that tools of others read.
    """
    # 1
    built = manifest.build(folder)
    built_bytes = canonical_bytes(built)
    manifest_sha256 = hashlib.sha256(built_bytes).hexdigest()
    if release.body.get("manifest_sha256") != manifest_sha256:
        expected = release.body.get("manifest_sha256")
        detail = f"the files give {manifest_sha256}, the release says {expected}"
        raise BundleError("manifest_mismatch", place_of(bundle.MANIFEST), detail)
    # 2
    closed = lineage.closure(release.digest, {**records, release.digest: release})
    numbers = bundle.proposal_numbers(closed)
    # 3
    target = folder / manifest.PROVENANCE_FOLDER
    target.mkdir(exist_ok=True)
    if target.is_symlink():
        raise BundleError("link_not_allowed", manifest.PROVENANCE_FOLDER, "a release holds no links")
    _replace(target / bundle.MANIFEST, [built_bytes])
    _replace(target / bundle.RECORDS, _written(closed))
    parts: dict[str, Iterable[Line]] = {
        bundle.BALLOTS: ballots,
        bundle.CENSUS: census,
        bundle.DELEGATIONS: delegations,
    }
    for name, lines in parts.items():
        _replace(target / name, _written(bundle.strict(bundle.in_order(name, enumerate(lines, start=1), numbers))))
    # 4
    files: Files = tuple((file["path"], file["sha256"]) for file in built["files"])
    by_digest = {record.digest: record for record in closed}
    _replace(target / bundle.MODEL_SIGNATURE, [oms.build(release.body["model"], files, model_signer)])
    _replace(target / bundle.MODEL_KEY, [oms.key_file(model_signer.public_key_hex)])
    _replace(target / bundle.SLSA, [slsa.build(release, by_digest, files, signer)])
    _replace(target / bundle.BOM, [bom.build(release, by_digest)])


def payload(folder: Path, release_digest: str, model_key: str) -> bytes:
    """Return what release key and guardians sign: a statement on the files and documents that lie in `folder`."""
    loaded, _ = bundle.read_manifest(folder)
    documents = tuple((name, bundle.sha256_of(folder, name)) for name in bundle.DOCUMENTS)
    return statement.payload(loaded, documents, release_digest, model_key)


def write_statement(folder: Path, signed: bytes, signer: Signer, guardians: Iterable[Signer] = ()) -> None:
    """Write the statement with this payload, signed by the release key and these guardians."""
    path = folder / manifest.PROVENANCE_FOLDER / bundle.STATEMENT
    _replace(path, [statement.build(signed, signer, guardians)])


def _written(lines: Iterable[Line]) -> Iterator[bytes]:
    for line in lines:
        yield line.canonical() + b"\n"


def _replace(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file whole or not at all: a reader or a crash never sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.writelines(parts)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
