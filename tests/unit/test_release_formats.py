"""The forms that tools of others read: each is accepted by its own tool, and only in its one spelling by the verifier."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from google.protobuf import json_format
from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
from in_toto_attestation.v1 import statement_pb2

from governance.evidence import p256
from governance.evidence.canonical import canonical_bytes
from models_registry.provenance import attestation, bundle
from models_registry.provenance.verify import check
from tests.simulators import golden_bundle
from tests.simulators.attacks import CONSISTENCY, changing, failures, put, resign, told
from tests.simulators.golden_bundle import KeySigner, ModelKeySigner

TOOL = Path(sys.executable).parent / "model_signing"


def model_signing(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    provenance = folder / "provenance"
    keys = ["--signature", str(provenance / "model.sig"), "--public_key", str(provenance / "model-key.pem")]
    command = [str(TOOL), "verify", "key", str(folder), *keys, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def read_json(folder: Path, name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "provenance" / name).read_bytes())
    return loaded


def payload_of(envelope: dict[str, Any]) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))
    return loaded


# --- Model Signing ---


def test_the_model_signing_command_verifies_a_release_and_finds_what_was_changed(release: Path) -> None:
    (release / ".cache" / "huggingface").mkdir(parents=True)
    (release / ".cache" / "huggingface" / ".gitignore").write_text("*")
    for more in ((), ("--ignore-paths", str(release / "provenance"))):
        done = model_signing(release, *more)
        assert (done.returncode, done.stdout.strip()) == (0, "Verification succeeded"), done.stderr

    (release / "vocab.json").write_text("{}")
    assert model_signing(release).returncode != 0
    (release / "vocab.json").unlink()
    golden_bundle.write_model(release, (9.0, 9.0))
    assert model_signing(release).returncode != 0


def test_signing_the_same_files_again_gives_the_same_bytes_and_another_key_others() -> None:
    first, again, other = (
        ModelKeySigner(7).sign(b"data"),
        ModelKeySigner(7).sign(b"data"),
        ModelKeySigner(8).sign(b"data"),
    )
    assert first == again != other


def test_a_p256_signature_has_one_spelling(golden: Path) -> None:
    signer = ModelKeySigner(7)
    signature, key = signer.sign(b"data"), signer.public_key_hex
    r, s = decode_dss_signature(signature)
    assert p256.p256_signature_holds(key, signature, b"data")
    higher = encode_dss_signature(r, p256.ORDER - s)
    for wrong in (higher, signature + b"\0", b"\0" + signature, signature[:-1], b"", encode_dss_signature(0, 0)):
        assert not p256.p256_signature_holds(key, wrong, b"data")
    assert p256.with_lower_s(higher) == signature
    for wrong_key in (key[2:], key.upper(), "04" + "00" * 64, "02" + key[2:66], "", key + "00"):
        assert not p256.p256_signature_holds(wrong_key, signature, b"data")


def test_a_p256_key_in_a_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "model.p256.pem"
    public = p256.generate_p256_key(path)
    signer = p256.P256FileSigner(path)
    assert (path.stat().st_mode & 0o777, signer.public_key_hex) == (0o600, public)
    assert signer.sign(b"data") == signer.sign(b"data")
    assert p256.p256_signature_holds(public, signer.sign(b"data"), b"data")
    with pytest.raises(p256.SigningError, match="never overwritten"):
        p256.generate_p256_key(path)


# --- SLSA and in-toto ---


def test_the_slsa_provenance_is_read_by_the_message_types_of_in_toto(golden: Path) -> None:
    """Unknown keys, missing keys or wrong types raise: the types come from the specification's own definitions."""
    payload = payload_of(read_json(golden, "slsa.json"))
    statement = json_format.ParseDict(payload, statement_pb2.Statement())
    provenance = json_format.ParseDict(payload["predicate"], provenance_pb2.Provenance())

    assert statement.predicate_type == "https://slsa.dev/provenance/v1"
    names = [part.name.split()[0] for part in provenance.build_definition.resolved_dependencies]
    assert names == ["base", "dataset", "evaluation", "training"]
    started, finished = provenance.run_details.metadata.started_on, provenance.run_details.metadata.finished_on
    assert finished.seconds - started.seconds == 60
    assert provenance.run_details.builder.id == "https://commons.example"
    json_format.ParseDict(payload_of(read_json(golden, "statement.json")), statement_pb2.Statement())


def test_the_slsa_provenance_names_what_the_records_say(golden: Path) -> None:
    records = {record.kind: record for record in bundle.read(golden).records}
    predicate = payload_of(read_json(golden, "slsa.json"))["predicate"]["buildDefinition"]
    inputs = {part["digest"]["sha256"] for part in predicate["resolvedDependencies"]}
    spec = records["spec"]

    assert predicate["externalParameters"]["spec"] == spec.digest
    assert inputs == {
        spec.body["base"]["manifest_sha256"],
        records["dataset"].body["digest"],
        spec.body["evaluation"]["suite"],
        records["run"].body["code_digest"],
    }


# --- CycloneDX ---


@pytest.mark.parametrize("story", [golden_bundle.plain_story, golden_bundle.guarded_story])
def test_the_bill_of_materials_fits_the_schema_of_cyclonedx(
    tmp_path: Path, story: Callable[[], golden_bundle.Story]
) -> None:
    golden_bundle.build(tmp_path, story())
    data = (tmp_path / "provenance" / "bom.cdx.json").read_bytes()

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data.decode()) is None
    assert canonical_bytes(json.loads(data)) == data
    bom = json.loads(data)
    model = bom["metadata"]["component"]
    dataset = next(part for part in bom["components"] if part["name"] == "water-pairs")
    assert dataset["licenses"] == [{"license": {"id": "CC-BY-4.0"}}]
    assert {"type": "accuracy", "slice": "candidate", "value": "9/10"} in model["modelCard"]["quantitativeAnalysis"][
        "performanceMetrics"
    ]
    assert {"ref": dataset["bom-ref"]} in model["modelCard"]["modelParameters"]["datasets"]


def test_a_licence_that_spdx_does_not_know_is_named_and_not_passed_off(tmp_path: Path) -> None:
    report = told(tmp_path, edit=changing("dataset", license="Our own terms"))
    data = (tmp_path / "provenance" / "bom.cdx.json").read_text()

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(data) is None
    assert '"license":{"name":"Our own terms"}' in data
    assert failures(report) == {7: {"dataset_not_approved"}}, "nor what was voted on; the records still give the form"


# --- what check 10 finds in them ---


def resigned(folder: Path, **answers: Any) -> dict[int, set[str]]:
    """Sign the changed folder as the holder of the release key could, and say what is still found."""
    resign(folder, KeySigner(7), **answers)
    return failures(check(folder, CONSISTENCY))


def test_attack_model_signature_of_another_key(release: Path) -> None:
    story = golden_bundle.Story(model_key=ModelKeySigner(9))
    golden_bundle.build(release.parent / "other", story)
    for name in ("model.sig", "model-key.pem"):
        (release / "provenance" / name).write_bytes((release.parent / "other" / "provenance" / name).read_bytes())

    assert resigned(release) == {10: {"model_signature_wrong"}}


def test_attack_model_key_that_is_no_point(release: Path) -> None:
    def change(predicate: dict[str, Any]) -> None:
        predicate["model_key"] = "04" + "ab" * 64

    assert resigned(release, edit=change) == {10: {"model_signature_wrong"}}


@pytest.mark.parametrize(
    "edit",
    [
        lambda bundle_: bundle_.update(mediaType="application/json"),
        lambda bundle_: bundle_["verificationMaterial"].update(tlogEntries=[{}]),
        lambda bundle_: bundle_["verificationMaterial"]["publicKey"].update(hint="ab" * 32),
        lambda bundle_: bundle_["dsseEnvelope"]["signatures"][0].update(keyid="me"),
        lambda bundle_: bundle_["dsseEnvelope"]["signatures"].append(bundle_["dsseEnvelope"]["signatures"][0]),
        lambda bundle_: bundle_["dsseEnvelope"].update(payload="e30="),
        lambda bundle_: bundle_["dsseEnvelope"]["signatures"][0].update(sig="AAAA"),
        lambda bundle_: bundle_.update(more=1),
    ],
)
def test_a_model_signature_is_accepted_in_one_spelling_only(
    release: Path, edit: Callable[[dict[str, Any]], None]
) -> None:
    bundle_ = read_json(release, "model.sig")
    edit(bundle_)
    put(release, "model.sig", [canonical_bytes(bundle_)])

    assert resigned(release) == {10: {"model_signature_wrong"}}


def test_attack_provenance_of_other_files_or_signed_by_somebody_else(release: Path) -> None:
    own = read_json(release, "slsa.json")
    payload = payload_of(own)
    payload["subject"] = payload["subject"][1:]
    fewer = attestation.signed(canonical_bytes(payload), [KeySigner(7)])
    stranger = attestation.signed(base64.b64decode(own["payload"]), [KeySigner(66)])
    twice = attestation.signed(base64.b64decode(own["payload"]), [KeySigner(7), KeySigner(66)])
    for data in (fewer, stranger, twice, b"{}", (release / "provenance" / "statement.json").read_bytes()):
        put(release, "slsa.json", [data])
        assert resigned(release) == {10: {"provenance_statement_wrong"}}


def test_the_statement_names_exactly_the_documents_that_lie_there(release: Path) -> None:
    def without_bom(predicate: dict[str, Any]) -> None:
        predicate["documents"] = [each for each in predicate["documents"] if each["name"] != "bom.cdx.json"]

    def with_another(predicate: dict[str, Any]) -> None:
        predicate["documents"].append({"name": "zzz", "sha256": "ab" * 32})

    assert resigned(release, edit=without_bom) == {10: {"document_not_listed"}}
    assert resigned(release, edit=with_another) == {10: {"document_missing"}}
    put(release, "bom.cdx.json", [b"{}"])
    resign(release, KeySigner(7))
    assert check(release, CONSISTENCY).ok, "what the bill says is vouched for by the release key alone"
    put(release, "bom.cdx.json", [b"{ }"])
    assert failures(check(release, CONSISTENCY)) == {10: {"document_mismatch"}}
    (release / "provenance" / "bom.cdx.json").unlink()
    assert failures(check(release, CONSISTENCY)) == {8: {"file_missing"}, 10: {"document_missing"}}
