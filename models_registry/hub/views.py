"""The hub's answers, in the form that the Hugging Face client (2.x) reads. Nothing can be written here.

Models and datasets are repositories of one form; `kind` is "models" or "datasets". A path in an address is never joined
to a folder: it is a key into the listing of the revision, so no spelling of it can lead outside.
"""

from collections.abc import Sequence
from datetime import UTC
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse

from governance.evidence.canonical import CanonicalError, strict_loads
from governance.models import Mirror
from models_registry import mirror_files
from models_registry.hub import ranges
from models_registry.hub.answers import NotHereError, StoppedError, answers, refusal
from models_registry.hub.listing import Folder, entries_below, entry_at
from models_registry.hub.lookup import Revision, at_revision, newest_of_each, revisions_of
from models_registry.storage.listing import File

PER_PAGE_MAX = 100
PATHS_MAX = 1_000
BODY_BYTES_MAX = 256 * 1024
_READ = ("GET", "HEAD")


@answers(*_READ)
def repository_list(request: HttpRequest, kind: str) -> HttpResponseBase:
    """List the models or the datasets, page by page."""
    found = newest_of_each(kind, request.GET.get("author", "")[:200], request.GET.get("search", "")[:200])
    start = _number(request.GET.get("cursor"), 0)
    limit = max(1, min(_number(request.GET.get("limit"), PER_PAGE_MAX), PER_PAGE_MAX))
    response = JsonResponse([_summary(revision) for revision in found[start : start + limit]], safe=False)
    if len(found) > start + limit:
        query = urlencode(request.GET.dict() | {"cursor": str(start + limit)})
        response["Link"] = f'<{request.build_absolute_uri(request.path)}?{query}>; rel="next"'
    return response


@answers(*_READ)
def info(request: HttpRequest, kind: str, namespace: str, name: str, revision: str = "main") -> HttpResponseBase:
    """Say what one revision is and which files it has, and which others are not handed out or were left, and why."""
    revisions = _revisions(kind, namespace, name)
    found = _find(revisions, revision)
    blobs = request.GET.get("blobs") == "true"
    siblings = [_sibling(file, blobs=blobs) for file in found.files().values()]
    stopped = [
        {"tag": other.tag, "sha": other.revision, "withdrawn": other.stop.withdrawn, "reason": other.stop.sentence}
        for other in revisions
        if other.stop
    ]
    left = [
        {"tag": other.tag, "sha": other.revision, "reason": other.set_back} for other in revisions if other.set_back
    ]
    told = ({"stopped": stopped} if stopped else {}) | ({"set_back": left} if left else {})
    return JsonResponse(_summary(found) | {"siblings": siblings} | told)


@answers(*_READ)
def refs(_request: HttpRequest, kind: str, namespace: str, name: str) -> HttpResponseBase:
    """List the branch and the tags. A stopped revision keeps its tag; asking for it tells the reason."""
    revisions = _revisions(kind, namespace, name)
    main = at_revision(revisions, "main")
    branches = [{"name": "main", "ref": "refs/heads/main", "targetCommit": main.revision}] if main else []
    tags = [{"name": each.tag, "ref": f"refs/tags/{each.tag}", "targetCommit": each.revision} for each in revisions]
    return JsonResponse({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})


@answers(*_READ)
def commits(_request: HttpRequest, kind: str, namespace: str, name: str, revision: str) -> HttpResponseBase:
    """List what was published up to `revision`, newest first: each revision is one commit; a stopped one says why."""
    revisions = _revisions(kind, namespace, name)
    last = _find(revisions, revision)
    history = [
        {
            "id": each.revision,
            "title": f"Version {each.number}",
            "message": each.stop.sentence if each.stop else "",
            "authors": [{"user": each.namespace}],
            "date": _time(each),
        }
        for each in revisions
        if each.number <= last.number
    ]
    return JsonResponse(history, safe=False)


@answers(*_READ)
def tree(request: HttpRequest, kind: str, namespace: str, name: str, revision: str, path: str = "") -> HttpResponseBase:
    """List the files and folders below a path."""
    found = _find(_revisions(kind, namespace, name), revision)
    recursive = request.GET.get("recursive", "").lower() in {"1", "true"}
    entries = entries_below(found.files(), path.strip("/"), recursive=recursive)
    if entries is None:
        raise NotHereError("EntryNotFound", f"{path[:200]} does not exist on {revision[:80]}", _commit_header(found))
    return JsonResponse([_entry(entry) for entry in entries], safe=False)


@answers("POST")
def paths_info(request: HttpRequest, kind: str, namespace: str, name: str, revision: str) -> HttpResponseBase:
    """Describe the files and folders that the body names; what does not exist is left out. It only reads."""
    found = _find(_revisions(kind, namespace, name), revision)
    wanted = _paths(request)
    if wanted is None or len(wanted) > PATHS_MAX:
        return refusal(400, "", f"Send `paths`, at most {PATHS_MAX} of them, as a form or as JSON.", {})
    files = found.files()
    entries = (entry_at(files, path.strip("/")) for path in dict.fromkeys(wanted))
    return JsonResponse([_entry(entry) for entry in entries if entry is not None], safe=False)


@answers(*_READ)
def resolve(request: HttpRequest, kind: str, namespace: str, name: str, revision: str, path: str) -> HttpResponseBase:
    """Send one file, or its part, or only its headers.

    1. Find the file in the listing.  2. Say that nothing changed, if so (If-None-Match).  3. Find out which bytes are
    wanted (Range, If-Range).  4. Send them in chunks.
    """
    # 1.
    found = _find(_revisions(kind, namespace, name), revision)
    file = found.files().get(path)
    if file is None:
        raise NotHereError("EntryNotFound", f"{path[:200]} does not exist on {revision[:80]}", _commit_header(found))
    headers = _file_headers(found, file, pinned=revision == found.revision)
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
            return refusal(416, "", "The range is behind the end.", {"Content-Range": f"bytes */{file.size}"})
    first, behind = part or (0, file.size)
    if part:
        headers["Content-Range"] = f"bytes {first}-{behind - 1}/{file.size}"
    headers["Content-Length"] = str(behind - first)
    # 4. Opened here, so that a file that cannot be read is still a proper answer.
    stream = ranges.Part(found.open(file, first), behind - first)
    return StreamingHttpResponse(stream, status=206 if part else 200, headers=headers)


@answers(*_READ)
def mirrored_file(
    request: HttpRequest, mirror: str, namespace: str, name: str, revision: str, path: str
) -> HttpResponseBase:
    """Send a file of a release that the log of a mirrored community leads to, as the hub does."""
    followed = Mirror.objects.filter(slug=mirror).first()
    if followed is None or not mirror_files.has(followed, f"{namespace}/{name}"):
        raise NotHereError("RepoNotFound", "This mirror has no files of such a model.")
    response: HttpResponseBase = resolve(request, "models", namespace, name, revision, path)
    return response


@answers(*_READ)
def nothing(_request: HttpRequest, path: str) -> HttpResponseBase:
    """Answer every other address in the client's form, so that it can say what is missing."""
    is_repository = path.startswith(("api/models/", "api/datasets/")) or "/resolve/" in path
    raise NotHereError("RepoNotFound" if is_repository else "", "There is nothing at this address.")


def _revisions(kind: str, namespace: str, name: str) -> list[Revision]:
    revisions = revisions_of(kind, namespace, name)
    if not revisions:
        what = {"models": "published model", "datasets": "included training dataset"}[kind]
        raise NotHereError("RepoNotFound", f"There is no {what} of this name.")
    return revisions


def _find(revisions: Sequence[Revision], wanted: str) -> Revision:
    """Return the revision that may be handed out, or raise what says why not."""
    found = at_revision(revisions, wanted)
    if found is None:
        raise NotHereError("RevisionNotFound", f"Invalid revision {wanted[:80]}; main, v<number> or 40 hex characters.")
    if found.stop is not None:
        raise StoppedError(found.stop)
    return found


def _paths(request: HttpRequest) -> list[str] | None:
    """Read the paths of a body: a form, as the client sends it, or JSON, as older clients do."""
    if request.content_type != "application/json":
        return request.POST.getlist("paths") or None
    try:
        body = strict_loads(request.body, max_bytes=BODY_BYTES_MAX)
    except CanonicalError:
        return None
    paths = body.get("paths") if isinstance(body, dict) else None
    return paths if isinstance(paths, list) and all(isinstance(path, str) for path in paths) else None


def _summary(revision: Revision) -> dict[str, Any]:
    """Describe a revision as the client expects. Counts that we do not keep (downloads) are left out, not zero."""
    return {
        "_id": revision.revision[:24],
        "id": revision.repository_id,
        "modelId": revision.repository_id,
        "author": revision.namespace,
        "sha": revision.revision,
        "lastModified": _time(revision),
        "private": False,
        "gated": False,
        "disabled": False,
        **revision.facts,
    }


def _sibling(file: File, *, blobs: bool) -> dict[str, Any]:
    sibling: dict[str, Any] = {"rfilename": file.path}
    if blobs:
        sibling |= {"size": file.size, "blobId": file.git_id}
        if file.large:
            sibling["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": file.pointer_size}
    return sibling


def _entry(entry: File | Folder) -> dict[str, Any]:
    if isinstance(entry, Folder):
        return {"type": "directory", "oid": entry.git_id, "size": 0, "path": entry.path}
    described: dict[str, Any] = {"type": "file", "oid": entry.git_id, "size": entry.size, "path": entry.path}
    if entry.large:
        described["lfs"] = {"oid": entry.sha256, "size": entry.size, "pointerSize": entry.pointer_size}
    return described


def _file_headers(revision: Revision, file: File, *, pinned: bool) -> dict[str, str]:
    headers = {
        # A download, never a page of this site: a file from a model must not run here as a script.
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{file.path.rsplit("/", 1)[-1]}";',
        "X-Content-Type-Options": "nosniff",
        "Content-Length": str(file.size),
        "Accept-Ranges": "bytes",
        "ETag": f'"{file.etag}"',
        # A pinned revision never changes, but it can be withdrawn: caches may keep it for a day without asking.
        "Cache-Control": "public, max-age=86400" if pinned else "no-cache",
    } | _commit_header(revision)
    if file.large:
        headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(file.size)}
    return headers


def _commit_header(revision: Revision) -> dict[str, str]:
    return {"X-Repo-Commit": revision.revision}


def _matches(header: str, file: File) -> bool:
    """Say whether a list of entity tags names this file. Tags are digests here: weak ones count as strong ones."""
    tags = {tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")}
    return "*" in tags or file.etag in tags


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default  # noqa: PLR2004


def _time(revision: Revision) -> str:
    return revision.published_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
