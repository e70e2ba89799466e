"""How the work of one step is spread over devices. One file per strategy; this table lists them."""

from training_jobs.trainer.strategies.base import Strategy
from training_jobs.trainer.strategies.ddp import Ddp
from training_jobs.trainer.strategies.diloco import Diloco
from training_jobs.trainer.strategies.dilocox import Dilocox
from training_jobs.trainer.strategies.fsdp import Fsdp
from training_jobs.trainer.strategies.pipeline import Pipeline
from training_jobs.trainer.strategies.single import Single

STRATEGIES: dict[str, type[Strategy]] = {
    Single.name: Single,
    Ddp.name: Ddp,
    Fsdp.name: Fsdp,
    Pipeline.name: Pipeline,
    Diloco.name: Diloco,
    Dilocox.name: Dilocox,
}

__all__ = ["STRATEGIES", "Strategy"]
