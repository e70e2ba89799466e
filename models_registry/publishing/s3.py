"""Publication in a bucket of any S3-compatible store (https://docs.aws.amazon.com/AmazonS3/latest/API/).

    <prefix>blobs/sha256/<digest>                     every file once, named by its content
    <prefix>models/<namespace>/<name>/v<N>.json       the index: written last, and only where none is
    <prefix>models/<namespace>/<name>/latest.json     a copy of the newest index

A release exists when its index does, and all that the index names was read back before. What is named by its content
cannot be mixed up by a second publisher, and of two indexes of one version the store takes the first (`If-None-Match`).
Large files go up in parts; parts that an earlier attempt sent are found and not sent again. boto3 is imported only
here; credentials come from its usual places (environment, profile, role).
"""

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from governance.evidence.canonical import canonical_bytes
from models_registry.publishing.base import (
    Permit,
    Publication,
    PublishError,
    ReleaseFile,
    always,
    open_plain,
    release_files,
    require_names,
)

PART_BYTES = 16 * 1024 * 1024
_CHUNK_BYTES = 1024 * 1024
_NOT_FOUND = frozenset({"404", "NoSuchKey", "NotFound"})
_TAKEN = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
# What an operator has to mend; everything else may pass by itself.
_PERMANENT = frozenset(
    {"403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket", "InvalidBucketName"}
    | {"AllAccessDisabled", "AccountProblem", "NotImplemented", "PermanentRedirect", "AuthorizationHeaderMalformed"}
)


class S3Target:
    """Uploads releases to one bucket. The location is the address of the index, `s3://bucket/key`."""

    name = "s3"
    label = "S3 bucket"
    description = "Content-addressed files and one index per version in any S3-compatible store."

    def __init__(
        self, bucket: str, *, prefix: str = "", endpoint: str = "", region: str = "", part_bytes: int = PART_BYTES
    ) -> None:
        """Take the bucket and where it is; an empty endpoint is the public service."""
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._endpoint = endpoint
        self._region = region
        self._part_bytes = part_bytes

    def publish(
        self,
        release_folder: Path,
        model_id: str,
        version: int,
        revision: str,
        manifest_sha256: str,
        permit: Permit = always,
    ) -> Publication:
        """Upload the release. Publishing the same release again changes nothing.

        1. Compare the folder with the signed manifest.  2. If the index is there, it is ours or refused.  3. Upload
        each file that is not there, and read it back.  4. Write the index where none is.  5. Copy it to `latest`.
        """
        # 1.
        require_names(model_id, version, revision, manifest_sha256)
        files = release_files(release_folder, manifest_sha256)
        index = canonical_bytes(
            {
                "version": 1,
                "model": model_id,
                "number": version,
                "revision": revision,
                "manifest_sha256": manifest_sha256,
                "files": [
                    {"path": file.path, "size": file.size, "sha256": file.sha256, "key": self._blob(file)}
                    for file in files
                ],
            }
        )
        key = f"{self._prefix}models/{model_id}/v{version}.json"
        with _store_errors():
            client = self._client()
            # 2.
            if not self._is_ours(client, key, index):
                # 3.
                for file in {file.sha256: file for file in files}.values():
                    self._upload(client, release_folder, file)
                # 4.
                permit()
                self._put_once(client, key, index)
            # 5.
            permit()
            self._put_latest(client, f"{self._prefix}models/{model_id}/latest.json", index, version)
        return Publication(f"s3://{self._bucket}/{key}", revision)

    def _client(self) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        try:
            import boto3
            from botocore.config import Config
        except ImportError as error:
            raise PublishError("target_not_configured", "boto3 is not installed", permanent=True) from error
        # One attempt inside the client beside ours: long waits belong to the delivery, where people see them.
        config = Config(retries={"max_attempts": 2, "mode": "standard"}, connect_timeout=10, read_timeout=60)
        # A session of its own: credentials that were changed since the last release are read anew.
        return boto3.Session().client(
            "s3", endpoint_url=self._endpoint or None, region_name=self._region or None, config=config
        )

    def _blob(self, file: ReleaseFile) -> str:
        return f"{self._prefix}blobs/sha256/{file.sha256}"

    def _is_ours(self, client: Any, key: str, index: bytes) -> bool:  # noqa: ANN401
        """Say whether the index of this version is there, and refuse another one under its name."""
        found = _read(client, self._bucket, key)
        if found is None:
            return False
        if found[0] != index:
            raise PublishError("publication_conflict", f"{key} names another release", permanent=True)
        return True

    def _upload(self, client: Any, folder: Path, file: ReleaseFile) -> None:  # noqa: ANN401
        """Make the store hold one file, and compare what it holds with what was signed."""
        key = self._blob(file)
        if self._stored(client, file) is None:
            with open_plain(folder / file.path) as stream:
                if file.size <= self._part_bytes:
                    content = stream.read()
                    client.put_object(Bucket=self._bucket, Key=key, Body=content, ChecksumSHA256=_base64(content))
                else:
                    self._upload_parts(client, key, stream, file)
        if self._stored(client, file) != file.sha256:
            # Whatever stands there is not what its name says, and nobody could read it as the release.
            client.delete_object(Bucket=self._bucket, Key=key)
            raise PublishError("hub_differs", f"the store gave back another {file.path} than was sent", permanent=False)

    def _upload_parts(self, client: Any, key: str, stream: Any, file: ReleaseFile) -> None:  # noqa: ANN401
        """Upload in parts; those that an unfinished upload of this content already has are compared and kept."""
        unfinished = client.list_multipart_uploads(Bucket=self._bucket, Prefix=key).get("Uploads", [])
        known = next((upload["UploadId"] for upload in unfinished if upload["Key"] == key), None)
        upload = known or client.create_multipart_upload(Bucket=self._bucket, Key=key)["UploadId"]
        held: dict[int, tuple[str, int]] = {}
        if known:
            pages = client.get_paginator("list_parts").paginate(Bucket=self._bucket, Key=key, UploadId=upload)
            held = {p["PartNumber"]: (p["ETag"].strip('"'), p["Size"]) for page in pages for p in page.get("Parts", [])}
        parts = []
        for number in range(1, -(-file.size // self._part_bytes) + 1):
            content = stream.read(self._part_bytes)
            # The store's name of a part is its MD5; where it is not (encrypted stores), the part is sent again.
            tag = hashlib.md5(content, usedforsecurity=False).hexdigest()
            if held.get(number) != (tag, len(content)):
                answer = client.upload_part(
                    Bucket=self._bucket, Key=key, UploadId=upload, PartNumber=number, Body=content
                )
                tag = answer["ETag"].strip('"')
            parts.append({"PartNumber": number, "ETag": tag})
        client.complete_multipart_upload(
            Bucket=self._bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
        )

    def _stored(self, client: Any, file: ReleaseFile) -> str | None:  # noqa: ANN401
        """Read a file back and return its SHA-256, or nothing when it is not there."""
        try:
            body = client.get_object(Bucket=self._bucket, Key=self._blob(file))["Body"]
        except client.exceptions.ClientError as error:
            if _code(error) in _NOT_FOUND:
                return None
            raise
        digest = hashlib.sha256()
        for chunk in body.iter_chunks(_CHUNK_BYTES):
            digest.update(chunk)
        return digest.hexdigest()

    def _put_once(self, client: Any, key: str, index: bytes) -> None:  # noqa: ANN401
        """Write the index unless one is there: a second publisher's must be the same, byte for byte."""
        try:
            client.put_object(Bucket=self._bucket, Key=key, Body=index, ContentType="application/json", IfNoneMatch="*")
        except client.exceptions.ClientError as error:
            if _code(error) not in _TAKEN:
                raise
            if not self._is_ours(client, key, index):
                raise PublishError("hub_unavailable", f"{key} is being written just now", permanent=False) from error

    def _put_latest(self, client: Any, key: str, index: bytes, version: int) -> None:  # noqa: ANN401
        """Let `latest` be this index unless it is a newer one, by comparing and swapping on its ETag."""
        found = _read(client, self._bucket, key)
        condition = {"IfNoneMatch": "*"}
        if found is not None:
            try:
                newest = int(json.loads(found[0])["number"])
            except (ValueError, KeyError, TypeError) as error:
                raise PublishError("publication_conflict", f"{key} is not an index of ours", permanent=True) from error
            if newest >= version:
                return
            condition = {"IfMatch": found[1]}
        try:
            client.put_object(Bucket=self._bucket, Key=key, Body=index, ContentType="application/json", **condition)
        except client.exceptions.ClientError as error:
            if _code(error) not in _TAKEN:
                raise
            raise PublishError("hub_unavailable", f"{key} is being written just now", permanent=False) from error


def _read(client: Any, bucket: str, key: str) -> tuple[bytes, str] | None:  # noqa: ANN401
    """Return a small object with its ETag, or nothing when it is not there."""
    try:
        answer = client.get_object(Bucket=bucket, Key=key)
    except client.exceptions.ClientError as error:
        if _code(error) in _NOT_FOUND:
            return None
        raise
    return answer["Body"].read(), answer["ETag"]


def _base64(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _code(error: Any) -> str:  # noqa: ANN401
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _store_errors() -> Iterator[None]:
    """Turn the client's errors into ours, saying whether trying again can help."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError
    except ImportError as error:
        raise PublishError("target_not_configured", "boto3 is not installed", permanent=True) from error
    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code in _PERMANENT:
            raise PublishError("hub_refused", f"the store refuses: {code}", permanent=True) from error
        raise PublishError("hub_unavailable", f"the store answers {code or 'nothing'}", permanent=False) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise PublishError("token_missing", "no credentials for the bucket were found", permanent=True) from error
    except BotoCoreError as error:
        raise PublishError("hub_unavailable", f"{type(error).__name__}: {error}", permanent=False) from error
