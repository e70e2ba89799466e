"""From dataset files to batches of tokens: checked against the specification, shuffled from the seed, packed.

How a question and its answer stand in one text is in `chat`, what a row means in `objectives`. Equal specifications
give equal batches in equal order, whatever the machine: first a plan (which rows in which step; cheap, so that a
resumed run can pass over what is done), then tensors.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from governance.evidence.canonical import CanonicalError, strict_loads
from models_registry.datasets.kinds import KINDS
from training_jobs.spec import DatasetUse, TrainingSpec
from training_jobs.trainer.failures import PermanentFailure

ROW_BYTES_MAX = 100_000
# Batches are cut from this many batches' worth of rows sorted by length: little padding, and the order stays shuffled.
BATCHES_SORTED_TOGETHER = 16
EXAMPLES_PACKED_TOGETHER = 1_024


@dataclass(frozen=True)
class Example:
    """One document as tokens, learned from `learned_from` on; `rejected` is another ending after the same start."""

    row_id: str
    tokens: tuple[int, ...]
    learned_from: int
    rejected: tuple[int, ...] = ()

    @property
    def token_count(self) -> int:
        """How many tokens a model reads for this example."""
        return len(self.tokens) + len(self.rejected)


# Which examples one step learns from. A row of tokens holds several examples only where they are packed; a part is
# what goes through the model at once; a step has several parts only where gradients are accumulated.
RowOfTokens = tuple[Example, ...]
PartRows = tuple[RowOfTokens, ...]
StepRows = tuple[PartRows, ...]


@dataclass(frozen=True)
class Part:
    """What goes through the model at once.

    `tokens` [rows, width], padded on the right. `positions` [rows, width]: counted from 0 in each document, None where
    every row is one document. `predicting` [targets]: which positions, numbered through the flattened rows, predict
    `targets` [targets]. `lengths`: how many targets each document has, in order. `weight`: what the loss is a mean
    over.
    """

    tokens: torch.Tensor
    positions: torch.Tensor | None
    predicting: torch.Tensor
    targets: torch.Tensor
    lengths: list[int]
    weight: int

    def to(self, device: torch.device) -> "Part":
        """Return the part on a device."""
        if device.type == "cpu":
            return self
        positions = None if self.positions is None else self.positions.to(device)
        tokens, predicting, targets = (each.to(device) for each in (self.tokens, self.predicting, self.targets))
        return Part(tokens, positions, predicting, targets, self.lengths, self.weight)


@dataclass(frozen=True)
class Batch:
    """What one optimizer step learns from."""

    parts: tuple[Part, ...]
    token_count: int
    rows_sha256: str

    @property
    def weight(self) -> int:
        """What the loss of the step is a mean over: the learned tokens, or the pairs."""
        return sum(part.weight for part in self.parts)


def read_rows(file: Path, use: DatasetUse, kind: str) -> list[dict[str, Any]]:
    """Read the rows of one dataset in the wanted languages."""
    return [row for row in read_all_rows(file, use.digest, kind) if row["language"] in use.languages]


def read_all_rows(file: Path, digest: str, kind: str) -> list[dict[str, Any]]:
    """Read a file of rows of this kind, after checking that it is the one that was voted on."""
    keys = ("id", "language", *KINDS[kind])
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
        if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in keys):
            raise PermanentFailure("input_unreadable", f"dataset {digest}, line {number} has not {', '.join(keys)}")
        rows.append(row)
    return rows


def plan(examples: Sequence[Example], spec: TrainingSpec) -> Iterator[StepRows]:
    """Yield which examples each step learns from, over all epochs in training order."""
    for epoch in range(spec.epochs):
        yield from _epoch(examples, spec, f"{spec.seed} {epoch}")


def steps_total(examples: Sequence[Example], spec: TrainingSpec) -> int:
    """Return how many steps `plan` yields."""
    if spec.packing:  # how well rows fill depends on the draw
        return sum(1 for _ in plan(examples, spec))
    return spec.epochs * _ceiling(_ceiling(len(examples), spec.batch_size), spec.accumulation)


def batches(steps: Iterable[StepRows], pad: int) -> Iterator[Batch]:
    """Turn the rows of each step into tensors."""
    for step in steps:
        examples = [example for part in step for row in part for example in row]
        yield Batch(
            parts=tuple(_part(rows, pad) for rows in step),
            token_count=sum(example.token_count for example in examples),
            rows_sha256=hashlib.sha256("\n".join(example.row_id for example in examples).encode()).hexdigest(),
        )


def _epoch(examples: Sequence[Example], spec: TrainingSpec, seed: str) -> list[StepRows]:
    """Cut one epoch into steps: shuffle, pack, sort stretches by length, cut, shuffle what was cut, accumulate."""
    order = random.Random(seed)  # noqa: S311 - a fixed draw, not a secret
    shuffled = list(examples)
    order.shuffle(shuffled)
    stretch = spec.batch_size * BATCHES_SORTED_TOGETHER
    rows = _packed(shuffled, spec.sequence_length) if spec.packing else [(example,) for example in shuffled]
    parts: list[PartRows] = []
    for start in range(0, len(rows), stretch):
        together = sorted(rows[start : start + stretch], key=_row_length)
        parts += [tuple(together[cut : cut + spec.batch_size]) for cut in range(0, len(together), spec.batch_size)]
    order.shuffle(parts)
    return [tuple(parts[start : start + spec.accumulation]) for start in range(0, len(parts), spec.accumulation)]


def _packed(examples: Sequence[Example], length: int) -> list[RowOfTokens]:
    """Fill rows of at most `length` tokens: in stretches, the longest first, each into the first row with room."""
    rows: list[RowOfTokens] = []
    for start in range(0, len(examples), EXAMPLES_PACKED_TOGETHER):
        filled: list[tuple[int, list[Example]]] = []
        for example in sorted(examples[start : start + EXAMPLES_PACKED_TOGETHER], key=_length, reverse=True):
            for index, (used, row) in enumerate(filled):
                if used + len(example.tokens) <= length:
                    row.append(example)
                    filled[index] = (used + len(example.tokens), row)
                    break
            else:
                filled.append((len(example.tokens), [example]))
        rows += [tuple(row) for _, row in filled]
    return rows


def _part(rows: PartRows, pad: int) -> Part:
    """Lay the rows side by side; below them, in the same order, what is rejected."""
    sequences = [[(example.tokens, example.learned_from) for example in row] for row in rows]
    sequences += [[(e.rejected, e.learned_from) for e in row] for row in rows if row[0].rejected]
    width = max(sum(len(tokens) for tokens, _ in row) for row in sequences)
    packed = any(len(row) > 1 for row in sequences)
    all_tokens, all_positions = [], []
    predicting: list[int] = []
    targets: list[int] = []
    lengths: list[int] = []
    for number, row in enumerate(sequences):
        line: list[int] = []
        positions: list[int] = []
        for tokens, learned_from in row:
            # Position p predicts token p + 1; positions are numbered through the flattened part.
            start = number * width + len(line) - 1
            predicting += range(start + learned_from, start + len(tokens))
            targets += tokens[learned_from:]
            lengths.append(len(tokens) - learned_from)
            line += tokens
            positions += range(len(tokens))
        rest = width - len(line)
        all_tokens.append([*line, *[pad] * rest])
        all_positions.append([*positions, *range(rest)])  # padding is a document of its own, which nobody learns
    return Part(
        tokens=torch.tensor(all_tokens),
        positions=torch.tensor(all_positions) if packed else None,
        predicting=torch.tensor(predicting),
        targets=torch.tensor(targets),
        lengths=lengths,
        weight=len(rows) if rows[0][0].rejected else len(targets),
    )


def _length(example: Example) -> int:
    return len(example.tokens)


def _row_length(row: RowOfTokens) -> int:
    return sum(example.token_count for example in row)


def _ceiling(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
