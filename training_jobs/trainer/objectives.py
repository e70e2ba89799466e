"""What is learned from a row, and how wrong a model is about it. One class per objective; the table lists them.

- supervised (rows of dialogue): the cross-entropy of the answer and its end.
- continued (rows of text): the cross-entropy of every token. A text longer than a sequence is cut into pieces; each
  piece begins with the last token of the one before, so that every token is learned once.
- preference (rows of preference): DPO (arXiv 2305.18290, equation 7) against the frozen base, without dropout, as the
  paper's code does it: the two models must be compared on the same terms.
"""

import copy
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any, ClassVar, Protocol

import torch
from torch.nn import functional

from training_jobs.spec import TrainingSpec
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.data import Example, Part
from training_jobs.trainer.failures import PermanentFailure

Row = dict[str, Any]
# (model, part) -> logits [targets, vocabulary] at the part's predicting positions.
Predict = Callable[[Any, Part], torch.Tensor]


class Objective(Protocol):
    """From rows to examples, and from a part to its loss."""

    dropout: ClassVar[bool]
    reference: Any  # a model that the trained one is compared with, or None; it may be the trained one itself

    def __init__(self, spec: TrainingSpec) -> None:
        """Read what the objective needs from the specification."""
        ...

    def examples(self, row: Row, chat: ChatFormat) -> list[Example]:
        """Turn one row into tokens; a row that does not fit is refused where cutting it would teach something else."""
        ...

    def prepare(self, model: Any) -> None:  # noqa: ANN401 - transformers' models are untyped
        """Look at the model, still as it is before the first step and already where it computes."""
        ...

    def loss(self, model: Any, part: Part, predict: Predict) -> torch.Tensor:  # noqa: ANN401
        """Return the mean loss over `part.weight` learned tokens, or pairs; a scalar."""
        ...


class _CrossEntropy:
    dropout: ClassVar[bool] = True
    reference: Any = None

    def __init__(self, spec: TrainingSpec) -> None:
        """Remember how long a sequence may be."""
        self._longest = spec.sequence_length

    def prepare(self, model: Any) -> None:  # noqa: ANN401
        """Only the model itself is needed."""

    def loss(self, model: Any, part: Part, predict: Predict) -> torch.Tensor:  # noqa: ANN401
        """Return the mean cross-entropy of the learned tokens."""
        return functional.cross_entropy(predict(model, part).float(), part.targets)


class Supervised(_CrossEntropy):
    """Learn to give the answer to a question."""

    def examples(self, row: Row, chat: ChatFormat) -> list[Example]:
        """Learn the answer; the question is only read."""
        prompt = chat.prompt(row["question"])
        return [_fitting(row, (*prompt, *chat.answer(row["answer"])), len(prompt), self._longest)]


class Continued(_CrossEntropy):
    """Go on with what pre-training does: learn every token of a text."""

    def examples(self, row: Row, chat: ChatFormat) -> list[Example]:
        """Cut a long text into pieces that overlap by one token."""
        tokens = tuple(chat.document(row["text"]))
        starts = range(0, len(tokens) - 1, self._longest - 1)
        return [Example(row["id"], tokens[start : start + self._longest], 1) for start in starts]


class Preference:
    """Learn to prefer one answer to another, without leaving the base model further than beta allows."""

    dropout: ClassVar[bool] = False

    def __init__(self, spec: TrainingSpec) -> None:
        """Remember beta."""
        if spec.preference is None:
            raise PermanentFailure("malformed_field", "the objective preference needs its beta")
        self._longest = spec.sequence_length
        self._beta = float(spec.preference.beta)
        self.reference: Any = None

    def examples(self, row: Row, chat: ChatFormat) -> list[Example]:
        """Put both answers after the same question."""
        prompt = chat.prompt(row["question"])
        chosen, rejected = (
            _fitting(row, (*prompt, *chat.answer(row[key])), len(prompt), self._longest).tokens
            for key in ("chosen", "rejected")
        )
        return [Example(row["id"], chosen, len(prompt), rejected)]

    def prepare(self, model: Any) -> None:  # noqa: ANN401
        """Keep the base: a model with an adapter is its own base without it, any other is copied and frozen."""
        self.reference = model if hasattr(model, "disable_adapter") else copy.deepcopy(model).requires_grad_(False)
        self.reference.eval()

    def loss(self, model: Any, part: Part, predict: Predict) -> torch.Tensor:  # noqa: ANN401
        """Return the mean over pairs of -log sigmoid(beta * (how much more the model prefers than the base does))."""
        with torch.no_grad(), model.disable_adapter() if self.reference is model else nullcontext():
            base = _preferred_by(self.reference, part, predict)
        return -functional.logsigmoid(self._beta * (_preferred_by(model, part, predict) - base)).mean()


OBJECTIVES: dict[str, type[Objective]] = {
    "supervised": Supervised,
    "continued": Continued,
    "preference": Preference,
}


def encode(rows: Iterable[Row], spec: TrainingSpec, chat: ChatFormat) -> list[Example]:
    """Turn rows into what the specification's objective learns from."""
    objective = OBJECTIVES[spec.objective](spec)
    return [example for row in rows for example in objective.examples(row, chat)]


def _preferred_by(model: Any, part: Part, predict: Predict) -> torch.Tensor:  # noqa: ANN401
    """Return log p(chosen) - log p(rejected) of each pair [pairs]; the chosen answers stand in the upper half."""
    surprise = functional.cross_entropy(predict(model, part).float(), part.targets, reduction="none")
    answers = torch.stack([answer.sum() for answer in torch.split(surprise, part.lengths)])
    chosen, rejected = answers.chunk(2)
    return rejected - chosen


def _fitting(row: Row, tokens: tuple[int, ...], learned_from: int, longest: int) -> Example:
    """Return the example; one that does not fit is refused: cutting an answer short would teach something else."""
    if len(tokens) > longest:
        raise PermanentFailure(
            "record_too_long", f"row {row['id']} has {len(tokens)} tokens, at most {longest} are allowed"
        )
    return Example(row["id"], tokens, learned_from)
