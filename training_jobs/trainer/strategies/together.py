"""Several processes of one site that are one run: how they find each other, and what all of them have to do together.

torch.distributed, NCCL between GPUs and gloo between CPUs, started by `training_jobs.trainer.site`. All make the same
calls in the same order. A stop is agreed on with the loss of a step, so that all end after the same one.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from training_jobs.spec import TrainingSpec
from training_jobs.trainer.failures import PermanentFailure
from training_jobs.trainer.learning import Learning
from training_jobs.trainer.strategies.base import never

GENERATORS = "generator/"


class Together:
    """One worker of a site, on the GPU of its number or on the CPU; to begin with, each holds the whole model."""

    def __init__(self, spec: TrainingSpec, run_dir: Path, should_stop: Callable[[], bool] = never) -> None:
        """Join the other workers of the site."""
        self.workers = spec.workers
        if int(os.environ.get("WORLD_SIZE", "1")) != self.workers:
            raise PermanentFailure(
                "workers_missing", f"{self.workers} workers are wanted: use training_jobs.trainer.site"
            )
        self.device = torch.device("cpu")
        if torch.cuda.is_available():
            self.device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
            torch.cuda.set_device(self.device)
        if not distributed.is_initialized():
            distributed.init_process_group("cpu:gloo,cuda:nccl" if self.device.type == "cuda" else "gloo")
        self.rank = distributed.get_rank()
        self._should_stop = should_stop
        self._told: torch.Tensor | None = None

    def place(self, model: Any) -> Any:  # noqa: ANN401 - transformers' models are untyped
        """Move the model to the device."""
        return model.to(self.device)

    def spread(self, model: Any, learning: Learning) -> None:  # noqa: ANN401
        """Hold all of it."""

    def tell(self, total: torch.Tensor, weight: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the mean loss of all workers and the weight that it is a mean over, from each one's sum and weight."""
        known = torch.tensor((weight, self._should_stop()), device=self.device, dtype=torch.float64)
        self._told = torch.cat((total.detach().double().view(1), known))
        distributed.all_reduce(self._told)
        return self._told[0] / self._told[1], self._told[1]

    def agreed(self, asked: bool) -> bool:  # noqa: FBT001 - what the caller was asked
        """Say whether anybody had been asked when the workers told each other last; all of them say the same."""
        return self._told is not None and bool(self._told[2] > 0)

    def clip(self, gradients: Iterable[torch.Tensor], at: float | None, copies: Iterable[torch.Tensor] = ()) -> None:
        """Scale down gradients so that the norm of all workers' together is at most `at`.

        `copies`: gradients that another worker has too, and counts; they are scaled only.
        """
        if at is None:
            return
        pieces = list(gradients)
        squares = torch.zeros((), device=self.device, dtype=torch.float64)
        for norm in torch._foreach_norm(pieces):  # noqa: SLF001 - as torch.nn.utils.clip_grad_norm_ does
            squares += norm.double() ** 2
        distributed.all_reduce(squares)
        times = (at / (squares.sqrt() + 1e-6)).clamp(max=1.0).float()
        for piece in [*pieces, *copies]:
            piece.mul_(times)

    def gather(self, tensors: Iterable[tuple[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Return the first worker's tensors, and of the others what only they have; nothing on the others."""
        kept = {}
        for name, tensor in tensors:
            whole = self.whole(tensor)
            if self.rank == 0 or self.is_only_mine(name):
                kept[name] = whole.to("cpu")
        return to_first(kept, self.rank, self.workers)

    def whole(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return the whole of a tensor that this worker holds, or a part of it."""
        return tensor

    def is_only_mine(self, name: str) -> bool:
        """Say whether no other worker can know the tensor of this name; so it is with random generators."""
        return name.startswith(GENERATORS)

    def own(self, whole: torch.Tensor, weight: torch.nn.Parameter) -> torch.Tensor:
        """Return it."""
        return whole

    def state(self) -> dict[str, torch.Tensor]:
        """Nothing is remembered from step to step."""
        return {}

    def restore(self, state: Mapping[str, torch.Tensor]) -> bool:
        """Nothing was remembered."""
        return True

    def finish(self, model: Any) -> None:  # noqa: ANN401
        """Leave together."""
        distributed.barrier()
        distributed.destroy_process_group()


def to_first(tensors: dict[str, torch.Tensor], rank: int, workers: int) -> dict[str, torch.Tensor]:
    """Bring all workers' tensors, which are on the CPU, to the first worker; return them all there, nothing elsewhere.

    On the first worker they are in memory until they are written; the others keep theirs until they are sent.
    """
    named: list[list[tuple[str, torch.Size, torch.dtype]]] = [[] for _ in range(workers)]
    mine = [(name, tensor.shape, tensor.dtype) for name, tensor in tensors.items()] if rank else []
    distributed.all_gather_object(named, mine)
    for sender in range(1, workers):
        for name, shape, kind in named[sender]:
            if rank == sender:
                distributed.send(tensors[name].contiguous(), 0)
            elif rank == 0:
                tensors[name] = torch.empty(shape, dtype=kind)
                distributed.recv(tensors[name], sender)
    return {} if rank else tensors
