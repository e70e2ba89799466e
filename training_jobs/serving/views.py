"""The standard HTTP form: chat completions, completions and the list of models. Parse, ask, present.

Nobody signs in and nothing is kept: no question, no answer, no cookie. Errors have the form that clients of this form
read, not that of our own API.
"""

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from itertools import chain
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from governance import clock
from governance.clock import unix
from governance.evidence.canonical import CanonicalError, strict_loads
from models_registry.hub import lookup
from training_jobs.serving import ask
from training_jobs.serving import asked as forms
from training_jobs.serving.asked import Asked, NotAnswered
from training_jobs.serving.client import End

RETRY_SECONDS = 5
REVISION_HEADER = "X-Commonweights-Revision"


@dataclass(frozen=True)
class Form:
    """How one of the two kinds of answers looks."""

    prefix: str
    whole: str
    part: str
    choice: Callable[[str], dict[str, Any]]
    delta: Callable[[str], dict[str, Any]]
    first: dict[str, Any] | None
    last: dict[str, Any]


CHAT = Form(
    "chatcmpl-",
    "chat.completion",
    "chat.completion.chunk",
    lambda text: {"message": {"role": "assistant", "content": text}},
    lambda text: {"delta": {"content": text}},
    {"delta": {"role": "assistant", "content": ""}},
    {"delta": {}},
)
TEXT = Form(
    "cmpl-",
    "text_completion",
    "text_completion",
    lambda text: {"text": text},
    lambda text: {"text": text},
    None,
    {"text": ""},
)


def answers(view: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Turn refusals of a view into the form that its clients read."""

    @csrf_exempt
    @wraps(view)
    def answering(request: HttpRequest) -> HttpResponseBase:
        try:
            return view(request)
        except NotAnswered as refusal:
            headers = {"Retry-After": str(RETRY_SECONDS)} if refusal.status in {429, 503} else {}
            return JsonResponse(refusal.to_dict(), status=refusal.status, headers=headers)

    return answering


@answers
def models(request: HttpRequest) -> HttpResponseBase:
    """List what may be asked: the newest published version of every model."""
    _require_method(request, "GET")
    data = [_described(version) for version in lookup.newest_of_each("models", "", "")]
    return JsonResponse({"object": "list", "data": data})


@answers
def chat_completions(request: HttpRequest) -> HttpResponseBase:
    """Let a model answer a conversation."""
    return _answer(request, forms.chat, CHAT)


@answers
def completions(request: HttpRequest) -> HttpResponseBase:
    """Let a model continue a text."""
    return _answer(request, forms.completion, TEXT)


@answers
def nothing(request: HttpRequest) -> HttpResponseBase:
    """Answer every other address below /v1/."""
    raise NotAnswered(404, "not_found", f"{request.path[:200]} is not offered here")


def _answer(request: HttpRequest, read: Callable[[object], Asked], form: Form) -> HttpResponseBase:
    """Answer one request.

    1. Read it and begin to ask. 2. Wait for the first piece: what cannot be answered is a proper refusal. 3. Send the
    pieces as they come, or all together.
    """
    _require_method(request, "POST")
    asked = read(_body(request))  # 1
    version, said = ask.begin(asked)
    pieces = chain([next(said)], said)  # 2
    head = {
        "id": form.prefix + secrets.token_hex(12),
        "object": form.part if asked.stream else form.whole,
        "created": unix(clock.now()),
        "model": f"{version.repository_id}@{version.tag}",
        "system_fingerprint": version.revision,
    }
    headers = {REVISION_HEADER: version.revision, "Cache-Control": "no-store"}
    if asked.stream:  # 3
        events = _events(pieces, head, form, with_usage=asked.with_usage)
        return StreamingHttpResponse(
            events, content_type="text/event-stream", headers={**headers, "X-Accel-Buffering": "no"}
        )
    answer = ask.collected(version, pieces)
    choice = {"index": 0, **form.choice(answer.text), "logprobs": None, "finish_reason": answer.end.finish_reason}
    return JsonResponse({**head, "choices": [choice], "usage": _usage(answer.end)}, headers=headers)


def _events(pieces: Iterator[str | End], head: dict[str, Any], form: Form, *, with_usage: bool) -> Iterator[bytes]:
    """Yield server-sent events (WHATWG HTML, section 9.2), the last one [DONE]."""

    def event(choice: dict[str, Any], finish_reason: str | None = None) -> bytes:
        return _event({**head, "choices": [{"index": 0, **choice, "logprobs": None, "finish_reason": finish_reason}]})

    try:
        if form.first is not None:
            yield event(form.first)
        for piece in pieces:
            if isinstance(piece, End):
                yield event(form.last, piece.finish_reason)
                if with_usage:
                    yield _event({**head, "choices": [], "usage": _usage(piece)})
            elif piece:
                yield event(form.delta(piece))
        yield b"data: [DONE]\n\n"
    except NotAnswered as refusal:  # too late for a status
        yield _event(refusal.to_dict())


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def _usage(end: End) -> dict[str, int]:
    counts = {"prompt_tokens": end.prompt_tokens, "completion_tokens": end.completion_tokens}
    return {**counts, "total_tokens": end.prompt_tokens + end.completion_tokens}


def _body(request: HttpRequest) -> object:
    if int(request.headers.get("Content-Length") or 0) > settings.API_BODY_BYTES_MAX:
        raise NotAnswered(413, "too_large", f"at most {settings.API_BODY_BYTES_MAX} bytes are read here")
    try:
        return strict_loads(request.body, max_bytes=settings.API_BODY_BYTES_MAX)
    except CanonicalError as error:
        raise NotAnswered(400, error.code, error.detail) from error


def _described(version: lookup.Revision) -> dict[str, Any]:
    created = unix(version.published_at)
    return {"id": version.repository_id, "object": "model", "created": created, "owned_by": version.namespace}


def _require_method(request: HttpRequest, method: str) -> None:
    if request.method != method:
        raise NotAnswered(
            405, "method_not_allowed", f"{str(request.method)[:20]} is not understood here; send {method}"
        )
