"""The gradients of one step: forward and backward over its parts, for the objective and in the precision asked for."""

from typing import Any

import torch

from training_jobs.spec import TrainingSpec
from training_jobs.trainer.data import Batch, Part
from training_jobs.trainer.model import predictor
from training_jobs.trainer.objectives import OBJECTIVES


class Learning:
    """What a strategy calls to learn; how the work is spread over devices is the strategy's.

    bfloat16 is autocast: matrix products are computed in bfloat16, weights, gradients' sums, optimizer and losses stay
    float32, so no loss scaling is needed.
    """

    def __init__(self, spec: TrainingSpec, model: Any) -> None:  # noqa: ANN401 - transformers' models are untyped
        """Look at the model, still as it is before the first step and already where it computes."""
        self.objective = OBJECTIVES[spec.objective](spec)
        self.objective.prepare(model)
        self.predict = predictor(model, packing=spec.packing)
        self._bfloat16 = spec.precision == "bfloat16"
        self.clip_at = None if spec.gradient_clip is None else float(spec.gradient_clip)

    def gradients(
        self,
        model: Any,  # noqa: ANN401
        batch: Batch,
        device: torch.device,
        divisor: float | None = None,
    ) -> torch.Tensor:
        """Add the gradients of the mean loss over all parts of the batch, and return that loss (a scalar, detached).

        Each part counts by what it holds, so cutting a batch into parts changes nothing but the rounding. With 1 as
        `divisor` it is the sum over what is learned that is taken, not the mean.
        """
        total = torch.zeros((), device=device)
        for part in batch.parts:
            loss = self.loss(model, part.to(device), part.weight / (divisor or batch.weight))
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total

    def loss(self, model: Any, part: Part, times: float) -> torch.Tensor:  # noqa: ANN401
        """Return the mean loss of a part, which stands where the model computes, multiplied."""
        with self.precision(part.tokens.device):
            return self.objective.loss(model, part, self.predict) * times

    def precision(self, device: torch.device) -> torch.autocast:
        """Return the context in which a forward pass runs."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self._bfloat16)

    def clip(self, model: Any) -> None:  # noqa: ANN401
        """Scale the gradients down to the norm that the specification allows, if it sets one."""
        if self.clip_at is not None:
            torch.nn.utils.clip_grad_norm_(model.parameters(), self.clip_at)
