"""One process, one device: the plain way, and the one that gives the same bytes every time on a CPU."""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import torch

from training_jobs.trainer.data import Batch
from training_jobs.trainer.model import answer_loss


class Single:
    """Everything on the first GPU, or on the CPU where there is none. Bytes repeat only within one kind of device."""

    name: ClassVar[str] = "single"
    label: ClassVar[str] = "One machine"
    description: ClassVar[str] = "One process trains on one device."

    def __init__(self) -> None:
        """Choose the device."""
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def place(self, model: Any) -> Any:  # noqa: ANN401 - transformers' models are untyped
        """Move the model to the device."""
        return model.to(self.device)

    def share(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield every batch."""
        yield from batches

    def step(self, model: Any, batch: Batch, optimizer: torch.optim.Optimizer) -> float:  # noqa: ANN401
        """Forward, backward, step. Reading the loss waits for a GPU; the check for NaN at every step is worth it."""
        loss = answer_loss(model, batch, self.device)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()
