"""Answers: what does this model say? One question, one answer or two, kept nowhere; without JavaScript, too."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import words
from models_registry import selectors
from models_registry.datasets.suggested import questions_for
from models_registry.hub import lookup
from models_registry.models import Model
from training_jobs.serving import ask
from training_jobs.serving.asked import CHARACTERS_MAX, NotAnswered

TOKENS = 200
# What may be refused only when the question is asked: the page has the words for it with it.
REFUSED_LATE = ("busy", "not_answering", "context_length_exceeded", "model_too_large", "no_chat_template")


def model(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show the question and, when one was sent, the answer of one version, or of two, one after the other."""
    card = selectors.model_named(namespace, name)
    versions = [version for version in lookup.revisions_of("models", namespace, name) if version.stop is None]
    question = _given(request, "question").replace("\r\n", "\n").strip()[:CHARACTERS_MAX]
    tag, other = _given(request, "version"), _given(request, "with")
    context: dict[str, Any] = {
        "community": card.model.community,
        "tab": "models",
        "model": card.model,
        "versions": versions,
        "other": other,
        "question": question,
        **offer(card.model, tag),
    }
    status = HTTPStatus.OK
    if request.method == "POST":
        asked = [tag] if not other or other == tag else [tag, other]
        for place, each in enumerate(asked):
            try:
                context["answers"][place] |= _answer(card.model, each, _sent(request))
            except NotAnswered as refusal:
                context["problem"] = words.refusal(refusal.code, refusal.message)
                status = HTTPStatus(refusal.status)
                break
    return render(request, "pages/try.html", context, status=status)


def offer(model: Model, tag: str) -> dict[str, Any]:
    """Return what the form of a question needs, on its own page and on those of a model and a release."""
    is_offered = bool(settings.SERVING_SOCKET)
    return {
        "chosen": tag,
        "question_characters_max": CHARACTERS_MAX,
        "tokens": TOKENS,
        "suggested": questions_for(model) if is_offered else [],
        "refusals": {code: words.refusal(code, "") for code in REFUSED_LATE},
        "is_offered": is_offered,
        "answers": [{"place": "first"}, {"place": "second"}],
    }


def _given(request: HttpRequest, name: str) -> str:
    """Return a value of the form, or of the address that led to it."""
    return (request.POST.get(name) or request.GET.get(name, "")).replace("\0", "")


def _sent(request: HttpRequest) -> str:
    """Return the question as it was sent: one that is too long is refused, not cut."""
    return request.POST.get("question", "").replace("\r\n", "\n").strip()


def _answer(model: Model, tag: str, question: str) -> dict[str, Any]:
    """Let one version answer; raise NotAnswered."""
    body = {
        "model": f"{model}@{tag}" if tag else str(model),
        "messages": [{"role": "user", "content": question}],
        "max_tokens": TOKENS,
        "temperature": 0,
    }
    answer = ask.chat(body)
    is_cut = answer.end.finish_reason == "length"
    return {"text": answer.text, "by": answer.version, "is_cut": is_cut, "is_there": True}
