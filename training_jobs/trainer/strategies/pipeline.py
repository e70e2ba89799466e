"""Pipeline stages inside a site: each worker holds some of the layers, and batches pass through all of them.

GPipe (arXiv 1811.06965): the rows of a part go through the stages in pieces, so that stages work at the same time; all
pieces forward, then all backward, then one optimizer step of every stage on its own weights. All workers read the same
plan, so each knows the shapes of what arrives, and only activations and their gradients travel. Parts follow each
other: activations of one part at a time are kept, each stage's own. The loss is that of `single` up to rounding (with
dropout each stage draws its own).

`torch.distributed.pipelining` is not used: its schedules fix the shapes at the first step and want equal pieces and a
loss of whole tensors, and our parts have widths and rows of their own, and learn some of their positions only.

How a model is cut (`Stage`) is found by looking on while a few tokens pass through it, so it works for the families
that the trainer knows without a table of them. Embeddings that are the head's weights too live in the first and in the
last stage; their gradients are added up, so both take the same step.

What is not cut: each worker reads the whole base model into main memory before it drops what is not its own; the first
worker holds a checkpoint, and at the end the model, whole in main memory. Preference tuning is refused: it needs two
passes for one loss. Tried on CPUs with gloo; no GPU was at hand.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import distributed

from training_jobs.trainer.data import Batch, Part, StepRows
from training_jobs.trainer.learning import Learning
from training_jobs.trainer.strategies.stage import Stage
from training_jobs.trainer.strategies.together import Together, to_first

# With four pieces for each stage, what the stages wait for each other is little (GPipe, section 2.3).
PIECES_PER_STAGE = 4


class Pipeline(Together):
    """One stage. All workers take the same steps."""

    name: ClassVar[str] = "pipeline"
    label: ClassVar[str] = "Several devices of one site, each with some of the layers"
    description: ClassVar[str] = "Batches pass through the devices, for a model that does not fit one of them."

    def share(self, plan: Iterable[StepRows]) -> Iterator[StepRows]:
        """Yield everything."""
        yield from plan

    def steps(self, total: int) -> int:
        """Take every step."""
        return total

    def place(self, model: Any) -> Any:  # noqa: ANN401 - transformers' models are untyped
        """Leave the model in main memory: whole, it may not fit the device."""
        return model

    def spread(self, model: Any, learning: Learning) -> None:  # noqa: ANN401
        """Keep this stage's weights, on the device."""
        self.stage = Stage(model, learning.predict, self.rank, self.workers)
        model.to(self.device)
        self._ends = distributed.new_group([0, self.workers - 1])

    def step(self, model: Any, batch: Batch, optimizer: torch.optim.Optimizer, learning: Learning) -> float:  # noqa: ANN401
        """Pass the parts through, one after the other; clip; step. The loss is the last stage's."""
        total = torch.zeros((), device=self.device)
        for part in batch.parts:
            pieces = rows_of(part, min(len(part.tokens), PIECES_PER_STAGE * self.workers))
            total += self._pass([piece.to(self.device) for piece in pieces], batch.weight, model, learning)
        for weight in self.stage.tied:
            distributed.all_reduce(weight.grad, group=self._ends)
        mean, _ = self.tell(total, float(self.stage.is_last))
        copies = [] if self.rank == 0 else self.stage.tied  # the first stage counts them
        own = [each for each in model.parameters() if each.grad is not None and not any(each is one for one in copies)]
        self.clip([weight.grad for weight in own], learning.clip_at, [weight.grad for weight in copies])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return mean.item()

    def is_only_mine(self, name: str) -> bool:
        """Say that it is: every stage has weights of its own."""
        return True

    def finish(self, model: Any) -> None:  # noqa: ANN401
        """Bring all weights to the first worker, in main memory; then leave together."""
        model.to("cpu")
        kept = {name: weight.detach() for name, weight in model.named_parameters() if name in self.stage.sent_home}
        whole = to_first(kept, self.rank, self.workers)
        for name, weight in model.named_parameters():
            if name in whole:
                weight.data = whole[name]
        super().finish(model)

    def _pass(self, pieces: list[Part], weight: int, model: Any, learning: Learning) -> torch.Tensor:  # noqa: ANN401
        """Add this stage's gradients for all pieces of a part; return their loss on the last stage, 0 elsewhere."""
        total = torch.zeros((), device=self.device)
        under_way: list[tuple[Any, torch.Tensor]] = []  # what is sent must stay as it is until it has arrived
        passed: list[tuple[torch.Tensor | None, torch.Tensor]] = []
        for piece in pieces:
            arrived = None if self.stage.is_first else self._receive(piece, self.rank - 1).requires_grad_()
            if self.stage.is_last:
                with self.stage.going_on(arrived):
                    left = learning.loss(model, piece, piece.weight / weight)
                total += left.detach()
            else:
                with self.stage.going_on(arrived), learning.precision(self.device):
                    left = self.stage.forward(piece)
                under_way.append(self._send(left.detach(), self.rank + 1))
            passed.append((arrived, left))
        for piece, (arrived, left) in zip(pieces, passed, strict=True):
            left.backward(None if self.stage.is_last else self._receive(piece, self.rank + 1))
            if arrived is not None:
                under_way.append(self._send(arrived.grad, self.rank - 1))
        for work, _ in under_way:
            work.wait()
        return total

    def _receive(self, piece: Part, sender: int) -> torch.Tensor:
        """Return the activations of a piece from the stage before, or their gradients from the one behind."""
        into = torch.empty((*piece.tokens.shape, self.stage.width), device=self.device)
        distributed.recv(into, sender)
        return into

    def _send(self, tensor: torch.Tensor, receiver: int) -> tuple[Any, torch.Tensor]:
        tensor = tensor.contiguous()
        return distributed.isend(tensor, receiver), tensor


def rows_of(part: Part, count: int) -> list[Part]:
    """Cut a part into `count` parts of some of its rows each, in order."""
    rows, width = part.tokens.shape
    bounds = [rows * number // count for number in range(count + 1)]
    targets = torch.searchsorted(part.predicting, torch.tensor([bound * width for bound in bounds])).tolist()
    return [
        Part(
            tokens=part.tokens[start:end],
            positions=None if part.positions is None else part.positions[start:end],
            predicting=part.predicting[first:last] - start * width,
            targets=part.targets[first:last],
            lengths=[last - first],
            weight=last - first,
        )
        for (start, end), (first, last) in zip(pairwise(bounds), pairwise(targets), strict=True)
    ]
