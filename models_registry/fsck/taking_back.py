"""The rule on taking back: what the votes put in force is there as the record that removals rest on."""

from collections.abc import Iterator

from governance.evidence.record import Record as RecordValue
from governance.fsck.finding import Finding, finding
from governance.models import Community, Record
from models_registry.rights.taking_back import KIND, subject_of

TABLE = "governance_record"
RESTORE = "restore the record from a backup; the proposal has all that it says"


def check_taking_back(community: Community) -> Iterator[Finding]:
    """Yield the votes on the rule that left no record, and the records that no vote explains."""
    voted = community.proposals.filter(kind=KIND, executed_at__isnull=False, execution_record__isnull=False)
    expected = {
        RecordValue.make(KIND, subject_of(community), vote.payload, [str(vote.execution_record_id)]).digest: vote
        for vote in voted
    }
    there = set(Record.objects.filter(kind=KIND, subject=subject_of(community)).values_list("pk", flat=True))
    for digest in sorted(expected.keys() - there):
        yield finding("governance_proposal", expected[digest].pk, "rule", f"the record {digest}", "none")
    for digest in sorted(there - expected.keys()):
        yield finding(TABLE, digest, KIND, "a vote on the rule", "none")
