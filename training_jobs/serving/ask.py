"""One request from its body to the pieces of an answer: which version is meant, and who answers for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from models_registry.hub import lookup
from training_jobs.serving import asked as forms
from training_jobs.serving import client
from training_jobs.serving.asked import Asked, NotAnswered
from training_jobs.serving.client import End


@dataclass(frozen=True)
class Answer:
    """A whole answer and the version that gave it."""

    text: str
    end: End
    version: lookup.Revision


def chat(body: object) -> Answer:
    """Let a model answer a conversation; raise NotAnswered."""
    version, pieces = begin(forms.chat(body))
    return collected(version, pieces)


def begin(asked: Asked) -> tuple[lookup.Revision, Iterator[str | End]]:
    """Find the version and begin to ask; what cannot be answered is refused at the first piece."""
    version = _version(asked.model)
    if not settings.SERVING_SOCKET:
        raise client.OFFLINE
    return version, client.answer(Path(settings.SERVING_SOCKET), version.folder(), asked)


def collected(version: lookup.Revision, pieces: Iterator[str | End]) -> Answer:
    """Wait for all pieces."""
    text: list[str] = []
    for piece in pieces:
        if isinstance(piece, End):
            return Answer("".join(text), piece, version)
        text.append(piece)
    raise client.OFFLINE


def _version(name: str) -> lookup.Revision:
    """Find `namespace/name`, the newest, or `namespace/name@revision`, as on the hub."""
    model, _at, revision = name.partition("@")
    namespace, _slash, short = model.partition("/")
    version = lookup.at_revision(lookup.revisions_of("models", namespace, short), revision or "main")
    if version is None:
        message = f"no released model is called {name[:200]}; see GET /v1/models"
        raise NotAnswered(404, "model_not_found", message, "model")
    if version.stop is not None:
        raise NotAnswered(403, "release_stopped", version.stop.sentence, "model")
    return version
