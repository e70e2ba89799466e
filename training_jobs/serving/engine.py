"""A model answers: text to tokens, tokens one by one with cached attention, tokens to text. Torch lives here.

A conversation becomes text by the chat template that the model was published with, as any other server does it.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jinja2 import TemplateError
from transformers import AutoTokenizer

from training_jobs.serving.asked import NotAnswered
from training_jobs.trainer.failures import PermanentFailure
from training_jobs.trainer.model import load

CONTEXT_DEFAULT = 2048
UNFINISHED = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Bounds:
    """What the process may take: models kept at once, bytes of weights of one, seconds of one answer."""

    models: int = 2
    model_bytes: int = 8_000_000_000
    seconds: float = 60.0


@dataclass
class Answer:
    """What is known when an answer ends."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    finish_reason: str = "stop"


class Engine:
    """Keeps the models that were asked last, and lets one of them answer."""

    def __init__(self, bounds: Bounds) -> None:
        """Begin with no model."""
        self.bounds = bounds
        self._kept: OrderedDict[Path, _Loaded] = OrderedDict()

    def answer(
        self, folder: Path, asked: Mapping[str, Any], answer: Answer, is_wanted: Callable[[], bool]
    ) -> Iterator[str]:
        """Yield the text of an answer piece by piece, and fill in `answer`; stop when nobody wants it any more.

        `asked` is `Asked.to_dict()`. Raises NotAnswered for what this model cannot be asked.
        """
        loaded = self._loaded(folder)
        tokens = loaded.tokens(asked)
        answer.prompt_tokens = len(tokens)
        room = loaded.context - len(tokens)
        if room < 1:
            message = f"the text has {len(tokens)} tokens; this model reads {loaded.context}, answer included"
            raise NotAnswered(400, "context_length_exceeded", message, "messages" if asked["messages"] else "prompt")
        text = _Text(loaded.tokenizer, asked["stop"])
        answer.finish_reason = "length"
        until = time.monotonic() + self.bounds.seconds
        for token in loaded.generate(tokens, min(room, asked["max_tokens"]), asked):
            if token in loaded.ends:
                answer.finish_reason = "stop"
                break
            answer.completion_tokens += 1
            if piece := text.add(token):
                yield piece
            if text.is_stopped:
                answer.finish_reason = "stop"
                return
            if time.monotonic() > until or not is_wanted():
                break
        if piece := text.rest():
            yield piece
        if text.is_stopped:
            answer.finish_reason = "stop"

    def _loaded(self, folder: Path) -> "_Loaded":
        """Return the model in a folder, kept or loaded now in the place of the one that waited longest."""
        if folder in self._kept:
            self._kept.move_to_end(folder)
            return self._kept[folder]
        size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
        if size > self.bounds.model_bytes:
            message = (
                f"this model has {size} bytes of weights; {self.bounds.model_bytes} may be tried here: download it"
            )
            raise NotAnswered(400, "model_too_large", message, "model")
        while len(self._kept) >= self.bounds.models:
            self._kept.popitem(last=False)
        try:
            self._kept[folder] = _Loaded(folder)
        except (PermanentFailure, OSError, ValueError) as error:
            raise NotAnswered(503, "model_not_loaded", f"this model does not load here: {error}", "model") from error
        return self._kept[folder]


class _Loaded:
    """A model with its tokenizer."""

    def __init__(self, folder: Path) -> None:
        self.model = load(folder).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        self.context = int(getattr(self.model.config, "max_position_embeddings", None) or CONTEXT_DEFAULT)
        self.ends = _ends(self.model, self.tokenizer)

    def tokens(self, asked: Mapping[str, Any]) -> list[int]:
        """Return the tokens that the model is to continue."""
        text = self._conversation(asked["messages"]) if asked["messages"] else asked["prompt"]
        found = list(self.tokenizer(text, add_special_tokens=not asked["messages"])["input_ids"])
        if not found:
            raise NotAnswered(400, "invalid_value", "the text has no tokens", "prompt")
        return found

    def _conversation(self, messages: list[dict[str, str]]) -> str:
        if not self.tokenizer.chat_template:
            message = "this model was published without a chat template; ask it at /v1/completions"
            raise NotAnswered(400, "no_chat_template", message, "model")
        try:
            return str(self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False))
        except TemplateError as error:
            raise NotAnswered(
                400, "messages_refused", f"the model's chat template says: {error}", "messages"
            ) from error

    def generate(self, tokens: list[int], most: int, asked: Mapping[str, Any]) -> Iterator[int]:
        """Yield at most `most` tokens, greedy or drawn."""
        draw = torch.Generator()
        if asked["seed"] is None:
            draw.seed()
        else:
            draw.manual_seed(asked["seed"])
        given, cache = torch.tensor([tokens]), None
        for _ in range(most):
            with torch.inference_mode():
                output = self.model(input_ids=given, past_key_values=cache, use_cache=True, logits_to_keep=1)
                cache = output.past_key_values
                token = _chosen(output.logits[0, -1].float(), asked["temperature"], asked["top_p"], draw)
            yield token
            given = torch.tensor([[token]])


def _chosen(logits: torch.Tensor, temperature: float, top_p: float, draw: torch.Generator) -> int:
    """Return the next token: the likeliest at temperature 0, else one drawn from the fewest that hold `top_p`."""
    if temperature == 0:
        return int(logits.argmax())
    shares, order = torch.softmax(logits / temperature, dim=-1).sort(descending=True)
    # What comes before a token is less than top_p: so the first is always among them.
    shares = shares * (shares.cumsum(0) - shares < max(top_p, 1e-9))
    return int(order[torch.multinomial(shares, 1, generator=draw)])


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:  # noqa: ANN401 - transformers is untyped
    """Return the tokens that end an answer, wherever the model says so."""
    found: set[int] = set()
    for source in (getattr(model, "generation_config", None), model.config, tokenizer):
        value = getattr(source, "eos_token_id", None)
        found |= set(value) if isinstance(value, list | tuple) else set() if value is None else {int(value)}
    return frozenset(found)


class _Text:
    """Turns tokens into text piece by piece, without half characters and without what belongs to a stop."""

    def __init__(self, tokenizer: Any, stops: list[str]) -> None:  # noqa: ANN401
        self._tokenizer = tokenizer
        self._stops = stops
        self._held = max((len(stop) for stop in stops), default=1) - 1
        self._tokens: list[int] = []
        self._said = 0
        self.is_stopped = False

    def add(self, token: int) -> str:
        """Return what can be said with one token more."""
        self._tokens.append(token)
        text = self._decoded()
        if text.endswith(UNFINISHED):
            return ""
        return self._say(text, self._held)

    def rest(self) -> str:
        """Return what was held back."""
        return self._say(self._decoded(), 0)

    def _decoded(self) -> str:
        return str(self._tokenizer.decode(self._tokens, skip_special_tokens=True))

    def _say(self, text: str, held: int) -> str:
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if places:
            self.is_stopped = True
            text, held = text[: min(places)], 0
        piece = text[self._said : max(self._said, len(text) - held)]
        self._said += len(piece)
        return piece
