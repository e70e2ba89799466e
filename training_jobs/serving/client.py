"""The site's side of the socket to the answering process: one connection, one answer. No torch, no Django."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training_jobs.serving.asked import Asked, NotAnswered

CONNECT_SECONDS_MAX = 2.0
# A model may have to be loaded first, others answered before us, and one answer may take a minute.
READ_SECONDS_MAX = 120.0
OFFLINE = NotAnswered(503, "not_answering", "nobody answers here now; download the model to run it yourself")


@dataclass(frozen=True)
class End:
    """How an answer ended, and how many tokens it took."""

    finish_reason: str
    prompt_tokens: int
    completion_tokens: int


def answer(path: Path, folder: Path, asked: Asked) -> Iterator[str | End]:
    """Yield the pieces of an answer and then its End; raise NotAnswered before the first of them, or in between.

    Closing the generator closes the connection, and with it the work for the answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(CONNECT_SECONDS_MAX)
        try:
            connection.connect(str(path))
            connection.settimeout(READ_SECONDS_MAX)
            connection.sendall(json.dumps({"folder": str(folder), **asked.to_dict()}).encode() + b"\n")
            with connection.makefile("rb") as lines:
                for line in lines:
                    said = _read(json.loads(line))
                    yield said
                    if isinstance(said, End):
                        return
        except (OSError, ValueError, KeyError) as error:
            raise OFFLINE from error
    raise OFFLINE


def _read(said: dict[str, Any]) -> str | End:
    if "error" in said:
        raise NotAnswered(*said["error"])
    if "end" in said:
        return End(said["end"], said["prompt_tokens"], said["completion_tokens"])
    return str(said["text"])
