"""How a runner downloads: a list of path, size and digest; one file of it, or a part (RFC 9110, section 14)."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.http import StreamingHttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from governance.errors import NotFound, Unavailable
from models_registry.hub import ranges
from training_jobs.runners import inputs

PARTIAL, RANGE_NOT_SATISFIABLE = 206, 416


def require_there(found: Mapping[str, Path]) -> None:
    """Raise Unavailable when a file of the list is not there just now."""
    missing = sorted(path for path, file in found.items() if not file.is_file())
    if missing:
        raise Unavailable("storage_failed", "a file of the run cannot be read just now", found=missing[0])


def listing(found: Mapping[str, Path]) -> list[dict[str, Any]]:
    """Return path, size and SHA-256 of each file."""
    listed = []
    for path, file in found.items():
        size, sha256 = inputs.described(file)
        listed.append({"path": path, "size": size, "sha256": sha256})
    return listed


def answer(request: Request, found: Mapping[str, Path], path: str) -> Any:  # noqa: ANN401 - a file, or a refusal of its range
    """Send one file of the list, or its part; raise NotFound for another path."""
    file = found.get(path)
    if file is None:
        raise NotFound("unknown_file", "the run has no such file", field="path", found=path)
    stream = file.open("rb")
    size = file.stat().st_size
    try:
        part = ranges.wanted(request.headers.get("Range", ""), size)
    except ranges.UnsatisfiableRangeError:
        stream.close()
        return Response(status=RANGE_NOT_SATISFIABLE, headers={"Content-Range": f"bytes */{size}"})
    first, behind = part or (0, size)
    stream.seek(first)
    sent = StreamingHttpResponse(_sent(ranges.Part(stream, behind - first)), content_type="application/octet-stream")
    sent["Content-Length"] = str(behind - first)
    if part:
        sent.status_code = PARTIAL
        sent["Content-Range"] = f"bytes {first}-{behind - 1}/{size}"
    return sent


def _sent(part: ranges.Part) -> Iterator[bytes]:
    try:
        yield from part
    finally:
        part.close()
