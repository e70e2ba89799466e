"""The publishing process: carries out one order with the official Hugging Face client. Started by `huggingface_child`.

A release is one commit on a branch of its own, downloaded again and compared, then an immutable tag `v<number>`, and
only then `main`: whoever reads `main` or a tag never gets what was not compared. Before the tag and before `main` it
asks whether the release may still be shown. The manifest's digest stands in the descriptions of commits and is looked
up first, so that a publisher that was cut off anywhere goes on where it stopped: publishing twice makes one release
commit, one tag and one commit on `main`.

`main` moves by a commit that names its parent, and by nothing else: that is why a proposal has a discussion on the hub
(`huggingface_discussion`) and no pull request that is merged.
"""

import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, RepoFile
from huggingface_hub.errors import HfHubHTTPError, RevisionNotFoundError

from models_registry.publishing import huggingface_discussion
from models_registry.publishing.base import Permit, Publication, PublishError, ReleaseFile, measure, release_files
from models_registry.publishing.discussion import Discussion, Place

MAIN = "main"
# The hub adds this file to every repository itself; a release neither holds nor removes it.
HUB_OWN_FILES = frozenset({".gitattributes"})
# Answers after which the same request may succeed later: a lost race, too many requests, a hub in trouble.
_PASSING_STATUSES = frozenset({408, 412, 425, 429})
_SERVER_ERRORS_FROM = 500
_TAG = re.compile(r"v([1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Order:
    """One release and the repository that it goes to."""

    api: HfApi
    folder: Path
    files: tuple[ReleaseFile, ...]
    model_id: str
    version: int
    marker: str
    private: bool
    permit: Permit

    @property
    def tag(self) -> str:
        """The tag of this version."""
        return f"v{self.version}"

    @property
    def branch(self) -> str:
        """The branch on which this version is made; it goes when the tag holds its commit."""
        return f"release-v{self.version}"


def publish_release(order: Order) -> Publication:
    """Carry out the publication. Every step may already have happened in an earlier attempt.

    1. The repository exists.  2. Without the tag: a commit with our marker stands on a branch of its own.  3. What
    the hub gives back for it is, byte for byte, what was sent.  4. The tag points to it.  5. `main` has the same files,
    unless a newer version is tagged already.  6. The branch is gone. Permission is asked before 4 and 5; where it is
    refused for good, the branch goes without a tag.
    """
    with _hub_errors():
        # 1.
        order.api.create_repo(order.model_id, private=order.private, exist_ok=True)
        tags = {entry.name: entry.target_commit for entry in order.api.list_repo_refs(order.model_id).tags}
        commit = tags.get(order.tag)
        if commit is None:
            commit = _commit_on_branch(order)  # 2
            _compare(order, commit)  # 3
            _ask(order)
            order.api.create_tag(order.model_id, tag=order.tag, revision=commit)  # 4
        elif _marked(order, commit) != commit:
            raise PublishError("tag_conflict", f"{order.tag} already points to {commit}", permanent=True)
        if max((int(found[1]) for name in tags if (found := _TAG.fullmatch(name))), default=0) <= order.version:
            _ask(order)
            _move_main(order, commit)  # 5
        _remove_branch(order)  # 6
    return Publication(f"{order.api.endpoint}/{order.model_id}/tree/{order.tag}", commit)


def marker_of(manifest_sha256: str) -> str:
    """Return the line of a commit's description by which a finished commit is recognised."""
    return f"Manifest-SHA256: {manifest_sha256}"


class Refused(Exception):
    """The side that gave the order does not permit the next step; it knows why."""

    def __init__(self, *, remove: bool) -> None:
        """Keep whether what is not visible yet is not wanted any more."""
        super().__init__("the next step was not permitted")
        self.remove = remove


def _ask(order: Order) -> None:
    try:
        order.permit()
    except Refused as refused:
        if refused.remove:
            _remove_branch(order)
        raise


def _commit_on_branch(order: Order) -> str:
    """Return the release's commit on its branch, made on top of `main` if no earlier attempt made it."""
    api = order.api
    branches = {entry.name for entry in api.list_repo_refs(order.model_id).branches}
    if order.branch not in branches:
        api.create_branch(order.model_id, branch=order.branch, revision=MAIN, exist_ok=True)
    return _marked(order, order.branch) or _commit(order, order.branch)


def _move_main(order: Order, release: str) -> None:
    """Give `main` the files of the release in one commit, if no earlier attempt did."""
    commit = _marked(order, MAIN) or _commit(order, MAIN)
    if _tree(order, commit) != _tree(order, release):
        raise PublishError("hub_differs", f"{MAIN} holds other files than {order.tag}", permanent=True)


def _remove_branch(order: Order) -> None:
    try:
        order.api.delete_branch(order.model_id, branch=order.branch)
    except RevisionNotFoundError:
        return  # an earlier attempt did


def _marked(order: Order, revision: str) -> str | None:
    """Return the newest commit up to this revision that carries our marker."""
    commits = order.api.list_repo_commits(order.model_id, revision=revision)
    return next((str(entry.commit_id) for entry in commits if order.marker in entry.message.splitlines()), None)


def _commit(order: Order, branch: str) -> str:
    """Replace the content of a branch in one commit; fails with 412 when somebody else moved the branch meanwhile."""
    api, model_id = order.api, order.model_id
    parent = api.list_repo_commits(model_id, revision=branch)[0].commit_id
    stale = set(api.list_repo_files(model_id, revision=parent)) - {file.path for file in order.files} - HUB_OWN_FILES
    operations: list[Any] = [
        CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=str(order.folder / file.path))
        for file in order.files
    ]
    operations += [CommitOperationDelete(path_in_repo=path) for path in sorted(stale)]
    info = api.create_commit(
        model_id,
        operations,
        commit_message=f"Release version {order.version}",
        commit_description=order.marker,
        revision=branch,
        parent_commit=parent,
    )
    return str(info.oid)


def _compare(order: Order, commit: str) -> None:
    """Download the commit as a stranger would, and compare every file with what was signed."""
    expected = {file.path: file for file in order.files}
    with tempfile.TemporaryDirectory(prefix="downloaded-") as home:
        order.api.snapshot_download(order.model_id, revision=commit, local_dir=home)
        folder = Path(home)
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
        found = {path for path in found if not path.startswith(".cache/")} - HUB_OWN_FILES
        if found != expected.keys():
            raise PublishError("hub_differs", "the hub holds other files than were sent", permanent=True)
        for path, file in expected.items():
            if measure(folder, path) != file:
                raise PublishError("hub_differs", f"the hub holds another {path} than was sent", permanent=True)


def _tree(order: Order, revision: str) -> dict[str, tuple[int, str]]:
    """Return size and content name of every file, as the hub lists them."""
    entries = order.api.list_repo_tree(order.model_id, recursive=True, revision=revision)
    return {
        entry.path: (entry.size, entry.lfs.sha256 if entry.lfs else entry.blob_id)
        for entry in entries
        if isinstance(entry, RepoFile) and entry.path not in HUB_OWN_FILES
    }


@contextmanager
def _hub_errors() -> Iterator[None]:
    """Turn the client's errors into ours, saying whether trying again can help."""
    try:
        yield
    except HfHubHTTPError as error:
        raise _from_answer(error) from error
    except httpx2.TransportError as error:
        raise PublishError("hub_unavailable", f"{type(error).__name__}: {error}", permanent=False) from error
    except ValueError as error:
        # The client refuses what the hub would refuse, such as a model card whose header cannot be read.
        raise PublishError("hub_refused", str(error).strip().splitlines()[0], permanent=True) from error
    except RuntimeError as error:
        # The client wraps whatever went wrong while a large file was uploaded.
        cause = error.__cause__
        if isinstance(cause, HfHubHTTPError):
            raise _from_answer(cause) from error
        raise PublishError("hub_unavailable", str(error), permanent=False) from error


def _from_answer(error: HfHubHTTPError) -> PublishError:
    status, lines = error.response.status_code, str(error).strip().splitlines()
    detail = lines[0] if lines else f"status {status}"
    if status == 412:  # noqa: PLR2004 - the branch moved between our look and our commit
        return PublishError("stale_parent", detail, permanent=False)
    if status in _PASSING_STATUSES or status >= _SERVER_ERRORS_FROM:
        asked = error.response.headers.get("Retry-After", "")
        rest = int(asked) if asked.isascii() and asked.isdigit() else 0
        return PublishError("hub_unavailable", detail, permanent=False, retry_after_seconds=rest)
    return PublishError("hub_refused", detail, permanent=True)


def _ask_for_permission() -> None:
    """Ask the other side; a side that is gone permits nothing."""
    _say({"asks": "permission"})
    answer = json.loads(sys.stdin.buffer.readline() or b"{}")
    if not answer.get("go"):
        raise Refused(remove=bool(answer.get("remove")))


def publish(order: Mapping[str, Any], api: HfApi, permit: Permit) -> Publication:
    """Carry out an order to publish."""
    folder = Path(order["release_folder"])
    return publish_release(
        Order(
            api=api,
            folder=folder,
            files=release_files(folder, order["manifest_sha256"]),
            model_id=order["model_id"],
            version=order["version"],
            marker=marker_of(order["manifest_sha256"]),
            private=order["private"],
            permit=permit,
        )
    )


def discuss(order: Mapping[str, Any], api: HfApi, permit: Permit) -> Place:
    """Carry out an order to discuss; the first release of the model may still be far away."""
    with _hub_errors():
        api.create_repo(order["model_id"], private=order["private"], exist_ok=True)
        wanted = Discussion.from_dict(order["discussion"])
        return huggingface_discussion.discuss(api, order["model_id"], wanted, permit)


_TASKS: dict[str, Callable[[Mapping[str, Any], HfApi, Permit], Publication | Place]] = {
    "publish": publish,
    "discuss": discuss,
}


def _say(said: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read one order from standard input, carry it out, print one answer."""
    order = json.loads(sys.stdin.buffer.readline())
    try:
        api = HfApi(endpoint=order["endpoint"], token=order["token"])
        done = _TASKS[order["task"]](order, api, _ask_for_permission)
    except Refused:
        return  # who refused it knows why
    except PublishError as error:
        # The token must not travel in a message that ends up in logs or pages.
        detail = error.detail.replace(order["token"], "…")
        answer = {"code": error.code, "detail": detail, "permanent": error.permanent}
        _say({"error": answer | {"retry_after_seconds": error.retry_after_seconds}})
    else:
        _say({"done": asdict(done)})


if __name__ == "__main__":
    main()
