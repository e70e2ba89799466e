"""`slsa.json`: the SLSA v1 provenance of a release, for tools of others: what was asked, what went in, what came out.

Standards: SLSA provenance v1 (https://slsa.dev/spec/v1.0/provenance) as the predicate of an attestation (`attestation`)
with the same subjects as the statement, signed by the same release key. Written from records alone; the verifier holds
its subjects and its signature against the statement, and reads the predicate no further: the records say the same.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from governance.evidence.record import Record
from governance.evidence.signing import Signer
from models_registry.provenance import attestation
from models_registry.provenance.attestation import Files, FormatError
from models_registry.provenance.shapes import parent_of, parents_of

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
# docs/verification.md says what its parameters mean.
BUILD_TYPE = "urn:commonweights:training:1"
_WEB_ADDRESS = re.compile(r"https?://[^\s]+")


def build(release: Record, records: Mapping[str, Record], files: Files, signer: Signer) -> bytes:
    """Return the bytes of `slsa.json`. `records` holds the lineage of the release, by digest."""
    payload = attestation.statement(files, PREDICATE_TYPE, predicate(release, records))
    return attestation.signed(payload, [signer])


def check(data: bytes, files: Files, release_key: str) -> None:
    """Raise FormatError unless `data` is the one spelling of a provenance of these files, signed by this key."""
    envelope = attestation.parse(data)
    if attestation.read_statement(envelope.payload, PREDICATE_TYPE).files != files:
        raise FormatError("malformed", "its subjects are not those of the statement")
    if len(envelope.signatures) != 1 or not envelope.signed_by(release_key):
        raise FormatError("malformed", "it is not signed, once, by the key that signs the statement")


def predicate(release: Record, records: Mapping[str, Record]) -> dict[str, Any]:
    """Return the SLSA predicate: the build of the run that the release rests on."""
    run = parent_of(release, "run", records)
    spec = parent_of(run, "spec", records)
    execution = parent_of(spec, "execution", records)
    proposal = parent_of(parent_of(execution, "decision", records), "proposal", records)
    community = parent_of(proposal, "community", records)
    body = run.body
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "community": community.digest,
                "proposal": proposal.digest,
                "spec": spec.digest,
            },
            "internalParameters": {"isolation": body["isolation"]},
            "resolvedDependencies": _inputs(spec, run, records),
        },
        "runDetails": {
            "builder": {"id": _builder(community.body["instance"]), "version": dict(body["environment"])},
            "metadata": {
                "invocationId": f"run {body['run']}, attempt {body['attempt']}, record {run.digest}",
                "startedOn": timestamp(body["started_at"]),
                "finishedOn": timestamp(body["finished_at"]),
            },
            "byproducts": [{"name": "training trace", "digest": {"sha256": body["trace_sha256"]}}],
        },
    }


def timestamp(seconds: int) -> str:
    """Return UNIX seconds as RFC 3339 text in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _inputs(spec: Record, run: Record, records: Mapping[str, Record]) -> list[dict[str, Any]]:
    """Return all that went in, each by its SHA-256: base model, datasets, suite, code."""
    base = spec.body["base"]
    titles = {dataset.body["digest"]: dataset.body["slug"] for dataset in parents_of(spec, "dataset", records)}
    trained_on = [entry["digest"] for entry in spec.body["datasets"]]
    return [
        {"name": f"base model {base['model']}@{base['revision']}", "digest": {"sha256": base["manifest_sha256"]}},
        *({"name": f"dataset {titles.get(used, used)}", "digest": {"sha256": used}} for used in trained_on),
        {"name": "evaluation suite", "digest": {"sha256": spec.body["evaluation"]["suite"]}},
        {"name": "training code", "digest": {"sha256": run.body["code_digest"]}},
    ]


def _builder(instance: str) -> str:
    """Return the address of the installation that ran the build; SLSA asks for a URI."""
    return instance if _WEB_ADDRESS.fullmatch(instance) else f"urn:commonweights:instance:{instance}"
