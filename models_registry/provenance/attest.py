"""A report that somebody signs: what they found when they verified a release, for others to compare and to file. Pure.

An in-toto Statement v1 in a DSSE envelope like those in a release (`attestation`), about the files of the release. It
says that the holder of this key got this report, and nothing more: whoever reads it decides whose word counts.
"""

from governance.evidence.signing import Signer
from models_registry.provenance import attestation
from models_registry.provenance.attestation import Files
from models_registry.provenance.report import Report

PREDICATE_TYPE = "urn:commonweights:verification:1"


def attested(report: Report, files: Files, signer: Signer) -> bytes:
    """Return the signed report about a release of these files (name, SHA-256)."""
    return attestation.signed(attestation.statement(files, PREDICATE_TYPE, report.to_dict()), [signer])
