"""Publication on the Hugging Face Hub, or on any hub that speaks its API: this side checks, orders, and permits.

What talks to the hub is a child process (`huggingface_child`) that runs `huggingface_client`.
"""

from pathlib import Path

from models_registry.publishing.base import (
    Permit,
    Publication,
    always,
    release_files,
    require_names,
)
from models_registry.publishing.discussion import Discussion, Place
from models_registry.publishing.huggingface_child import PUBLIC_ENDPOINT, carry_out


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
        self,
        release_folder: Path,
        model_id: str,
        version: int,
        revision: str,
        manifest_sha256: str,
        permit: Permit = always,
    ) -> Publication:
        """Publish in a child process and return its commit, or raise PublishError as the child did."""
        require_names(model_id, version, revision, manifest_sha256)
        # A wrong folder is refused here, before any process starts or any byte leaves.
        release_files(release_folder, manifest_sha256)
        order = {
            "task": "publish",
            "release_folder": str(release_folder.resolve()),
            "model_id": model_id,
            "version": version,
            "revision": revision,
            "manifest_sha256": manifest_sha256,
            **self._access(),
        }
        return Publication(**carry_out(order, permit, self._timeout_seconds))

    def discuss(self, model_id: str, discussion: Discussion, permit: Permit = always) -> Place:
        """Make the discussion of a proposal say what it shall, once; return where it is."""
        order = {"task": "discuss", "model_id": model_id, "discussion": discussion.to_dict(), **self._access()}
        return Place(**carry_out(order, permit, self._timeout_seconds))

    def _access(self) -> dict[str, object]:
        return {"endpoint": self._endpoint, "token": self._token, "private": self._private}
