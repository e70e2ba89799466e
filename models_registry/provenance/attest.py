"""A report that somebody signs: what they found when they verified a release, for others to compare and to file. Pure.

An in-toto Statement v1 in a DSSE envelope like those in a release (`attestation`), about the files of the release, with
one signature, and with the key in it: whoever gets the file alone can check the signature. It says that the holder of
this key got this report, and nothing more: whoever reads it decides whose word counts.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from governance.evidence.signing import Signer, fingerprint, is_usable_public_key
from models_registry.provenance import attestation, forms
from models_registry.provenance.attestation import Envelope, Files, FormatError, is_digest
from models_registry.provenance.report import (
    OFFLINE_CHECKS,
    PROBLEMS_SHOWN,
    RERUN_CHECK,
    SAME_BYTES,
    WITHIN_TOLERANCES,
    Report,
    Status,
)

PREDICATE_TYPE = "urn:commonweights:verification:1"
_CODE = re.compile(r"[a-z][a-z0-9_]{0,59}")


class Outcome(StrEnum):
    """What a report adds up to."""

    VERIFIED = "verified"  # all holds, and the signer is one that the reader knew
    CONSISTENT = "consistent"  # all holds, and nobody's key was compared
    FAILED = "failed"


class Rerun(StrEnum):
    """What training again came to."""

    NOT_MADE = "not_made"
    SAME_BYTES = "same_bytes"
    WITHIN_TOLERANCES = "within_tolerances"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Attested:
    """A well-formed attestation. Whether its signature holds is another question: `holds`."""

    public_key: str
    files: Files
    report: Mapping[str, Any]
    envelope: Envelope

    @property
    def holds(self) -> bool:
        """Whether the one signature is that of the key that it names."""
        return len(self.envelope.signatures) == 1 and self.envelope.signed_by(self.public_key)

    @property
    def fingerprint(self) -> str:
        """Return what people compare the key by."""
        return fingerprint(self.public_key)

    @property
    def outcome(self) -> Outcome:
        """Return what the report adds up to."""
        if self.report["verified"]:
            return Outcome.VERIFIED
        return Outcome.CONSISTENT if self.report["consistent"] else Outcome.FAILED

    @property
    def rerun(self) -> Rerun:
        """Return what training again came to."""
        finding = self.report["findings"][RERUN_CHECK - 1]
        if finding["status"] == Status.NOT_CHECKED:
            return Rerun.NOT_MADE
        return Rerun(finding["code"]) if finding["status"] == Status.PASSED else Rerun.DIFFERENT


def attested(report: Report, files: Files, signer: Signer) -> bytes:
    """Return the signed report about a release of these files (name, SHA-256)."""
    predicate = {"public_key": signer.public_key_hex, "report": _writable(report.to_dict())}
    return attestation.signed(attestation.statement(files, PREDICATE_TYPE, predicate), [signer])


def read(data: bytes) -> Attested:
    """Read an attestation; raise FormatError for anything but the one spelling of a report that the verifier can make.

    1. the envelope and the statement; 2. the report's form; 3. the report says one thing, not two.
    """
    envelope = attestation.parse(data)  # 1
    found = attestation.read_statement(envelope.payload, PREDICATE_TYPE)
    attestation.require_keys(found.predicate, "the predicate", {"public_key", "report"})
    key, report = found.predicate["public_key"], found.predicate["report"]
    if not isinstance(key, str) or not is_usable_public_key(key):
        raise FormatError("malformed", "public_key is no usable Ed25519 public key (64 lower-case hex characters)")
    wrong = _REPORT(report) or _contradiction(report)  # 2, 3
    if wrong:
        raise FormatError("malformed", f"the report: {wrong}")
    return Attested(key, found.files, report, envelope)


def _writable(value: Any) -> Any:  # noqa: ANN401 - JSON is any shape
    """Return the report with what has no canonical form escaped: a stranger's file may have any bytes in its name."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")
    if isinstance(value, dict):
        return {key: _writable(item) for key, item in value.items()}
    return [_writable(item) for item in value] if isinstance(value, list) else value


def _contradiction(report: Mapping[str, Any]) -> str | None:
    """Say in what a well-formed report contradicts itself: what it adds up to must follow from its findings."""
    findings = report["findings"]
    if [finding["number"] for finding in findings] != list(range(1, RERUN_CHECK + 1)):
        return f"findings are not those of the checks 1 to {RERUN_CHECK}, in this order"
    for finding in findings:
        wrong = _finding_contradiction(finding)
        if wrong:
            return f"finding {finding['number']} {wrong}"
    holds = all(
        finding["status"] == Status.PASSED
        or (finding["number"] > OFFLINE_CHECKS and finding["status"] == Status.NOT_CHECKED)
        for finding in findings
    )
    trust = report["trust"]
    given = trust["release_key"] is not None or trust["community"] is not None
    if report["consistent"] is not holds:
        return f"consistent is {str(report['consistent']).lower()}, its findings say {str(holds).lower()}"
    if trust["consistency_only"] is given:
        return "trust names either a key or a community, or consistency_only"
    if report["verified"] is not (holds and given):
        return f"verified is {str(report['verified']).lower()}, its findings and trust say otherwise"
    return None


def _finding_contradiction(finding: Mapping[str, Any]) -> str | None:
    problems, status = finding["problems"], finding["status"]
    if (status == Status.FAILED) is not bool(problems):
        return "has problems if and only if it failed"
    shown = min(finding["problem_count"], PROBLEMS_SHOWN)
    if len(problems) != shown:
        return f"lists {len(problems)} problems and counts {finding['problem_count']}"
    codes = [problems[0]["code"]] if problems else [str(status)]
    if finding["number"] == RERUN_CHECK and status == Status.PASSED:
        codes = [SAME_BYTES, WITHIN_TOLERANCES]
    return None if finding["code"] in codes else f"has the code {finding['code']!a}, not {' or '.join(codes)}"


def _matching(pattern: re.Pattern[str], words: str) -> forms.Form:
    return lambda value: None if isinstance(value, str) and pattern.fullmatch(value) else f"is not {words}"


def _digest(value: object) -> str | None:
    return None if is_digest(value) else "is not a digest (64 lower-case hex characters)"


_code = _matching(_CODE, "a code (1 to 60 lower-case letters, digits and _)")
_FINDING = forms.keys(
    number=forms.count,
    title=forms.text,
    status=forms.one_of(*Status),
    code=_code,
    place=forms.text,
    evidence=forms.text,
    hint=forms.text,
    problems=forms.every(forms.keys(code=_code, place=forms.text, detail=forms.text)),
    problem_count=forms.count,
)
_REPORT = forms.keys(
    verified=forms.boolean,
    consistent=forms.boolean,
    release=forms.or_null(_digest),
    model=forms.or_null(forms.text),
    version=forms.or_null(forms.count),
    overridden=forms.or_null(forms.keys(rules=forms.every(forms.slug), vote=forms.count, reason=forms.text)),
    release_key_fingerprint=forms.or_null(_digest),
    trust=forms.keys(
        release_key=forms.or_null(_digest), community=forms.or_null(_digest), consistency_only=forms.boolean
    ),
    tool=forms.keys(name=forms.text, version=forms.text),
    findings=forms.every(_FINDING),
)
