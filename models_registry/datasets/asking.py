"""From what a form says to the service that does it: a file that was sent, or a source that a worker reads.

The API and the page ask through this, so that both refuse the same things in the same words.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from governance.errors import Conflict, Malformed
from governance.views.base import community_named
from models_registry.datasets import intakes, registering, uploads
from models_registry.datasets.serializers import new_dataset
from models_registry.models import Dataset, DatasetIntake

# Which values go with each source; the first is needed.
_BESIDE: dict[str, tuple[str, ...]] = {
    "upload": (),
    "url": ("sha256", "name"),
    "repository": ("revision", "files"),
}


def with_file(
    actor: str, values: dict[str, Any], file: UploadedFile, now: datetime
) -> tuple[Dataset, bool] | DatasetIntake:
    """Register a file that came in one request: now, or by a worker where that would take too long."""
    community = community_named(values["community"])
    new = new_dataset(values, str(file.name))
    if (file.size or 0) <= settings.DATASET_REQUEST_BYTES_MAX:
        return registering.register_dataset(community, actor, new, file.file, now)
    stored = uploads.store(community, actor, new.file_name, file.file, now)
    return intakes.ask(community, actor, new, intakes.of_upload(stored), now, stored)


def with_source(actor: str, values: dict[str, Any], now: datetime) -> DatasetIntake:
    """Ask a worker for the one source that the values name; raise Malformed for none, or for two."""
    community = community_named(values["community"])
    kind = _kind(values)
    if kind == "upload":
        upload = uploads.find(values["upload"], actor, now)
        if upload.community_id != community.pk:
            raise Conflict("upload_differs", "this file was announced for another community", field="community")
        return intakes.ask(community, actor, new_dataset(values), intakes.of_upload(upload), now, upload)
    if kind == "url":
        source = intakes.of_url(values["url"], values["sha256"], values.get("name", ""))
    else:
        source = intakes.of_repository(values["repository"], values["revision"], values.get("files", []))
    return intakes.ask(community, actor, new_dataset(values), source, now)


def _kind(values: dict[str, Any]) -> str:
    named = sorted(_BESIDE.keys() & values.keys())
    if len(named) != 1:
        raise Malformed("malformed_field", "name one source", field="source", found=named, allowed=sorted(_BESIDE))
    kind = named[0]
    for other, names in _BESIDE.items():
        foreign = sorted(set(names) & values.keys()) if other != kind else []
        if foreign:
            raise Malformed("unknown_field", f"this does not go with {kind}", field=foreign[0])
    if _BESIDE[kind] and _BESIDE[kind][0] not in values:
        raise Malformed("missing_field", f"this is needed with {kind}", field=_BESIDE[kind][0])
    return kind
