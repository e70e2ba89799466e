"""One question of a suite with one model's answer: what every metric is computed from. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """A question, the answer that the suite expects, and what one model made of it.

    `answer` is the greedy answer. `millibits` is how surprised the model was by the expected answer: minus the base-2
    logarithm of its probability, in thousandths, rounded; an integer, so that values computed from it are exact.
    """

    row_id: str
    language: str
    expected: str
    answer: str
    millibits: int
