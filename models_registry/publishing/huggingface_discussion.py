"""A proposal's discussion on the Hugging Face Hub: opened once, each stage said once, closed at the end.

It is a discussion and not a pull request that is merged. The hub's request to merge (`HfApi.merge_pull_request`) names
neither the commit to merge nor the one to merge onto, so that what stands on `main` afterwards need not be what was
compared: whoever wrote to `main` or to the pull request a moment before has mixed into it, and a merge makes a commit
of its own that no digest of ours is in. Two proposals that are open at once start from one `main`, and the second
conflicts with the first. A commit with a parent (`huggingface_client`) has none of this. And a pull request would put a
button beside the vote that anybody with write access can press before it is decided. So `main` moves as for every
release, and the discussion names the commit and the tag and is closed.

The hub has no keys against saying a thing twice. What an earlier attempt did is found by its mark, and only in what our
own account wrote: a stranger who copies a mark changes nothing. If an answer came so late that a second discussion was
opened, the older one is kept and the other closed. This module is imported by the publishing process only.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import DiscussionComment, DiscussionWithDetails, HfApi
from huggingface_hub.errors import HfHubHTTPError

from models_registry.publishing.base import Permit, PublishError
from models_registry.publishing.discussion import Discussion, Place

_NOT_THERE = frozenset({404, 410})
_REFUSED = frozenset({400, 401, 403})


def discuss(api: HfApi, model_id: str, wanted: Discussion, permit: Permit) -> Place:
    """Make the discussion be as it is wanted. Every step may already have happened in an earlier attempt.

    1. The discussion is there.  2. The comment is in it.  3. It is closed, if it shall be. Permission is asked before
    anything is written.
    """
    with _discussion_errors():
        ours = str(api.whoami()["name"])
        permit()
        number = wanted.number or _found(api, model_id, wanted, ours)
        if number is None:  # 1
            number = api.create_discussion(model_id, wanted.title, description=wanted.opening).num
        details = api.get_discussion_details(model_id, number)
        if wanted.comment and not _says(details, ours, wanted.comment_mark):  # 2
            api.comment_discussion(model_id, number, wanted.comment)
        if wanted.closes and details.status == "open":  # 3
            api.change_discussion_status(model_id, number, "closed")
    return Place(number, details.url)


def _found(api: HfApi, model_id: str, wanted: Discussion, ours: str) -> int | None:
    """Return the oldest discussion that we opened with this mark, and close younger ones."""
    listed = api.get_repo_discussions(model_id, author=ours, discussion_type="discussion")
    titled = [entry.num for entry in listed if entry.title == wanted.title and entry.author == ours]
    found = [api.get_discussion_details(model_id, number) for number in sorted(titled)]
    marked = [details for details in found if _says(details, ours, wanted.opening_mark)]
    for double in marked[1:]:
        if double.status == "open":
            comment = f"Opened twice by mistake. It goes on in {marked[0].url}"
            api.change_discussion_status(model_id, double.num, "closed", comment=comment)
    return marked[0].num if marked else None


def _says(details: DiscussionWithDetails, ours: str, mark: str) -> bool:
    """Say whether we have written this mark there."""
    return any(
        isinstance(event, DiscussionComment) and event.author == ours and mark in event.content.splitlines()
        for event in details.events
    )


@contextmanager
def _discussion_errors() -> Iterator[None]:
    """Tell a repository without discussions from other refusals, and these from those of a release."""
    try:
        yield
    except HfHubHTTPError as error:
        status, said = error.response.status_code, str(error).strip()
        detail = said.splitlines()[0] if said else f"status {status}"
        if status in _NOT_THERE or (status in _REFUSED and "disabled" in said.lower()):
            raise PublishError("discussions_off", detail, permanent=True) from error
        if status in _REFUSED:
            raise PublishError("discussion_refused", detail, permanent=True) from error
        raise
