"""The constitution: each rule is its record, by the vote that adopted it, and ended by the vote that it names."""

from collections.abc import Iterator

from governance.fsck.finding import Finding, compare, finding, guarded, seconds
from governance.models import Community, Event
from models_registry.constitution.services import columns_of
from models_registry.hidden_suites.commitment import commitment_in
from models_registry.models import Dataset, EthicsRule, HiddenSuite

TABLE = "models_registry_ethicsrule"
RESTORE = (
    "let no run be judged until it is explained: restore the row from a backup; the record says what the rule is, the "
    "log by which votes it began and ended"
)
_BEGINS, _CHANGES, _ENDS = "rule_adopted", "rule_changed", "rule_repealed"
_KINDS = {"ethics_rule": _BEGINS, "rule_change": _CHANGES, "rule_repeal": _ENDS}


def check_rules(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the rules of a community: every row, and every vote on rules that left no trace."""
    rows = EthicsRule.objects.filter(community=community)
    events = {
        event.proposal_id: event for event in community.events.filter(kind__in=_KINDS.values()).order_by("-position")
    }
    related = ("record", "proposal", "replaces", "revoked_by", "repeal_record")
    for row in rows.select_related(*related).order_by("pk"):
        yield from guarded(TABLE, row.pk, _check_row(row, events))
    voted = community.proposals.filter(kind__in=("ethics_rule", "rule_change"), executed_at__isnull=False)
    for proposal in voted.exclude(pk__in=rows.values("proposal")).order_by("pk"):
        yield finding("governance_proposal", proposal.pk, "rule", "the rule that it put into force", "none")
    repealed = community.proposals.filter(kind="rule_repeal", executed_at__isnull=False)
    ended = rows.filter(revoked_by__isnull=False).values("revoked_by")
    for proposal in repealed.exclude(pk__in=ended).order_by("pk"):
        yield finding("governance_proposal", proposal.pk, "rule", "the rule that it ended", "none")


def _check_row(row: EthicsRule, events: dict[int | None, Event]) -> Iterator[Finding]:
    value = row.record.value
    expected = columns_of(value.body)
    yield from compare(TABLE, row.pk, expected, {name: getattr(row, name) for name in expected})
    if value.kind != "rule" or row.proposal.execution_record_id not in value.parents:
        yield finding(TABLE, row.pk, "record", "one that rests on the vote for the rule", value.parents)
    if row.replaces is not None and row.replaces.record_id not in value.parents:
        yield finding(TABLE, row.pk, "replaces", "the rule that its record rests on", row.replaces_id)
    if row.suite and not _has_suite(row):
        yield finding(TABLE, row.pk, "suite", "a suite of its community, or a commitment to one", row.suite)
    begun = events.get(row.proposal_id)
    at = seconds(begun.at) if begun else None
    yield from compare(TABLE, row.pk, {"adopted_at": at}, {"adopted_at": seconds(row.adopted_at)})
    yield from _check_end(row, events)


def _has_suite(row: EthicsRule) -> bool:
    commitment = commitment_in(row.suite)
    if commitment is not None:
        return HiddenSuite.objects.filter(community=row.community_id, commitment=commitment).exists()
    return Dataset.objects.filter(community=row.community_id, digest=row.suite, role="evaluation").exists()


def _check_end(row: EthicsRule, events: dict[int | None, Event]) -> Iterator[Finding]:
    """Check that a rule ended when the vote that it names did, and that no vote ended it of which it says nothing."""
    follower = EthicsRule.objects.filter(replaces=row).first()
    if row.revoked_by is None:
        if follower is not None:
            yield finding(TABLE, row.pk, "revoked_by", f"the vote that adopted {follower.pk}", None)
        if row.repeal_record is not None:
            yield finding(TABLE, row.pk, "revoked_by", "the vote that its repeal rests on", None)
        return
    ended = events.get(row.revoked_by_id)
    at = seconds(ended.at) if ended else None
    yield from compare(TABLE, row.pk, {"revoked_at": at}, {"revoked_at": seconds(row.revoked_at)})
    if follower is not None and follower.proposal_id != row.revoked_by_id:
        yield finding(TABLE, row.pk, "revoked_by", f"the vote that adopted {follower.pk}", row.revoked_by_id)
    if follower is None:
        repeal = row.repeal_record.value if row.repeal_record else None
        parents = repeal.parents if repeal else ()
        if row.record_id not in parents or row.revoked_by.execution_record_id not in parents:
            yield finding(TABLE, row.pk, "repeal_record", "one that rests on the rule and on the vote", parents)
