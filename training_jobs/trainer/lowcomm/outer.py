"""The outer optimiser: Nesterov momentum on the averaged pseudo-gradient (DiLoCo, arXiv 2311.08105, Algorithm 1).

Every member holds the same global weights G and momentum M and takes the same step from the same average g:

    M <- mu M + g        G <- G - eta (g + mu M)
"""

import hashlib
from collections.abc import Sequence

import torch


class Outer:
    """Global weights and momentum, float32 on the CPU, one tensor per trained weight in a fixed order."""

    def __init__(self, weights: Sequence[torch.Tensor], learning_rate: float, momentum: float) -> None:
        """Start from copies of `weights` with no momentum."""
        self.weights = [weight.detach().to("cpu", torch.float32, copy=True) for weight in weights]
        self.momenta = [torch.zeros_like(weight) for weight in self.weights]
        self.learning_rate = learning_rate
        self.momentum = momentum

    def step(self, averages: Sequence[torch.Tensor]) -> None:
        """Move the global weights against the averaged pseudo-gradient."""
        for weight, momentum, average in zip(self.weights, self.momenta, averages, strict=True):
            momentum.mul_(self.momentum).add_(average)
            weight.add_(average, alpha=-self.learning_rate)
            weight.add_(momentum, alpha=-self.learning_rate * self.momentum)

    def digest(self) -> str:
        """Return the SHA-256 of weights and momenta: members with equal digests hold the same bits."""
        found = hashlib.sha256()
        for tensor in (*self.weights, *self.momenta):
            found.update(tensor.contiguous().numpy().data)
        return found.hexdigest()

    def state(self) -> dict[str, torch.Tensor]:
        """Return weights and momenta by name."""
        return {
            **{f"weight.{index:05d}": tensor for index, tensor in enumerate(self.weights)},
            **{f"momentum.{index:05d}": tensor for index, tensor in enumerate(self.momenta)},
        }

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Take weights and momenta from `state`; KeyError or ValueError when it does not fit."""
        for kind, tensors in (("weight", self.weights), ("momentum", self.momenta)):
            for index, tensor in enumerate(tensors):
                found = state[f"{kind}.{index:05d}"]
                if found.shape != tensor.shape:
                    raise ValueError(f"{kind} {index} has the shape {tuple(found.shape)}, not {tuple(tensor.shape)}")
                tensor.copy_(found)
