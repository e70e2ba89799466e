"""What `fsck` says of reviews: each attestation was signed by its reviewer, told to the log, and is in the evaluation.

As `governance.fsck`: reads only. Events are matched by their vote, not by the number of the run.
"""

from collections.abc import Iterator

from governance import eip712
from governance.errors import Refusal
from governance.fsck import Finding
from governance.fsck.finding import advised, compare, finding, guarded, seconds
from governance.models import Community
from governance.wallets.asking import asked_of
from training_jobs.models import Attested, Run
from training_jobs.reviews import asking

TABLE = "training_jobs_attested"
RESTORE = "restore the row from a backup; the log says who attested what, and the evaluation has it signed"


def check_one(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the attestations of one community; nothing for a sound database."""
    told = {
        (event.proposal_id, event.data.get("rule"), event.actor): event
        for event in community.events.filter(kind="attested").order_by("position")
    }
    joined = Run.objects.filter(community=community, reviewing_since__isnull=False)
    runs = joined.select_related("proposal__community", "model", "run_record", "spec_record", "evaluation_record")
    for run in runs.order_by("pk"):
        for row in run.attested.select_related("rule").order_by("pk"):
            event = told.pop((run.proposal_id, row.rule.body.get("slug"), row.reviewer), None)
            if event is None:
                yield finding(TABLE, row.pk, "event", "attested in the log", "none: it was slipped in", todo=RESTORE)
                continue
            expected = {"finding": event.data.get("finding"), "filed_at": seconds(event.at)}
            found = {"finding": row.finding, "filed_at": seconds(row.filed_at)}
            yield from advised(RESTORE, compare(TABLE, row.pk, expected, found))
            yield from advised(RESTORE, guarded(TABLE, row.pk, _signed(run, row)))
        yield from advised(RESTORE, guarded(TABLE, run.pk, _evaluated(run)))
    for event in told.values():
        yield finding("governance_event", event.pk, event.kind, f"a row of {TABLE}", "none", todo=RESTORE)


def _signed(run: Run, row: Attested) -> Iterator[Finding]:
    asked = next((each for each in asking.asked_of(run) if each.rule.pk == row.rule_id), None)
    if asked is None:
        yield finding(TABLE, row.pk, "rule", "a rule that asked for it", row.rule.body.get("slug"))
        return
    signed = {name: getattr(row, name) for name in ("reviewer", "finding", "reason", "at")}
    if row.wallet is not None:  # only the chain can say what a contract stands by
        if asked_of(row.wallet) is None:
            yield finding(TABLE, row.pk, "wallet", "a wallet that was asked at a block", row.wallet)
        return
    try:
        message = asked.what.message(asking.domain(run), signed)
        eip712.verify(eip712.review_digest(**message), row.signature, row.reviewer)
    except Refusal as error:
        yield finding(TABLE, row.pk, "signature", f"one of {row.reviewer} for what the row says", error.code)


def _evaluated(run: Run) -> Iterator[Finding]:
    """Compare with the evaluation, which holds exactly what was attested: nothing is taken in afterwards."""
    said = run.evaluation_record.body.get("review") if run.evaluation_record else None
    if said is not None:
        kept = asking.review_of(run)["attestations"]
        yield from compare(
            TABLE, f"run {run.pk}", {"in the evaluation": said["attestations"]}, {"in the evaluation": kept}
        )
