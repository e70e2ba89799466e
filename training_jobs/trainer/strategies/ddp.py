"""Data parallel inside a site: every worker takes a step of the same number, and gradients are averaged each time.

torch.distributed, NCCL between GPUs and gloo between CPUs, started by `training_jobs.trainer.site`, which sets the
variables that torchrun sets. Buckets of gradients travel while the backward pass goes on, as in PyTorch DDP (Li and
others, arXiv 2006.15704, section 3.2); its wrapper is not used, because it wants to own the forward pass.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import distributed

from training_jobs.spec import TrainingSpec
from training_jobs.trainer.data import Batch, StepRows
from training_jobs.trainer.failures import PermanentFailure
from training_jobs.trainer.learning import Learning
from training_jobs.trainer.strategies.base import never

BUCKET_BYTES = 25 << 20


class Ddp:
    """One worker of a site. Batches count by what they hold, so the loss is that of one machine with all of them."""

    name: ClassVar[str] = "ddp"
    label: ClassVar[str] = "Several devices of one site"
    description: ClassVar[str] = "Workers in one place average their gradients at every step."

    def __init__(self, spec: TrainingSpec, run_dir: Path, should_stop: Callable[[], bool] = never) -> None:
        """Join the other workers of the site."""
        self.workers = spec.workers
        cuda = torch.cuda.is_available()
        if self.workers > 1 and int(os.environ.get("WORLD_SIZE", "1")) != self.workers:
            raise PermanentFailure(
                "workers_missing", f"{self.workers} workers are wanted: use training_jobs.trainer.site"
            )
        if self.workers > 1 and not distributed.is_initialized():
            distributed.init_process_group("nccl" if cuda else "gloo")
        self.rank = distributed.get_rank() if self.workers > 1 else 0
        local = int(os.environ.get("LOCAL_RANK", "0"))
        self.device = torch.device("cuda", local) if cuda else torch.device("cpu")

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
        model = model.to(self.device)
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        self.buckets = Buckets(weights[::-1]) if self.workers > 1 else None
        return model

    def step(self, model: Any, batch: Batch, optimizer: torch.optim.Optimizer, learning: Learning) -> float:  # noqa: ANN401
        """Gradients, averaged; clip; step. The loss returned is the average too."""
        if self.buckets is not None:
            self.buckets.begin(len(batch.parts), float(batch.weight))
        loss = learning.gradients(model, batch, self.device)
        if self.buckets is not None:
            loss = self.buckets.finish(loss)
        learning.clip(model)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def state(self) -> dict[str, torch.Tensor]:
        """Nothing is remembered from step to step."""
        return {}

    def restore(self, state: dict[str, torch.Tensor]) -> None:
        """Nothing was remembered."""

    def finish(self, model: Any) -> None:  # noqa: ANN401
        """All workers hold the same weights already; leave together."""
        if self.workers > 1:
            distributed.barrier()
            distributed.destroy_process_group()


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

    def finish(self, loss: torch.Tensor) -> torch.Tensor:
        """Send what has not been sent, wait for all, and leave the averages in the weights' gradients."""
        while len(self._sent) < len(self._groups):
            self._send()
        told = torch.stack((loss.double() * self._weight, torch.tensor(self._weight, device=loss.device).double()))
        distributed.all_reduce(told)
        total = told[1].to(torch.float32)
        for group, (flat, work) in zip(self._groups, self._sent, strict=True):
            work.wait()
            pieces = torch.split(flat / total, [weight.numel() for weight in group])
            for weight, piece in zip(group, pieces, strict=True):
                weight.grad = piece.view_as(weight)
        return (told[0] / told[1]).to(loss.dtype)

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
