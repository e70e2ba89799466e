"""What a training asks of a strategy."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch

from training_jobs.spec import TrainingSpec
from training_jobs.trainer.data import Batch, StepRows
from training_jobs.trainer.learning import Learning


def never() -> bool:
    """Nobody asks us to stop."""
    return False


class Strategy(Protocol):
    """Places the model, picks this worker's rows, takes one optimizer step, and remembers what it needs to go on.

    The order of calls: `share` and `steps`, `place`, `restore` (only when a checkpoint is resumed), `step` for each
    step, each perhaps followed by `state`, and `finish` after the last.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]

    def __init__(self, spec: TrainingSpec, run_dir: Path, should_stop: Callable[[], bool] = never) -> None:
        """Read the topology from `spec`; files for other sites stand in `run_dir`/exchange.

        A strategy that waits for others asks `should_stop` meanwhile, and raises Stopped.
        """
        ...

    def share(self, plan: Iterable[StepRows]) -> Iterator[StepRows]:
        """Yield, for each of this worker's steps, the rows that it learns from; the same at every call."""
        ...

    def steps(self, total: int) -> int:
        """Return how many steps `share` yields of a plan of `total` steps."""
        ...

    def place(self, model: Any) -> Any:  # noqa: ANN401 - transformers' models are untyped
        """Move the model to where this worker computes."""
        ...

    def step(
        self,
        model: Any,  # noqa: ANN401
        batch: Batch,
        optimizer: torch.optim.Optimizer,
        learning: Learning,
    ) -> float | None:
        """Learn from one batch and return its loss: gradients, clip, optimizer, and what workers tell each other.

        None: nothing was learned, because the other workers are past this step already.
        """
        ...

    def state(self) -> dict[str, torch.Tensor]:
        """Return everything besides weights and optimizer that the next step depends on, by name, for a checkpoint."""
        ...

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Take back what `state` returned."""
        ...

    def finish(self, model: Any) -> None:  # noqa: ANN401
        """Bring the model to what all workers agree on, after the last step."""
        ...
