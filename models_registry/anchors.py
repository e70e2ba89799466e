"""Notes which releases are to be written down on a chain, where the site does that (`governance.anchoring`)."""

from datetime import datetime

from governance.anchoring.kinds import RELEASE
from governance.anchoring.planning import PLANNED_MAX, plan
from models_registry.models import Version


def plan_releases(now: datetime) -> int:
    """Note the digests of releases that were made since, oldest first."""
    found = (
        Version.objects.filter(release_record__isnull=False, release_record__anchor__isnull=True)
        .select_related("model__community", "release_record")
        .order_by("pk")[:PLANNED_MAX]
    )
    records = [(version.model.community, version.release_record) for version in found]
    return plan(RELEASE, [(community, record, record.digest) for community, record in records if record], now)
