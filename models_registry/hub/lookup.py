"""The few questions that the hub asks the database. Only published versions exist here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils._os import safe_join

from models_registry.models import Version

NUL = "\x00"


@dataclass(frozen=True)
class PublishedVersion:
    """One published version: where it is on the hub, and where its files lie."""

    namespace: str
    name: str
    number: int
    revision: str
    folder: Path
    published_at: datetime

    @property
    def model_id(self) -> str:
        """The name by which clients ask for it."""
        return f"{self.namespace}/{self.name}"

    @property
    def tag(self) -> str:
        """The tag of this version."""
        return f"v{self.number}"


def published_versions(namespace: str, name: str) -> list[PublishedVersion]:
    """Return the published versions of one model, newest first; none when there is no such model."""
    if NUL in namespace + name:  # PostgreSQL cannot even be asked
        return []
    versions = Version.objects.filter(
        model__namespace=namespace, model__name=name, published_at__isnull=False
    ).select_related("model")
    return [_published(version) for version in versions.order_by("-number")]


def newest_of_each_model(author: str, search: str) -> list[PublishedVersion]:
    """Return the newest published version of every model, sorted by name, filtered as the client asks."""
    if NUL in author + search:
        return []
    versions = Version.objects.filter(published_at__isnull=False).select_related("model")
    if author:
        versions = versions.filter(model__namespace=author)
    if search:
        versions = versions.filter(model__name__icontains=search)
    newest: dict[int, Version] = {}
    for version in versions.order_by("model__namespace", "model__name", "number"):
        newest[version.model_id] = version
    return [_published(version) for version in newest.values()]


def at_revision(versions: Sequence[PublishedVersion], revision: str) -> PublishedVersion | None:
    """Find a version by `main`, its tag or its 40 hex characters."""
    if revision in {"main", "refs/heads/main"}:
        return versions[0] if versions else None
    tag = revision.removeprefix("refs/tags/")
    return next((version for version in versions if revision == version.revision or tag == version.tag), None)


def _published(version: Version) -> PublishedVersion:
    if version.published_at is None:
        raise ValueError(f"version {version.pk} is not published")
    return PublishedVersion(
        namespace=version.model.namespace,
        name=version.model.name,
        number=version.number,
        revision=version.revision,
        folder=Path(safe_join(settings.ARTIFACTS_DIR, version.folder)),
        published_at=version.published_at,
    )
