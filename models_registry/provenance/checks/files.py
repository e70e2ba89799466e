"""Check 8: the files are those of the manifest, and the model is what the run made."""

import hashlib

from governance.evidence.record import Record
from models_registry.provenance import bundle, manifest
from models_registry.provenance.bundle import BundleError
from models_registry.provenance.case import Answer, Case

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


def _reached(record: Record | None, kind: str, case: Case) -> Record | None:
    """Return the one parent of this kind without trusting that parents were checked."""
    found = [case.records[parent] for parent in record.parents if parent in case.records] if record else []
    found = [parent for parent in found if parent.kind == kind]
    return found[0] if len(found) == 1 else None
