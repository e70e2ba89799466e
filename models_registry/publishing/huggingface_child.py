"""Running the official Hugging Face client in a process of its own, and talking with it in lines of JSON.

The client reads its settings once, at import (another endpoint needs HF_ENDPOINT, and a hub without Xet storage
HF_HUB_DISABLE_XET=1). The child gets its order on standard input, so that the access token is in no argument list and
no environment. Each of its lines is a question, `{"asks": …}`, or its answer:

    {"asks": "permission"}     answered by {"go": true} or {"go": false, "remove": …}; nothing is visible before
    {"done": …}                what it did
    {"error": {"code", "detail", "permanent", "retry_after_seconds"}}
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from models_registry.publishing.base import Permit, PublishError

PUBLIC_ENDPOINT = "https://huggingface.co"
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")


def carry_out(order: Mapping[str, Any], permit: Permit, timeout_seconds: int) -> dict[str, Any]:
    """Give a child one order, answer its questions, and return what it did; raise PublishError as it did."""
    if not order["token"]:
        raise PublishError("token_missing", "no access token is configured", permanent=True)
    with tempfile.TemporaryDirectory(prefix="publish-") as home:
        child = subprocess.Popen(
            [sys.executable, "-m", "models_registry.publishing.huggingface_client"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
            env=_environment(home, order["endpoint"]),
        )
        over = threading.Timer(timeout_seconds, child.kill)
        over.start()
        try:
            answer = _converse(child, order, permit)
        finally:
            timed_out = not over.is_alive()
            over.cancel()
            _end(child)
    if answer is None and timed_out:
        detail = f"the hub did not answer to the end within {timeout_seconds} seconds"
        raise PublishError("hub_unavailable", detail, permanent=False)
    if answer is None:
        detail = f"the publishing process ended with code {child.returncode} and no answer"
        raise PublishError("publisher_died", detail, permanent=False)
    if "error" in answer:
        raise PublishError(**answer["error"])
    done: dict[str, Any] = answer["done"]
    return done


def _converse(child: "subprocess.Popen[bytes]", order: Mapping[str, Any], permit: Permit) -> dict[str, Any] | None:
    """Return the child's answer, or nothing when it ended without one; a refused permission is the answer then."""
    _say(child, order)
    refused: PublishError | None = None
    answer: dict[str, Any] | None = None
    assert child.stdout is not None
    for line in child.stdout:
        try:
            said: dict[str, Any] = json.loads(line)
        except ValueError:
            break
        if "asks" not in said:
            answer = said
            break
        try:
            permit()
        except PublishError as error:
            refused = error
        _say(child, {"go": refused is None, "remove": refused is not None and refused.permanent})
    if refused is not None:
        raise refused
    return answer


def _say(child: "subprocess.Popen[bytes]", said: Mapping[str, Any]) -> None:
    assert child.stdin is not None
    with suppress(BrokenPipeError):  # it is gone: its answer, or that there is none, tells
        child.stdin.write(json.dumps(said).encode() + b"\n")
        child.stdin.flush()


def _end(child: "subprocess.Popen[bytes]") -> None:
    """Let a child that has answered go, and end one that has not."""
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError):
        child.stdin.close()
    child.stdout.close()
    child.kill()
    child.wait()


def _environment(home: str, endpoint: str) -> dict[str, str]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {
        "HF_HOME": home,
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    }
    if endpoint != PUBLIC_ENDPOINT:
        environment["HF_HUB_DISABLE_XET"] = "1"
    return environment
