"""Answers: what does this model say? One question, one answer, kept nowhere; without JavaScript, too."""

from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import words
from models_registry import selectors
from models_registry.hub import lookup
from training_jobs.serving import ask
from training_jobs.serving.asked import CHARACTERS_MAX, NotAnswered

TOKENS = 200
# What may be refused only when the question is asked: the page has the words for it with it.
REFUSED_LATE = ("busy", "not_answering", "context_length_exceeded", "model_too_large", "no_chat_template")


def model(request: HttpRequest, namespace: str, name: str) -> HttpResponse:
    """Show the question and, when one was sent, the answer."""
    card = selectors.model_named(namespace, name)
    versions = [version for version in lookup.revisions_of("models", namespace, name) if version.stop is None]
    question = request.POST.get("question", "").replace("\r\n", "\n").strip()
    tag = request.POST.get("version") or request.GET.get("version", "")
    context = {
        "community": card.model.community,
        "tab": "models",
        "model": card.model,
        "versions": versions,
        "chosen": tag,
        "question": question,
        "question_characters_max": CHARACTERS_MAX,
        "tokens": TOKENS,
        "refusals": {code: words.refusal(code, "") for code in REFUSED_LATE},
        "is_offered": bool(settings.SERVING_SOCKET),
    }
    status = HTTPStatus.OK
    if request.method == "POST":
        body = {
            "model": f"{card.model}@{tag}" if tag else str(card.model),
            "messages": [{"role": "user", "content": question}],
            "max_tokens": TOKENS,
            "temperature": 0,
        }
        try:
            answer = ask.chat(body)
            is_cut = answer.end.finish_reason == "length"
            context |= {"answer": answer.text, "answered_by": answer.version, "is_cut": is_cut}
        except NotAnswered as refusal:
            context["problem"] = words.refusal(refusal.code, refusal.message)
            status = HTTPStatus(refusal.status)
    return render(request, "pages/try.html", context, status=status)
