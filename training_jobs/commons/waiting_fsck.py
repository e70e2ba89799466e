"""What `fsck` says of why requests wait: what a row says that the log was told is what the log says, since it began."""

from collections.abc import Iterator

from governance.fsck import Finding
from governance.fsck.finding import compare
from governance.models import Community
from training_jobs.models import ComputeRequest

TABLE = "training_jobs_computerequest"


def check(community: Community) -> Iterator[Finding]:
    """Yield the requests of which the log says another reason; nothing for a sound database."""
    told: dict[str, str] = {}
    events = community.events.filter(kind__in=("compute_started", "compute_waits")).order_by("position")
    for kind, data in events.values_list("kind", "data").iterator(chunk_size=500):
        told[str(data.get("request"))] = str(data.get("why")) if kind == "compute_waits" else ""
    rows = ComputeRequest.objects.filter(community=community).order_by("pk")
    for pk, name, waits_for in rows.values_list("pk", "name", "waits_for").iterator(chunk_size=500):
        yield from compare(TABLE, pk, {"waits_for": told.get(name, "")}, {"waits_for": waits_for})
