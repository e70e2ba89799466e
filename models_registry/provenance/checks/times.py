"""Check 6: delays, voting periods, extensions and timelocks were kept, and effects follow causes. Pure."""

from collections.abc import Iterator

from governance.evidence.record import Record
from governance.onchain import SOURCE as BY_CONTRACT
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.checks import datasets, hidden_suites
from models_registry.provenance.checks.common import executed_at
from models_registry.provenance.shapes import parent_of, parents_of
from models_registry.provenance.votes import Vote


def check_times(case: Case, answer: Answer) -> None:
    """6: delay, voting period, timelock and execution window were respected; effects follow causes."""
    demands = (
        *_proposal_times(case),
        *_charter_times(case),
        *_decision_times(case),
        *_changed_numbers(case),
        *_effect_times(case),
        *datasets.times(case),
        *hidden_suites.times(case),
    )
    for holds, code, record, detail in demands:
        if not holds:
            answer.fail(code, case.place(record), detail)
    for vote in case.votes:
        for code, detail in _closing_faults(vote):
            answer.fail(code, case.place(vote.tally), detail)
    answer.evidence = "voting delay, voting period, timelock and execution window hold for every proposal"


# (does it hold, the code if not, the record at fault, what was found and what was needed)
_Demand = tuple[bool, str, Record, str]


def _proposal_times(case: Case) -> Iterator[_Demand]:
    """Yield the demands on the times of each vote."""
    for proposal in case.of_kind("proposal"):
        body, rules = proposal.body, proposal.body["rules"]
        # An author may open later than the rules demand, never sooner; the ballots sign the moment.
        found, needed = body["opens_at"], body["submitted_at"] + rules["voting_delay_seconds"]
        yield found >= needed, "delay_shortened", proposal, f"voting opens at {found}, the delay gives {needed}"
        found, needed = body["closes_at"], body["opens_at"] + rules["voting_period_seconds"]
        yield found == needed, "period_wrong", proposal, f"voting closes at {found}, the period gives {needed}"
    for census in case.of_kind("census"):
        body, planned = census.body, parent_of(census, "proposal", case.records).body
        opens, closes = body["opens_at"], body["closes_at"]
        yield (
            opens >= planned["opens_at"],
            "opened_early",
            census,
            f"voting opened at {opens}, planned for {planned['opens_at']}",
        )
        found, needed = closes - opens, planned["closes_at"] - planned["opens_at"]
        yield found == needed, "period_wrong", census, f"voting lasted {found} s, the proposal gives {needed} s"
        found = body["computed_at"]
        yield found <= opens, "census_late", census, f"computed at {found}, voting opened at {opens}"
    for tally in case.of_kind("tally"):
        found, needed = tally.body["closed_at"], tally.body["closes_at"]
        yield found >= needed, "counted_early", tally, f"counted at {found}, voting closed at {needed}"


def _closing_faults(vote: Vote) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the moment when voting really closed: as announced, extended once, or early."""
    tally, census = vote.tally.body, vote.census.body
    closes, announced = tally["closes_at"], census["closes_at"]
    first = last = announced
    if tally["extended_by"] is not None:
        late = _number(vote.tally, "late_quorum_seconds", vote.proposal)
        if vote.terms is None or not late or vote.terms.rules.optimistic:
            yield "extension_wrong", "extended, but the rules know no late quorum"
        if vote.extending_cast_at is None:  # a newer ballot of the same voter has taken its place
            first, last = announced + 1, announced + late - 1
        else:
            first = last = vote.extending_cast_at + late
        if not announced < last < announced + late:
            yield "extension_wrong", f"extended to {last}, the end was announced for {announced}, late is {late} s"
    if tally["closed_early"]:
        first = census["opens_at"] + 1
        if vote.result is None or not vote.result.outcome.early:
            yield "closed_early_wrong", "closed early, but no super-quorum was reached"
    if not first <= closes <= last:
        yield "closing_wrong", f"closed at {closes}, allowed is {first} to {last}"


def _changed_numbers(case: Case) -> Iterator[_Demand]:
    """Yield the demand that no rule changed between a proposal and its decision, but those of a Governor."""
    for kind, name in (("census", "governor"), ("tally", "late_quorum_seconds"), ("decision", "timelock_seconds")):
        for record in case.of_kind(kind):
            fixed = name not in record.body or _by_contract(parent_of(record, "proposal", case.records))
            yield fixed, "rules_malformed", record, f"{name}: only a contract changes its numbers during a vote"


def _charter_times(case: Case) -> Iterator[_Demand]:
    """Yield the demand that a proposal rests on the charter in force: executed before it, and the newest such."""
    since = {c.digest: executed_at(c, case) if c.parents else -1 for c in case.of_kind("charter")}
    for proposal in case.of_kind("proposal"):
        submitted = proposal.body["submitted_at"]
        own = since[parent_of(proposal, "charter", case.records).digest]
        yield own <= submitted, "charter_late", proposal, f"submitted at {submitted}, its charter holds since {own}"
        # In the second in which a charter was executed, either of the two may have been in force.
        newer = max((found for found in since.values() if found < submitted), default=own)
        detail = f"submitted at {submitted}, its charter was replaced at {newer}"
        yield newer <= own, "charter_outdated", proposal, detail


def _decision_times(case: Case) -> Iterator[_Demand]:
    """Yield the demands on the timelock of each decision and on its execution."""
    for decision in case.of_kind("decision"):
        proposal, body = parent_of(decision, "proposal", case.records), decision.body
        closes = parent_of(decision, "tally", case.records).body["closes_at"]
        rules, queued = proposal.body["rules"], body["queued_at"]
        yield (
            body["decided_at"] >= closes,
            "decided_early",
            decision,
            f"decided at {body['decided_at']}, closed {closes}",
        )
        if queued is None or body["eta"] is None or body["expires_at"] is None:
            number = proposal.body["number"]
            yield False, "not_queued", decision, f"proposal {number} was never queued behind the timelock"
            continue
        yield (
            queued >= closes,
            "queued_early",
            decision,
            f"queued at {queued}, before voting closed at {closes}",
        )
        waits = _number(decision, "timelock_seconds", proposal)
        found, needed = body["eta"], queued + waits
        code = "timelock_shortened" if found < needed else "timelock_wrong"
        detail = f"ready at {found}, the timelock of {waits} s gives {needed}"
        yield found == needed, code, decision, detail
        found, needed = body["expires_at"], body["eta"] + rules["execution_window_seconds"]
        yield (
            found == needed,
            "window_wrong",
            decision,
            f"expires at {found}, the execution window gives {needed}",
        )
    for execution in case.of_kind("execution"):
        found, decision = execution.body["executed_at"], parent_of(execution, "decision", case.records)
        eta, expires = decision.body["eta"], decision.body["expires_at"]
        if eta is not None and expires is not None:
            yield (
                found >= eta,
                "executed_early",
                execution,
                f"executed at {found}, the timelock ran until {eta}",
            )
            yield found < expires, "executed_late", execution, f"executed at {found}, it expired at {expires}"


def _number(record: Record, name: str, proposal: Record) -> int:
    """Return a rule of a proposal: of a contract's, the number that its Governor had changed it to by then."""
    frozen: int = proposal.body["rules"][name]
    return record.body.get(name, frozen) if _by_contract(proposal) else frozen


def _by_contract(proposal: Record) -> bool:
    return bool(proposal.body["snapshot"]["source"]["name"] == BY_CONTRACT)


def _effect_times(case: Case) -> Iterator[_Demand]:
    """Yield the demands on what followed from the decisions."""
    for spec in case.of_kind("spec"):
        approved = executed_at(spec, case)
        for part in (*parents_of(spec, "rule", case.records), *parents_of(spec, "dataset", case.records)):
            found = executed_at(part, case)
            yield found <= approved, "adopted_late", part, f"adopted at {found}, after the spec at {approved}"
    for run in case.of_kind("run"):
        approved = executed_at(parent_of(run, "spec", case.records), case)
        started, finished = run.body["started_at"], run.body["finished_at"]
        yield (
            started >= approved,
            "run_early",
            run,
            f"started at {started}, its proposal was executed at {approved}",
        )
        yield finished >= started, "run_early", run, f"finished at {finished}, before it started at {started}"
    for release in case.of_kind("release"):
        found, finished = (
            release.body["released_at"],
            parent_of(release, "run", case.records).body["finished_at"],
        )
        yield (
            found >= finished,
            "released_early",
            release,
            f"released at {found}, the run ended at {finished}",
        )
        for kind in ("keys", "override"):
            for record in parents_of(release, kind, case.records):
                adopted = executed_at(record, case)
                yield adopted <= found, "adopted_late", record, f"adopted at {adopted}, after the release at {found}"
    for rule in case.of_kind("rule"):
        for earlier in parents_of(rule, "rule", case.records):
            before, found = executed_at(earlier, case), executed_at(rule, case)
            detail = f"adopted at {before}, after the rule that replaces it at {found}"
            yield before <= found, "adopted_late", earlier, detail
