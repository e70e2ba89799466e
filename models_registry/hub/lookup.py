"""The few questions that the hub asks: which repositories there are, their revisions, and where the bytes lie.

Only what is published exists here: published versions of models, those that a mirror has verified, and training
datasets that a vote has included.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from governance import clock
from models_registry.datasets.registering import dataset_path
from models_registry.hub import dataset_files, mirrored
from models_registry.models import Dataset, Version
from models_registry.rights.sentences import removed_sentence
from models_registry.storage import folders
from models_registry.storage.listing import File
from models_registry.withdrawals import Stop, stop_of

NUL = "\x00"
REVISION_DIGITS = 40
_MODEL_FACTS: dict[str, Any] = {
    "library_name": "transformers",
    "pipeline_tag": "text-generation",
    "tags": ["transformers", "safetensors", "text-generation"],
}


@dataclass(frozen=True)
class Revision:
    """One published revision of a repository: what it is called, what it holds, and what stops it, if anything.

    `set_back` is the reason why a vote went back to an earlier one; such a revision is handed out by its name only.
    `facts` is what clients are told beyond that. `files`, `open` and `folder` (for models: real paths) read the storage
    when they are called.
    """

    namespace: str
    name: str
    number: int
    revision: str
    published_at: datetime
    facts: Mapping[str, Any]
    files: Callable[[], Mapping[str, File]]
    open: Callable[[File, int], BinaryIO]
    folder: Callable[[], Path]
    stop: Stop | None = None
    set_back: str = ""

    @property
    def repository_id(self) -> str:
        """The name by which clients ask for it."""
        return f"{self.namespace}/{self.name}"

    @property
    def tag(self) -> str:
        """The tag of this revision."""
        return f"v{self.number}"


def revisions_of(kind: str, namespace: str, name: str) -> list[Revision]:
    """Return the revisions of one repository, newest first; none when there is no such repository."""
    if not namespace or not name or NUL in namespace + name:  # PostgreSQL cannot even be asked for a NUL
        return []
    return _MODELS_OR_DATASETS[kind](namespace, name, "")


def newest_of_each(kind: str, author: str, search: str) -> list[Revision]:
    """Return the newest revision of every repository that is not stopped, by name, filtered as the client asks."""
    if NUL in author + search:
        return []
    newest: dict[str, Revision] = {}
    for revision in reversed(_MODELS_OR_DATASETS[kind](author, "", search)):
        if revision.stop is None and not revision.set_back:
            newest[revision.repository_id] = revision
    return [newest[name] for name in sorted(newest)]


def at_revision(revisions: Sequence[Revision], wanted: str) -> Revision | None:
    """Find a revision by `main`, its tag or its 40 hex characters.

    `main` is the newest that is neither stopped nor set back; where all others are stopped, the newest of them, so that
    its reason can be told.
    """
    if wanted in {"main", "refs/heads/main"}:
        in_use = [revision for revision in revisions if not revision.set_back]
        return next((revision for revision in in_use if revision.stop is None), in_use[0] if in_use else None)
    tag = wanted.removeprefix("refs/tags/")
    return next((revision for revision in revisions if wanted == revision.revision or tag == revision.tag), None)


def _models(namespace: str, name: str, search: str) -> list[Revision]:
    """Return versions of models, those of each model newest first; an empty name is any."""
    # The listing of one version is read when it is asked for, not those of all of them.
    versions = Version.objects.filter(published_at__isnull=False).select_related("model").defer("files")
    if namespace:
        versions = versions.filter(model__namespace=namespace)
    if name:
        versions = versions.filter(model__name=name)
    if search:
        versions = versions.filter(model__name__icontains=search)
    now = clock.now()
    own = [_model(version, now) for version in versions.order_by("-number")]
    return own + _mirrored(namespace, name, search, {revision.repository_id for revision in own})


def _mirrored(namespace: str, name: str, search: str, own: set[str]) -> list[Revision]:
    """Return mirrored versions of models that this site does not have itself, newest first."""
    found = []
    for kept in mirrored.mirrored():
        there, _slash, called = kept.entry.model.partition("/")
        fits = namespace in {"", there} and name in {"", called} and search.lower() in called.lower()
        if fits and kept.entry.model not in own:
            found.append(
                Revision(
                    namespace=there,
                    name=called,
                    number=kept.entry.number,
                    revision=kept.entry.revision,
                    published_at=kept.verified_at,
                    facts=_MODEL_FACTS,
                    files=kept.files,
                    open=kept.open,
                    folder=lambda kept=kept: kept.folder,  # type: ignore[misc]
                    stop=Stop("", None, None, told=kept.entry.stopped) if kept.entry.stopped else None,
                    set_back=kept.entry.set_back,
                )
            )
    return sorted(found, key=lambda revision: -revision.number)


def _model(version: Version, now: datetime) -> Revision:
    if version.published_at is None:
        raise ValueError(f"version {version.pk} is not published")
    return Revision(
        namespace=version.model.namespace,
        name=version.model.name,
        number=version.number,
        revision=version.revision,
        published_at=version.published_at,
        facts=_MODEL_FACTS | {"tags": [*_MODEL_FACTS["tags"], f"license:{version.model.license.lower()}"]},
        files=lambda: folders.listing_of(version),
        open=lambda file, first: folders.store().open(file.sha256, first),
        folder=lambda: folders.folder_of(version),
        stop=stop_of(version, now),
        set_back=version.set_back_reason,
    )


def _datasets(namespace: str, name: str, search: str) -> list[Revision]:
    """Return included training datasets. Those of one name in one community are revisions of one repository."""
    datasets = Dataset.objects.included().filter(role="training")
    datasets = datasets.select_related("community", "inclusion_record", "removal__successor")
    if namespace:
        datasets = datasets.filter(community__slug=namespace)
    if name:
        datasets = datasets.filter(slug=name)
    if search:
        datasets = datasets.filter(slug__icontains=search)
    numbers: dict[tuple[int, str], int] = {}
    found = []
    for dataset in datasets.order_by("included_at", "pk"):
        place = (dataset.community_id, dataset.slug)
        numbers[place] = numbers.get(place, 0) + 1
        found.append(_dataset(dataset, numbers[place]))
    return found[::-1]


def _dataset(dataset: Dataset, number: int) -> Revision:
    if dataset.included_at is None:
        raise ValueError(f"dataset {dataset.pk} is not included")
    return Revision(
        namespace=dataset.community.slug,
        name=dataset.slug,
        number=number,
        revision=dataset.digest[:REVISION_DIGITS],
        published_at=dataset.included_at,
        facts={
            "tags": [
                f"license:{dataset.license.lower()}",
                *(f"language:{code}" for code in dataset_files.language_codes(dataset)),
            ],
        },
        files=lambda: dataset_files.listing(dataset),
        open=lambda file, first: dataset_files.opened(dataset, file, first),
        folder=lambda: dataset_path(dataset.digest).parent,
        stop=_removed(dataset),
    )


def _removed(dataset: Dataset) -> Stop | None:
    """Say why a dataset that was removed is not handed out."""
    removal = getattr(dataset, "removal", None)
    return None if removal is None else Stop(removal.why, removal.removed_at, None, told=removed_sentence(removal))


_MODELS_OR_DATASETS: dict[str, Callable[[str, str, str], list[Revision]]] = {"models": _models, "datasets": _datasets}
