"""What may be asked of a model over the standard HTTP form, and how it is refused. Pure.

The form is that of OpenAI's chat completions and completions, as vLLM and llama.cpp speak it too. Here only what a
trial needs is understood; what would change the answer and is not understood (tools, several choices, log
probabilities) is refused by name, because an answer that ignores a wish looks like one that follows it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

MESSAGES_MAX = 64
CHARACTERS_MAX = 32_000
TOKENS_MAX = 512
TOKENS_DEFAULT = 256
STOPS_MAX = 4
STOP_CHARACTERS_MAX = 64
MODEL_CHARACTERS_MAX = 300
TEMPERATURE_MAX = 2.0
SEED_MAX = 2**53 - 1
ROLES = ("system", "user", "assistant")

_COMMON = frozenset(
    {"model", "max_tokens", "temperature", "top_p", "seed", "stop", "stream", "stream_options", "n", "user"}
)
_CHAT = _COMMON | {"messages", "max_completion_tokens"}
_TEXT = _COMMON | {"prompt"}


class NotAnswered(Exception):
    """A request that gets no answer. `param` names the field at fault; `code` is stable."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None) -> None:
        """Keep what the answer says."""
        super().__init__(message)
        self.status, self.code, self.message, self.param = status, code, message, param

    def to_dict(self) -> dict[str, Any]:
        """Return the refusal in the standard form."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"  # noqa: PLR2004
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


@dataclass(frozen=True)
class Asked:
    """One request. Either `messages` (role and content) or `prompt` is there; `temperature` 0 means greedy."""

    model: str
    messages: tuple[tuple[str, str], ...]
    prompt: str
    max_tokens: int
    temperature: float
    top_p: float
    seed: int | None
    stop: tuple[str, ...]
    stream: bool
    with_usage: bool

    def to_dict(self) -> dict[str, Any]:
        """Return what the answering process needs to know."""
        return {
            "messages": [{"role": role, "content": content} for role, content in self.messages],
            "prompt": self.prompt,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "seed": self.seed,
            "stop": list(self.stop),
        }


def chat(body: object) -> Asked:
    """Read the body of a chat completion; raise NotAnswered (400) for anything that would not be followed."""
    given = _object(body, _CHAT)
    if "max_tokens" in given and "max_completion_tokens" in given:
        raise _wrong("max_tokens", "max_tokens and max_completion_tokens say the same; send one of them")
    messages = given.get("messages")
    if not isinstance(messages, list) or not messages:
        raise _wrong("messages", "messages is a list of at least one message")
    if len(messages) > MESSAGES_MAX:
        raise _wrong("messages", f"{len(messages)} messages; at most {MESSAGES_MAX} are read here")
    read = tuple(_message(message, index) for index, message in enumerate(messages))
    if read[-1][0] != "user":
        raise _wrong(f"messages.{len(read) - 1}.role", "the last message is the user's, for the model to answer")
    _require_length(sum(len(content) for _role, content in read), "messages")
    limit = "max_completion_tokens" if "max_completion_tokens" in given else "max_tokens"
    return _asked(given, limit, messages=read, prompt="")


def completion(body: object) -> Asked:
    """Read the body of a plain completion; raise NotAnswered (400) for anything that would not be followed."""
    given = _object(body, _TEXT)
    prompt = given.get("prompt")
    if not isinstance(prompt, str) or not prompt:
        raise _wrong("prompt", "prompt is a text that is not empty")
    _require_length(len(prompt), "prompt")
    _require_text(prompt, "prompt")
    return _asked(given, "max_tokens", messages=(), prompt=prompt)


def _asked(given: Mapping[str, Any], limit: str, *, messages: tuple[tuple[str, str], ...], prompt: str) -> Asked:
    model = given.get("model")
    if not isinstance(model, str) or not 0 < len(model) <= MODEL_CHARACTERS_MAX:
        raise _wrong("model", "model is the name of a released model, as GET /v1/models lists them")
    if _value(given, "n", 1) != 1:
        raise _wrong("n", "one answer a request is given here")
    options = _value(given, "stream_options", {})
    if not isinstance(options, dict) or not set(options) <= {"include_usage"}:
        raise _wrong("stream_options", "stream_options may say include_usage")
    return Asked(
        model=model,
        messages=messages,
        prompt=prompt,
        max_tokens=_integer(given, limit, TOKENS_DEFAULT, least=1, most=TOKENS_MAX),
        temperature=_number(given, "temperature", 1.0, least=0.0, most=TEMPERATURE_MAX),
        top_p=_number(given, "top_p", 1.0, least=0.0, most=1.0),
        seed=None if given.get("seed") is None else _integer(given, "seed", 0, least=0, most=SEED_MAX),
        stop=_stops(given.get("stop")),
        stream=_boolean(given, "stream"),
        with_usage=_boolean(options, "include_usage"),
    )


def _object(body: object, known: frozenset[str]) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise NotAnswered(400, "malformed_json", "the body is a JSON object")
    unknown = sorted(str(key)[:80] for key in body if key not in known and body[key] is not None)
    if unknown:
        message = f"{unknown[0]} is not understood here; known: {', '.join(sorted(known))}"
        raise NotAnswered(400, "unknown_parameter", message, unknown[0])
    return body


def _message(message: object, index: int) -> tuple[str, str]:
    place = f"messages.{index}"
    if not isinstance(message, dict) or not set(message) <= {"role", "content", "name"}:
        raise _wrong(place, "a message has a role and a content")
    role, content = message.get("role"), message.get("content")
    if role not in ROLES:
        raise _wrong(f"{place}.role", f"the role is one of {', '.join(ROLES)}")
    if isinstance(content, list):
        content = "".join(_part(part, f"{place}.content") for part in content)
    if not isinstance(content, str) or not content:
        raise _wrong(f"{place}.content", "the content is a text that is not empty")
    _require_text(content, f"{place}.content")
    return str(role), content


def _part(part: object, place: str) -> str:
    if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
        raise _wrong(place, "only parts of the type text are read here")
    return str(part["text"])


def _stops(value: object) -> tuple[str, ...]:
    stops = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or len(stops) > STOPS_MAX:
        raise _wrong("stop", f"stop is a text or a list of at most {STOPS_MAX}")
    for stop in stops:
        if not isinstance(stop, str) or not 0 < len(stop) <= STOP_CHARACTERS_MAX:
            raise _wrong("stop", f"each stop is a text of 1 to {STOP_CHARACTERS_MAX} characters")
    return tuple(stops)


def _integer(given: Mapping[str, Any], name: str, default: int, *, least: int, most: int) -> int:
    value = _value(given, name, default)
    if type(value) is not int or not least <= value <= most:
        raise _wrong(name, f"{name} is a whole number from {least} to {most}")
    return value


def _number(given: Mapping[str, Any], name: str, default: float, *, least: float, most: float) -> float:
    value = _value(given, name, default)
    if type(value) not in {int, float, Decimal} or not math.isfinite(value) or not least <= value <= most:
        raise _wrong(name, f"{name} is a number from {least:g} to {most:g}")
    return float(value)


def _boolean(given: Mapping[str, Any], name: str) -> bool:
    value = _value(given, name, False)
    if type(value) is not bool:
        raise _wrong(name, f"{name} is true or false")
    return value


def _value(given: Mapping[str, Any], name: str, default: Any) -> Any:  # noqa: ANN401 - JSON is any shape
    """Return a field, or what is meant when it is missing or null."""
    value = given.get(name)
    return default if value is None else value


def _require_length(characters: int, param: str) -> None:
    if characters > CHARACTERS_MAX:
        raise _wrong(param, f"{characters} characters; at most {CHARACTERS_MAX} are read here")


def _require_text(text: str, param: str) -> None:
    """Refuse half of a surrogate pair: no tokenizer can read it."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _wrong(param, "the text holds half of a surrogate pair")


def _wrong(param: str, message: str) -> NotAnswered:
    return NotAnswered(400, "invalid_value", message, param)
