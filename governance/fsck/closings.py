"""What the ballots came to: the end of the vote, tally, decision and execution, each computed again."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from governance.counting import (
    QuorumMeter,
    Result,
    Roll,
    Terms,
    count_votes,
    tally_body,
)
from governance.evidence import merkle
from governance.fsck.ballots import Poll
from governance.fsck.finding import Finding, against_record, compare, finding, seconds
from governance.fsck.trees import check_tree
from governance.models import CountSoFar, Proposal, Record
from governance.services.common import required_record, roll_of, terms_of
from governance.standing import body_of

TABLE = "governance_proposal"


def check_closing(poll: Poll) -> Iterator[Finding]:
    """Yield what is wrong with the end of a vote and with what followed from it."""
    proposal = poll.proposal
    if poll.opened is not None:
        yield from poll.opened.check_keys()
    terms, roll = terms_of(proposal), roll_of(proposal)
    closes_at, facts = _late_quorum(poll, terms, roll)
    early = proposal.closed_early and proposal.tally_record is not None
    found = {
        "quorum_power": int(proposal.quorum_power),
        "quorum_at": seconds(proposal.quorum_at),
        "extended_by": proposal.extended_by,
        "closes_at": seconds(proposal.closes_at),
    }
    closed_at = seconds(proposal.decided_at)
    yield from compare(TABLE, proposal.pk, {**facts, "closes_at": closed_at if early else closes_at}, found)
    if proposal.tally_record is None:
        after = ("passed", "decided_at", "queued_at", "eta", "expires_at", "decision_record_id", "execution_record_id")
        nothing = {"closed_early": False, **dict.fromkeys(after)}
        yield from compare(TABLE, proposal.pk, nothing, {name: getattr(proposal, name) for name in nothing})
        return
    result = count_votes(terms, roll, poll.counting, poll.opened.secrets if poll.opened else 0)
    latest = max((cast_at for _, cast_at, _, _ in poll.accepted), default=0)
    in_time = closed_at is not None and (latest < closed_at < closes_at if early else closed_at >= closes_at)
    if not in_time or (early and not result.outcome.early):
        yield finding(TABLE, proposal.pk, "decided_at", f"when voting had closed ({closes_at})", proposal.decided_at)
    yield from _check_tally(poll, terms, result)
    yield from _check_decision(proposal, terms, result)
    yield from _check_execution(proposal)
    yield from _check_shown(poll, terms, result)


def _late_quorum(poll: Poll, terms: Terms, roll: Roll) -> tuple[int, dict[str, Any]]:
    """Return when voting closes, and what the row keeps of the way to the quorum, as `counting.closing_time` has it."""
    closes_at: int = required_record(poll.proposal.census_record).body["closes_at"]
    facts: dict[str, Any] = {"quorum_power": 0, "quorum_at": None, "extended_by": ""}
    if not terms.follows_quorum:
        return closes_at, facts
    needed, meter = terms.quorum_followed(roll), QuorumMeter(terms, roll)
    for _, cast_at, digest, cast in poll.accepted:
        facts["quorum_power"] = meter.cast(cast)
        if facts["quorum_power"] >= needed:
            facts["quorum_at"] = cast_at
            extended = cast_at + _late_seconds(poll.proposal, terms, cast_at)
            if extended > closes_at:
                closes_at, facts["extended_by"] = extended, digest
            break
    return closes_at, facts


def _late_seconds(proposal: Proposal, terms: Terms, cast_at: int) -> int:
    """Return how long the vote stays open after the ballot that reached the quorum: by the tally, once there is one.

    Until then only its chain can say what a Governor's number was; the row tells what it said.
    """
    if proposal.tally_record is not None:
        return terms.late_quorum_seconds(proposal.tally_record.body)
    moved = terms.by_contract and proposal.extended_by
    return (seconds(proposal.closes_at) or 0) - cast_at if moved else terms.rules.late_quorum_seconds


def _check_tally(poll: Poll, terms: Terms, result: Result) -> Iterator[Finding]:
    proposal, record = poll.proposal, required_record(poll.proposal.tally_record)
    body = {
        **tally_body(terms, result),
        "ballot_count": len(poll.counting),
        "ballots_root": merkle.root_of_hashes(poll.hashes),
        "closes_at": seconds(proposal.closes_at),
        "extended_by": proposal.extended_by or None,
        "closed_early": proposal.closed_early,
        "closed_at": seconds(proposal.decided_at),
        **_changed(terms, record, "late_quorum_seconds"),
    }
    unsealing = poll.opened.parents if poll.opened else []
    parents = [str(proposal.record_id), str(proposal.census_record_id), *unsealing]
    yield from against_record(proposal, record, "tally", f"tally:{proposal.record_id}", body, parents)
    yield from check_tree(record, [cast.voter.lower() for cast in poll.counting], poll.hashes)
    if proposal.passed is not result.outcome.passed:
        yield finding(TABLE, proposal.pk, "passed", result.outcome.passed, proposal.passed)


def _changed(terms: Terms, record: Record, name: str) -> dict[str, Any]:
    """Return the number that a Governor had changed meanwhile, where the record of a vote by contract names one."""
    return {name: record.body[name]} if terms.by_contract and name in record.body else {}


def _check_decision(proposal: Proposal, terms: Terms, result: Result) -> Iterator[Finding]:
    """Hold the decision against the count: at once for what did not pass, when it is queued for what did."""
    times = (proposal.queued_at, proposal.eta, proposal.expires_at)
    if proposal.decision_record is None:
        if not proposal.passed or any(times):
            yield finding(TABLE, proposal.pk, "decision_record", "the record of a decision", "none")
        return
    if proposal.passed and proposal.queued_at is not None:
        waits = terms.timelock_seconds(_changed(terms, proposal.decision_record, "timelock_seconds"))
        eta = proposal.queued_at + timedelta(seconds=waits)
        needed = (proposal.queued_at, eta, eta + timedelta(seconds=terms.rules.execution_window_seconds))
    else:
        needed = (None, None, None)
    if times != needed:
        yield finding(TABLE, proposal.pk, "queued_at, eta, expires_at", needed, times)
    body = {
        "passed": result.outcome.passed,
        "conditions": [condition.to_body() for condition in result.outcome.conditions],
        "decided_at": seconds(proposal.decided_at),
        "queued_at": seconds(proposal.queued_at),
        "eta": seconds(proposal.eta),
        "expires_at": seconds(proposal.expires_at),
        **_changed(terms, proposal.decision_record, "timelock_seconds"),
    }
    subject, parents = f"decision:{proposal.record_id}", [str(proposal.record_id), str(proposal.tally_record_id)]
    yield from against_record(proposal, proposal.decision_record, "decision", subject, body, parents)


def _check_execution(proposal: Proposal) -> Iterator[Finding]:
    record: Record | None = proposal.execution_record
    if record is None:
        return
    body = {"kind": proposal.kind, "executed_at": seconds(proposal.executed_at)}
    parents = [str(proposal.decision_record_id)]
    yield from against_record(proposal, record, "execution", f"execution:{proposal.record_id}", body, parents)
    begins, ends = proposal.eta, proposal.expires_at
    done = proposal.executed_at
    if begins is None or ends is None or done is None or not begins <= done < ends:
        yield finding(TABLE, proposal.pk, "executed_at", f"from {begins} to before {ends}", done)


def _check_shown(poll: Poll, terms: Terms, result: Result) -> Iterator[Finding]:
    """Hold what pages show of a vote that has closed, which is kept beside it, against the count."""
    kept = CountSoFar.objects.filter(proposal=poll.proposal).first()
    if kept is None:
        return
    body = {**body_of(terms, result), "final": True, "ballot_count": len(poll.counting)}
    expected = {"ballots": len(poll.accepted), "body": json.loads(json.dumps(body))}
    yield from compare("governance_countsofar", kept.pk, expected, {"ballots": kept.ballots, "body": kept.body})
