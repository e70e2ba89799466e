"""A Hugging Face hub in this process: the endpoints that the official client calls to publish and to download a model.

What belongs to discussions and pull requests is in `hugging_face_discussions`, what a repository holds in
`hugging_face_repository`.

Repositories are real chains of commits held in memory; small files are named by their git digest and large ones go through
Git LFS, as on the real hub. `fail` makes the next matching request go wrong in a chosen way, and `before` is called with each
request, so that a test can kill its publisher there. It keeps no secrets: one token.
"""

import base64
import hashlib
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.simulators.hugging_face_discussions import STRANGER, DiscussionEndpoints
from tests.simulators.hugging_face_repository import Commit, Repository, git_digest

TOKEN = "hf_simulated_token_of_the_tests"
LFS_SUFFIXES = (".safetensors",)
LFS_BYTES_MIN = 1024 * 1024


@dataclass
class Failure:
    """What shall go wrong: the next `times` requests of `method` whose path matches `pattern`."""

    method: str
    pattern: str
    how: str
    times: int


class HuggingFaceHubSimulator:
    """The hub's state and its server. Use it as `with HuggingFaceHubSimulator().running() as hub`."""

    def __init__(self, prefix: str = "") -> None:
        """Serve below `prefix`, such as "/hf"."""
        self.prefix = prefix
        self.repositories: dict[str, Repository] = {}
        self.large_files: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.failures: list[Failure] = []
        self.before: Callable[[str], None] = lambda _request: None
        self.lock = threading.RLock()
        self.endpoint = ""

    @contextmanager
    def running(self) -> Iterator["HuggingFaceHubSimulator"]:
        """Serve on a free port until the block ends."""
        simulator = self

        class Handler(_Handler):
            hub = simulator

        server = _Server(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{server.server_port}{self.prefix}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def fail(self, method: str, pattern: str, how: str, *, times: int = 1) -> None:
        """Let requests go wrong.

        `how` is a status such as "500"; "drop" (it acts, then cuts the line); "late-500" (it
        acts, then answers 500); "cut" (the line breaks in the middle of
        what is sent); "truncate" (it acts, then half of the answer comes); "hang" (it never answers); or "race" (somebody
        else commits first).
        """
        self.failures.append(Failure(method, pattern, how, times))

    def commit_by_somebody_else(self, repo_id: str, branch: str = "main") -> None:
        """Move a branch, as a person with write access could."""
        repository = self.repositories[repo_id]
        head = repository.history(branch)[-1]
        files = head.files | {"NOTES.md": f"note {len(repository.known)}".encode()}
        repository.add("a note", "", files, head.lfs, branch)

    def say_as_somebody_else(self, repo_id: str, number: int, text: str) -> None:
        """Comment on a discussion, as anybody may."""
        self.repositories[repo_id].discussions[number].comment(STRANGER, text)

    def next_failure(self, method: str, path: str) -> str:
        """Return how this request shall go wrong, or nothing."""
        with self.lock:
            for failure in self.failures:
                if failure.times and failure.method == method and re.search(failure.pattern, path):
                    failure.times -= 1
                    return failure.how
        return ""


class _Server(ThreadingHTTPServer):
    """A server whose clients may be killed."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that is gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(DiscussionEndpoints, BaseHTTPRequestHandler):
    """Routes requests to the simulator. One handler class is made per simulator, which is its `hub`."""

    hub: HuggingFaceHubSimulator
    protocol_version = "HTTP/1.1"

    _REPO = r"(?P<repo>[\w.\-]+/[\w.\-]+)"
    ROUTES = (
        *DiscussionEndpoints.DISCUSSION_ROUTES,
        ("POST", r"/api/repos/create", "create_repo"),
        ("POST", r"/api/validate-yaml", "validate_yaml"),
        ("GET", rf"/api/models/{_REPO}(?:/revision/(?P<revision>[^/]+))?", "model_info"),
        ("GET", rf"/api/models/{_REPO}/tree/(?P<revision>[^/]+)", "tree"),
        ("GET", rf"/api/models/{_REPO}/commits/(?P<revision>[^/]+)", "commits"),
        ("GET", rf"/api/models/{_REPO}/refs", "refs"),
        ("POST", rf"/api/models/{_REPO}/preupload/(?P<revision>[^/]+)", "preupload"),
        ("POST", rf"/api/models/{_REPO}/commit/(?P<revision>[^/]+)", "commit"),
        ("POST", rf"/api/models/{_REPO}/tag/(?P<revision>[^/]+)", "tag"),
        ("POST", rf"/api/models/{_REPO}/branch/(?P<branch>[^/]+)", "branch"),
        ("DELETE", rf"/api/models/{_REPO}/branch/(?P<branch>[^/]+)", "delete_branch"),
        ("POST", rf"/{_REPO}\.git/info/lfs/objects/batch", "lfs_batch"),
        ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", "lfs_put"),
        ("POST", r"/lfs/verify", "lfs_verify"),
        ("GET", rf"/{_REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
        ("HEAD", rf"/{_REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
    )
    WITHOUT_TOKEN = frozenset(
        {"model_info", "tree", "commits", "refs", "resolve", "lfs_put", "lfs_verify", "validate_yaml"}
    )

    def do_GET(self) -> None:
        """Answer a reading request."""
        self._dispatch()

    do_POST = do_PUT = do_HEAD = do_DELETE = do_GET  # noqa: N815 - names given by http.server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name given by http.server
        """Keep the test's output quiet."""

    # -- routing ---------------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        path = unquote(urlsplit(self.path).path)
        how = self.hub.next_failure(self.command, path)
        if how == "cut":
            self.rfile.read(int(self.headers.get("Content-Length") or 0) // 2)
            self.close_connection = True
            return
        self.body = self._read_body()
        self.hub.requests.append(f"{self.command} {path}")
        self.hub.before(f"{self.command} {path}")
        if how.isdigit():
            # The public hub says with a 429 for how long it wants to be left alone.
            wait = {"Retry-After": "1"} if how == "429" else {}
            self._error(int(how), "Failure", "this request was told to fail", **wait)
            return
        if how == "hang":
            time.sleep(30)
            self.close_connection = True
            return
        for method, pattern, name in self.ROUTES:
            # The client quotes slashes in revisions such as refs/pr/1, and in nothing else.
            match = re.fullmatch(re.escape(self.hub.prefix) + pattern, urlsplit(self.path).path)
            if match and method == self.command:
                if name not in self.WITHOUT_TOKEN and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                    self._error(401, "", "Invalid credentials in Authorization header")
                    return
                with self.hub.lock:
                    if how == "race":
                        self.hub.commit_by_somebody_else(match["repo"], match["revision"])
                    self.dropping = how == "drop"
                    self.truncating = how == "truncate"
                    self.late = how == "late-500"
                    getattr(self, f"_{name}")(
                        **{key: value and unquote(value) for key, value in match.groupdict().items()}
                    )
                return
        self._error(404, "", "no such endpoint")

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    dropping = False
    truncating = False
    late = False

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        if self.dropping:
            # The work is done; the answer is lost on the way.
            self.close_connection = True
            return
        if self.late:
            status, content = 500, b"{}"
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.truncating:
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        elif self.command != "HEAD":
            self.wfile.write(content)

    def _json(self, value: object, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _error(self, status: int, code: str, message: str, **headers: str) -> None:
        content = json.dumps({"error": message}).encode()
        named = {"X-Error-Code": code} if code else {}
        self._send(status, content, {"X-Error-Message": message, "Content-Type": "application/json"} | named | headers)

    def _find(self, repo: str, revision: str | None) -> Commit | None:
        """Find the commit, or answer that the repository or the revision is not there."""
        repository = self.hub.repositories.get(repo)
        if repository is None:
            self._error(404, "RepoNotFound", "Repository not found")
            return None
        commit = repository.at(revision or "main")
        if commit is None:
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return commit

    # -- endpoints -------------------------------------------------------------------------------------------------

    def _create_repo(self) -> None:
        order = json.loads(self.body)
        repo_id = f"{order['organization'] or 'somebody'}/{order['name']}"
        url = f"{self.hub.endpoint}/{repo_id}"
        if repo_id in self.hub.repositories:
            self._json({"error": "You already created this model repo", "url": url}, 409)
            return
        repository = self.hub.repositories.setdefault(repo_id, Repository())
        repository.add("initial commit", "", {".gitattributes": b"*.safetensors filter=lfs\n"}, frozenset())
        self._json({"url": url, "id": repo_id})

    def _validate_yaml(self) -> None:
        self._json({"errors": [], "warnings": []})

    def _model_info(self, repo: str, revision: str | None) -> None:
        commit = self._find(repo, revision)
        if commit:
            siblings = [{"rfilename": path} for path in sorted(commit.files)]
            self._json(
                {"_id": "1", "id": repo, "modelId": repo, "sha": commit.oid, "private": False, "siblings": siblings}
            )

    def _tree(self, repo: str, revision: str) -> None:
        commit = self._find(repo, revision)
        if commit is None:
            return
        entries: list[dict[str, Any]] = []
        for path, content in sorted(commit.files.items()):
            entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": git_digest(content)}
            if path in commit.lfs:
                oid = hashlib.sha256(content).hexdigest()
                pointer = (
                    f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()
                )
                entry |= {
                    "oid": git_digest(pointer),
                    "lfs": {"oid": oid, "size": len(content), "pointerSize": len(pointer)},
                }
            entries.append(entry)
        self._json(entries)

    def _commits(self, repo: str, revision: str) -> None:
        last = self._find(repo, revision)
        if last is None:
            return
        history = reversed(self.hub.repositories[repo].history(last.oid))
        # Pages of two, so that the client's paging is used.
        start = int(parse_qs(urlsplit(self.path).query).get("skip", ["0"])[0])
        entries = [
            {
                "id": commit.oid,
                "title": commit.title,
                "message": commit.message,
                "authors": [{"user": "somebody"}],
                "date": "2026-01-01T00:00:00.000Z",
            }
            for commit in history
        ]
        headers = {"Content-Type": "application/json"}
        if len(entries) > start + 2:
            address = f"{self.hub.endpoint}/api/models/{repo}/commits/{revision}?skip={start + 2}"
            headers["Link"] = f'<{address}>; rel="next"'
        self._send(200, json.dumps(entries[start : start + 2]).encode(), headers)

    def _refs(self, repo: str) -> None:
        commit = self._find(repo, "main")
        if commit is None:
            return
        held = self.hub.repositories[repo]
        tags = [{"name": name, "ref": f"refs/tags/{name}", "targetCommit": oid} for name, oid in held.tags.items()]
        branches = [
            {"name": name, "ref": f"refs/heads/{name}", "targetCommit": oid}
            for name, oid in held.branches.items()
            if not name.startswith("refs/")
        ]
        self._json({"branches": branches, "tags": tags, "converts": []})

    def _preupload(self, repo: str, revision: str) -> None:
        commit = self._find(repo, revision)
        if commit is None:
            return
        files = []
        for file in json.loads(self.body)["files"]:
            large = file["path"].endswith(LFS_SUFFIXES) or file["size"] >= LFS_BYTES_MIN
            answer = {"path": file["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
            known = commit.files.get(file["path"])
            if known is not None:
                answer["oid"] = hashlib.sha256(known).hexdigest() if large else git_digest(known)
            files.append(answer)
        self._json({"files": files})

    def _lfs_batch(self, repo: str) -> None:
        objects = []
        for wanted in json.loads(self.body)["objects"]:
            entry: dict[str, Any] = {"oid": wanted["oid"], "size": wanted["size"]}
            if wanted["oid"] not in self.hub.large_files:
                upload = {"href": f"{self.hub.endpoint}/lfs/{wanted['oid']}"}
                entry["actions"] = {"upload": upload, "verify": {"href": f"{self.hub.endpoint}/lfs/verify"}}
            objects.append(entry)
        self._json({"transfer": "basic", "objects": objects})

    def _lfs_put(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            self._error(400, "", "the content does not have this digest")
            return
        self.hub.large_files[oid] = self.body
        self._send(200, b"", {})

    def _lfs_verify(self) -> None:
        wanted = json.loads(self.body)
        held = self.hub.large_files.get(wanted["oid"])
        self._json({}, 200 if held is not None and len(held) == wanted["size"] else 404)

    def _commit(self, repo: str, revision: str) -> None:
        head = self._find(repo, revision)
        if head is None:
            return
        header: dict[str, Any] = {}
        files = dict(head.files)
        lfs = set(head.lfs)
        for line in self.body.splitlines():
            item = json.loads(line)
            key, value = item["key"], item["value"]
            if key == "header":
                header = value
                if value.get("parentCommit") not in {None, head.oid}:
                    self._error(412, "", "A commit has happened since. Please refresh and try again.")
                    return
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
                lfs.discard(value["path"])
            elif key == "lfsFile":
                if value["oid"] not in self.hub.large_files:
                    self._error(400, "", f"LFS object {value['oid']} was never uploaded")
                    return
                files[value["path"]] = self.hub.large_files[value["oid"]]
                lfs.add(value["path"])
            elif key == "deletedFile":
                files.pop(value["path"])
                lfs.discard(value["path"])
        if revision not in self.hub.repositories[repo].branches:
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        commit = self.hub.repositories[repo].add(
            header["summary"], header["description"], files, frozenset(lfs), revision
        )
        self._json({"commitOid": commit.oid, "commitUrl": f"{self.hub.endpoint}/{repo}/commit/{commit.oid}"})

    def _tag(self, repo: str, revision: str) -> None:
        commit = self._find(repo, revision)
        if commit is None:
            return
        tag = json.loads(self.body)["tag"]
        tags = self.hub.repositories[repo].tags
        if tag in tags:
            self._error(409, "", "Tag reference exists already")
            return
        tags[tag] = commit.oid
        self._json({})

    def _branch(self, repo: str, branch: str) -> None:
        start = self._find(repo, json.loads(self.body).get("startingPoint", "main"))
        if start is None:
            return
        branches = self.hub.repositories[repo].branches
        if branch in branches:
            self._error(409, "", f"Reference already exists: {branch}")
            return
        branches[branch] = start.oid
        self._json({})

    def _delete_branch(self, repo: str, branch: str) -> None:
        branches = self.hub.repositories[repo].branches
        if branch not in branches:
            self._error(404, "RevisionNotFound", f"Invalid rev id: {branch}")
            return
        del branches[branch]
        self._json({})

    def _resolve(self, repo: str, revision: str, path: str) -> None:
        commit = self._find(repo, revision)
        if commit is None:
            return
        content = commit.files.get(path)
        if content is None:
            self._error(404, "EntryNotFound", "Entry not found", **{"X-Repo-Commit": commit.oid})
            return
        headers = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes", "ETag": f'"{git_digest(content)}"'}
        if path in commit.lfs:
            oid = hashlib.sha256(content).hexdigest()
            headers |= {"ETag": f'"{oid}"', "X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content))}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted:
            start = int(wanted[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self._send(206, content[start:], headers)
            return
        self._send(200, content, headers)
