"""Streams of changes to open pages (server-sent events, WHATWG HTML section 9.2), bounded, for a server of threads.

A stream takes a thread of the web server as long as it lasts. So there are at most LIVE_STREAMS of them in a process,
and each ends after LIVE_STREAM_SECONDS; the browser comes back by itself. Who finds no place is told so with 503, and
asks every few seconds instead (static/js/live.js). A message only says that something changed: the page then fetches
the part that did, so there is one way to draw it. Not protected: one visitor may take all places; the others still ask.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, Self

from django.conf import settings
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from frontend.views.asked import plain

ASK_SECONDS = 1
# A write is how one finds out that nobody listens any more.
HEARTBEAT_SECONDS = 2
RETRY_MILLISECONDS = 2_000
RETRY_AFTER_SECONDS = 4
SEEN_MAX = 100

_lock = threading.Lock()
_open = 0


class Pulse(Protocol):
    """What changes when the subject of a page does; its text is the id of a message."""

    @property
    def over(self) -> bool:
        """Say that it changes no more."""


def answer(request: HttpRequest, pulse: Callable[[], Pulse], rest: Callable[[], None]) -> HttpResponseBase:
    """Answer with a stream: 204 when there is nothing to wait for, 503 when all places are taken.

    `pulse` looks, and may raise NotFound; `rest` gives back what looking took, before each pause. What the page has
    seen already is the id of the last message (Last-Event-ID), or `seen` in the address for its first stream.
    """
    seen = (request.headers.get("Last-Event-ID") or plain(request, "seen"))[:SEEN_MAX]
    now = pulse()
    if now.over and str(now) == seen:
        return HttpResponse(status=204)
    if not _take():
        return HttpResponse(status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(_Stream(_messages(pulse, rest, seen)), "text/event-stream", headers=headers)


def streams_open() -> int:
    """Return how many streams this process serves at the moment."""
    return _open


class _Stream:
    """An iterator that gives its place back once, however it ends: also when nobody ever asked it for anything."""

    def __init__(self, messages: Iterator[str]) -> None:
        self._messages = messages
        self._has_place = True

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        return next(self._messages)

    def close(self) -> None:
        if self._has_place:
            self._has_place = False
            _give_back()


def _messages(pulse: Callable[[], Pulse], rest: Callable[[], None], seen: str) -> Iterator[str]:
    """Look every second; say what changed, and now and then that we are here."""
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    end = time.monotonic() + settings.LIVE_STREAM_SECONDS
    said_at = time.monotonic()
    while time.monotonic() < end and not _is_closing():
        try:
            found = pulse()
        except OperationalError:
            return  # the browser comes back, and meets a database that has time again
        finally:
            rest()
        if str(found) != seen:
            seen, said_at = str(found), time.monotonic()
            yield _message(found)
        if found.over:
            return
        if time.monotonic() - said_at >= HEARTBEAT_SECONDS:
            said_at = time.monotonic()
            yield ":\n\n"
        time.sleep(ASK_SECONDS)


def _message(found: Pulse) -> str:
    data: dict[str, Any] = {"seen": str(found), "over": found.over}
    return f"id: {found}\nevent: changed\ndata: {json.dumps(data)}\n\n"


def _is_closing() -> bool:
    return bool(settings.CLOSING_FILE) and Path(settings.CLOSING_FILE).exists()


def _take() -> bool:
    global _open  # noqa: PLW0603 - a count of this process
    with _lock:
        if _open >= settings.LIVE_STREAMS:
            return False
        _open += 1
        return True


def _give_back() -> None:
    global _open  # noqa: PLW0603
    with _lock:
        _open -= 1
