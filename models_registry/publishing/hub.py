"""Publication on our own hub: the release becomes a folder below the artifacts root, whole or not at all.

    <root>/<namespace>/<name>/<revision>/…   what the hub serves
    <root>/.staging/…                        what a crash may leave; the next publication of the revision removes it

No Django here: paths come in as parameters.
"""

from pathlib import Path

from models_registry.publishing.base import Permit, Publication, always, release_files, require_names
from models_registry.publishing.durable import put_in_place


class HubTarget:
    """Copies a release below `root`. The location is the folder relative to `root`, as `Version.folder` keeps it."""

    name = "hub"
    label = "Our own hub"
    description = "Served by this site to any stock Hugging Face client."

    def __init__(self, root: Path) -> None:
        """Take the artifacts root; it is created on the first publication."""
        self._root = root

    def publish(
        self,
        release_folder: Path,
        model_id: str,
        version: int,
        revision: str,
        manifest_sha256: str,
        permit: Permit = always,
    ) -> Publication:
        """Copy the release into place. Publishing the same release again changes nothing."""
        require_names(model_id, version, revision, manifest_sha256)
        files = release_files(release_folder, manifest_sha256)
        location = f"{model_id}/{revision}"
        put_in_place(
            release_folder,
            files,
            self._root / location,
            root=self._root,
            manifest_sha256=manifest_sha256,
            permit=permit,
        )
        return Publication(location, revision)
