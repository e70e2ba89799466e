"""What a repository of the simulated Hugging Face hub holds: commits, branches, tags, discussions. In memory."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

_WHEN = "2026-01-01T00:00:00.000Z"


def git_digest(content: bytes) -> str:
    """Name of a file in git: the SHA-1 of its header and content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass
class Discussion:
    """One discussion or pull request with what happened in it."""

    num: int
    title: str
    author: str
    pull_request: bool
    start: str
    status: str = "open"
    merged: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)

    def comments(self) -> list[str]:
        """What was written, oldest first."""
        return [event["data"]["latest"]["raw"] for event in self.events if event["type"] == "comment"]

    def comment(self, author: str, text: str) -> dict[str, Any]:
        """Write something."""
        latest = {"raw": text, "html": "", "updatedAt": _WHEN, "author": {"name": author}}
        data = {"edited": False, "hidden": False, "latest": latest, "history": []}
        return self._add(author, "comment", data)

    def move(self, author: str, status: str) -> dict[str, Any]:
        """Open, close or merge it."""
        self.status = status
        return self._add(author, "status-change", {"status": status})

    def _add(self, author: str, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        event = {
            "id": f"{self.num:08x}{len(self.events):08x}",
            "type": kind,
            "createdAt": _WHEN,
            "author": {"name": author},
            "data": data,
        }
        self.events.append(event)
        return event

    def listed(self, repo: str) -> dict[str, Any]:
        """Return it as lists have it."""
        return {
            "num": self.num,
            "title": self.title,
            "author": {"name": self.author},
            "createdAt": _WHEN,
            "status": self.status,
            "repo": {"name": repo, "type": "model"},
            "isPullRequest": self.pull_request,
        }


@dataclass
class Commit:
    """One commit with its whole tree. `lfs` names the paths that are kept as large files."""

    oid: str
    parent: str
    title: str
    message: str
    files: dict[str, bytes]
    lfs: frozenset[str]


@dataclass
class Repository:
    """One model repository: every commit by its name, and what its branches and tags point to."""

    known: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=lambda: {"main": ""})
    tags: dict[str, str] = field(default_factory=dict)
    discussions: dict[int, Discussion] = field(default_factory=dict)
    discussing: bool = True

    def discuss(self, author: str, title: str, text: str, *, pull_request: bool = False) -> Discussion:
        """Open a discussion, or a pull request as a draft with a ref of its own."""
        number = len(self.discussions) + 1
        opened = Discussion(number, title, author, pull_request, self.branches["main"])
        opened.comment(author, text)
        if pull_request:
            opened.status = "draft"
            self.branches[f"refs/pr/{number}"] = self.branches["main"]
        self.discussions[number] = opened
        return opened

    @property
    def commits(self) -> list[Commit]:
        """The commits of the main branch, oldest first."""
        return self.history("main")

    def history(self, revision: str) -> list[Commit]:
        """The commits up to a branch, tag or name, oldest first."""
        found = []
        commit = self.at(revision)
        while commit is not None:
            found.append(commit)
            commit = self.known.get(commit.parent)
        return found[::-1]

    def add(
        self, title: str, message: str, files: dict[str, bytes], lfs: frozenset[str], branch: str = "main"
    ) -> Commit:
        """Append a commit whose name depends on its content, its parent and its moment, as in git."""
        parent = self.branches[branch]
        moment = len(self.known)
        tree = "".join(f"{path} {git_digest(content)}\n" for path, content in sorted(files.items()))
        oid = hashlib.sha1(f"{parent}\n{moment}\n{title}\n{message}\n{tree}".encode()).hexdigest()
        self.known[oid] = Commit(oid, parent, title, message, files, lfs)
        self.branches[branch] = oid
        return self.known[oid]

    def at(self, revision: str) -> Commit | None:
        """Find a commit by branch, tag or name."""
        return self.known.get(self.branches.get(revision) or self.tags.get(revision, revision))
