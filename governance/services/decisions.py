"""After the vote: count, decide, wait behind the timelock, execute once."""

from datetime import datetime, timedelta

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.db.models import Max

from governance import lifecycle
from governance.clock import unix, whole_second
from governance.counting import Result, tally_body
from governance.errors import Conflict
from governance.evidence import block_tree
from governance.kinds import kind_named
from governance.lifecycle import Action
from governance.models import Proposal, Record, Tree
from governance.onchain import require_gasless
from governance.outcome import Outcome
from governance.records import keep
from governance.sealed.facts import unsealing_records
from governance.sealed.unsealing import unseal
from governance.services.common import (
    charter_under,
    get_proposal,
    house_snapshot_of,
    lock_community,
    locked_proposal,
    required_record,
    snapshot_of,
    source_named,
    source_of,
    terms_of,
)
from governance.services.events import note
from governance.standing import count_so_far, keep_standing


def close_voting(proposal_id: int, now: datetime, *, late_quorum_seconds: int | None = None) -> Proposal:
    """Count the ballots, decide, and write the tally. Safe to repeat; sealed ballots wait until they can be opened.

    Before counting, the chain must still have the snapshot's block; a vote on a block that is gone is not counted.
    `late_quorum_seconds` is what a Governor's number was when the quorum was reached, if no longer the frozen one.
    """
    return _close(proposal_id, now, Action.CLOSE_VOTING, late_quorum_seconds)


def close_early(proposal_id: int, now: datetime) -> Proposal:
    """Close a vote that has reached its super-quorum before its end; leave any other as it is."""
    proposal = get_proposal(proposal_id)
    if proposal.passed is None:
        lifecycle.require(Action.CLOSE_EARLY, proposal.facts, now)
        if not count_so_far(proposal).outcome.early:
            return proposal
    return _close(proposal_id, now, Action.CLOSE_EARLY)


def _close(proposal_id: int, now: datetime, action: Action, late_quorum_seconds: int | None = None) -> Proposal:
    proposal = get_proposal(proposal_id)
    if proposal.passed is None:
        lifecycle.require(action, proposal.facts, now)
        _confirm_snapshots(proposal)
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        if proposal.passed is not None:
            return proposal
        lifecycle.require(action, proposal.facts, now)
        if not unseal(proposal, now):
            return proposal
        result = count_so_far(proposal)
        closed_at = whole_second(now)
        if action is Action.CLOSE_EARLY:
            # The first whole second after every ballot; nobody can vote any more, because the count is made here.
            latest = proposal.ballots.aggregate(latest=Max("cast_at"))["latest"]
            closed_at = max(closed_at, latest or closed_at) + timedelta(seconds=1)
            if not result.outcome.early or proposal.closes_at is None or closed_at >= proposal.closes_at:
                return proposal
            proposal.closes_at, proposal.closed_early = closed_at, True
        proposal.tally_record = _keep_tally(proposal, result, closed_at, late_quorum_seconds)
        proposal.passed, proposal.decided_at = result.outcome.passed, closed_at
        if not proposal.passed:
            proposal.decision_record = _keep_decision(proposal, result.outcome)
        proposal.save()
        keep_standing(proposal, result, now)
        note(
            "voting_closed",
            now,
            proposal=proposal,
            passed=proposal.passed,
            tally=proposal.tally_record.digest,
        )
    return proposal


def _confirm_snapshots(proposal: Proposal) -> None:
    """Raise unless what was pinned at submission is still what it was."""
    source_of(proposal).confirm(snapshot_of(proposal))
    house = house_snapshot_of(proposal)
    if house is not None:
        frozen = required_record(proposal.record).body["snapshot"]["house"]
        source_named(frozen["source"]["name"], proposal.community).confirm(house)


def _keep_tally(proposal: Proposal, result: Result, closed_at: datetime, late_quorum_seconds: int | None) -> Record:
    counting = proposal.ballots.counting().values_list("voter_key", "record__canonical")
    ballot_count = counting.count()
    first_keys, blocks = block_tree.blocks_of((key, leaf.encode()) for key, leaf in counting.iterator(chunk_size=5_000))
    record = keep(
        "tally",
        f"tally:{proposal.record_id}",
        {
            **tally_body(terms_of(proposal), result),
            "ballot_count": ballot_count,
            "ballots_root": block_tree.root(blocks),
            "closes_at": unix(proposal.closes_at) if proposal.closes_at else 0,
            "extended_by": proposal.extended_by or None,
            "closed_early": proposal.closed_early,
            "closed_at": unix(closed_at),
            **({} if late_quorum_seconds is None else {"late_quorum_seconds": late_quorum_seconds}),
        },
        [required_record(proposal.record), required_record(proposal.census_record), *unsealing_records(proposal)],
    )
    Tree.objects.update_or_create(record=record, defaults={"first_keys": first_keys, "blocks": blocks})
    return record


def queue(proposal_id: int, now: datetime, *, timelock_seconds: int | None = None) -> Proposal:
    """Put a proposal that passed behind its timelock and write the decision. Safe to repeat.

    `timelock_seconds` is what a Governor's timelock takes, if no longer what was frozen.
    """
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        if proposal.eta is not None:
            return proposal
        lifecycle.require(Action.QUEUE, proposal.facts, now)
        rules = terms_of(proposal).rules
        # A vote that closed early was decided on the next whole second.
        proposal.queued_at = max(whole_second(now), proposal.decided_at or whole_second(now))
        waits = rules.timelock_seconds if timelock_seconds is None else timelock_seconds
        proposal.eta = proposal.queued_at + timedelta(seconds=waits)
        proposal.expires_at = proposal.eta + timedelta(seconds=rules.execution_window_seconds)
        proposal.decision_record = _keep_decision(proposal, count_so_far(proposal).outcome, timelock_seconds)
        proposal.save()
        note(
            "proposal_queued", now, proposal=proposal, decision=proposal.decision_record.digest, eta=unix(proposal.eta)
        )
    return proposal


def execute(proposal_id: int, now: datetime, actor: str = "", *, by_contract: bool = False) -> tuple[Proposal, bool]:
    """Carry out what was decided, once; return the proposal and whether this call did it.

    What runs is the payload in the record that was voted on; a row that says otherwise blocks the execution. Decisions
    of one community are carried out one after the other, because one may forbid what another one needs. A refusal
    changes nothing: the proposal stays ready, and can be tried again, until it expires. What a contract decides is
    carried out `by_contract` alone.
    """
    with transaction.atomic():
        proposal = locked_proposal(proposal_id)
        if proposal.executed_at is not None:
            return proposal, False
        lifecycle.require(Action.EXECUTE, proposal.facts, now)
        if not by_contract:
            require_gasless(charter_under(proposal))
        voted = required_record(proposal.record).value
        same = (voted.digest, voted.body["kind"], voted.body["payload"])
        if same != (proposal.record_id, proposal.kind, proposal.payload):
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
        note("proposal_executed", now, proposal=proposal, actor=actor, execution=proposal.execution_record.digest)
    return proposal, True


def _keep_decision(proposal: Proposal, result: Outcome, timelock_seconds: int | None = None) -> Record:
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
            **({} if timelock_seconds is None else {"timelock_seconds": timelock_seconds}),
        },
        [required_record(proposal.record), required_record(proposal.tally_record)],
    )
