"""The keys that votes put in force: each is its record, rests on the vote that named it, and no revocation was lost."""

from collections.abc import Iterator

from governance.evidence.signing import fingerprint
from governance.fsck.finding import Finding, against_record, compare, finding, guarded, seconds
from governance.models import Community, Record
from models_registry.models import ReleaseKeys
from models_registry.provenance.shapes import keys_in_force

TABLE = "models_registry_releasekeys"
KIND = "release_keys"
STOP = (
    "release nothing until it is explained: restore the row from a backup, or let a vote put the right keys in force "
    "again"
)


def check_keys(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the keys of a community. Every finding here means that releases may be signed wrongly.

    1. every row, in the order of adoption. 2. every vote on keys that was carried out has one. 3. every record of keys.
    """
    rows = ReleaseKeys.objects.filter(community=community).select_related("record", "proposal__community")
    revoked: set[str] = set()
    for row in rows.order_by("adopted_at", "pk"):  # 1
        yield from guarded(TABLE, row.pk, _check_row(community, row))
        now = {entry["public_key"] for entry in row.record.body.get("revoked", [])}
        for key in sorted(revoked - now):
            yield finding(TABLE, row.pk, "revoked", f"still the key {fingerprint(key)}", "not in the list any more")
        revoked |= now
    voted = community.proposals.filter(kind=KIND, executed_at__isnull=False)
    for proposal in voted.exclude(pk__in=rows.values("proposal")).order_by("pk"):  # 2
        yield finding("governance_proposal", proposal.pk, "release_keys", "the keys that it put in force", "none")
    owned = rows.values("record")
    for digest in (
        Record.objects.filter(kind="keys", subject=_subject(community)).exclude(pk__in=owned).order_by("pk")
    ):  # 3
        yield finding("governance_record", digest.pk, "keys", f"a row of {TABLE}", "none")


def _check_row(community: Community, row: ReleaseKeys) -> Iterator[Finding]:
    """Check one row: its record is what was voted on, and the log says when it came into force."""
    proposal = row.proposal
    of = {"community": proposal.community.slug, "kind": proposal.kind}
    expected = {"community": community.slug, "kind": KIND}
    yield from compare(TABLE, row.pk, expected, of)
    if of != expected:
        return
    parents = [str(proposal.execution_record_id)]
    yield from against_record(row, row.record, "keys", _subject(community), proposal.payload["keys"], parents)
    wrong = keys_in_force(row.record.body)
    if wrong:
        yield finding(TABLE, row.pk, "keys", "keys that a release can rest on", wrong)
    event = proposal.events.filter(kind="release_keys_adopted").order_by("position").first()
    if event is None:
        yield finding(TABLE, row.pk, "adopted_at", "an event release_keys_adopted", "none")
        return
    body = row.record.body
    said = {
        "release_key": fingerprint(body["release_key"]["public_key"]),
        "guardians": len(body["guardians"]),
        "threshold": body["threshold"],
        "revoked": [fingerprint(entry["public_key"]) for entry in body["revoked"]],
    }
    yield from compare(
        TABLE, row.pk, {**event.data, "adopted_at": seconds(event.at)}, {**said, "adopted_at": seconds(row.adopted_at)}
    )


def _subject(community: Community) -> str:
    return f"keys:{community.slug}"
