"""Objects in a bucket of any S3-compatible store, through django-storages; imported only where one is configured.

A key is `<prefix>ab/cdef…`. An upload becomes visible whole or not at all: that is how S3 works. The bytes are compared
with their name before they leave and after they come back; the store in between is not believed.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any, BinaryIO, cast

from botocore.exceptions import BotoCoreError, ClientError
from storages.backends.s3 import S3Storage

from models_registry.storage.base import ObjectMissing, Stored, WrongBytes, digest_of, require_name
from models_registry.storage.listing import CHUNK_BYTES

PREFIX = "objects/"
_KEY = re.compile(re.escape(PREFIX) + r"([0-9a-f]{2})/([0-9a-f]{62})")
_ABSENT = {"404", "NoSuchKey", "NotFound"}


class StoreUnreachable(OSError):
    """The bucket does not answer, or refuses us. Trying again later can help."""


class BucketObjects:
    """Keeps objects in one bucket."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - the options of django-storages
        """Take the options of django-storages' S3Storage: bucket_name, endpoint_url, access_key, secret_key."""
        self._storage = S3Storage(**options)

    @property
    def _bucket(self) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """The bucket, for this thread: boto3's resources may not be shared between threads."""
        return self._storage.connection.Bucket(self._storage.bucket_name)

    def keep(self, file: Path, sha256: str) -> None:
        """Upload the file, unless an object of this name and size is there: then copy it onto itself, to touch it."""
        key = _key(sha256)
        if digest_of(file.open("rb")) != sha256:
            raise WrongBytes(f"{file.name} is not {sha256}")
        there = self.stored(sha256)
        try:
            if there is None or there.size != file.stat().st_size:
                self._bucket.upload_file(str(file), key)
            else:
                source = {"Bucket": self._bucket.name, "Key": key}
                self._bucket.copy(source, key, ExtraArgs={"MetadataDirective": "REPLACE"})
        except (BotoCoreError, ClientError) as error:
            raise StoreUnreachable(str(error)) from error

    def open(self, sha256: str, first: int = 0) -> BinaryIO:
        """Return the body of the answer, which is read as it is sent on."""
        wanted = {"Range": f"bytes={first}-"} if first else {}
        try:
            return cast("BinaryIO", self._bucket.Object(_key(sha256)).get(**wanted)["Body"])
        except ClientError as error:
            raise _error(error, sha256) from error
        except BotoCoreError as error:
            raise StoreUnreachable(str(error)) from error

    def fetch(self, sha256: str, target: Path) -> None:
        """Download the object; what is not what its name says is removed again."""
        digest = hashlib.sha256()
        with self.open(sha256) as stream, target.open("xb") as writing:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                writing.write(chunk)
        if digest.hexdigest() != sha256:
            target.unlink()
            raise WrongBytes(f"the object {sha256} has the bytes of {digest.hexdigest()}")
        target.chmod(0o444)

    def objects(self) -> Iterator[Stored]:
        """Yield the objects of the bucket, page by page; other keys are none of ours."""
        try:
            for found in self._bucket.objects.filter(Prefix=PREFIX):
                match = _KEY.fullmatch(found.key)
                if match is not None:
                    yield Stored(match[1] + match[2], found.size, found.last_modified.astimezone(UTC))
        except (BotoCoreError, ClientError) as error:
            raise StoreUnreachable(str(error)) from error

    def stored(self, sha256: str) -> Stored | None:
        """Return size and time of the object."""
        found = self._bucket.Object(_key(sha256))
        try:
            return Stored(sha256, found.content_length, found.last_modified.astimezone(UTC))
        except ClientError as error:
            if isinstance(_error(error, sha256), ObjectMissing):
                return None
            raise StoreUnreachable(str(error)) from error
        except BotoCoreError as error:
            raise StoreUnreachable(str(error)) from error

    def delete(self, sha256: str) -> None:
        """Remove the object."""
        try:
            self._bucket.Object(_key(sha256)).delete()
        except (BotoCoreError, ClientError) as error:
            raise StoreUnreachable(str(error)) from error


def _key(sha256: str) -> str:
    name = require_name(sha256)
    return f"{PREFIX}{name[:2]}/{name[2:]}"


def _error(error: ClientError, sha256: str) -> OSError:
    if error.response.get("Error", {}).get("Code") in _ABSENT:
        return ObjectMissing(sha256)
    return StoreUnreachable(str(error))
