"""How the work of one step is spread over devices. One file per strategy; this table lists them."""

from training_jobs.trainer.strategies.base import Strategy
from training_jobs.trainer.strategies.single import Single

STRATEGIES: dict[str, type[Strategy]] = {Single.name: Single}

__all__ = ["STRATEGIES", "Strategy"]
