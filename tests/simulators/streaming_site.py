"""A site that is nothing but streams, for tests with the real web server: settings and addresses in one module.

The subject of its stream is a file: what stands in it is the pulse, and "over" that it changes no more. It never asks a
database, so that a test sees what streams themselves take and give back.
"""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from config import env
from tests.settings import *  # noqa: F403 - the settings of this site are those of the tests

# Somebody listens here: streams last as long as the environment says.
LIVE_STREAM_SECONDS = env.integer("LIVE_STREAM_SECONDS", 60, least=1)
ROOT_URLCONF = "tests.simulators.streaming_site"
MIDDLEWARE = ["config.compression.TextCompression"]
ALLOWED_HOSTS = ["127.0.0.1"]
SUBJECT = Path(os.environ.get("STREAM_SUBJECT", "/dev/null"))


@dataclass(frozen=True)
class FilePulse:
    """What stands in the file."""

    text: str

    def __str__(self) -> str:
        """Return it as the id of a message."""
        return self.text

    @property
    def over(self) -> bool:
        return self.text.endswith("over")


def stream(request):
    from frontend import streams

    return streams.answer(request, lambda: FilePulse(SUBJECT.read_text().strip()), lambda: None)


def count(_request):
    from django.http import JsonResponse

    from frontend import streams

    return JsonResponse({"streams": streams.streams_open(), "threads": threading.active_count()})


def __getattr__(name):
    """Make the addresses when Django asks for them: settings are read before there can be any."""
    if name != "urlpatterns":
        raise AttributeError(name)
    from django.urls import path

    return [path("events/", stream), path("count/", count)]
