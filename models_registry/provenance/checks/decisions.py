"""Checks 4 and 5: the count is that of these ballots, and the decision follows from it by the charter. Pure."""

from collections.abc import Mapping
from typing import Any

from governance.charter import Charter
from governance.counting import tally_body
from governance.onchain import SOURCE as BY_CONTRACT
from governance.outcome import InvalidRules
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.checks.common import same, shown
from models_registry.provenance.shapes import parent_of
from models_registry.provenance.votes import Vote


def check_tallies(case: Case, answer: Answer) -> None:
    """4: counting the ballots again, by the method that the proposal froze, gives the recorded root and numbers."""
    for vote in case.votes:
        tally, place, number = vote.tally.body, case.place(vote.tally), vote.proposal.body["number"]
        if tally["ballot_count"] != vote.ballot_count:
            detail = f"{vote.ballot_count} ballots are here, proposal {number} counted {tally['ballot_count']}"
            answer.fail("ballot_count_wrong", place, detail)
        if tally["ballots_root"] != vote.ballots_root:
            detail = f"these ballots have the root {vote.ballots_root}, proposal {number} has {tally['ballots_root']}"
            answer.fail("ballots_root_wrong", place, detail)
        if vote.terms is None or vote.result is None:
            _uncountable(vote, answer)
            continue
        for name, found in tally_body(vote.terms, vote.result).items():
            if not same(found, tally[name]):
                code = _TALLY_CODES.get(name, "count_wrong")
                answer.fail(code, place, f"{name} recounted {shown(found)}, recorded {shown(tally[name])}")
    answer.evidence = f"{len(case.votes)} tallies recounted"


_TALLY_CODES = {"method": "method_changed", "choices": "choices_changed", "totals": "totals_wrong"}


def check_decisions(case: Case, answer: Answer) -> None:
    """5: the recorded decision follows from count and frozen rules, those are the charter's, and the vote passed."""
    for vote in case.votes:
        _check_rules(vote, case, answer)
        if vote.result is None:
            _uncountable(vote, answer)
            continue
        decision = next(d for d in case.of_kind("decision") if vote.proposal.digest in d.parents)
        place, number, decided = case.place(decision), vote.proposal.body["number"], vote.result.outcome
        conditions = [condition.to_body() for condition in decided.conditions]
        if decision.body["passed"] is not decided.passed or decision.body["conditions"] != conditions:
            detail = f"the count of proposal {number} gives passed={decided.passed} with {shown(conditions)}"
            answer.fail("decision_wrong", place, detail)
        if not decided.passed:
            answer.fail("not_passed", place, f"proposal {number} did not pass, yet something rests on it")
    answer.evidence = f"{len(case.votes)} decisions follow from their tallies and the charter's rules"


def _uncountable(vote: Vote, answer: Answer) -> None:
    if vote.uncountable is not None:
        answer.problems.append(vote.uncountable)


def _check_pair(vote: Vote, found: Mapping[str, Any], charter: Charter, answer: Answer) -> None:
    """Where a contract decided, it was the one that the charter names."""
    named = charter.power["parameters"]
    for name in ("governor", "anchor", "token") if charter.power["source"] == BY_CONTRACT else ():
        if str(found.get(name)).lower() != str(named.get(name)).lower():
            detail = f"the charter names the {name} {named.get(name)!r}, not {found.get(name)!r}"
            answer.fail("source_changed", vote.place, detail)


def _check_rules(vote: Vote, case: Case, answer: Answer) -> None:
    """Compare what the proposal froze with the charter that it rests on; only the voting period may be longer."""
    record = parent_of(vote.proposal, "charter", case.records)
    body, snapshot = vote.proposal.body, vote.proposal.body["snapshot"]
    try:
        charter = Charter.from_body(record.body)
    except InvalidRules as error:
        answer.fail("charter_malformed", case.place(record), str(error))
        return
    tier, rules = charter.tier_of(body["kind"]), charter.rules_of(body["kind"]).to_body()
    if body["tier"] != tier:
        answer.fail("tier_wrong", vote.place, f"{body['kind']!r} belongs to the tier {tier!r}, not {body['tier']!r}")
    sealing = charter.sealing_of(body["kind"])
    ruled = None if sealing is None else sealing.to_body()
    if body.get("sealing") != ruled:
        detail = f"the charter has ballots opened by {shown(ruled)}, not by {shown(body.get('sealing'))}"
        answer.fail("sealing_changed", vote.place, detail)
    period = body["rules"]["voting_period_seconds"]
    different = sorted(name for name in rules if name != "voting_period_seconds" and body["rules"][name] != rules[name])
    if period < rules["voting_period_seconds"]:
        different.append("voting_period_seconds")
    if different:
        answer.fail("rules_changed", vote.place, f"the charter has another {', '.join(different)} for {tier!r}")
    if snapshot["source"]["name"] != charter.power["source"]:
        detail = f"the charter takes power from {charter.power['source']!r}, not {snapshot['source']['name']!r}"
        answer.fail("source_changed", vote.place, detail)
    _check_pair(vote, snapshot["source"]["parameters"], charter, answer)
    house: Mapping[str, Any] | None = snapshot["house"]
    wanted = charter.house["source"] if charter.house and body["rules"]["objection_bps"] else None
    found = house["source"]["name"] if house else None
    if found != wanted:
        answer.fail("source_changed", vote.place, f"the charter takes a second house from {wanted!r}, not {found!r}")
