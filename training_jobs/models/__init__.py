"""The tables of this app, by subject."""

from training_jobs.models.commons import Allotment, ComputeRequest, RaisedCeiling
from training_jobs.models.inquiries import Inquiry
from training_jobs.models.ledger import LedgerAccount, LedgerEntry, LedgerHold, LedgerPosting
from training_jobs.models.policies import ComputePolicy, NewcomerAttestation, PolicyReplay
from training_jobs.models.previews import Preview
from training_jobs.models.reviews import Attested
from training_jobs.models.runners import Runner, RunnerToken
from training_jobs.models.runs import Attempt, Run, RunEvent, Seat
from training_jobs.models.settlement import Settlement, SettlementReading, SettlementTerms
from training_jobs.models.sites import Admission, Busy, Site, SiteMeasurement, SiteStewards
from training_jobs.models.spot_checks import Doubt, Slice, SpotCheck

__all__ = [
    "Admission",
    "Allotment",
    "Attempt",
    "Attested",
    "Busy",
    "ComputePolicy",
    "ComputeRequest",
    "Doubt",
    "Inquiry",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerHold",
    "LedgerPosting",
    "NewcomerAttestation",
    "PolicyReplay",
    "Preview",
    "RaisedCeiling",
    "Run",
    "RunEvent",
    "Runner",
    "RunnerToken",
    "Seat",
    "Settlement",
    "SettlementReading",
    "SettlementTerms",
    "Site",
    "SiteMeasurement",
    "SiteStewards",
    "Slice",
    "SpotCheck",
]
