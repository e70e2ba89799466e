"""The tables of this app, by subject."""

from training_jobs.models.inquiries import Inquiry
from training_jobs.models.ledger import LedgerAccount, LedgerEntry, LedgerHold, LedgerPosting
from training_jobs.models.previews import Preview
from training_jobs.models.reviews import Attested
from training_jobs.models.runners import Runner, RunnerToken
from training_jobs.models.runs import Attempt, Run, RunEvent, Seat
from training_jobs.models.sites import Admission, Busy, Site, SiteMeasurement, SiteStewards

__all__ = [
    "Admission",
    "Attempt",
    "Attested",
    "Busy",
    "Inquiry",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerHold",
    "LedgerPosting",
    "Preview",
    "Run",
    "RunEvent",
    "Runner",
    "RunnerToken",
    "Seat",
    "Site",
    "SiteMeasurement",
    "SiteStewards",
]
