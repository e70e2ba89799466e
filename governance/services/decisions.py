"""After the vote: count, decide, wait behind the timelock, execute once."""

from datetime import datetime, timedelta

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction

from governance import lifecycle, outcome
from governance.clock import unix, whole_second
from governance.errors import Conflict
from governance.evidence import merkle
from governance.kinds import kind_named
from governance.lifecycle import Action
from governance.models import Proposal, Record
from governance.outcome import Rules
from governance.records import keep
from governance.services.common import (
    get_proposal,
    lock_community,
    locked_proposal,
    required_record,
    snapshot_of,
    source_of,
)
from governance.services.events import note
from governance.tally import method_named


def close_voting(proposal_id: int, now: datetime) -> Proposal:
    """Count the ballots, decide, and write the tally. Safe to repeat.

    Before counting, the chain must still have the snapshot's block; a vote on a block that is gone is not counted.
    """
    proposal = get_proposal(proposal_id)
    if proposal.passed is None:
        lifecycle.require(Action.CLOSE_VOTING, proposal.facts, now)
        source_of(proposal.community).confirm(snapshot_of(proposal))
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        if proposal.passed is not None:
            return proposal
        lifecycle.require(Action.CLOSE_VOTING, proposal.facts, now)
        ballots = list(proposal.ballots.counting().select_related("record"))
        method = method_named(proposal.method)
        count = method.count((ballot.choice, ballot.power) for ballot in ballots)
        decided_at = whole_second(now)
        proposal.tally_record = keep(
            "tally",
            f"tally:{proposal.record_id}",
            {
                "method": proposal.method,
                "ballot_count": count.ballot_count,
                "ballots_root": merkle.root([ballot.record.canonical.encode() for ballot in ballots]),
                "totals": {name: str(power) for name, power in count.totals.items()},
                "closed_at": unix(decided_at),
            },
            [required_record(proposal.record)],
        )
        result = outcome.decide(method, count, Rules.from_body(proposal.rules), int(proposal.total_supply or 0))
        proposal.passed, proposal.decided_at = result.passed, decided_at
        if not result.passed:
            proposal.decision_record = _keep_decision(proposal, result)
        proposal.save()
        note("voting_closed", now, proposal=proposal, passed=result.passed)
    return proposal


def queue(proposal_id: int, now: datetime) -> Proposal:
    """Put a proposal that passed behind its timelock and write the decision. Safe to repeat."""
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        if proposal.eta is not None:
            return proposal
        lifecycle.require(Action.QUEUE, proposal.facts, now)
        rules = Rules.from_body(proposal.rules)
        proposal.queued_at = whole_second(now)
        proposal.eta = proposal.queued_at + timedelta(seconds=rules.timelock_seconds)
        proposal.expires_at = proposal.eta + timedelta(seconds=rules.execution_window_seconds)
        proposal.decision_record = _keep_decision(proposal, decide(proposal))
        proposal.save()
        note("proposal_queued", now, proposal=proposal)
    return proposal


def execute(proposal_id: int, now: datetime, actor: str = "") -> tuple[Proposal, bool]:
    """Carry out what was decided, once; return the proposal and whether this call did it.

    What runs is the payload in the record that was voted on; a row that says otherwise blocks the execution. Decisions
    of one community are carried out one after the other, because one may forbid what another one needs. A refusal
    changes nothing: the proposal stays ready, and can be tried again, until it expires.
    """
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        if proposal.executed_at is not None:
            return proposal, False
        lifecycle.require(Action.EXECUTE, proposal.facts, now)
        voted = required_record(proposal.record).value
        if voted.digest != proposal.record_id or voted.body["payload"] != proposal.payload:
            raise Conflict("blocked_payload_changed", "what is stored is not what was voted on; nothing is executed")
        lock_community(proposal.community_id)
        proposal.executed_at = whole_second(now)
        proposal.execution_record = keep(
            "execution",
            f"execution:{proposal.record_id}",
            {"kind": proposal.kind, "executed_at": unix(proposal.executed_at)},
            [required_record(proposal.decision_record)],
        )
        proposal.save()
        try:
            kind_named(proposal.kind).execute(proposal, proposal.execution_record, proposal.executed_at)
        except ObjectDoesNotExist as error:
            raise Conflict(
                "blocked_payload_missing", "something that was voted on is no longer there; nothing is executed"
            ) from error
        note("proposal_executed", now, proposal=proposal, actor=actor)
    return proposal, True


def decide(proposal: Proposal) -> outcome.Outcome:
    """Judge the ballots cast so far by the proposal's frozen rules: what page, API and execution show and use."""
    method = method_named(proposal.method)
    count = method.count(proposal.ballots.counting().values_list("choice", "power"))
    return outcome.decide(method, count, Rules.from_body(proposal.rules), int(proposal.total_supply or 0))


def _keep_decision(proposal: Proposal, result: outcome.Outcome) -> Record:
    def moment(value: datetime | None) -> int | None:
        return None if value is None else unix(value)

    return keep(
        "decision",
        f"decision:{proposal.record_id}",
        {
            "passed": result.passed,
            "conditions": [condition.to_body() for condition in result.conditions],
            "decided_at": moment(proposal.decided_at),
            "queued_at": moment(proposal.queued_at),
            "eta": moment(proposal.eta),
            "expires_at": moment(proposal.expires_at),
        },
        [required_record(proposal.record), required_record(proposal.tally_record)],
    )
