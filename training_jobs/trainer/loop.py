"""The training loop, top to bottom: batches in, weights changed, one report per step."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

from training_jobs.spec import TrainingSpec
from training_jobs.trainer.data import Batch
from training_jobs.trainer.failures import PermanentFailure
from training_jobs.trainer.strategies import Strategy


@dataclass(frozen=True)
class Step:
    """What one optimizer step did."""

    number: int
    loss: float
    tokens: int
    rows_sha256: str


def seed_everything(seed: int) -> None:
    """Make equal specifications give equal weights on one class of machine."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True)


def train(
    model: Any,  # noqa: ANN401 - transformers' models are untyped
    spec: TrainingSpec,
    batches: Iterable[Batch],
    steps: int,
    strategy: Strategy,
    on_step: Callable[[Step], None],
) -> None:
    """Train `model` in place for all `batches` (`steps` of them); stop for good when the loss is not a number."""
    model = strategy.place(model)
    model.train()
    optimizer = make_optimizer(model, spec)
    schedule = make_schedule(optimizer, spec, steps)
    for number, batch in enumerate(strategy.share(batches), start=1):
        loss = strategy.step(model, batch, optimizer)
        schedule.step()
        if not math.isfinite(loss):
            raise PermanentFailure("loss_not_finite", f"the loss is {loss} at step {number} of {steps}")
        on_step(Step(number, loss, batch.token_count, batch.rows_sha256))
    model.eval()


def make_optimizer(model: Any, spec: TrainingSpec) -> torch.optim.Optimizer:  # noqa: ANN401
    """Return AdamW over the trainable weights; the fused kernel is as deterministic as the plain one, and faster."""
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    return torch.optim.AdamW(
        weights, lr=float(spec.learning_rate), betas=(0.9, 0.95), weight_decay=float(spec.weight_decay), fused=True
    )


def make_schedule(
    optimizer: torch.optim.Optimizer, spec: TrainingSpec, steps: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """Return the learning rate over time: a linear warm-up, then constant, or a cosine down to a twentieth."""

    def factor(step: int) -> float:
        if step < spec.warmup_steps:
            return (step + 1) / spec.warmup_steps
        if spec.schedule == "constant":
            return 1.0
        done = (step - spec.warmup_steps) / max(1, steps - spec.warmup_steps)
        return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
