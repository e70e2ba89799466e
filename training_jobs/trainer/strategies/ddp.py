"""Data parallel inside a site: every worker takes a step of the same number, and gradients are averaged each time.

Buckets of gradients travel while the backward pass goes on, as in PyTorch DDP (Li and others, arXiv 2006.15704, section
3.2); its wrapper is not used, because it wants to own the forward pass.
"""

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import torch
from torch import distributed

from training_jobs.trainer.data import Batch, StepRows
from training_jobs.trainer.learning import Learning
from training_jobs.trainer.strategies.together import Together

BUCKET_BYTES = 25 << 20


class Ddp(Together):
    """One worker of a site. Batches count by what they hold, so the loss is that of one machine with all of them."""

    name: ClassVar[str] = "ddp"
    label: ClassVar[str] = "Several devices of one site"
    description: ClassVar[str] = "Workers in one place average their gradients at every step."

    def share(self, plan: Iterable[StepRows]) -> Iterator[StepRows]:
        """Yield every step whose number is ours; what does not divide is left out."""
        together: list[StepRows] = []
        for rows in plan:
            together.append(rows)
            if len(together) == self.workers:
                yield together[self.rank]
                together = []

    def steps(self, total: int) -> int:
        """Return how many steps each worker takes."""
        return total // self.workers

    def place(self, model: Any) -> Any:  # noqa: ANN401 - transformers' models are untyped
        """Move the model to the device and prepare the buckets, last weights first: their gradients come first."""
        model = super().place(model)
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.buckets = Buckets(weights[::-1])
        return model

    def step(self, model: Any, batch: Batch, optimizer: torch.optim.Optimizer, learning: Learning) -> float:  # noqa: ANN401
        """Gradients, averaged; clip; step. The loss returned is the average too."""
        self.buckets.begin(len(batch.parts), float(batch.weight))
        loss = learning.gradients(model, batch, self.device)
        self.buckets.send_all()
        mean, weight = self.tell(loss * batch.weight, batch.weight)
        self.buckets.finish(weight)
        learning.clip(model)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return mean.item()


class Buckets:
    """Weights in groups whose gradients are summed over the workers as soon as the backward pass is past them.

    Each worker's gradient is multiplied by the weight of its batch, and the sum divided by the sum of the weights. The
    groups travel in one fixed order, whatever order the gradients come in: collectives must meet in the same order.
    """

    def __init__(self, weights: list[torch.nn.Parameter]) -> None:
        """Cut `weights` into groups and watch for their gradients."""
        self._groups: list[list[torch.nn.Parameter]] = [[]]
        size = 0
        for weight in weights:
            if size > BUCKET_BYTES:
                self._groups.append([])
                size = 0
            self._groups[-1].append(weight)
            size += weight.numel() * weight.element_size()
        self._group_of = {weight: index for index, group in enumerate(self._groups) for weight in group}
        for weight in weights:
            weight.register_post_accumulate_grad_hook(self._arrived)  # type: ignore[no-untyped-call]

    def begin(self, parts: int, weight: float) -> None:
        """Expect as many gradients of each weight as the batch has parts."""
        self._weight = weight
        self._missing = [len(group) * parts for group in self._groups]
        self._sent: list[tuple[torch.Tensor, Any]] = []

    def send_all(self) -> None:
        """Send what has not been sent."""
        while len(self._sent) < len(self._groups):
            self._send()

    def finish(self, weight: torch.Tensor) -> None:
        """Wait for all, and leave the averages in the weights' gradients; `weight`: that of all batches together."""
        total = weight.to(torch.float32)
        for group, (flat, work) in zip(self._groups, self._sent, strict=True):
            work.wait()
            pieces = torch.split(flat / total, [weight.numel() for weight in group])
            for parameter, piece in zip(group, pieces, strict=True):
                parameter.grad = piece.view_as(parameter)

    def _arrived(self, weight: torch.nn.Parameter) -> None:
        self._missing[self._group_of[weight]] -= 1
        while len(self._sent) < len(self._groups) and self._missing[len(self._sent)] == 0:
            self._send()

    def _send(self) -> None:
        group = self._groups[len(self._sent)]
        flat = torch.cat(
            [torch.zeros_like(weight).view(-1) if weight.grad is None else weight.grad.reshape(-1) for weight in group]
        ).mul_(self._weight)
        self._sent.append((flat, distributed.all_reduce(flat, async_op=True)))
