"""Attacks on a golden release: facts changed and everything built again, files rewritten, and what was found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from governance.evidence.canonical import canonical_bytes
from governance.evidence.record import Record
from models_registry.provenance import bundle, lineage, writing
from models_registry.provenance.verify import Report, Status, TrustRoots, check
from tests.simulators import golden_bundle
from tests.simulators.golden_bundle import KeySigner, ModelKeySigner, Story

# Most attacks are found without knowing anybody; what knowing somebody adds has its own tests.
CONSISTENCY = TrustRoots(consistency_only=True)
LONG = ("ballots.jsonl", "census.jsonl", "delegations.jsonl")
# What other tools read: the verifier looks at their signatures, and at their digests in the statement.
FOREIGN = ("model.sig", "model-key.pem", "slsa.json", "bom.cdx.json")
PROVENANCE = ("manifest.json", "records.jsonl", *LONG, *FOREIGN, "statement.json")


def failures(report: Report) -> dict[int, set[str]]:
    return {
        finding.number: {problem.code for problem in finding.problems}
        for finding in report.findings
        if finding.status is Status.FAILED
    }


def lines(folder: Path, name: str) -> list[bytes]:
    return (folder / "provenance" / name).read_bytes().splitlines(keepends=True)


def put(folder: Path, name: str, new: list[bytes]) -> None:
    (folder / "provenance" / name).write_bytes(b"".join(new))


def told(folder: Path, signer: KeySigner | None = None, **facts: Any) -> Report:
    """Rebuild everything from changed facts, as somebody with the release key could, and check it."""
    golden_bundle.build(folder, Story(**facts), signer)
    return check(folder, CONSISTENCY)


def changing(kind: str, /, **changes: Any) -> Callable[[str, dict[str, Any]], None]:
    """Return an edit that changes the bodies of one kind of record."""

    def edit(found: str, body: dict[str, Any]) -> None:
        if found == kind:
            body.update(changes)

    return edit


def changing_with(kind: str, change: Callable[[dict[str, Any]], None]) -> Callable[[str, dict[str, Any]], None]:
    """Return an edit that calls `change` with the bodies of one kind of record."""

    def edit(found: str, body: dict[str, Any]) -> None:
        if found == kind:
            change(body)

    return edit


def rewrite(folder: Path, read: bundle.Bundle, signer: KeySigner, **changed: Any) -> None:
    """Write a bundle that was read again, with some of its parts changed."""
    parts: dict[str, Any] = {"ballots": read.ballots, "census": read.census, "delegations": read.delegations, **changed}
    records = parts.pop("records", {record.digest: record for record in read.records})
    writing.write(folder, read.release, records, signer=signer, model_signer=ModelKeySigner(7), **parts)


def resign(
    folder: Path, signer: KeySigner, *guardians: KeySigner, edit: Callable[[dict[str, Any]], None] | None = None
) -> None:
    """Sign the folder as it is, as somebody with these keys could: digests of all documents, one statement.

    `edit` may change the predicate before it is signed.
    """
    read = bundle.read(folder)
    payload = json.loads(writing.payload(folder, read.statement.release, read.statement.model_key))
    if edit:
        edit(payload["predicate"])
    writing.write_statement(folder, canonical_bytes(payload), signer, guardians)


def refit(folder: Path, read: bundle.Bundle, bodies: dict[str, dict[str, Any]]) -> None:
    """Write records with other bodies, and everywhere the new digests of all that rests on them."""
    renamed: dict[str, str] = {}

    def fitted(data: bytes) -> bytes:
        for old, new in renamed.items():
            data = data.replace(old.encode(), new.encode())
        return data

    made: dict[str, Record] = {}
    for record in read.records:
        body = bodies.get(record.digest, record.body)
        subject = fitted(record.subject.encode()).decode()
        body = json.loads(fitted(canonical_bytes(body)))
        new = Record.make(record.kind, subject, body, [renamed[parent] for parent in record.parents])
        renamed[record.digest], made[new.digest] = new.digest, new
    ordered = lineage.closure(renamed[read.release.digest], made)
    put(folder, "records.jsonl", [record.canonical() + b"\n" for record in ordered])
    for name in LONG:
        put(folder, name, [fitted(b"".join(lines(folder, name)))])
