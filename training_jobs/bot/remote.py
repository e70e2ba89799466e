"""The platform of the supervisor over HTTPS: what it asks for goes to the site, files in resumable parts both ways.

What comes down is laid out only if it is what the votes name: the base by its manifest, datasets and suite by digest,
the specification as it stands in the checked proof and not as the site sends it.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from governance.errors import Forbidden, Invalid, NotAuthenticated
from governance.evidence.canonical import canonical_bytes
from models_registry.provenance import manifest
from training_jobs import checkpoints
from training_jobs.bot.client import Client
from training_jobs.supervisor import Assignment, Meeting, PlatformUnreachable, StaleLeaseError, keeping_the_lease

PART_BYTES = 8 * 1024 * 1024
EVENTS_BYTES_MAX = 400_000
EVENTS_AT_ONCE = 200
FILES_MAX = 2_000
CHANGED = "payload_changed"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ROWS = re.compile(r"inputs/(?:datasets|suite)/([0-9a-f]{64})\.jsonl")
_CLASSIFIERS = re.compile(r"inputs/classifiers/([0-9a-f]{64})/([^/]+)")
_CHECKPOINT = re.compile(r"checkpoints/[0-9]{8}/[a-z0-9][a-z0-9_-]{0,60}\.(?:safetensors|json|jsonl)")
_BLOCK = 1 << 20
T = TypeVar("T")


class RemotePlatform:
    """One attempt, as the site sees it over HTTPS.

    `spec` is the approved specification, `suites` and `classifiers` are those of its rules.
    """

    def __init__(
        self,
        client: Client,
        assignment: Assignment,
        spec: Mapping[str, Any],
        suites: Collection[str] = (),
        classifiers: Collection[str] = (),
        *,
        bytes_max: int,
        resume: bool,
    ) -> None:
        """Keep whom to talk to about what. `bytes_max` bounds what is downloaded."""
        self._client = client
        self._assignment = assignment
        self._spec = spec
        self._suites = suites
        self._classifiers = classifiers
        self._bytes_max = bytes_max
        self._resume = resume
        self._uploaded: set[str] = set()
        self._path = f"runs/{assignment.run_id}"
        # The lead's calls are those of a run that has no other seats.
        self._seat = {"slot": assignment.slot} if assignment.slot else {}
        self._lease_of = {"fence": assignment.fence, **self._seat}
        self.speed_tokens_per_second = 0

    def heartbeat(self) -> str:
        """Prolong the lease."""
        return str(self._lease(lambda: self._client.post(f"{self._path}/heartbeat", self._body()))["answer"])

    def stream(self, events: list[dict[str, Any]]) -> None:
        """Send what the child said, in bodies that the site takes."""
        batch: list[dict[str, Any]] = []
        size = 0
        for event in events:
            speed = event.get("tokens_per_second")
            if type(speed) is int:
                self.speed_tokens_per_second = max(self.speed_tokens_per_second, speed)
            more = len(json.dumps(event))
            if batch and (size + more > EVENTS_BYTES_MAX or len(batch) == EVENTS_AT_ONCE):
                self._send(batch)
                batch, size = [], 0
            batch.append(event)
            size += more
        if batch:
            self._send(batch)

    def lay_out(self, folder: Path) -> None:
        """Download into an empty folder what the run needs. Files that are there whole already are kept.

        1. The list has exactly the files that the specification asks for, under names that stay inside. 2. Each is
        downloaded, in parts if the connection breaks, and hashed. 3. The base is the one that the votes name. 4. The
        specification is written from the proof.
        """
        listed = self._client.get(f"{self._path}/files", **self._lease_of).get("files")
        files = self._wanted(listed)  # 1
        folder.mkdir(parents=True, exist_ok=True)
        for entry in files:
            self._download(entry, folder / entry["path"])  # 2
        base = sorted(
            ({**entry, "path": entry["path"].removeprefix("inputs/base/")} for entry in files if _is_base(entry)),
            key=lambda entry: str(entry["path"]),
        )
        found = hashlib.sha256(canonical_bytes({"files": base, "version": manifest.VERSION})).hexdigest()
        if found != self._spec["base"]["manifest_sha256"]:  # 3
            expected = self._spec["base"]["manifest_sha256"]
            raise Invalid(CHANGED, f"the base model has the manifest {found}, approved is {expected}")
        (folder / "spec.json").write_bytes(canonical_bytes(dict(self._spec)))  # 4
        made = [{**entry, "path": entry["path"].removeprefix("artifact/")} for entry in files if _is_made(entry)]
        if made:  # to be measured: the evaluator holds the files against this list
            described = {"files": sorted(made, key=lambda entry: str(entry["path"]))}
            (folder / "artifact.json").write_bytes(canonical_bytes(described))

    def checkpoint(self, folder: Path) -> None:
        """Send a checkpoint, so that whoever takes over can go on from it."""
        kept = checkpoints.verify(folder)
        for entry in kept["files"]:
            self._upload(folder / entry["path"], entry)
        body = self._body(manifest=kept)
        self._lease(lambda: self._client.post(f"{self._path}/checkpoint", body, patient=True))

    def trained(self, description: dict[str, Any], folder: Path, isolation: str) -> None:
        """Send the model's files, then what they are; the lease is kept meanwhile."""
        artifact, files = folder / "artifact", description.get("files")
        problems = manifest.check(artifact, {"version": manifest.VERSION, "files": files})
        if problems or not isinstance(files, list):
            raise Invalid("manifest_mismatch", f"{problems[0].place}: {problems[0].detail}" if problems else "no files")

        def send() -> None:
            for entry in files:
                self._upload(artifact / entry["path"], entry)
            body = self._body(description=description, isolation=isolation)
            self._lease(lambda: self._client.post(f"{self._path}/trained", body, patient=True))

        keeping_the_lease(self, self._assignment.heartbeat_seconds, send)

    def took_part(self, description: dict[str, Any]) -> None:
        """Say that this seat's share is done."""
        body = self._body(description=description)
        self._lease(lambda: self._client.post(f"{self._path}/took-part", body))

    def evaluated(self, report: dict[str, Any], folder: Path) -> None:
        """Send the samples, then what was measured; the lease is kept meanwhile.

        Asked again, because the answer was lost, the report alone is sent: once it is judged, no lease allows uploads.
        """

        def send() -> None:
            for name in sorted(file.name for file in folder.glob("samples*.jsonl")):
                size, sha256 = _described(folder / name)
                if sha256 not in self._uploaded:
                    self._upload(folder / name, {"sha256": sha256, "size": size})
                    self._uploaded.add(sha256)
            self._lease(lambda: self._client.post(f"{self._path}/evaluated", self._body(report=report), patient=True))

        keeping_the_lease(self, self._assignment.heartbeat_seconds, send)

    def tried(self, report: dict[str, Any], isolation: str) -> None:
        """Refuse it: a run is no trial."""
        raise Invalid("preview_not_a_result", "this was made for a trial, and is no result of a run")

    def fail(self, code: str, detail: str, permanent: bool) -> None:  # noqa: FBT001 - the words of the protocol
        """Say that the attempt did not work."""
        plain = detail.replace("\x00", "\ufffd")[:4_000]
        body = self._body(code=_code(code), detail=plain, permanent=permanent)
        self._lease(lambda: self._client.post(f"{self._path}/fail", body))

    def stopped(self) -> None:
        """Say that the child is gone."""
        self._lease(lambda: self._client.post(f"{self._path}/stopped", self._body()))

    # --- parts ----------------------------------------------------------------------------------------------------

    def _body(self, **values: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        return {**self._lease_of, **values}

    def _send(self, events: list[dict[str, Any]]) -> None:
        self._lease(lambda: self._client.post(f"{self._path}/events", self._body(events=events)))

    def _lease(self, call: Callable[[], T]) -> T:
        """Make a call that needs the lease: whoever is no longer let in has lost it."""
        try:
            return call()
        except (NotAuthenticated, Forbidden) as error:
            raise StaleLeaseError(str(error)) from error

    def _wanted(self, listed: object) -> list[dict[str, Any]]:
        """Return the files to download; raise Invalid for a list that is not what the specification asks for."""
        if not isinstance(listed, list) or len(listed) > FILES_MAX:
            raise Invalid(CHANGED, "the site's list of files cannot be read")
        files, seen = [], set()
        for entry in listed:
            if not isinstance(entry, dict) or set(entry) != {"path", "size", "sha256"} or not _is_named(entry):
                raise Invalid(CHANGED, f"the site lists a file that no run has: {str(entry)[:200]}")
            if entry["path"] in seen:
                raise Invalid(CHANGED, f"{entry['path']} is listed twice")
            seen.add(entry["path"])
            if not entry["path"].startswith("checkpoints/") or self._resume:
                files.append(dict(entry))
        suite = self._spec["evaluation"]["suite"]
        needed = {f"inputs/datasets/{use['digest']}.jsonl" for use in self._spec["datasets"]}
        needed.add(f"inputs/suite/{suite}.jsonl")
        rows = {path for path in seen if _ROWS.fullmatch(path)}
        # Without the suite of a rule nothing is measured on it, and the rule rejects: the site's own loss.
        allowed = needed | {f"inputs/suite/{digest}.jsonl" for digest in self._suites}
        if not needed <= rows <= allowed:
            wrong = sorted((needed - rows) | (rows - allowed))[:3]
            raise Invalid(CHANGED, f"the specification and its rules need other rows than the site lists: {wrong}")
        judges = {found[1] for path in seen if (found := _CLASSIFIERS.fullmatch(path))}
        if not judges <= set(self._classifiers):
            raise Invalid(CHANGED, f"no rule names the classifiers {sorted(judges - set(self._classifiers))[:3]}")
        total = sum(entry["size"] for entry in files)
        if total > self._bytes_max:
            raise Invalid("too_large", f"the run needs {total} bytes, this machine gives {self._bytes_max}")
        return files

    def _download(self, entry: Mapping[str, Any], path: Path) -> None:
        """Download one file, from where an earlier try broke off; raise Invalid if it is not the listed one."""
        if path.exists() and path.stat().st_size == entry["size"]:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        hasher, size = hashlib.sha256(), 0
        if partial.exists():
            with partial.open("rb") as file:
                while block := file.read(_BLOCK):
                    hasher.update(block)
                    size += len(block)
        if size < entry["size"]:
            address = f"{self._path}/files/{entry['path']}"
            with partial.open("ab") as file:
                for block in self._client.blocks(address, size, **self._lease_of):
                    size += len(block)
                    if size > entry["size"]:
                        break
                    hasher.update(block)
                    file.write(block)
        if size < entry["size"]:
            raise PlatformUnreachable(f"{entry['path']} broke off after {size} bytes")
        if size != entry["size"] or hasher.hexdigest() != entry["sha256"]:
            partial.unlink(missing_ok=True)
            raise Invalid(CHANGED, f"{entry['path']} is not the file that was listed")
        partial.rename(path)

    def _upload(self, path: Path, entry: Mapping[str, Any]) -> None:
        """Upload one file, from where an earlier try broke off."""
        address, total = f"{self._path}/uploads/{entry['sha256']}", int(entry["size"])
        there = self._lease(lambda: self._client.upload_offset(address, **self._lease_of))
        with path.open("rb") as file:
            while there < total:
                file.seek(there)
                part = file.read(min(PART_BYTES, total - there))
                if not part:
                    raise Invalid("manifest_mismatch", f"{path.name} is shorter than it was")
                there = self._put(address, part, there, total)

    def _put(self, address: str, part: bytes, first: int, total: int) -> int:
        received = self._lease(lambda: self._client.put(address, part, first, total, **self._lease_of))
        if received != first + len(part):
            raise PlatformUnreachable(f"{received} bytes arrived, {first + len(part)} were sent")
        return received


def assignment_of(answer: Mapping[str, Any]) -> Assignment:
    """Read the answer to a claim; raise PlatformUnreachable for one that is none."""
    try:
        numbers = {
            name: answer[name] for name in ("run_id", "fence", "device_seconds", "lease_seconds", "heartbeat_seconds")
        }
        if any(type(value) is not int or value < 1 for value in numbers.values()):
            raise TypeError("numbers are whole and above zero")
        if answer["phase"] not in {"train", "evaluate"} or not isinstance(answer["spec"], dict):
            raise TypeError("phase or spec")
        slot = answer.get("slot", 0)
        if type(slot) is not int or slot < 0:
            raise TypeError("a slot is a whole number")
        return Assignment(
            spec=answer["spec"],
            phase=answer["phase"],
            metrics=[str(metric) for metric in answer["metrics"]],
            suite=str(answer["suite"]),
            further={str(suite): [str(name) for name in names] for suite, names in dict(answer["further"]).items()},
            slot=slot,
            exchange=_meeting(answer.get("exchange")),
            openings=_openings(answer.get("openings", {})),
            **numbers,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise PlatformUnreachable(f"the assignment cannot be read: {error}") from error


def _openings(found: object) -> dict[str, dict[str, str] | None]:
    if not isinstance(found, dict) or len(found) > FILES_MAX:
        raise TypeError("openings are an object")
    for opening in found.values():
        if opening is not None and not (
            isinstance(opening, dict) and all(isinstance(opening.get(key), str) for key in ("digest", "salt"))
        ):
            raise TypeError("an opening has digest and salt, or is null")
    return dict(found)


def _meeting(found: object) -> Meeting | None:
    if found is None:
        return None
    if not isinstance(found, dict) or not all(isinstance(found.get(key), str) for key in ("url", "ticket", "member")):
        raise TypeError("exchange has url, ticket and member")
    return Meeting(found["url"], found["ticket"], found["member"])


def _described(path: Path) -> tuple[int, str]:
    """Return size and SHA-256 of a file."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _is_base(entry: Mapping[str, Any]) -> bool:
    return str(entry["path"]).startswith("inputs/base/")


def _is_made(entry: Mapping[str, Any]) -> bool:
    return str(entry["path"]).startswith("artifact/")


def _is_named(entry: Mapping[str, Any]) -> bool:
    """Say whether a path is one that a run's folder has; rows are named by their digest."""
    path, size, sha256 = entry["path"], entry["size"], entry["sha256"]
    if not isinstance(path, str) or type(size) is not int or size < 0:
        return False
    if not isinstance(sha256, str) or not _DIGEST.fullmatch(sha256):
        return False
    rows = _ROWS.fullmatch(path)
    if rows:
        return rows[1] == sha256
    judge = _CLASSIFIERS.fullmatch(path)
    if judge:
        return manifest.name_is_allowed(judge[2])
    for prefix in ("inputs/base/", "artifact/"):
        if path.startswith(prefix):
            return manifest.name_is_allowed(path.removeprefix(prefix))
    return _CHECKPOINT.fullmatch(path) is not None


def _code(code: str) -> str:
    """Return a code as the site takes it: a child may have said anything."""
    plain = re.sub(r"[^a-z0-9_]", "_", code.lower())[:60].lstrip("_")
    return plain or "failed"
