"""All records: canonical, named by their digests, resting on records that exist, and each in its place."""

from collections.abc import Iterator

from django.db.models import Exists, OuterRef

from governance.evidence.canonical import CanonicalError
from governance.evidence.record import Record as RecordValue
from governance.fsck.finding import Finding, batches, compare, finding
from governance.models import (
    Ballot,
    Community,
    Council,
    Delegation,
    ImportedVote,
    Proposal,
    Record,
    SealedBallot,
    SealedVote,
)

TABLE = "governance_record"
# Where the records of each kind of ours stand: a record that no row names was slipped in, or its row was taken away.
_OWNERS = {
    "ballot": (Ballot, "record"),
    "census": (Proposal, "census_record"),
    "community": (Community, "record"),
    "council": (Council, "record"),
    "decision": (Proposal, "decision_record"),
    "delegation": (Delegation, "record"),
    "execution": (Proposal, "execution_record"),
    "imported_vote": (ImportedVote, "record"),
    "proposal": (Proposal, "record"),
    "sealing": (SealedVote, "sealing_record"),
    "tally": (Proposal, "tally_record"),
    "unsealing": (SealedVote, "unsealing_record"),
}


def check_records() -> Iterator[Finding]:
    """Yield what is wrong with records, of whatever kind."""
    rows = Record.objects.order_by("digest").values_list("digest", "kind", "subject", "canonical")
    for batch in batches(rows.iterator(chunk_size=2_000)):
        parents: dict[str, str] = {}
        for digest, kind, subject, canonical in batch:
            try:
                value = RecordValue.from_bytes(canonical.encode("utf-8", "surrogatepass"))
            except CanonicalError as error:
                yield finding(TABLE, digest, "canonical", "the canonical bytes of a record", str(error))
                continue
            expected = {"digest": value.digest, "kind": value.kind, "subject": value.subject}
            yield from compare(TABLE, digest, expected, {"digest": digest, "kind": kind, "subject": subject})
            parents |= dict.fromkeys(value.parents, digest)
        known = set(Record.objects.filter(digest__in=list(parents)).values_list("digest", flat=True))
        for parent in sorted(parents.keys() - known):
            yield finding(TABLE, parents[parent], "parents", f"a record {parent}", "none")
    yield from _unowned()


def _unowned() -> Iterator[Finding]:
    for kind, (model, field) in _OWNERS.items():
        owner = model.objects.filter(**{field: OuterRef("pk")})  # type: ignore[attr-defined]
        unowned = Record.objects.filter(~Exists(owner), kind=kind)
        if kind == "ballot":  # a sealed one has its own row until it is opened
            unowned = unowned.filter(~Exists(SealedBallot.objects.filter(record=OuterRef("pk"))))
        for digest in unowned.values_list("pk", flat=True).iterator():
            yield finding(TABLE, digest, kind, f"a row of {model._meta.db_table}", "none")  # noqa: SLF001
    slugs = set(Community.objects.values_list("slug", flat=True))
    for digest, subject in Record.objects.filter(kind="charter").values_list("pk", "subject"):
        if subject.removeprefix("charter:") not in slugs:
            yield finding(TABLE, digest, "charter", "a community", subject)
