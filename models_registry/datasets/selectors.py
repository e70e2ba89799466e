"""Questions that pages and the API ask about datasets. Reads only."""

from collections.abc import Iterable

from governance.errors import NotFound, Unavailable
from governance.models import Community, Proposal
from models_registry.datasets.canonical import RecordProof, prove
from models_registry.datasets.registering import dataset_path
from models_registry.models import Dataset, DatasetIntake

REFUSED_SHOWN = 3


def datasets_of(community: Community) -> list[Dataset]:
    """Return the datasets of a community: included ones first, then by time."""
    found = Dataset.objects.filter(community=community).select_related("proposal", "removal")
    return sorted(found, key=lambda dataset: (dataset.included_at is None, -dataset.registered_at.timestamp()))


def dataset(digest: str) -> Dataset:
    """Return a dataset by its digest, or raise NotFound."""
    known = Dataset.objects.select_related("community", "proposal", "inclusion_record")
    with_removal = known.select_related("removal__proposal", "removal__successor", "hidden_as")
    found = with_removal.filter(digest=digest).first()
    if found is None:
        raise NotFound("dataset_not_found", "there is no dataset with this digest", field="digest", found=digest)
    return found


def scanned_for(proposal: Proposal) -> Dataset | None:
    """Return the dataset that a proposal would include, whose scans voters should see; None for other kinds."""
    if proposal.kind != "dataset_inclusion":
        return None
    return Dataset.objects.filter(community=proposal.community, digest=str(proposal.payload["digest"])).first()


def datasets_named(community: Community, digests: Iterable[str]) -> dict[str, Dataset]:
    """Return the datasets with these digests, by digest."""
    return {found.digest: found for found in Dataset.objects.filter(community=community, digest__in=set(digests))}


def under_way(community: Community) -> list[DatasetIntake]:
    """Return the intakes of a community that are not done, newest first; of the refused ones the last few."""
    mine = DatasetIntake.objects.filter(community=community, done_at__isnull=True).order_by("-pk")
    return [*mine.filter(failed_at__isnull=True), *mine.filter(failed_at__isnull=False)[:REFUSED_SHOWN]]


def record(found: Dataset, number: int) -> RecordProof:
    """Return one row of a dataset (counted from 1, as lines of the file are) with the proof that it is in it.

    Raises NotFound for no such row, and Unavailable when the stored rows do not lead to the dataset's root.
    """
    if not 1 <= number <= found.records:
        raise NotFound("unknown_record", "the dataset has no such row", found=number, allowed=found.records)
    try:
        proof = prove(dataset_path(found.digest), number - 1, found.records)
    except (OSError, IndexError) as error:
        raise Unavailable("dataset_unreadable", "the stored rows cannot be read just now") from error
    if proof.root != found.records_root:
        raise Unavailable("dataset_unreadable", "the stored rows are not those that were registered")
    return proof
