"""From dataset files to batches of tokens: checked against the specification, encoded, shuffled from the seed.

The format of one row is `<|user|>{question}<|assistant|>{answer}<|end|>`; only the answer and its end are learned.
Equal specifications give equal batches in equal order, whatever the machine.
"""

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from governance.evidence.canonical import CanonicalError, strict_loads
from training_jobs.spec import DatasetUse, TrainingSpec
from training_jobs.trainer.failures import PermanentFailure

USER, ASSISTANT, END, PAD = "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>"
ROW_BYTES_MAX = 100_000
# Batches are cut from this many batches' worth of rows sorted by length: little padding, and the order stays shuffled.
BATCHES_SORTED_TOGETHER = 16


@dataclass(frozen=True)
class Example:
    """One row as tokens; the answer starts at `answer_start`."""

    row_id: str
    tokens: tuple[int, ...]
    answer_start: int


@dataclass(frozen=True)
class Batch:
    """Token ids padded on the right, and which positions predict which answer tokens."""

    tokens: torch.Tensor
    predicting: torch.Tensor
    targets: torch.Tensor
    token_count: int
    rows_sha256: str


class ChatFormat:
    """Encodes questions and answers with a tokenizer that has the four special tokens."""

    def __init__(self, tokenizer_file: Path) -> None:
        """Load tokenizer.json; a tokenizer without the format's special tokens is a permanent failure."""
        try:
            self.tokenizer = Tokenizer.from_file(str(tokenizer_file))
        except Exception as error:  # the library raises nothing narrower
            raise PermanentFailure("input_unreadable", f"tokenizer.json: {error}") from error
        # Text that spells a special token stays text: a row must not be able to end its own answer.
        self.tokenizer.encode_special_tokens = True
        self.user, self.assistant, self.end, self.pad = (self._special(text) for text in (USER, ASSISTANT, END, PAD))

    def prompt(self, question: str) -> list[int]:
        """Return the tokens that come before an answer."""
        return [self.user, *self._text(question), self.assistant]

    def answer(self, answer: str) -> list[int]:
        """Return the tokens of an answer with its end."""
        return [*self._text(answer), self.end]

    def read(self, tokens: Sequence[int]) -> str:
        """Return the text of generated tokens, special tokens spelled out."""
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=False))

    def _text(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def _special(self, text: str) -> int:
        token = self.tokenizer.token_to_id(text)
        if token is None:
            raise PermanentFailure("tokenizer_without_format", f"the base model's tokenizer lacks {text}")
        return int(token)


def read_rows(file: Path, use: DatasetUse) -> list[dict[str, Any]]:
    """Read the rows of one dataset in the wanted languages."""
    return [row for row in read_all_rows(file, use.digest) if row["language"] in use.languages]


def read_all_rows(file: Path, digest: str) -> list[dict[str, Any]]:
    """Read a file of questions and answers, after checking that it is the one that was voted on."""
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise PermanentFailure("input_missing", f"dataset {digest}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise PermanentFailure("payload_changed", f"dataset {digest} has the digest {found}")
    rows = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            row = strict_loads(line, max_bytes=ROW_BYTES_MAX)
        except CanonicalError as error:
            raise PermanentFailure("input_unreadable", f"dataset {digest}, line {number}: {error}") from error
        if not isinstance(row, dict) or not all(
            isinstance(row.get(key), str) for key in ("id", "language", "question", "answer")
        ):
            raise PermanentFailure("input_unreadable", f"dataset {digest}, line {number} is not a question and answer")
        rows.append(row)
    return rows


def encode(rows: Sequence[dict[str, Any]], chat: ChatFormat, sequence_length: int) -> list[Example]:
    """Turn rows into tokens. A row that does not fit is refused: cutting an answer short would teach something else."""
    examples = []
    for row in rows:
        prompt = chat.prompt(row["question"])
        tokens = (*prompt, *chat.answer(row["answer"]))
        if len(tokens) > sequence_length:
            raise PermanentFailure(
                "record_too_long", f"row {row['id']} has {len(tokens)} tokens, at most {sequence_length} are allowed"
            )
        examples.append(Example(row["id"], tokens, len(prompt)))
    return examples


def batches(examples: Sequence[Example], spec: TrainingSpec, pad: int) -> Iterator[Batch]:
    """Yield the batches of all epochs in training order."""
    for epoch in range(spec.epochs):
        for group in _epoch(examples, spec.batch_size, f"{spec.seed} {epoch}"):
            yield _batch(group, pad)


def steps_total(examples: Sequence[Example], spec: TrainingSpec) -> int:
    """Return how many batches `batches` yields."""
    return spec.epochs * -(-len(examples) // spec.batch_size)


def _epoch(examples: Sequence[Example], batch_size: int, seed: str) -> list[list[Example]]:
    """Cut one epoch into batches: shuffle, sort stretches by length, cut, shuffle the batches."""
    order = random.Random(seed)  # noqa: S311 - a fixed draw, not a secret
    shuffled = list(examples)
    order.shuffle(shuffled)
    stretch = batch_size * BATCHES_SORTED_TOGETHER
    groups = []
    for start in range(0, len(shuffled), stretch):
        together = sorted(shuffled[start : start + stretch], key=lambda example: len(example.tokens))
        groups += [together[cut : cut + batch_size] for cut in range(0, len(together), batch_size)]
    order.shuffle(groups)
    return groups


def _batch(examples: Sequence[Example], pad: int) -> Batch:
    width = max(len(example.tokens) for example in examples)
    tokens = [[*example.tokens, *[pad] * (width - len(example.tokens))] for example in examples]
    # Position p predicts token p + 1; positions are numbered through the flattened batch.
    predicting = [
        row * width + position - 1
        for row, example in enumerate(examples)
        for position in range(example.answer_start, len(example.tokens))
    ]
    targets = [token for example in examples for token in example.tokens[example.answer_start :]]
    return Batch(
        tokens=torch.tensor(tokens),
        predicting=torch.tensor(predicting),
        targets=torch.tensor(targets),
        token_count=sum(len(example.tokens) for example in examples),
        rows_sha256=hashlib.sha256("\n".join(example.row_id for example in examples).encode()).hexdigest(),
    )
