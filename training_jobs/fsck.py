"""What `fsck` says of overrides: each run that a vote released all the same is what vote, record and log say.

And of reviews (`reviews.fsck`), inquiries (`inquiries.fsck`), the books (`ledger.fsck`), settlements
(`settlement.fsck`), sites (`sites.fsck`), shared computing (`commons.fsck`) and spot checks (`spot_checks.fsck`). As
`governance.fsck`: reads only, and each finding says what to do.
"""

from collections.abc import Iterator

from governance.fsck.finding import Finding, advised, against_record, compare, finding, guarded, seconds
from governance.models import Community
from training_jobs.commons import fsck as commons
from training_jobs.inquiries import fsck as inquiries
from training_jobs.ledger import fsck as ledger
from training_jobs.models import Run
from training_jobs.overrides.proposal_kinds import VerdictOverride
from training_jobs.overrides.services import number_of
from training_jobs.reviews import fsck as reviews
from training_jobs.settlement import fsck as settlement
from training_jobs.sites import fsck as sites
from training_jobs.spot_checks import fsck as spot_checks

TABLE = "training_jobs_run"
STOP = "hand the release out no more until it is explained: only a vote releases what breaks rules"


def check_one(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the overrides of a community, with or without a vote, and with all else of the work."""
    yield from advised(STOP, guarded(TABLE, community.slug, _check(community)))
    yield from reviews.check_one(community)
    yield from inquiries.check_one(community)
    yield from ledger.check_one(community)
    yield from settlement.check_one(community)
    yield from sites.check_one(community)
    yield from commons.check_one(community)
    yield from spot_checks.check_one(community)


def _check(community: Community) -> Iterator[Finding]:
    votes = community.proposals.filter(kind=VerdictOverride.name, executed_at__isnull=False)
    by_evaluation = {vote.payload.get("evaluation"): vote for vote in votes.order_by("pk")}
    runs = Run.objects.filter(community=community).select_related("evaluation_record", "override_record", "run_record")
    for run in runs.filter(override_record__isnull=False).order_by("pk"):
        vote = by_evaluation.pop(run.evaluation_record_id, None)
        if vote is None or run.override_record is None:
            yield finding(TABLE, run.pk, "override_record", "none: no vote released it", run.override_record_id)
            continue
        number = number_of(run)
        subject = f"override:run:{number}"
        parents = [str(vote.execution_record_id), str(run.evaluation_record_id)]
        yield from against_record(run, run.override_record, "override", subject, vote.payload, parents)
        event = vote.events.filter(kind="verdict_overridden").order_by("position").first()
        told = {"run": event.data.get("run") if event else None, "overridden_at": seconds(event.at) if event else None}
        yield from compare(TABLE, run.pk, told, {"run": number, "overridden_at": seconds(run.overridden_at)})
        if run.verdict != "rejected":
            yield finding(TABLE, run.pk, "verdict", "rejected: only that is overridden", run.verdict)
    for vote in by_evaluation.values():
        expected = f"run {vote.payload.get('run')}, released by it"
        yield finding("governance_proposal", vote.pk, "run", expected, "no override")
