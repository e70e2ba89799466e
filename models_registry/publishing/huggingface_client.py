"""The publishing process: carries out one publication with the official Hugging Face client. Started by `huggingface`.

The release is one commit with a stated parent, then an immutable tag `v<number>`. The manifest's digest stands in the
commit's description and is looked up first, so that a publisher that was cut off anywhere goes on where it stopped:
publishing twice makes one commit. What the hub then holds is compared with what was sent, before the tag is set.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile
from huggingface_hub.errors import HfHubHTTPError

from models_registry.publishing.base import Publication, PublishError, ReleaseFile, open_plain, release_files

BRANCH = "main"
# The hub adds this file to every repository itself; a release neither holds nor removes it.
HUB_OWN_FILES = frozenset({".gitattributes"})
# Answers after which the same request may succeed later: a lost race, too many requests, a hub in trouble.
_PASSING_STATUSES = frozenset({408, 412, 425, 429})
_SERVER_ERRORS_FROM = 500


def publish_release(
    api: HfApi, folder: Path, files: tuple[ReleaseFile, ...], *, model_id: str, version: int, marker: str, private: bool
) -> Publication:
    """Carry out the publication with the official client. Every step may already have happened in an earlier attempt.

    1. The repository exists.  2. A commit that carries our marker exists: found, or made on top of the branch's head.
    3. The hub holds exactly the files that were sent.  4. The tag of this version points to that commit.
    """
    with _hub_errors():
        # 1.
        api.create_repo(model_id, private=private, exist_ok=True)
        # 2.
        commits = api.list_repo_commits(model_id, revision=BRANCH)
        commit = next((entry.commit_id for entry in commits if marker in entry.message.splitlines()), None)
        if commit is None:
            commit = _commit(
                api, folder, files, model_id=model_id, version=version, marker=marker, parent=commits[0].commit_id
            )
        # 3.
        _compare(api, folder, files, model_id, commit)
        # 4.
        _tag(api, model_id, f"v{version}", commit)
    return Publication(f"{api.endpoint}/{model_id}/tree/v{version}", commit)


def marker_of(manifest_sha256: str) -> str:
    """Return the line of a commit's description by which a finished commit is recognised."""
    return f"Manifest-SHA256: {manifest_sha256}"


def _commit(
    api: HfApi, folder: Path, files: tuple[ReleaseFile, ...], *, model_id: str, version: int, marker: str, parent: str
) -> str:
    """Replace the content of the branch in one commit; fails with 412 when somebody else moved the branch meanwhile."""
    ours = {file.path for file in files}
    stale = set(api.list_repo_files(model_id, revision=parent)) - ours - HUB_OWN_FILES
    operations: list[Any] = [
        CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=str(folder / file.path)) for file in files
    ]
    operations += [CommitOperationDelete(path_in_repo=path) for path in sorted(stale)]
    info = api.create_commit(
        model_id,
        operations,
        commit_message=f"Release version {version}",
        commit_description=marker,
        revision=BRANCH,
        parent_commit=parent,
    )
    return str(info.oid)


def _compare(api: HfApi, folder: Path, files: tuple[ReleaseFile, ...], model_id: str, commit: str) -> None:
    """Compare the hub's list of files, by size and digest, with what we sent."""
    remote = {
        entry.path: entry
        for entry in api.list_repo_tree(model_id, recursive=True, revision=commit)
        if isinstance(entry, RepoFile) and entry.path not in HUB_OWN_FILES
    }
    if set(remote) != {file.path for file in files}:
        raise PublishError("hub_differs", "the hub holds other files than were sent", permanent=True)
    for file in files:
        entry = remote[file.path]
        found = entry.lfs.sha256 if entry.lfs else entry.blob_id
        expected = file.sha256 if entry.lfs else _git_digest(folder, file)
        if entry.size != file.size or found != expected:
            raise PublishError("hub_differs", f"the hub holds another {file.path} than was sent", permanent=True)


def _git_digest(folder: Path, file: ReleaseFile) -> str:
    """Return the SHA-1 of the file as a git blob: how the hub names small files. It identifies, it does not protect."""
    digest = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    with open_plain(folder / file.path) as stream:
        while chunk := stream.read(1024 * 1024):
            digest.update(chunk)
    return digest.hexdigest()


def _tag(api: HfApi, model_id: str, tag: str, commit: str) -> None:
    """Set the tag once. A tag that already points elsewhere is never moved: readers rely on it."""
    existing = {entry.name: entry.target_commit for entry in api.list_repo_refs(model_id).tags}
    if tag not in existing:
        api.create_tag(model_id, tag=tag, revision=commit)
    elif existing[tag] != commit:
        raise PublishError("tag_conflict", f"{tag} already points to {existing[tag]}", permanent=True)


@contextmanager
def _hub_errors() -> Iterator[None]:
    """Turn the client's errors into ours, saying whether trying again can help."""
    try:
        yield
    except HfHubHTTPError as error:
        raise _from_status(error.response.status_code, str(error)) from error
    except httpx2.TransportError as error:
        raise PublishError("hub_unavailable", f"{type(error).__name__}: {error}", permanent=False) from error
    except ValueError as error:
        # The client refuses what the hub would refuse, such as a model card whose header cannot be read.
        raise PublishError("hub_refused", str(error).strip().splitlines()[0], permanent=True) from error
    except RuntimeError as error:
        # The client wraps whatever went wrong while a large file was uploaded.
        cause = error.__cause__
        if isinstance(cause, HfHubHTTPError):
            raise _from_status(cause.response.status_code, str(cause)) from error
        raise PublishError("hub_unavailable", str(error), permanent=False) from error


def _from_status(status: int, detail: str) -> PublishError:
    first_line = detail.strip().splitlines()[0] if detail.strip() else f"status {status}"
    if status == 412:  # noqa: PLR2004 - the branch moved between our look and our commit
        return PublishError("stale_parent", first_line, permanent=False)
    if status in _PASSING_STATUSES or status >= _SERVER_ERRORS_FROM:
        return PublishError("hub_unavailable", first_line, permanent=False)
    return PublishError("hub_refused", first_line, permanent=True)


def main() -> None:
    """Read one order from standard input, carry it out, print one answer."""
    order = json.loads(sys.stdin.buffer.read())
    try:
        folder = Path(order["release_folder"])
        publication = publish_release(
            HfApi(endpoint=order["endpoint"], token=order["token"]),
            folder,
            release_files(folder, order["manifest_sha256"]),
            model_id=order["model_id"],
            version=order["version"],
            marker=marker_of(order["manifest_sha256"]),
            private=order["private"],
        )
    except PublishError as error:
        # The token must not travel in a message that ends up in logs or pages.
        detail = error.detail.replace(order["token"], "…")
        answer: dict[str, Any] = {"error": {"code": error.code, "detail": detail, "permanent": error.permanent}}
    else:
        answer = {"publication": asdict(publication)}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
