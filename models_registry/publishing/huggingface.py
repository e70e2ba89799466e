"""Publication on the Hugging Face Hub, or on any hub that speaks its API: this side starts the process that does it.

The official client reads its settings once, at import (another endpoint needs HF_ENDPOINT, and a hub without Xet
storage HF_HUB_DISABLE_XET=1), so it runs in a child process of its own, `huggingface_client`. The child gets its
order as JSON on standard input, so that the access token is in no argument list and no environment, and answers with
one line of JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models_registry.publishing.base import Publication, PublishError, release_files, require_names

PUBLIC_ENDPOINT = "https://huggingface.co"
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")


class HuggingFaceTarget:
    """Publishes to a hub's model repository of the same name. The location is the address of the commit."""

    name = "huggingface"
    label = "Hugging Face Hub"
    description = "One commit and one tag per release on huggingface.co or a hub with the same API, then main."

    def __init__(
        self, token: str, *, endpoint: str = PUBLIC_ENDPOINT, private: bool = False, timeout_seconds: int = 3600
    ) -> None:
        """Take the access token of the publisher and where the hub is."""
        self._token = token
        self._endpoint = endpoint.rstrip("/")
        self._private = private
        self._timeout_seconds = timeout_seconds

    def publish(
        self, release_folder: Path, model_id: str, version: int, revision: str, manifest_sha256: str
    ) -> Publication:
        """Publish in a child process and return its commit, or raise PublishError as the child did."""
        require_names(model_id, version, revision, manifest_sha256)
        # A wrong folder is refused here, before any process starts or any byte leaves.
        release_files(release_folder, manifest_sha256)
        if not self._token:
            raise PublishError("token_missing", "no access token is configured", permanent=True)
        order = {
            "release_folder": str(release_folder.resolve()),
            "model_id": model_id,
            "version": version,
            "revision": revision,
            "manifest_sha256": manifest_sha256,
            "endpoint": self._endpoint,
            "token": self._token,
            "private": self._private,
        }
        answer = self._run_child(json.dumps(order).encode())
        if "publication" in answer:
            return Publication(**answer["publication"])
        error = answer["error"]
        raise PublishError(
            error["code"],
            error["detail"],
            permanent=error["permanent"],
            retry_after_seconds=error["retry_after_seconds"],
        )

    def _run_child(self, order: bytes) -> Mapping[str, Any]:
        with tempfile.TemporaryDirectory(prefix="publish-") as home:
            try:
                child = subprocess.run(
                    [sys.executable, "-m", "models_registry.publishing.huggingface_client"],
                    input=order,
                    stdout=subprocess.PIPE,
                    cwd=Path(__file__).parents[2],
                    env=self._environment(home),
                    timeout=self._timeout_seconds,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                detail = f"the hub did not take the release within {self._timeout_seconds} seconds"
                raise PublishError("hub_unavailable", detail, permanent=False) from error
        try:
            answer: Mapping[str, Any] = json.loads(child.stdout.splitlines()[-1])
        except (IndexError, ValueError) as error:
            detail = f"the publishing process ended with code {child.returncode} and no answer"
            raise PublishError("publisher_died", detail, permanent=False) from error
        return answer

    def _environment(self, home: str) -> dict[str, str]:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment |= {
            "HF_HOME": home,
            "HF_ENDPOINT": self._endpoint,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        }
        if self._endpoint != PUBLIC_ENDPOINT:
            environment["HF_HUB_DISABLE_XET"] = "1"
        return environment
