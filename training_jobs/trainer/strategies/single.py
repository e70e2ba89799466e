"""One process, one device: the plain way, and the one that gives the same bytes every time on a CPU."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch

from training_jobs.spec import TrainingSpec
from training_jobs.trainer.data import Batch, StepRows
from training_jobs.trainer.learning import Learning
from training_jobs.trainer.strategies.base import OneProcess, never


class Single(OneProcess):
    """Everything on the first GPU, or on the CPU where there is none. Bytes repeat only within one kind of device."""

    name: ClassVar[str] = "single"
    label: ClassVar[str] = "One machine"
    description: ClassVar[str] = "One process trains on one device."

    def __init__(self, spec: TrainingSpec, run_dir: Path, should_stop: Callable[[], bool] = never) -> None:
        """Choose the device."""
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def share(self, plan: Iterable[StepRows]) -> Iterator[StepRows]:
        """Yield everything."""
        yield from plan

    def steps(self, total: int) -> int:
        """Take every step."""
        return total

    def place(self, model: Any) -> Any:  # noqa: ANN401 - transformers' models are untyped
        """Move the model to the device."""
        return model.to(self.device)

    def step(self, model: Any, batch: Batch, optimizer: torch.optim.Optimizer, learning: Learning) -> float:  # noqa: ANN401
        """Forward, backward, step. Reading the loss waits for a GPU; the check for NaN at every step is worth it."""
        loss = learning.gradients(model, batch, self.device)
        learning.clip(model)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def state(self) -> dict[str, torch.Tensor]:
        """Nothing is remembered from step to step."""
        return {}

    def restore(self, state: Mapping[str, torch.Tensor]) -> bool:
        """Nothing was remembered."""
        return True

    def finish(self, model: Any) -> None:  # noqa: ANN401
        """Nobody else to agree with."""
