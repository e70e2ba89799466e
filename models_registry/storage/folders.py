"""The one store of this site, and real paths for whoever needs them: trainer, evaluator, card, verifier.

With local objects a version's folder is a second set of names for the same bytes. With a bucket it is a cache: it may
be removed at any time and is made again, every file compared with its digest.
"""

import shutil
import tempfile
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from models_registry.models import Version
from models_registry.storage.base import ObjectStore
from models_registry.storage.listing import File, files_of, from_json, to_json
from models_registry.storage.local import LocalObjects

OBJECTS = "objects"


def store() -> ObjectStore:
    """Return the store of this site: the configured bucket, else the folder beside the releases."""
    if settings.OBJECTS_BUCKET:
        return _bucket(settings.OBJECTS_BUCKET, settings.OBJECTS_ENDPOINT, settings.OBJECTS_REGION)
    return LocalObjects(settings.ARTIFACTS_DIR / OBJECTS)


def keep(folder: Path) -> list[dict[str, object]]:
    """Put every file of a published folder into the store; return the listing. Safe to repeat."""
    files = files_of(folder)
    objects = store()
    for file in files.values():
        objects.keep(folder / file.path, file.sha256)
    return to_json(files.values())


def listing_of(version: Version) -> dict[str, File]:
    """Return the files of a version by path."""
    return from_json(version.files)


def folder_of(version: Version) -> Path:
    """Return where the files of a version lie; make the folder again from the store if it is gone.

    Raises ObjectMissing, WrongBytes or another OSError when the store cannot give back what the version is made of.
    """
    folder: Path = settings.ARTIFACTS_DIR / version.folder
    if version.files and not folder.exists():
        _restore(version, folder)
    return folder


def _restore(version: Version, folder: Path) -> None:
    """Fill a folder beside the place and rename it into place: whoever looks sees all of it or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        objects = store()
        for file in listing_of(version).values():
            target = staged / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            objects.fetch(file.sha256, target)
        staged.chmod(0o755)
        try:
            staged.rename(folder)
        except OSError:
            # Another process was faster, with the same bytes.
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)


@lru_cache(maxsize=4)
def _bucket(name: str, endpoint: str, region: str) -> ObjectStore:
    """Connect to a bucket. Keys come from where boto3 looks for them: environment, its files, the machine's role."""
    from models_registry.storage.bucket import BucketObjects

    return BucketObjects(bucket_name=name, endpoint_url=endpoint or None, region_name=region or None)
