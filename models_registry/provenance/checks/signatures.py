"""Check 10: the keys in force sign for the release, its files and every document about it. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from governance.evidence.record import Record
from governance.evidence.signing import fingerprint
from models_registry.provenance import bundle, oms, slsa, statement
from models_registry.provenance.attestation import FormatError
from models_registry.provenance.bundle import BundleError
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.checks.common import shown
from models_registry.provenance.shapes import parents_of
from models_registry.provenance.statement import Statement, StatementError


def check_signature(case: Case, answer: Answer) -> None:
    """10: the statement names this release, its files and documents, and is signed by the keys in force.

    1. It can be read, and the release key and enough guardians have signed it.  2. It names this release, this manifest
    and its files.  3. It names exactly the other documents, with their digests.  4. `model.sig` and `slsa.json`, which
    are signed for tools of others, say the same under the keys that the statement and the records name.
    """
    release, community = case.release, case.community
    if release is None or community is None:
        answer.blocked = "there is no readable release and community to compare with"
        return
    place = bundle.place_of(bundle.STATEMENT)
    try:
        signed = statement.parse(bundle.read_file(case.folder, bundle.STATEMENT))
        loaded, data = bundle.read_manifest(case.folder)
    except StatementError as error:
        answer.fail(error.code, place, error.detail)
        return
    except BundleError as error:
        answer.fail(error.code, error.place, error.detail)
        return
    keys = _keys_of(release, community, case)
    _check_signers(signed, keys, answer)  # 1
    if signed.release != release.digest:  # 2
        detail = f"it signs release {signed.release}, the bundle holds {release.digest}"
        answer.fail("release_changed", place, detail)
    if signed.manifest_sha256 != hashlib.sha256(data).hexdigest():
        answer.fail("manifest_changed", place, "it signs another manifest")
    files = tuple((file["path"], file["sha256"]) for file in loaded["files"])
    if signed.files != files:
        answer.fail("subject_wrong", place, "the files that it signs are not those of the manifest")
    _check_documents(signed, case, answer)  # 3
    _check_foreign_forms(signed, release, keys, case, answer)  # 4
    _check_trust(community, keys, len(signed.envelope.signatures) - 1, case, answer)


@dataclass(frozen=True)
class _Keys:
    """Who signs a release: the keys of its `keys` record, or else the release key of the community and nobody more."""

    release_key: str
    guardians: Mapping[str, str] = field(default_factory=dict)  # fingerprint → key
    threshold: int = 0
    revoked: Mapping[str, str] = field(default_factory=dict)  # fingerprint → reason


def _keys_of(release: Record, community: Record, case: Case) -> _Keys:
    found = parents_of(release, "keys", case.records)
    if not found:
        return _Keys(community.body["release_key"]["public_key"])
    body = found[0].body
    guardians = [guardian["public_key"] for guardian in body["guardians"]]
    return _Keys(
        body["release_key"]["public_key"],
        {fingerprint(key): key for key in guardians},
        body["threshold"],
        {fingerprint(entry["public_key"]): entry["reason"] for entry in body["revoked"]},
    )


def _check_signers(signed: Statement, keys: _Keys, answer: Answer) -> None:
    """See that the release key signed first, and after it nobody but guardians, as many as the threshold asks for."""
    place, good = bundle.place_of(bundle.STATEMENT), 0
    for index, signature in enumerate(signed.envelope.signatures):
        key = keys.guardians.get(signature.keyid) if index else keys.release_key
        if signature.keyid in keys.revoked:
            detail = f"signed by {signature.keyid}, which was revoked: {shown(keys.revoked[signature.keyid])}"
            answer.fail("key_revoked", place, detail)
        elif key is None:
            answer.fail("guardian_unknown", place, f"{signature.keyid} is not the key of a guardian")
        elif signed.envelope.signed_by(key, index):
            good += index > 0
        elif index:
            answer.fail("signature_wrong", place, f"the signature of the guardian {signature.keyid} does not hold")
        else:
            detail = f"not signed by the release key in force, fingerprint {fingerprint(key)}"
            answer.fail("signature_wrong", place, detail)
    if good < keys.threshold:
        detail = f"{good} guardians signed, {keys.threshold} of {len(keys.guardians)} are needed"
        answer.fail("guardian_signatures_missing", place, detail)


def _check_documents(signed: Statement, case: Case, answer: Answer) -> None:
    """See that the statement names every other file of `provenance/`, and that each is the one it names."""
    listed = dict(signed.documents)
    for name in sorted({*listed, *bundle.DOCUMENTS}):
        place = bundle.place_of(name)
        if name not in listed:
            answer.fail("document_not_listed", place, "the statement does not name it")
            continue
        try:
            found = bundle.sha256_of(case.folder, name) if name in bundle.DOCUMENTS else None
        except BundleError:
            found = None
        if found is None:
            answer.fail("document_missing", shown(place), "the statement names it, but there is no such document")
        elif found != listed[name]:
            answer.fail("document_mismatch", place, f"SHA-256 {found}, the statement says {listed[name]}")


def _check_foreign_forms(signed: Statement, release: Record, keys: _Keys, case: Case, answer: Answer) -> None:
    """Check the signature that Model Signing tools read, its key, and the SLSA provenance."""

    def model_signature() -> None:
        data = bundle.read_file(case.folder, bundle.MODEL_SIGNATURE)
        oms.check(data, release.body["model"], signed.files, signed.model_key)

    def model_key() -> None:
        if bundle.read_file(case.folder, bundle.MODEL_KEY) != oms.key_file(signed.model_key):
            raise FormatError("malformed", "it is not the model_key of the statement, in the form of PEM")

    def provenance() -> None:
        slsa.check(bundle.read_file(case.folder, bundle.SLSA), signed.files, keys.release_key)

    for name, code, check in (
        (bundle.MODEL_SIGNATURE, "model_signature_wrong", model_signature),
        (bundle.MODEL_KEY, "model_signature_wrong", model_key),
        (bundle.SLSA, "provenance_statement_wrong", provenance),
    ):
        try:
            check()
        except (FormatError, BundleError) as error:
            answer.fail(code, bundle.place_of(name), error.detail)


def _check_trust(community: Record, keys: _Keys, signed: int, case: Case, answer: Answer) -> None:
    """Compare with what the person who verifies knows from elsewhere; say so plainly when that is nothing.

    The founding key is as good as the key in force: the vote that put another one in its place is in the lineage.
    """
    roots, founding = case.trust_roots, community.body["release_key"]["public_key"]
    print_of_key = fingerprint(keys.release_key)
    known = {form for key in (founding, keys.release_key) for form in (key, fingerprint(key))}
    if roots.community is not None and roots.community != community.digest:
        detail = f"the community is {community.digest}, the trusted one {roots.community}"
        answer.fail("community_untrusted", case.place(community), detail)
    if roots.release_key is not None and roots.release_key not in known:
        detail = f"the key has the fingerprint {print_of_key}, trusted is {roots.release_key}"
        answer.fail("key_untrusted", case.place(community), detail)
    answer.evidence = f"signed by the trusted key, fingerprint {print_of_key}"
    if roots.release_key is None and roots.community is None:
        answer.evidence = f"consistent; nobody's key was given to compare; the fingerprint is {print_of_key}"
    if keys.guardians:
        answer.evidence += f"; {signed} of {len(keys.guardians)} guardians signed, {keys.threshold} are needed"
