"""What an answer costs to compute, counted from the shape of the model: no clock, so it is the same on every machine.

A token takes two operations per weight that it is multiplied with, and in each layer four per unit of width for each
token that attention looks back at (Kaplan et al. 2020, arXiv 2001.08361, table 1). Every token is read once.
"""

from dataclasses import dataclass
from typing import Any, Self

_THOUSAND = 1_000


@dataclass(frozen=True)
class Shape:
    """How many weights a token is multiplied with, in how many layers, how wide."""

    weights: int
    layers: int
    width: int

    @classmethod
    def of(cls, model: Any) -> Self:  # noqa: ANN401 - transformers' models are untyped
        """Return the shape of a model. An embedding that is only looked up is not multiplied with."""
        looked_up = model.get_input_embeddings().weight
        head = model.get_output_embeddings()
        is_shared = head is not None and head.weight is looked_up
        weights = sum(weight.numel() for weight in model.parameters()) - (0 if is_shared else looked_up.numel())
        return cls(weights, int(model.config.num_hidden_layers), int(model.config.hidden_size))


def kilo_operations(shape: Shape, given: int, answered: int) -> int:
    """Return what an answer of `answered` tokens to `given` tokens takes, in thousands of operations, rounded down."""
    tokens = given + answered - 1  # nothing is computed after the last one
    looks_back = tokens * (tokens + 1) // 2
    return (2 * shape.weights * tokens + 4 * shape.layers * shape.width * looks_back) // _THOUSAND
