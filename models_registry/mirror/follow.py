"""One round of a mirror: what the other hub has and we lack is fetched, verified, and kept or refused.

Nothing stands under its own name before it has verified. What was refused is remembered and not fetched again.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from models_registry.mirror import index
from models_registry.mirror.index import Entry
from models_registry.mirror.remote import Remote, RemoteError, RemoteVersion
from models_registry.provenance import bundle, verify
from models_registry.provenance.manifest import ManifestError
from models_registry.storage.listing import files_of, to_json


@dataclass(frozen=True)
class Wanted:
    """What a mirror follows: models by name (none: all), the release keys it trusts, and how much it takes at most.

    `manifests` are the only releases that are wanted, if it is given: the SHA-256 of the manifest by revision.
    `bytes_max` bounds all that is kept in the folder; 0: no bound.
    """

    keys: Sequence[str]
    models: Sequence[str] = ()
    version_bytes_max: int = 200_000_000_000
    bytes_max: int = 0
    manifests: Mapping[str, str] | None = None

    def asks_for(self, version: RemoteVersion) -> bool:
        """Say whether a version is wanted; a base model is, because releases start from it."""
        return self.manifests is None or version.number == 0 or version.revision in self.manifests


@dataclass
class Round:
    """What one round came to: revisions that are new here, refused ones, and what could not be done now."""

    kept: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def follow(remote: Remote, folder: Path, wanted: Wanted, now: int, say: Callable[[str], None]) -> Round:
    """Make one round; raise RemoteError when not even the list of models can be had, where it is needed.

    1. List the models, unless they were named.  2. For each, releases before the base, because a release says which
    base is the right one.  3. Fetch what is new and verify it.  4. Keep or refuse it, and write the index.
    """
    done = Round()
    entries = index.read(folder)
    for model in wanted.models or remote.models():  # 1
        try:
            versions = sorted(remote.versions(model), key=lambda version: (version.number == 0, version.number))  # 2
        except RemoteError as error:
            done.failed.append(f"{model}: {error}")
            continue
        whole = True
        for version in filter(wanted.asks_for, versions):
            known = entries.get(version.revision)
            # a base is judged by its releases: while one of them could not be had, nothing is said about it
            if known is None and not version.stopped and (version.number or whole):
                try:
                    known = _fetched(remote, folder, model, version, wanted, entries, now)  # 3
                except (RemoteError, OSError) as error:
                    done.failed.append(f"{model} v{version.number}: {error}")
                    whole = False
                    continue
                (done.refused if known.refused else done.kept).append(version.revision)
                said = f"refused: {'; '.join(known.refused)}" if known.refused else "verified and kept"
                say(f"{model} v{version.number} {version.revision[:12]}: {said}")
            if known is not None:
                entries[version.revision] = known
                known.stopped, known.set_back = version.stopped, version.set_back
                index.write(folder, entries)  # 4
    return done


def _fetched(
    remote: Remote,
    folder: Path,
    model: str,
    version: RemoteVersion,
    wanted: Wanted,
    entries: dict[str, Entry],
    now: int,
) -> Entry:
    """Fetch one version and judge it. What was fetched of it stays for the next round when the line breaks."""
    listed = remote.files(model, version.revision)
    _require_room(sum(file.size for file in listed), wanted, entries)
    staged = folder / index.STAGING / version.revision
    for file in listed:
        target = staged / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            remote.download(model, version.revision, file, target)
    entry = Entry(model, version.number, version.revision, now)
    expected = {file.path for file in listed}
    for stray in [path for path in staged.rglob("*") if path.is_file()]:
        # Left over from another listing of the same revision.
        if stray.relative_to(staged).as_posix() not in expected:
            stray.unlink()
    entry.refused = list(_wrong(staged, model, version, wanted, folder, entries))
    if entry.refused:
        shutil.rmtree(staged)
        return entry
    entry.files = to_json(files_of(staged).values())
    final = folder / model / version.revision
    final.parent.mkdir(parents=True, exist_ok=True)
    for path in staged.rglob("*"):
        if path.is_file():
            path.chmod(0o444)
    if final.exists():  # a crash between the rename and the index
        shutil.rmtree(final)
    staged.rename(final)
    return entry


def _require_room(size: int, wanted: Wanted, entries: Mapping[str, Entry]) -> None:
    if size > wanted.version_bytes_max:
        raise RemoteError(f"{size} bytes, at most {wanted.version_bytes_max} are taken")
    kept = sum(file["size"] for entry in entries.values() for file in entry.files)
    if wanted.bytes_max and kept + size > wanted.bytes_max:
        raise RemoteError(f"{size} bytes, and {kept} are here; at most {wanted.bytes_max} are kept")


def _wrong(
    staged: Path, model: str, version: RemoteVersion, wanted: Wanted, folder: Path, entries: dict[str, Entry]
) -> Iterator[str]:
    """Yield why a version is not kept; nothing for one that verifies under a trusted key."""
    if version.number == 0:
        yield from _wrong_base(staged, model, folder, entries)
        return
    problems: list[str] = []
    for key in wanted.keys:
        try:
            report = verify.check(staged, verify.TrustRoots(release_key=key))
        except verify.Unreadable as error:
            yield f"unreadable: {error}"
            return
        if report.ok:
            if report.model != model or report.version != version.number:
                yield f"it is {report.model} version {report.version}"
            elif wanted.manifests is not None and _manifest_digest(staged) != wanted.manifests.get(version.revision):
                yield "it is another release than the one in the log"
            elif bundle.read(staged).records[-1].body.get("revision") != version.revision:
                yield "it is another revision"
            return
        problems += [
            f"{problem.code} in {problem.place}" for finding in report.findings for problem in finding.problems
        ]
    yield from list(dict.fromkeys(problems))[:5]


def _wrong_base(staged: Path, model: str, folder: Path, entries: dict[str, Entry]) -> Iterator[str]:
    """Yield why a base is not kept. It has no release of its own: a verified release has to name its manifest."""
    try:
        found = _manifest_digest(staged)
    except ManifestError as error:
        yield str(error)
        return
    named = {
        record.body["base"]["manifest_sha256"]
        for entry in entries.values()
        if entry.model == model and entry.number and not entry.refused
        for record in bundle.read(folder / model / entry.revision).records
        if record.kind == "spec"
    }
    if found not in named:
        yield "no verified release of this model starts from these weights"


def _manifest_digest(staged: Path) -> str:
    return hashlib.sha256(bundle.manifest_bytes(staged)).hexdigest()
