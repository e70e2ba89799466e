"""The files of releases that the log of a mirrored community leads to: brought here once they verify, and served.

What `mirroring` keeps of a community names releases and their manifests; `mirror.follow` fetches, verifies and keeps
the files in MIRROR_DIR, where the hub finds them, too. Here the two meet. As for everything that a mirror asks, only
public https addresses are asked (`datasets/fetch.py`); a file that was cut off is asked for again from its beginning.
"""

import fcntl
import http.client
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from governance.models import Mirror, MirroredDocument
from models_registry.datasets.fetch import Fetcher, FetchError, require_url
from models_registry.hub import mirrored
from models_registry.mirror.follow import Round, Wanted, follow
from models_registry.mirror.remote import ANSWER_BYTES_MAX, TIMEOUT_SECONDS, Remote, RemoteError, RemoteFile
from models_registry.storage.listing import described

BYTES_PER_SECOND_MIN = 100_000  # slower is given up, and asked for again
_PLACE = re.compile(r"/hub/(?P<model>[^/]+/[^/]+)/resolve/(?P<revision>[0-9a-f]{40})/provenance/manifest\.json")


class PublicRemote(Remote):
    """Another hub, asked by the rules for addresses that strangers name. `allowed` is a host that is exempt."""

    def __init__(self, address: str, allowed: str = "") -> None:
        """Take the address; raise ValueError for one that is not asked."""
        super().__init__(address)
        self._allowed = {allowed} if allowed else set()
        try:
            require_url(self._address, self._allowed)
        except FetchError as error:
            raise ValueError(error.detail) from error

    def _json(self, address: str) -> tuple[Any, http.client.HTTPMessage]:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "answer"
            self._fetch(address, target, ANSWER_BYTES_MAX, TIMEOUT_SECONDS)
            try:
                return json.loads(target.read_bytes()), http.client.HTTPMessage()
            except (ValueError, RecursionError) as error:
                raise RemoteError(f"{address} did not answer with JSON") from error

    def download(self, model: str, revision: str, file: RemoteFile, target: Path) -> None:
        """Have the file at `target` if it is the one that was announced."""
        part = target.with_name(f"{target.name}.part")
        part.unlink(missing_ok=True)
        seconds = TIMEOUT_SECONDS + file.size // BYTES_PER_SECOND_MIN
        self._fetch(self.address_of(model, revision, file), part, file.size, seconds)
        found = described(part, file.path)
        if (found.size, found.etag) != (file.size, file.etag):
            part.unlink()
            raise RemoteError(f"{file.path}: {found.size} bytes of {file.size} came, or others than were announced")
        part.rename(target)

    def _fetch(self, address: str, target: Path, bytes_max: int, seconds: int) -> None:
        try:
            Fetcher(bytes_max, seconds, self._allowed).fetch(address, target)
        except FetchError as error:
            raise RemoteError(f"{address}: {error.detail}"[:300]) from error


def bring(mirror: Mirror, remote: Remote, folder: Path, bytes_max: int, now: int, say: Callable[[str], None]) -> Round:
    """Bring the files of all releases whose manifests are here, with the base models that they start from.

    Kept is what verifies under the key that signs the log, and is the release that the log has. The folder never gets
    larger than `bytes_max`. Raises RemoteError while another mirror works there, ValueError for a damaged index.
    """
    named = _named(mirror)
    if not named:
        return Round()
    wanted = Wanted(
        keys=(mirror.public_key,),
        models=tuple(sorted({model for model, _ in named})),
        version_bytes_max=bytes_max,
        bytes_max=bytes_max,
        manifests={revision: sha256 for (_, revision), sha256 in named.items()},
    )
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RemoteError(f"another mirror works in {folder}") from error
        return follow(remote, folder, wanted, now, say)


def kept_places(mirror: Mirror) -> set[str]:
    """Return the places of the manifests whose releases are here with all their files."""
    here = {(kept.entry.model, kept.entry.revision) for kept in mirrored.mirrored()}
    return {_place(model, revision) for model, revision in _named(mirror) if (model, revision) in here}


def has(mirror: Mirror, model: str) -> bool:
    """Say whether the log of a mirrored community leads to releases of a model."""
    return any(named == model for named, _ in _named(mirror))


def _named(mirror: Mirror) -> dict[tuple[str, str], str]:
    """Return the SHA-256 of the manifest of each release, by model and revision."""
    kept = mirror.documents.filter(state=MirroredDocument.State.KEPT).exclude(place="")
    found = {}
    for place, sha256 in kept.values_list("place", "sha256"):
        parts = _PLACE.fullmatch(place)
        if parts:
            found[parts["model"], parts["revision"]] = sha256
    return found


def _place(model: str, revision: str) -> str:
    return f"/hub/{model}/resolve/{revision}/provenance/manifest.json"
