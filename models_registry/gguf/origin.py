"""Where a GGUF file comes from: from the records of a release to keys that name it, so that its holder finds it.

`general.*` are keys of the format. `commonweights.*` are ours; readers that do not know them leave them aside.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models_registry.gguf.refused import Refused
from models_registry.provenance import bundle
from models_registry.provenance.case import TrustRoots, load
from models_registry.provenance.checks.common import proposal_of
from models_registry.provenance.shapes import parent_of
from models_registry.provenance.verify import Finding, Status, check

PLACE = "provenance"
_LICENCE = re.compile(r'^license: ("[^"\n]*")$', re.MULTILINE)
_FRONT_MATTER_CHARACTERS = 64_000


@dataclass(frozen=True)
class Origin:
    """The release that a file is made from. `files` are the names in its manifest."""

    model: str
    version: int
    release: str  # digest of the record
    files: tuple[str, ...]
    keys: tuple[tuple[str, str | int], ...]


def read(folder: Path, trust: TrustRoots) -> Origin:
    """Verify the release in `folder` and return what names it; raise Refused for one that does not verify.

    Raises NoTrustRoot or Unreadable as `verify.check` does.
    """
    report = check(folder, trust)
    if not report.ok:
        finding = next(finding for finding in report.findings if finding.status is Status.FAILED)
        raise Refused("release_not_verified", PLACE, f"check {finding.number}, {finding.title}: {_found(finding)}")
    case = load(folder, trust)
    release, community = case.release, case.community
    manifest, _ = bundle.read_manifest(folder)
    if release is None or community is None:
        raise Refused("release_not_verified", PLACE, "there is not one release of one community")
    run = parent_of(release, "run", case.records)
    proposal = proposal_of(parent_of(run, "spec", case.records), case)
    model, version, revision = (release.body[key] for key in ("model", "version", "revision"))
    instance = community.body["instance"].rstrip("/")
    namespace, _, name = model.partition("/")
    licence = _licence(folder)
    keys: dict[str, str | int] = {
        "general.type": "model",
        "general.name": name,
        "general.organization": namespace,
        "general.version": f"v{version}",
        **({"general.license": licence} if licence else {}),
        "general.description": (
            f"Derived from {model}, version {version}, revision {revision}. The signature of that release does not "
            f"cover this file: get the release from {instance}/hub, verify it, convert it again and compare."
        ),
        "general.source.url": f"{instance}/releases/{revision}/",
        "general.source.repo_url": f"{instance}/hub/{model}",
        "commonweights.release": release.digest,
        "commonweights.manifest_sha256": release.body["manifest_sha256"],
        "commonweights.model": model,
        "commonweights.version": version,
        "commonweights.revision": revision,
        "commonweights.hub": f"{instance}/hub",
        "commonweights.community": community.digest,
        "commonweights.proposal": proposal.digest,
        "commonweights.proposal_number": proposal.body["number"],
    }
    return Origin(
        model, version, release.digest, tuple(file["path"] for file in manifest["files"]), tuple(keys.items())
    )


def _found(finding: Finding) -> str:
    problem = finding.problems[0]
    return f"{problem.code} in {problem.place}: {problem.detail}"


def _licence(folder: Path) -> str | None:
    """Return the licence that the front matter of the model card names (`card` writes it as a JSON string)."""
    try:
        with (folder / "README.md").open(encoding="utf-8") as card:
            text = card.read(_FRONT_MATTER_CHARACTERS)
    except (FileNotFoundError, UnicodeDecodeError):
        return None
    front = text.split("\n---", 1)[0] if text.startswith("---\n") else ""
    found = _LICENCE.search(front)
    licence: Any = json.loads(found[1]) if found else None
    return str(licence) if licence else None
