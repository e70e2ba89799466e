"""A model answers questions and reads texts: greedy, in batches of equal length, keeping what attention has computed.

Questions of one length go together, so no batch has padding and no mask can be wrong; the order is restored at the end.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch.nn import functional

from training_jobs.evaluation.cost import Shape, kilo_operations
from training_jobs.evaluation.probes import Question
from training_jobs.evaluation.samples import MILLION, Asked
from training_jobs.trainer.chat import ChatFormat

BATCH_SIZE_MAX = 128
TEXTS_AT_ONCE = 16
# A little longer than the longest expected answer: enough to see that an answer does not stop where it should.
TOKENS_BEYOND_EXPECTED = 2
# Where no text is expected: enough to see whether a model refuses.
TOKENS_OF_A_REPLY = 48
NATS_PER_BIT = 0.6931471805599453
# What a behaviour row expects is no text that could be surprising.
BEHAVIOURS = frozenset({"answer", "refuse"})

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Answering:
    """A model with its format of turns. `room`: how many tokens it can look at, if it says so."""

    model: Any  # transformers' models are untyped
    chat: ChatFormat

    @property
    def room(self) -> int:
        """How many tokens the model can look at."""
        found = getattr(self.model.config, "max_position_embeddings", None)
        return found if type(found) is int and found > 1 else 1 << 20


def answer_all(who: Answering, questions: Sequence[Question], on_progress: Progress, *, behave: bool) -> list[Asked]:
    """Return one sample per question, in their order; `on_progress` is told how many are done.

    `behave`: of behaviour rows no text is expected, so there is no surprise to measure, and replies have one length.
    """
    chat = who.chat
    expected = [[] if behave else chat.answer(question.expected) for question in questions]
    longest = TOKENS_OF_A_REPLY if behave else max(map(len, expected), default=0) + TOKENS_BEYOND_EXPECTED
    # What does not fit loses its beginning; what fits leaves less room for the answer.
    prompts = [_prompt(chat, question)[1 - who.room :] for question in questions]
    shape = Shape.of(who.model)
    samples: dict[int, Asked] = {}
    who.model.eval()
    with torch.inference_mode():
        for group in _groups(prompts):
            tokens = [prompts[index] for index in group]
            answers = _greedy(who.model, torch.tensor(tokens), min(longest, who.room - len(tokens[0])), chat.end)
            surprises = _millibits(who.model, tokens, [expected[index] for index in group])
            for index, (answer, confidence), millibits in zip(group, answers, surprises, strict=True):
                question = questions[index]
                samples[index] = Asked(
                    row_id=question.row_id,
                    language=question.language,
                    probe=question.probe,
                    question=question.given,
                    expected=question.expected,
                    answer=chat.read(answer[:-1] if answer[-1] == chat.end else answer),
                    millibits=millibits,
                    confidence=confidence,
                    tokens=len(answer),
                    operations=kilo_operations(shape, len(prompts[index]), len(answer)),
                )
            on_progress(len(samples))
    return [samples[index] for index in range(len(questions))]


def read_all(who: Answering, texts: Sequence[str], on_progress: Progress) -> list[int]:
    """Return how surprised the model is by each text, in millibits, in their order."""
    sequences = [who.chat.document(text) for text in texts]
    pieces = [
        (index, sequence[start : start + who.room])
        for index, sequence in enumerate(sequences)
        for start in range(0, len(sequence) - 1, who.room - 1)  # the last token of a piece begins the next
    ]
    pieces.sort(key=lambda piece: (len(piece[1]), piece[0]))
    found = [0] * len(texts)
    who.model.eval()
    with torch.inference_mode():
        for start in range(0, len(pieces), TEXTS_AT_ONCE):
            together = pieces[start : start + TEXTS_AT_ONCE]
            starts, rests = zip(*((tokens[:1], tokens[1:]) for _, tokens in together), strict=True)
            surprises = _millibits(who.model, starts, rests)
            for (index, _), millibits in zip(together, surprises, strict=True):
                found[index] += millibits
            on_progress(min(len(texts), start + TEXTS_AT_ONCE))
    return found


def _prompt(chat: ChatFormat, question: Question) -> list[int]:
    if question.is_text:
        return chat.document(question.begun)[:-1]
    if question.begun:
        return [*chat.prompt(question.question), *chat.answer(question.begun)[:-1]]
    return chat.prompt(question.question)


def _groups(prompts: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Yield indices of prompts of equal length, at most BATCH_SIZE_MAX together."""
    by_length = sorted(range(len(prompts)), key=lambda index: (len(prompts[index]), index))
    for _, same in groupby(by_length, key=lambda index: len(prompts[index])):
        group = list(same)
        for start in range(0, len(group), BATCH_SIZE_MAX):
            yield group[start : start + BATCH_SIZE_MAX]


def _greedy(model: Any, tokens: torch.Tensor, longest: int, end: int) -> list[tuple[list[int], int]]:  # noqa: ANN401
    """Return the most likely continuation of each prompt, with the end token if it ends, and its probability.

    The probability is in millionths: the product over its tokens, the end among them.
    """
    generated: list[torch.Tensor] = []
    nats = torch.zeros(len(tokens), dtype=torch.float64)
    ended = torch.zeros(len(tokens), dtype=torch.bool)
    cache = None
    for _ in range(longest):
        output = model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache = output.past_key_values
        logits = output.logits[:, -1].float()
        likeliest, tokens = logits.max(dim=-1, keepdim=True)
        certain = (likeliest[:, 0] - logits.logsumexp(dim=-1)).double()
        nats += torch.where(ended, torch.zeros_like(certain), certain)
        generated.append(tokens)
        ended |= tokens[:, 0] == end
        if bool(ended.all()):
            break
    answers = [_through(answer, end) for answer in torch.cat(generated, dim=1).tolist()]
    return [(answer, round(one * MILLION)) for answer, one in zip(answers, nats.exp().tolist(), strict=True)]


def _through(tokens: list[int], end: int) -> list[int]:
    return tokens[: tokens.index(end) + 1] if end in tokens else tokens


def _millibits(model: Any, prompts: Sequence[list[int]], expected: Sequence[list[int]]) -> list[int]:  # noqa: ANN401
    """Return how surprised the model is by each continuation, in thousandths of a bit. All prompts have one length."""
    start = len(prompts[0])
    width = start + max(map(len, expected))
    if width == start:  # nothing is expected
        return [0] * len(prompts)
    # Padding repeats a token on the right, where no earlier position looks; its losses are left out.
    padded = [
        [*prompt, *answer, *[(answer or prompt)[-1]] * (width - start - len(answer))]
        for prompt, answer in zip(prompts, expected, strict=True)
    ]
    tokens = torch.tensor(padded)
    logits = model(input_ids=tokens[:, :-1], use_cache=False).logits[:, start - 1 :]
    nats = functional.cross_entropy(logits.transpose(1, 2).double(), tokens[:, start:], reduction="none")
    return [round(float(nats[row, : len(answer)].sum()) / NATS_PER_BIT * 1000) for row, answer in enumerate(expected)]
