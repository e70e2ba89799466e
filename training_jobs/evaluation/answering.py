"""A model answers a suite: greedy, in batches of equal prompt length, keeping what attention has already computed.

Questions of one length go together, so no batch has padding and no mask can be wrong; the order of the suite is
restored at the end.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

import torch
from torch.nn import functional

from training_jobs.evaluation.samples import Sample
from training_jobs.trainer.chat import ChatFormat

BATCH_SIZE_MAX = 128
# A little longer than the longest expected answer: enough to see that an answer does not stop where it should.
TOKENS_BEYOND_EXPECTED = 2
NATS_PER_BIT = 0.6931471805599453

Row = dict[str, Any]


def answer_suite(
    model: Any,  # noqa: ANN401 - transformers' models are untyped
    chat: ChatFormat,
    rows: Sequence[Row],
    on_progress: Callable[[int], None],
) -> list[Sample]:
    """Return one sample per row, in the order of `rows`; `on_progress` is told how many are done."""
    prompts = [chat.prompt(row["question"]) for row in rows]
    expected = [chat.answer(row["answer"]) for row in rows]
    longest = max(len(answer) for answer in expected) + TOKENS_BEYOND_EXPECTED
    samples: dict[int, Sample] = {}
    model.eval()
    with torch.inference_mode():
        for group in _groups(prompts):
            answers = _greedy(model, torch.tensor([prompts[index] for index in group]), longest, chat.end)
            surprises = _millibits(model, [prompts[index] for index in group], [expected[index] for index in group])
            for index, answer, millibits in zip(group, answers, surprises, strict=True):
                row = rows[index]
                samples[index] = Sample(row["id"], row["language"], row["answer"], chat.read(answer), millibits)
            on_progress(len(samples))
    return [samples[index] for index in range(len(rows))]


def _groups(prompts: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield indices of prompts of equal length, at most BATCH_SIZE_MAX together."""
    by_length = sorted(range(len(prompts)), key=lambda index: (len(prompts[index]), index))
    for _, same in groupby(by_length, key=lambda index: len(prompts[index])):
        group = list(same)
        for start in range(0, len(group), BATCH_SIZE_MAX):
            yield group[start : start + BATCH_SIZE_MAX]


def _greedy(model: Any, tokens: torch.Tensor, longest: int, end: int) -> list[list[int]]:  # noqa: ANN401
    """Return the most likely continuation of each prompt, without the end token."""
    generated: list[torch.Tensor] = []
    ended = torch.zeros(len(tokens), dtype=torch.bool)
    cache = None
    for _ in range(longest):
        output = model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = output.past_key_values
        tokens = output.logits[:, -1].argmax(dim=-1, keepdim=True)
        generated.append(tokens)
        ended |= tokens[:, 0] == end
        if bool(ended.all()):
            break
    return [_until(answer, end) for answer in torch.cat(generated, dim=1).tolist()]


def _until(tokens: list[int], end: int) -> list[int]:
    return tokens[: tokens.index(end)] if end in tokens else tokens


def _millibits(model: Any, prompts: Sequence[list[int]], expected: Sequence[list[int]]) -> list[int]:  # noqa: ANN401
    """Return how surprised the model is by each expected answer (with its end), in thousandths of a bit."""
    start = len(prompts[0])
    width = start + max(len(answer) for answer in expected)
    # Padding repeats a token on the right, where no earlier position looks; its losses are left out.
    padded = [
        [*prompt, *answer, *[answer[-1]] * (width - start - len(answer))]
        for prompt, answer in zip(prompts, expected, strict=True)
    ]
    tokens = torch.tensor(padded)
    logits = model(input_ids=tokens[:, :-1], use_cache=False).logits[:, start - 1 :]
    nats = functional.cross_entropy(logits.transpose(1, 2).double(), tokens[:, start:], reduction="none")
    return [round(float(nats[row, : len(answer)].sum()) / NATS_PER_BIT * 1000) for row, answer in enumerate(expected)]
