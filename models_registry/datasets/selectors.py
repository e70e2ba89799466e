"""Questions that pages and the API ask about datasets. Reads only."""

from collections.abc import Iterable

from governance.errors import NotFound
from governance.models import Community
from models_registry.models import Dataset


def datasets_of(community: Community) -> list[Dataset]:
    """Return the datasets of a community: included ones first, then by time."""
    found = Dataset.objects.filter(community=community).select_related("proposal")
    return sorted(found, key=lambda dataset: (dataset.included_at is None, -dataset.registered_at.timestamp()))


def dataset(digest: str) -> Dataset:
    """Return a dataset by its digest, or raise NotFound."""
    found = Dataset.objects.select_related("community", "proposal", "inclusion_record").filter(digest=digest).first()
    if found is None:
        raise NotFound("dataset_not_found", "there is no dataset with this digest", field="digest", found=digest)
    return found


def datasets_named(community: Community, digests: Iterable[str]) -> dict[str, Dataset]:
    """Return the datasets with these digests, by digest."""
    return {found.digest: found for found in Dataset.objects.filter(community=community, digest__in=set(digests))}
