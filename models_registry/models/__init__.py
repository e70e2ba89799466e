"""What exists and why it may be trusted, one module per noun: data, constraints and named queries only."""

from models_registry.models.attestations import Attestation
from models_registry.models.calls import Call
from models_registry.models.datasets import Dataset
from models_registry.models.errands import REASON_CHARACTERS, Delivery, Errand, Notice
from models_registry.models.hidden_suites import HiddenSuite, SuiteOpening
from models_registry.models.incidents import Incident, IncidentStewards, WaitingReport
from models_registry.models.intakes import DatasetIntake, DatasetUpload
from models_registry.models.keys import ReleaseKeys, ReleaseSignature, WaitingRelease
from models_registry.models.rights import Removal, RemovalRequest
from models_registry.models.rules import EthicsRule
from models_registry.models.versions import Model, Publication, Version

__all__ = [
    "REASON_CHARACTERS",
    "Attestation",
    "Call",
    "Dataset",
    "DatasetIntake",
    "DatasetUpload",
    "Delivery",
    "Errand",
    "EthicsRule",
    "HiddenSuite",
    "Incident",
    "IncidentStewards",
    "Model",
    "Notice",
    "Publication",
    "ReleaseKeys",
    "ReleaseSignature",
    "Removal",
    "RemovalRequest",
    "SuiteOpening",
    "Version",
    "WaitingRelease",
    "WaitingReport",
]
