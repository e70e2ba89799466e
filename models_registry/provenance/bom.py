"""`bom.cdx.json`: the bill of materials of a release in CycloneDX 1.6 form (ML-BOM), for tools of others.

Standard: https://cyclonedx.org/docs/1.6/json/. Canonical JSON (RFC 8785), written from records alone, so that the same
release always gives the same bytes: the serial number comes from the release digest (a UUID of version 8, RFC 9562).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record
from models_registry.datasets.scans.licence import ALLOWED
from models_registry.provenance.shapes import parent_of, parents_of
from models_registry.provenance.slsa import timestamp

SPEC_VERSION = "1.6"
_LIBRARIES = frozenset({"torch", "transformers", "peft", "tokenizers", "safetensors", "numpy"})


def build(release: Record, records: Mapping[str, Record]) -> bytes:
    """Return the bytes of `bom.cdx.json`. `records` holds the lineage of the release, by digest."""
    run, evaluation = parent_of(release, "run", records), parent_of(release, "evaluation", records)
    spec = parent_of(run, "spec", records)
    model = _model(release, run, evaluation, spec, records)
    parts = [_base(spec), *_datasets(spec, evaluation, records), *_weights(run), *_software(run)]
    return canonical_bytes(
        {
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": SPEC_VERSION,
            "serialNumber": f"urn:uuid:{_serial(release.digest)}",
            "version": 1,
            "metadata": {"timestamp": timestamp(release.body["released_at"]), "component": model},
            "components": parts,
            "dependencies": [
                {"ref": model["bom-ref"], "dependsOn": sorted(part["bom-ref"] for part in parts)},
                *({"ref": part["bom-ref"]} for part in parts),
            ],
        }
    )


def _model(
    release: Record, run: Record, evaluation: Record, spec: Record, records: Mapping[str, Record]
) -> dict[str, Any]:
    namespace, _, name = release.body["model"].rpartition("/")
    used = [*(entry["digest"] for entry in spec.body["datasets"]), evaluation.body["suite"]]
    return {
        "type": "machine-learning-model",
        "bom-ref": f"release:{release.digest}",
        "group": namespace,
        "name": name,
        "version": str(release.body["version"]),
        "hashes": [{"alg": "SHA-256", "content": release.body["manifest_sha256"]}],
        "modelCard": {
            "modelParameters": {
                "task": "text-generation",
                "datasets": [{"ref": f"dataset:{digest}"} for digest in dict.fromkeys(used)],
                "inputs": [{"format": "text"}],
                "outputs": [{"format": "text"}],
            },
            "quantitativeAnalysis": {"performanceMetrics": _metrics(evaluation)},
            "considerations": {
                "ethicalConsiderations": [
                    {"name": rule.body["title"], "mitigationStrategy": _judged(rule, evaluation)}
                    for rule in parents_of(evaluation, "rule", records)
                ]
            },
        },
        "properties": [
            {"name": "commonweights:release", "value": release.digest},
            {"name": "commonweights:spec", "value": spec.digest},
            {"name": "commonweights:code", "value": run.body["code_digest"]},
            {"name": "commonweights:steps", "value": str(run.body["steps"])},
            {"name": "commonweights:tokens", "value": str(run.body["tokens"])},
        ],
    }


def _metrics(evaluation: Record) -> list[dict[str, str]]:
    """Return what was measured of the new model and of its parent, as fractions; what has no value is left out."""
    return [
        {"type": metric, "slice": whose, "value": f"{value['numerator']}/{value['denominator']}"}
        for whose in ("candidate", "parent")
        for metric, value in sorted(evaluation.body[whose].items())
        if "numerator" in value and "denominator" in value
    ]


def _judged(rule: Record, evaluation: Record) -> str:
    """Say in one line what a rule asked for and what was found."""
    reasons = [reason for reason in evaluation.body["verdict"]["reasons"] if reason["rule"] == rule.body["slug"]]
    return "; ".join(f"{each['metric']}: found {each['found']}, needed {each['needed']}" for each in reasons)


def _base(spec: Record) -> dict[str, Any]:
    base = spec.body["base"]
    namespace, _, name = base["model"].rpartition("/")
    return {
        "type": "machine-learning-model",
        "bom-ref": f"base:{base['manifest_sha256']}",
        "group": namespace,
        "name": name,
        "version": base["revision"],
        "hashes": [{"alg": "SHA-256", "content": base["manifest_sha256"]}],
    }


def _datasets(spec: Record, evaluation: Record, records: Mapping[str, Record]) -> list[dict[str, Any]]:
    """Return what was trained on, and the suite; of a suite without a record only its digest is known."""
    found = [
        {
            "type": "data",
            "bom-ref": f"dataset:{body['digest']}",
            "name": body["slug"],
            "description": body["title"],
            "version": body["digest"],
            "hashes": [{"alg": "SHA-256", "content": body["digest"]}],
            "licenses": [{"license": {"id" if body["license"] in ALLOWED else "name": body["license"]}}],
            "data": [{"type": "dataset", "name": body["slug"], "description": _rows(body)}],
        }
        for body in (dataset.body for dataset in parents_of(spec, "dataset", records))
    ]
    suite = evaluation.body["suite"]
    if all(part["version"] != suite for part in found):
        suite_part = {"type": "data", "bom-ref": f"dataset:{suite}", "name": "evaluation suite", "version": suite}
        found.append({**suite_part, "hashes": [{"alg": "SHA-256", "content": suite}]})
    return found


def _rows(body: Mapping[str, Any]) -> str:
    return (
        f"{body['records']} rows of kind {body['kind']} for {body['role']}, languages: {', '.join(body['languages'])}"
    )


def _weights(run: Record) -> list[dict[str, Any]]:
    return [
        {
            "type": "file",
            "bom-ref": f"file:{file['path']}",
            "name": file["path"],
            "hashes": [{"alg": "SHA-256", "content": file["sha256"]}],
        }
        for file in run.body["artifact"]
    ]


def _software(run: Record) -> list[dict[str, Any]]:
    """Return the libraries that trained; what else the run says of its machine is in the SLSA provenance."""
    return [
        {"type": "library", "bom-ref": f"library:{name}", "name": name, "version": version}
        for name, version in sorted(run.body["environment"].items())
        if name in _LIBRARIES
    ]


def _serial(digest: str) -> UUID:
    """Return a UUID made of the first bits of a digest."""
    bits = int(digest[:32], 16)
    bits = bits & ~(0xF << 76) | 0x8 << 76  # version 8: made as its maker likes
    return UUID(int=bits & ~(0x3 << 62) | 0x2 << 62)  # the variant of RFC 9562
