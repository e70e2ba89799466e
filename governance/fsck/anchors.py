"""What was written down on a chain: of which record, and as the log says. The chain itself is not asked."""

from collections.abc import Iterator
from datetime import UTC

from governance.anchoring.kinds import BALLOTS, RELEASE
from governance.fsck.finding import Finding, compare, finding
from governance.models import Anchor, Community, Event

TABLE = "governance_anchor"
_RECORD_KINDS = {BALLOTS: "tally", RELEASE: "release"}


def check_anchors(community: Community) -> Iterator[Finding]:
    """Yield anchors of something else than they say, and posts that log and rows do not tell alike."""
    events = Event.objects.filter(community=community, kind="anchored").values_list("data", flat=True)
    said = {data.get("digest"): data for data in events.iterator()}
    anchors = Anchor.objects.filter(community=community).select_related("record").order_by("pk")
    for anchor in anchors.iterator():
        yield from _check_record(anchor)
        told = said.pop(anchor.digest, None)
        yield from compare(TABLE, str(anchor), {"posted": _posted(anchor)}, {"posted": told})
    for digest in sorted(map(str, said)):
        yield finding(TABLE, digest[:12], "row", "the anchor that the log tells of", "none")


def _check_record(anchor: Anchor) -> Iterator[Finding]:
    record = anchor.record
    digest = record.body.get("ballots_root") if anchor.kind == BALLOTS else record.pk
    found = {"kind": _RECORD_KINDS.get(anchor.kind), "digest": anchor.digest}
    yield from compare(TABLE, str(anchor), {"kind": record.kind, "digest": digest}, found)


def _posted(anchor: Anchor) -> dict[str, object] | None:
    """Return what the log must say; nothing for what is on its way."""
    if anchor.posted_at is None:
        return None
    return {
        "what": anchor.kind,
        "digest": anchor.digest,
        "record": anchor.record_id,
        "posted_at": int(anchor.posted_at.astimezone(UTC).timestamp()),
        "chain_id": anchor.chain_id,
        "contract": anchor.contract,
    }
