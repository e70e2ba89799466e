"""The training loop, top to bottom: batches in, weights changed, one report per step."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from training_jobs.spec import TrainingSpec
from training_jobs.trainer.data import Batch
from training_jobs.trainer.learning import Learning
from training_jobs.trainer.strategies import Strategy


@dataclass(frozen=True)
class Step:
    """What one optimizer step did."""

    number: int
    loss: float
    tokens: int
    rows_sha256: str


class Training:
    """Everything that changes from step to step: the weights, the optimizer's moments, the strategy, the generators."""

    def __init__(self, model: Any, spec: TrainingSpec, steps: int, strategy: Strategy) -> None:  # noqa: ANN401
        """Place a model as `model.trainable` returns it, before the first of `steps` steps."""
        self.spec = spec
        self.steps = steps
        self.strategy = strategy
        self.model = strategy.place(model)
        self.learning = Learning(spec, self.model)
        strategy.spread(self.model, self.learning)
        self.optimizer = make_optimizer(self.model, spec)
        self.done = 0

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return what a checkpoint keeps, by name; in a site of several processes, on the first of them."""
        return self.strategy.gather(self._living())

    def restore(self, done: int, tensors: Mapping[str, torch.Tensor]) -> bool:
        """Go back to where `tensors` was called, after step `done`; say whether that was this worker's own training.

        A tensor missing is a KeyError.
        """
        moments = sorted({path.split("/")[1] for path in tensors if path.startswith("optimizer/")})
        own = self.strategy.own
        for name, weight in self._trained():
            weight.data.copy_(own(tensors[f"weight/{name}"], weight))
            # The count of steps stays where it was; the fused kernel wants it beside the weight.
            self.optimizer.state[weight] = {
                key: own(tensors[f"optimizer/{key}/{name}"], weight).to(weight.device) for key in moments
            }
        is_own = self.strategy.restore(_Below("strategy/", tensors))
        generators = _Below(f"generator/{self.strategy.rank}/", tensors)
        if generators:  # none where fewer processes wrote the checkpoint; then ours goes on from the seed
            torch.set_rng_state(generators["cpu"])
            if torch.cuda.is_available():
                torch.cuda.set_rng_state(generators["cuda"])
        self.done = done
        return is_own

    def _living(self) -> Iterator[tuple[str, torch.Tensor]]:
        """Yield what changes, by name: the tensors themselves, not copies."""
        for name, tensor in self.strategy.state().items():
            yield f"strategy/{name}", tensor
        for name, weight in self._trained():
            yield f"weight/{name}", weight.detach()
            for key, value in self.optimizer.state[weight].items():
                yield f"optimizer/{key}/{name}", value
        yield f"generator/{self.strategy.rank}/cpu", torch.get_rng_state()
        if torch.cuda.is_available():  # of the device that this process computes on
            yield f"generator/{self.strategy.rank}/cuda", torch.cuda.get_rng_state()

    def _trained(self) -> list[tuple[str, torch.nn.Parameter]]:
        return [(name, weight) for name, weight in self.model.named_parameters() if weight.requires_grad]


class _Below(Mapping[str, torch.Tensor]):
    """The tensors whose names begin with a prefix, without it; each is read when it is asked for."""

    def __init__(self, prefix: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Keep the names."""
        self._paths = {path.removeprefix(prefix): path for path in tensors if path.startswith(prefix)}
        self._tensors = tensors

    def __getitem__(self, name: str) -> torch.Tensor:
        return self._tensors[self._paths[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


def seed_everything(seed: int) -> None:
    """Make equal specifications give equal weights on one class of machine."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
    # Filling new memory before it is written would show who reads too early; nobody does, and it costs 2 % of a step.
    torch.utils.deterministic.fill_uninitialized_memory = False


def train(training: Training, batches: Iterable[Batch], on_step: Callable[[Step], None]) -> None:
    """Take one step for each batch, in place; the first of `batches` is the one after `training.done`."""
    model, optimizer = training.model, training.optimizer
    model.train(training.learning.objective.dropout)
    for batch in batches:
        rate = learning_rate(training.spec, training.done, training.steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = training.strategy.step(model, batch, optimizer, training.learning)
        training.done += 1
        if loss is not None:  # None: the other workers are past this step
            on_step(Step(training.done, loss, batch.token_count, batch.rows_sha256))
    training.strategy.finish(model)
    model.eval()


def make_optimizer(model: Any, spec: TrainingSpec) -> torch.optim.Optimizer:  # noqa: ANN401
    """Return AdamW over the trainable weights; the fused kernel is as deterministic as the plain one, and faster."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    first, second = spec.betas
    return torch.optim.AdamW(
        weights,
        lr=float(spec.learning_rate),
        betas=(float(first), float(second)),
        eps=float(spec.epsilon),
        weight_decay=float(spec.weight_decay),
        fused=True,
    )


def learning_rate(spec: TrainingSpec, done: int, steps: int) -> float:
    """Return the rate after `done` of `steps` steps: a linear warm-up, then constant, or a cosine to a twentieth."""
    highest = float(spec.learning_rate)
    if done < spec.warmup_steps:
        return highest * ((done + 1) / spec.warmup_steps)
    if spec.schedule == "constant":
        return highest
    share = (done - spec.warmup_steps) / max(1, steps - spec.warmup_steps)
    return highest * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))
