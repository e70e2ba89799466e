"""Publication in a folder of the operator's: a network drive, the root of a static web server, a disk to carry away.

    <root>/<namespace>/<name>/v<N>/…    the release, exactly as it verifies
    <root>/<namespace>/<name>/latest    a relative link to the newest of them

Each release appears in one rename, and the link moves in one rename, forward only. `verify` takes either of them.
"""

import os
import re
from pathlib import Path

from models_registry.publishing.base import Permit, Publication, PublishError, always, release_files, require_names
from models_registry.publishing.durable import put_in_place, sync_folder

LATEST = "latest"
_VERSION = re.compile(r"v([1-9][0-9]*)")


class FolderTarget:
    """Copies releases below `root`, which must be there: a drive that is not mounted is not an empty folder.

    Locations and refusals name places below `root` only: they stand on public pages.
    """

    name = "folder"
    label = "A folder"
    description = "One folder per version on a disk of the operator's, and a link to the newest."

    def __init__(self, root: Path) -> None:
        """Take the folder that the operator chose."""
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
        """Copy the release into place, then move the link. Publishing the same release again changes nothing."""
        require_names(model_id, version, revision, manifest_sha256)
        files = release_files(release_folder, manifest_sha256)
        if not self._root.is_dir():
            raise PublishError("target_missing", "the operator's folder is not there", permanent=False)
        location = f"{model_id}/v{version}"
        final = self._root / location
        put_in_place(release_folder, files, final, root=self._root, manifest_sha256=manifest_sha256, permit=permit)
        permit()
        try:
            _point_forward(final.parent, version)
        except OSError as error:
            raise PublishError(
                "storage_failed", f"the link to the newest version: {error.strerror}", permanent=False
            ) from error
        return Publication(location, revision)


def _point_forward(folder: Path, version: int) -> None:
    """Let the link name this version unless it names a newer one. Two at once: the loser's next look corrects it."""
    link = folder / LATEST
    found = _VERSION.fullmatch(str(link.readlink())) if link.is_symlink() else None
    if found is not None and int(found[1]) >= version:
        return
    fresh = folder / f".{LATEST}-{version}-{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(f"v{version}")
    fresh.replace(link)
    sync_folder(folder)
