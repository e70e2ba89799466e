"""Checks 8 and 10: the files are those of the manifest and the run, and the community's key signs for them."""

import hashlib

from governance.evidence.record import Record
from governance.evidence.signing import fingerprint
from models_registry.provenance import bundle, manifest, statement
from models_registry.provenance.bundle import BundleError
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.statement import StatementError

CARD = "README.md"


def check_files(case: Case, answer: Answer) -> None:
    """8: the folder holds exactly the files of the manifest, and the model is what the run made."""
    answer.problems += case.folder_problems
    release = case.release
    run = _reached(release, "run", case)
    if release is None or run is None:
        answer.blocked = "there is no readable release and run to compare with"
        return
    try:
        loaded, data = bundle.read_manifest(case.folder)
    except BundleError as error:
        answer.fail(error.code, error.place, error.detail)
        return
    found = hashlib.sha256(data).hexdigest()
    if found != release.body["manifest_sha256"]:
        detail = f"SHA-256 {found}, the release says {release.body['manifest_sha256']}"
        answer.fail("manifest_changed", "provenance/manifest.json", detail)
    answer.problems += manifest.check(case.folder, loaded)
    listed = {file["path"]: file for file in loaded["files"]}
    if listed.get(CARD, {}).get("sha256") != release.body["card_sha256"]:
        answer.fail("card_changed", CARD, "the release names another model card")
    made = {file["path"]: file for file in run.body["artifact"]}
    for path in sorted(set(listed) | set(made)):
        if path in manifest.DOCUMENTS and path not in made:
            continue
        if listed.get(path) != made.get(path):
            answer.fail("artifact_swapped", path, "not the file that the run made")
    if not any(path.endswith(".safetensors") for path in made):
        answer.fail("artifact_swapped", case.place(run), "the run made no weights")
    size = sum(file["size"] for file in loaded["files"])
    answer.evidence = f"{len(listed)} files, {size} bytes, as listed; {len(made)} of them are what the run made"


def check_signature(case: Case, answer: Answer) -> None:
    """10: the statement names this release and these files, signed by the key in the community record."""
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
    key = community.body["release_key"]["public_key"]
    if not signed.signed_by(key):
        detail = f"not signed by the key that the voters' ballots commit to, fingerprint {fingerprint(key)}"
        answer.fail("signature_wrong", place, detail)
    if signed.release != release.digest:
        detail = f"it signs release {signed.release}, the bundle holds {release.digest}"
        answer.fail("release_changed", place, detail)
    if signed.manifest_sha256 != hashlib.sha256(data).hexdigest():
        answer.fail("manifest_changed", place, "it signs another manifest")
    if signed.files != tuple((file["path"], file["sha256"]) for file in loaded["files"]):
        answer.fail("subject_wrong", place, "the files that it signs are not those of the manifest")
    _check_trust(community, case, answer)


def _check_trust(community: Record, case: Case, answer: Answer) -> None:
    """Compare with what the person who verifies knows from elsewhere; say so plainly when that is nothing."""
    roots, key = case.trust_roots, community.body["release_key"]["public_key"]
    print_of_key = fingerprint(key)
    if roots.community is not None and roots.community != community.digest:
        detail = f"the community is {community.digest}, the trusted one {roots.community}"
        answer.fail("community_untrusted", case.place(community), detail)
    if roots.release_key is not None and roots.release_key not in (key, print_of_key):
        detail = f"the key has the fingerprint {print_of_key}, trusted is {roots.release_key}"
        answer.fail("key_untrusted", case.place(community), detail)
    answer.evidence = f"signed by the trusted key, fingerprint {print_of_key}"
    if roots.release_key is None and roots.community is None:
        answer.evidence = (
            f"signed by the key that the voters' ballots commit to; compare the fingerprint {print_of_key} "
            "with the one that the community publishes elsewhere"
        )


def _reached(record: Record | None, kind: str, case: Case) -> Record | None:
    """Return the one parent of this kind without trusting that parents were checked."""
    found = [case.records[parent] for parent in record.parents if parent in case.records] if record else []
    found = [parent for parent in found if parent.kind == kind]
    return found[0] if len(found) == 1 else None
