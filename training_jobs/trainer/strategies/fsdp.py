"""Fully sharded data parallel inside a site: as ddp, but each worker keeps only its part of weights and moments.

PyTorch's FSDP2 (`torch.distributed.fsdp.fully_shard`; ZeRO stage 3, arXiv 1910.02054; FSDP, arXiv 2304.11277): each
layer's weights are brought together just before they are used and let go after, in the forward and in the backward
pass; its gradients are summed into the parts. Which rows a worker learns from, and what a step is, are ddp's; the sums
are taken in another order, so the result is ddp's up to rounding, and its own again bit for bit.

What is not cut. Each worker reads the whole base model into main memory before it is cut, once. A checkpoint is whole:
the first worker holds weights and both moments (12 bytes for each trained number in float32) in main memory while it
writes one, and the whole model (4 bytes for each number) at the end of the run. On the device no more than one layer,
and what stands before and after the layers, is ever whole.

torch's modules for it are imported where they are used: they take most of a second, and every trainer reads this file.
Tried on CPUs with gloo; no GPU was at hand.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import distributed

from training_jobs.spec import TrainingSpec
from training_jobs.trainer.data import Batch, Part
from training_jobs.trainer.learning import Learning
from training_jobs.trainer.objectives import Predict
from training_jobs.trainer.strategies.base import never
from training_jobs.trainer.strategies.ddp import Ddp
from training_jobs.trainer.strategies.layers import decoder_layers


class Fsdp(Ddp):
    """One worker of a site, with its part of the model."""

    name: ClassVar[str] = "fsdp"
    label: ClassVar[str] = "Several devices of one site, each with a part of the model"
    description: ClassVar[str] = "As ddp, for a model whose training does not fit one device."

    def __init__(self, spec: TrainingSpec, run_dir: Path, should_stop: Callable[[], bool] = never) -> None:
        """Join the other workers of the site."""
        super().__init__(spec, run_dir, should_stop)
        self._accumulation = spec.accumulation

    def place(self, model: Any) -> Any:  # noqa: ANN401 - transformers' models are untyped
        """Leave the model in main memory: whole, it may not fit the device."""
        return model

    def spread(self, model: Any, learning: Learning) -> None:  # noqa: ANN401
        """Cut the model, and the frozen copy that some objectives compare it with, and find ways through the pieces."""
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import FSDPModule, fully_shard

        mesh = init_device_mesh(self.device.type, (self.workers,))
        ways = {}
        for each, trained in ((learning.objective.reference, False), (model, True)):
            if each is None or each in ways:
                continue
            ways[each] = way = Way(each, learning.predict)
            for layer in decoder_layers(each) or ():
                fully_shard(layer, mesh=mesh)
            # What is outside of the layers is needed at both ends of a pass: between them it stays whole.
            fully_shard(way, mesh=mesh, reshard_after_forward=None if trained else True)
            for module in way.modules():
                if isinstance(module, FSDPModule):  # gradients are summed; `step` divides
                    module.set_gradient_divide_factor(1.0)
                    module.set_force_sum_reduction_for_comms(enable=True)
        learning.predict = lambda each, part: ways[each](part)

    def step(self, model: Any, batch: Batch, optimizer: torch.optim.Optimizer, learning: Learning) -> float:  # noqa: ANN401
        """Sum the gradients of all that is learned, over parts and workers; divide, clip, step."""
        total = learning.gradients(model, batch, self.device, divisor=1)
        for _ in range(self._most(len(batch.parts)) - len(batch.parts)):
            # Others have more parts, and need our pieces of the weights for them.
            learning.gradients(model, Batch(batch.parts[:1], 0, ""), self.device, divisor=math.inf)
        mean, weight = self.tell(total, batch.weight)
        gradients = [each.grad.to_local() for each in model.parameters() if each.grad is not None]
        torch._foreach_div_(gradients, weight.float())
        self.clip(gradients, learning.clip_at)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return mean.item()

    def whole(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the whole of a tensor, from all workers' parts of it."""
        from torch.distributed.tensor import DTensor

        return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor

    def own(self, whole: torch.Tensor, weight: torch.nn.Parameter) -> torch.Tensor:
        """Return this worker's part of a weight or a moment; a count of steps is everybody's."""
        from torch.distributed.tensor import DTensor, distribute_tensor

        if not isinstance(weight, DTensor) or whole.shape != weight.shape:
            return whole
        return distribute_tensor(whole.to(self.device), weight.device_mesh, weight.placements, src_data_rank=None)

    def finish(self, model: Any) -> None:  # noqa: ANN401
        """Make the model whole again, on the first worker and in main memory; then leave together."""
        wholes: dict[torch.nn.Parameter, torch.nn.Parameter] = {}  # a weight may stand in two places
        for module in model.modules():
            for name, weight in module.named_parameters(recurse=False):
                if weight not in wholes:
                    whole = self.whole(weight.detach())
                    kept = whole.to("cpu") if self.rank == 0 else torch.empty(0)
                    wholes[weight] = torch.nn.Parameter(kept, requires_grad=False)
                module.register_parameter(name, wholes[weight])
        super().finish(model)

    def _most(self, parts: int) -> int:
        """Return how many parts the worker with most of them has at this step."""
        if self._accumulation == 1:
            return 1
        most = torch.tensor(parts, device=self.device)
        distributed.all_reduce(most, distributed.ReduceOp.MAX)
        return int(most.item())


class Way(torch.nn.Module):
    """A model with one way to its logits, as a module: what is brought together stays so for all of the way."""

    def __init__(self, model: Any, predict: Predict) -> None:  # noqa: ANN401
        """Keep both."""
        super().__init__()
        self.model = model
        self.predict = predict

    def forward(self, part: Part) -> torch.Tensor:
        """Return the logits [targets, vocabulary]."""
        return self.predict(self.model, part)
