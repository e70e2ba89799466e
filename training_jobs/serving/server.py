"""The answering process: takes requests at a Unix socket, lets the engine answer them one after the other.

One line of JSON each way and then lines back: {"text"} as it comes, at last {"end": finish_reason, "prompt_tokens",
"completion_tokens"} or {"error": [status, code, message, param]}. Who waits too long behind others, or finds too many
of them, is told that we are busy. When nobody reads an answer any more, it ends.
"""

import contextlib
import json
import select
import socket
import socketserver
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training_jobs.serving.asked import NotAnswered
from training_jobs.serving.engine import Answer, Engine

LINE_BYTES_MAX = 1_000_000
WAITING_MAX = 8
WAIT_SECONDS_MAX = 20.0
READ_SECONDS_MAX = 5.0
BUSY = NotAnswered(429, "busy", "others are being answered; try again in a few seconds")


class Server(socketserver.ThreadingUnixStreamServer):
    """Listens; the engine is used by one request at a time."""

    daemon_threads = True

    def __init__(self, listening: socket.socket, engine: Engine, below: Path) -> None:
        """Take a socket that listens already; only models in `below` are loaded."""
        super().__init__(str(listening.getsockname()), _Request, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.engine = engine
        self.below = below.resolve()
        self.turn = threading.Lock()
        self.places = threading.Semaphore(WAITING_MAX)


class _Request(socketserver.StreamRequestHandler):
    """One connection, one answer."""

    server: Server
    timeout = READ_SECONDS_MAX

    def handle(self) -> None:
        """Answer, or say why not."""
        with contextlib.suppress(OSError):  # whoever asked has left
            try:
                self._answer(self._asked())
            except NotAnswered as refusal:
                self._say({"error": [refusal.status, refusal.code, refusal.message, refusal.param]})

    def _asked(self) -> dict[str, Any]:
        line = self.rfile.readline(LINE_BYTES_MAX)
        try:
            asked: dict[str, Any] = json.loads(line)
            folder = Path(asked["folder"]).resolve()
        except (ValueError, KeyError, TypeError) as error:
            raise NotAnswered(400, "malformed_json", "one line of JSON that names a folder is expected") from error
        if not folder.is_relative_to(self.server.below) or not folder.is_dir():
            raise NotAnswered(503, "model_not_loaded", "the files of this model are not here", "model")
        return {**asked, "folder": folder}

    def _answer(self, asked: Mapping[str, Any]) -> None:
        if not self.server.places.acquire(blocking=False):
            raise BUSY
        try:
            if not self.server.turn.acquire(timeout=WAIT_SECONDS_MAX):
                raise BUSY
            try:
                answer = Answer()
                for piece in self.server.engine.answer(asked["folder"], asked, answer, self._is_wanted):
                    self._say({"text": piece})
            finally:
                self.server.turn.release()
        finally:
            self.server.places.release()
        counts = {"prompt_tokens": answer.prompt_tokens, "completion_tokens": answer.completion_tokens}
        self._say({"end": answer.finish_reason, **counts})

    def _say(self, message: Mapping[str, Any]) -> None:
        self.wfile.write(json.dumps(message).encode() + b"\n")

    def _is_wanted(self) -> bool:
        """Say whether the other side still listens: it sends nothing more, so whatever can be read is the end."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return not readable
