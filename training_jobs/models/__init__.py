"""The tables of this app, by subject."""

from training_jobs.models.inquiries import Inquiry
from training_jobs.models.previews import Preview
from training_jobs.models.reviews import Attested
from training_jobs.models.runners import Runner, RunnerToken
from training_jobs.models.runs import Attempt, Run, RunEvent, Seat

__all__ = ["Attempt", "Attested", "Inquiry", "Preview", "Run", "RunEvent", "Runner", "RunnerToken", "Seat"]
