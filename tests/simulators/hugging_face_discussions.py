"""Discussions and pull requests of the simulated Hugging Face hub: the endpoints that the official client calls for them.

As there, a pull request begins as a draft with a ref of its own (`refs/pr/<number>`), and a merge names neither what is
merged nor onto what: it takes what both sides are when it arrives, file by file, and refuses files that both have changed.
"""

import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.simulators.hugging_face_repository import Discussion, Repository

if TYPE_CHECKING:
    from tests.simulators.hugging_face_hub import HuggingFaceHubSimulator

PUBLISHER = "water-commons"
STRANGER = "somebody"
TITLE_CHARACTERS_MIN, TITLE_CHARACTERS_MAX = 3, 200
_PAGE = 2  # few enough that the client's paging is used


class DiscussionEndpoints(ABC):
    """What the handler of requests answers for discussions; it is mixed into it."""

    hub: "HuggingFaceHubSimulator"
    body: bytes
    path: str

    _AT = r"/api/models/(?P<repo>[\w.\-]+/[\w.\-]+)/discussions"
    DISCUSSION_ROUTES = (
        ("GET", r"/api/whoami-v2", "whoami"),
        ("GET", _AT, "discussions"),
        ("POST", _AT, "open_discussion"),
        ("GET", rf"{_AT}/(?P<num>\d+)", "discussion"),
        ("POST", rf"{_AT}/(?P<num>\d+)/comment", "comment"),
        ("POST", rf"{_AT}/(?P<num>\d+)/status", "change_status"),
        ("POST", rf"{_AT}/(?P<num>\d+)/merge", "merge"),
    )

    @abstractmethod
    def _json(self, value: object, status: int = 200) -> None:
        """Answer with JSON."""

    @abstractmethod
    def _error(self, status: int, code: str, message: str, **headers: str) -> None:
        """Answer with a refusal as the hub words it."""

    def _whoami(self) -> None:
        token = {"displayName": "publisher", "role": "write"}
        self._json({"type": "user", "name": PUBLISHER, "fullname": "", "orgs": [], "auth": {"accessToken": token}})

    def _held(self, repo: str) -> "Repository | None":
        """Find the repository, or answer why there is nothing to discuss."""
        repository = self.hub.repositories.get(repo)
        if repository is None:
            self._error(404, "RepoNotFound", "Repository not found")
        elif not repository.discussing:
            self._error(404, "", "Discussions are disabled for this repo")
            return None
        return repository

    def _at(self, repo: str, num: str) -> "Discussion | None":
        repository = self._held(repo)
        if repository is None:
            return None
        found = repository.discussions.get(int(num))
        if found is None:
            self._error(404, "", "Discussion not found")
        return found

    def _discussions(self, repo: str) -> None:
        repository = self._held(repo)
        if repository is None:
            return
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        found = [
            entry.listed(repo)
            for entry in reversed(repository.discussions.values())
            if entry.author == query.get("author", entry.author)
            and query.get("type") in {None, "all", "pull_request" if entry.pull_request else "discussion"}
            and query.get("status") in {None, "all", "open" if entry.status in {"open", "draft"} else "closed"}
        ]
        start = int(query.get("p", "0")) * _PAGE
        self._json({"discussions": found[start : start + _PAGE], "count": len(found), "start": start})

    def _open_discussion(self, repo: str) -> None:
        repository = self._held(repo)
        if repository is None:
            return
        order = json.loads(self.body)
        if not TITLE_CHARACTERS_MIN <= len(order["title"]) <= TITLE_CHARACTERS_MAX:
            self._error(400, "", "a title has 3 to 200 characters")
            return
        opened = repository.discuss(PUBLISHER, order["title"], order["description"], pull_request=order["pullRequest"])
        self._json({"num": opened.num, "url": f"{self.hub.endpoint}/{repo}/discussions/{opened.num}"})

    def _discussion(self, repo: str, num: str) -> None:
        found = self._at(repo, num)
        if found is None:
            return
        details = found.listed(repo) | {"events": found.events}
        if found.pull_request:
            changes = {"base": "refs/heads/main"} | ({"mergeCommitId": found.merged} if found.merged else {})
            details |= {"changes": changes, "filesWithConflicts": [], "diff": ""}
        self._json(details)

    def _comment(self, repo: str, num: str) -> None:
        found = self._at(repo, num)
        if found is not None:
            self._json({"newMessage": found.comment(PUBLISHER, json.loads(self.body)["comment"])})

    def _change_status(self, repo: str, num: str) -> None:
        found = self._at(repo, num)
        if found is None:
            return
        order = json.loads(self.body)
        if order["status"] == found.status or found.status == "merged":
            self._error(400, "", f"it is {found.status} already")
            return
        if "comment" in order:
            found.comment(PUBLISHER, order["comment"])
        self._json({"newStatus": found.move(PUBLISHER, order["status"])})

    def _merge(self, repo: str, num: str) -> None:
        found = self._at(repo, num)
        if found is None:
            return
        if not found.pull_request or found.status != "open":
            self._error(400, "", "only an open pull request can be merged")
            return
        repository = self.hub.repositories[repo]
        start, ours, theirs = (repository.at(name) for name in (found.start, "main", f"refs/pr/{num}"))
        assert start
        assert ours
        assert theirs
        files: dict[str, bytes] = {}
        for path in sorted({*start.files, *ours.files, *theirs.files}):
            was, here, there = (commit.files.get(path) for commit in (start, ours, theirs))
            if was not in {here, there} and here != there:
                self._error(409, "", f"both have changed {path}")
                return
            content = there if here == was else here
            if content is not None:
                files[path] = content
        found.merged = repository.add(f"{found.title} (#{num})", "", files, ours.lfs | theirs.lfs).oid
        found.move(PUBLISHER, "merged")
        self._json({})
