"""The hub's answers, in the form that the Hugging Face client (2.x) reads. Nothing can be written here.

A path in an address is never joined to a folder: it is a key into the list of files that the folder holds, so no
spelling of it can lead outside. Refusals carry X-Error-Code, from which the client makes its own named errors.
"""

import os
from collections.abc import Callable
from datetime import UTC
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt

from models_registry.hub import ranges
from models_registry.hub.listing import File, Folder, entries_below, files_of
from models_registry.hub.lookup import PublishedVersion, at_revision, newest_of_each_model, published_versions

MODELS_PER_PAGE_MAX = 100

P = ParamSpec("P")


class NotHereError(Exception):
    """What was asked for does not exist. `code` is the client's own word for it."""

    def __init__(self, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        """Keep the code, the sentence and what else the client wants to know."""
        super().__init__(message)
        self.code = code
        self.headers = headers or {}


def answers(
    view: Callable[Concatenate[HttpRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Let a view answer GET and HEAD only, and turn what it cannot find into the client's form of "not found"."""

    @csrf_exempt
    @wraps(view)
    def answering(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.method not in {"GET", "HEAD"}:
            # The client would show a bare 405 without its reason.
            return _refusal(405, "", "This hub is read-only.", {"Allow": "GET, HEAD"})
        try:
            return view(request, *args, **kwargs)
        except NotHereError as error:
            return _refusal(404, error.code, str(error), error.headers)
        except FileNotFoundError:
            # The version is published, so its files will be back once the storage is; the client tries again later.
            return _refusal(503, "", "The files of this version cannot be read now.", {"Retry-After": "30"})
        except (OperationalError, InterfaceError):
            return _refusal(503, "", "The database does not answer now.", {"Retry-After": "5"})

    return answering


@answers
def model_list(request: HttpRequest) -> HttpResponseBase:
    """List the models, page by page."""
    models = newest_of_each_model(request.GET.get("author", "")[:200], request.GET.get("search", "")[:200])
    start = _number(request.GET.get("cursor"), 0)
    limit = max(1, min(_number(request.GET.get("limit"), MODELS_PER_PAGE_MAX), MODELS_PER_PAGE_MAX))
    response = JsonResponse([_summary(version) for version in models[start : start + limit]], safe=False)
    if len(models) > start + limit:
        query = urlencode(request.GET.dict() | {"cursor": str(start + limit)})
        response["Link"] = f'<{request.build_absolute_uri(request.path)}?{query}>; rel="next"'
    return response


@answers
def model_info(request: HttpRequest, namespace: str, name: str, revision: str = "main") -> HttpResponseBase:
    """Say what one version of a model is and which files it has."""
    version = _find(_versions(namespace, name), revision)
    blobs = request.GET.get("blobs") == "true"
    siblings = [_sibling(file, blobs=blobs) for file in files_of(version.folder).values()]
    return JsonResponse(_summary(version) | {"siblings": siblings})


@answers
def refs(_request: HttpRequest, namespace: str, name: str) -> HttpResponseBase:
    """List the branch and the tags."""
    versions = _versions(namespace, name)
    main = {"name": "main", "ref": "refs/heads/main", "targetCommit": versions[0].revision}
    tags = [
        {"name": version.tag, "ref": f"refs/tags/{version.tag}", "targetCommit": version.revision}
        for version in versions
    ]
    return JsonResponse({"branches": [main], "tags": tags, "converts": [], "pullRequests": []})


@answers
def commits(_request: HttpRequest, namespace: str, name: str, revision: str) -> HttpResponseBase:
    """List the versions up to `revision`, newest first: each version is one commit."""
    versions = _versions(namespace, name)
    last = _find(versions, revision)
    history = [
        {
            "id": version.revision,
            "title": f"Version {version.number}",
            "message": "",
            "authors": [{"user": namespace}],
            "date": _time(version),
        }
        for version in versions
        if version.number <= last.number
    ]
    return JsonResponse(history, safe=False)


@answers
def tree(request: HttpRequest, namespace: str, name: str, revision: str, path: str = "") -> HttpResponseBase:
    """List the files and folders below a path."""
    version = _find(_versions(namespace, name), revision)
    recursive = request.GET.get("recursive", "").lower() in {"1", "true"}
    entries = entries_below(files_of(version.folder), path.strip("/"), recursive=recursive)
    if entries is None:
        raise NotHereError("EntryNotFound", f"{path[:200]} does not exist on {revision[:80]}", _commit_header(version))
    return JsonResponse([_entry(entry) for entry in entries], safe=False)


@answers
def resolve(request: HttpRequest, namespace: str, name: str, revision: str, path: str) -> HttpResponseBase:
    """Send one file, or its part, or only its headers.

    1. Find the file in the listing.  2. Say that nothing changed, if so (If-None-Match).  3. Find out which bytes are
    wanted (Range, If-Range).  4. Send them in chunks.
    """
    # 1.
    version = _find(_versions(namespace, name), revision)
    file = files_of(version.folder).get(path)
    if file is None:
        raise NotHereError("EntryNotFound", f"{path[:200]} does not exist on {revision[:80]}", _commit_header(version))
    headers = _file_headers(version, file, pinned=revision == version.revision)
    # 2.
    if _matches(request.headers.get("If-None-Match", ""), file):
        del headers["Content-Length"]
        return HttpResponse(status=304, headers=headers)
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    # 3.
    part = None
    if _matches(request.headers.get("If-Range", "*"), file):
        try:
            part = ranges.wanted(request.headers.get("Range", ""), file.size)
        except ranges.UnsatisfiableRangeError:
            return _refusal(416, "", "The range is behind the end.", {"Content-Range": f"bytes */{file.size}"})
    first, behind = part or (0, file.size)
    if part:
        headers["Content-Range"] = f"bytes {first}-{behind - 1}/{file.size}"
    headers["Content-Length"] = str(behind - first)
    # 4. Opened here, so that a file that cannot be read is still a proper answer. A link is never followed.
    stream = os.fdopen(os.open(version.folder / file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")
    return StreamingHttpResponse(ranges.Part(stream, first, behind), status=206 if part else 200, headers=headers)


@answers
def nothing(_request: HttpRequest, path: str) -> HttpResponseBase:
    """Answer every other address in the client's form, so that it can say what is missing."""
    is_repository = path.startswith("api/models/") or "/resolve/" in path
    raise NotHereError("RepoNotFound" if is_repository else "", "There is nothing at this address.")


def _versions(namespace: str, name: str) -> list[PublishedVersion]:
    versions = published_versions(namespace, name)
    if not versions:
        raise NotHereError("RepoNotFound", "There is no published model of this name.")
    return versions


def _find(versions: list[PublishedVersion], revision: str) -> PublishedVersion:
    version = at_revision(versions, revision)
    if version is None:
        raise NotHereError(
            "RevisionNotFound", f"Invalid revision {revision[:80]}; main, v<number> or 40 hex characters."
        )
    return version


def _summary(version: PublishedVersion) -> dict[str, Any]:
    """Describe a version as the client expects. Counts that we do not keep (downloads) are left out, not zero."""
    return {
        "_id": version.revision[:24],
        "id": version.model_id,
        "modelId": version.model_id,
        "author": version.namespace,
        "sha": version.revision,
        "lastModified": _time(version),
        "private": False,
        "gated": False,
        "disabled": False,
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["transformers", "safetensors", "text-generation"],
    }


def _sibling(file: File, *, blobs: bool) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": file.path}
    if blobs:
        sibling |= {"size": file.size, "blobId": file.git_id}
        if file.sha256:
            sibling["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": file.pointer_size}
    return sibling


def _entry(entry: File | Folder) -> dict[str, Any]:
    if isinstance(entry, Folder):
        return {"type": "directory", "oid": entry.git_id, "size": 0, "path": entry.path}
    described: dict[str, Any] = {"type": "file", "oid": entry.git_id, "size": entry.size, "path": entry.path}
    if entry.sha256:
        described["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
    return described


def _file_headers(version: PublishedVersion, file: File, *, pinned: bool) -> dict[str, str]:
    headers = {
        # A download, never a page of this site: a file from a model must not run here as a script.
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{file.path.rsplit("/", 1)[-1]}";',
        "X-Content-Type-Options": "nosniff",
        "Content-Length": str(file.size),
        "Accept-Ranges": "bytes",
        "ETag": f'"{file.etag}"',
        "Cache-Control": "public, max-age=31536000, immutable" if pinned else "no-cache",
    } | _commit_header(version)
    if file.sha256:
        headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(file.size)}
    return headers


def _commit_header(version: PublishedVersion) -> dict[str, str]:
    return {"X-Repo-Commit": version.revision}


def _matches(header: str, file: File) -> bool:
    """Say whether a list of entity tags names this file. Tags are digests here: weak ones count as strong ones."""
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
    return "*" in tags or file.etag in tags


def _refusal(status: int, code: str, message: str, headers: dict[str, str]) -> HttpResponse:
    # The message may quote the address: in a header only plain visible characters are safe.
    named = {"X-Error-Message": "".join(letter if " " <= letter <= "~" else "?" for letter in message)}
    if code:
        named["X-Error-Code"] = code
    return JsonResponse({"error": message}, status=status, headers=named | headers)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default  # noqa: PLR2004


def _time(version: PublishedVersion) -> str:
    return version.published_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
