"""What the loop asks of a strategy."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Protocol

import torch

from training_jobs.trainer.data import Batch


class Strategy(Protocol):
    """Places the model, picks this worker's batches, and takes one optimizer step."""

    name: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]

    def place(self, model: Any) -> Any:  # noqa: ANN401 - transformers' models are untyped
        """Move the model to where this worker computes."""
        ...

    def share(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches that this worker takes."""
        ...

    def step(self, model: Any, batch: Batch, optimizer: torch.optim.Optimizer) -> float:  # noqa: ANN401
        """Learn from one batch and return its loss."""
        ...
