"""What a training asks of a strategy, and what a strategy of one process answers to what concerns several."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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

    The order of calls: `share` and `steps`, `place`, `spread`, `restore` (only when a checkpoint is resumed), `step`
    for each step, each perhaps followed by `state` and `gather`, and `finish` after the last. Where several processes
    of one site are one run (`together`), all make the calls in one order, and only the first writes anything down.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    description: ClassVar[str]
    rank: int  # which process of its site this is; 0 is the first

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
        """Move the model to where this worker computes; one that is spread over several stays where it is."""
        ...

    def spread(self, model: Any, learning: Learning) -> None:  # noqa: ANN401
        """Cut the model into what each process of the site holds, after `learning` has looked at it whole."""
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

    def restore(self, state: Mapping[str, torch.Tensor]) -> bool:
        """Take back what `state` returned; say whether it was this worker's own, and not another one's of the run."""
        ...

    def gather(self, tensors: Iterable[tuple[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Return what a checkpoint keeps, whole and by name: all processes' on the first, nothing on the others."""
        ...

    def own(self, whole: torch.Tensor, weight: torch.nn.Parameter) -> torch.Tensor:
        """Return what this process holds of a weight, or of a moment of it, that a checkpoint keeps whole."""
        ...

    def agreed(self, asked: bool) -> bool:  # noqa: FBT001 - what the caller was asked
        """Say whether all processes of the site stop after this step; `asked`: whether this one is to."""
        ...

    def finish(self, model: Any) -> None:  # noqa: ANN401
        """Bring the model to what all workers agree on, after the last step; on the first process it is whole."""
        ...


class OneProcess:
    """A site of one process: nothing to cut, to gather or to agree on."""

    rank = 0

    def spread(self, model: Any, learning: Learning) -> None:  # noqa: ANN401
        """Hold all of it."""

    def gather(self, tensors: Iterable[tuple[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Return them all; they are the living ones, not copies."""
        return dict(tensors)

    def own(self, whole: torch.Tensor, weight: torch.nn.Parameter) -> torch.Tensor:
        """Return it."""
        return whole

    def agreed(self, asked: bool) -> bool:  # noqa: FBT001
        """Stop when asked."""
        return asked
