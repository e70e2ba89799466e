"""The tables of this app, by subject."""

from training_jobs.models.runners import Runner, RunnerToken
from training_jobs.models.runs import Attempt, Run, RunEvent

__all__ = ["Attempt", "Run", "RunEvent", "Runner", "RunnerToken"]
