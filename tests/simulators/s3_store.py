"""A real S3-compatible server in this process (moto's), with a fresh bucket for whoever asks.

Faults are injected by the tests between the client and this server; the server itself follows the protocol, conditional
puts and multipart uploads included.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def running() -> Iterator[str]:
    """Serve on a free port until the block ends; give the endpoint's address."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@cache
def client(endpoint: str) -> Any:
    """Return a stock client; making one takes longer than most tests."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=CREDENTIALS["AWS_DEFAULT_REGION"],
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )


def new_bucket(endpoint: str) -> str:
    """Make an empty bucket and return its name."""
    name = f"bucket-{uuid.uuid4().hex}"
    client(endpoint).create_bucket(Bucket=name)
    return name


def objects(endpoint: str, bucket: str) -> dict[str, bytes]:
    """Return all that a bucket holds."""
    store = client(endpoint)
    keys = [entry["Key"] for entry in store.list_objects_v2(Bucket=bucket).get("Contents", [])]
    return {key: store.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
