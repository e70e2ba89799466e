"""Part of check 9: what reviewers attested is signed by members who may, about this very model and report. Pure.

How many have to agree, the gates say. Not shown: that two addresses are two people, that anybody read what they say
they read, and that everybody who had a part in the run stands among its executors.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from governance import eip712
from governance.evidence.record import Record
from governance.wallets.asking import ON_CHAIN, WalletSignature, asked_of
from models_registry import gates
from models_registry.duties import signing, tasks
from models_registry.duties.tasks import Duty
from models_registry.provenance.case import Answer, Case
from models_registry.provenance.checks.common import proposal_of
from models_registry.provenance.shapes import parent_of, parents_of
from models_registry.provenance.signed import checksummed, domain


def check_reviews(evaluation: Record, case: Case, answer: Answer) -> None:
    """Hold every attestation of an evaluation against its rule, its run and its vote.

    1. each stands once, in order, under a rule of the run that asks people
    2. the reviewer could vote on the training, did not propose it and did not work on it
    3. they signed what this rule asks: these files, this report, these samples, in time
    """
    review = evaluation.body["review"]
    if review is None:
        return
    place = case.place(evaluation)
    run = parent_of(evaluation, "run", case.records)
    spec = parent_of(run, "spec", case.records)
    if review["opened_at"] < run.body["finished_at"]:
        detail = f"people were asked at {review['opened_at']}, the run ended at {run.body['finished_at']}"
        answer.fail("review_early", place, detail)
    rules = {rule.body["slug"]: rule for rule in parents_of(evaluation, "rule", case.records)}
    said = review["attestations"]
    order = [(each["rule"], each["reviewer"].lower()) for each in said]
    if order != sorted(set(order)):  # 1
        answer.fail("attestation_twice", place, "attestations stand in order of rule and reviewer, each once")
    _count_wallets(evaluation, proposal_of(spec, case), answer, place)
    voters = _voters(spec, case)
    author = proposal_of(spec, case).body["author"].lower()
    executors = {name.lower() for name in review["executors"]}
    for each in said:
        duty = _duty(rules.get(each["rule"]), spec)
        if duty is None:
            answer.fail("attestation_foreign", place, f"no rule of this run asks for it: {each['rule']}")
            continue
        reviewer = each["reviewer"].lower()
        for holds, code, detail in (  # 2
            (voters.get(reviewer, 0) > 0, "reviewer_without_power", "had no power in the vote on the training"),
            (reviewer != author, "reviewer_is_author", "proposed the training"),
            (reviewer not in executors, "reviewer_is_executor", "worked on the run"),
        ):
            if not holds:
                answer.fail(code, place, f"{each['reviewer']} {detail}")
        for code, detail in _faults(each, duty, rules[each["rule"]], evaluation, case):  # 3
            answer.fail(code, place, detail)


def _faults(
    said: Mapping[str, Any], duty: Duty, rule: Record, evaluation: Record, case: Case
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the time or the signature of an attestation."""
    body = evaluation.body
    opened, closes = body["review"]["opened_at"], duty.deadline(body["review"]["opened_at"])
    released = case.release.body["released_at"] if case.release else closes
    if not opened <= said["at"] < closes or said["at"] > released:
        detail = f"attested at {said['at']}, allowed from {opened} until before {closes} and the release"
        yield "attestation_late", detail
    try:
        digest = _signed(said, duty, rule, evaluation, case)
        if "wallet" not in said:
            eip712.verify(digest, said["signature"], said["reviewer"])
    except (eip712.Eip712Error, ValueError) as error:
        detail = getattr(error, "detail", str(error))
        yield "signature_wrong", f"{said['reviewer']} did not attest this of this model: {detail}"


def _count_wallets(evaluation: Record, proposal: Record, answer: Answer, place: str) -> None:
    """Say of how many attestations only the chain can tell, where one is asked at all."""
    wallets = sum("wallet" in said for said in evaluation.body["review"]["attestations"])
    if wallets and proposal.body["snapshot"]["source"]["name"] in ON_CHAIN:
        more = f"{wallets} attestations by contract wallets, which only the chain can confirm (check 11)"
        answer.evidence += f"; but not {more}"
    elif wallets:
        detail = f"{wallets} contract wallets attested, and no chain is asked for powers here"
        answer.fail("wallet_wrong", place, detail)


def _signed(said: Mapping[str, Any], duty: Duty, rule: Record, evaluation: Record, case: Case) -> bytes:
    """Return what a reviewer signs; raise ValueError or Eip712Error where that cannot be written down."""
    run = parent_of(evaluation, "run", case.records)
    spec = parent_of(run, "spec", case.records)
    community = parent_of(proposal_of(spec, case), "community", case.records)
    asked = signing.asked(duty, rule.digest, run.body, evaluation.body)
    reviewer = {**said, "reviewer": checksummed(said["reviewer"])}
    return eip712.review_digest(**asked.message(domain(community.body), reviewer))


def attested_by_wallets(evaluation: Record, case: Case) -> Iterator[WalletSignature]:
    """Yield the attestations of an evaluation that no key signed, as far as what was signed can be written down."""
    review = evaluation.body["review"]
    rules = {rule.body["slug"]: rule for rule in parents_of(evaluation, "rule", case.records)}
    spec = parent_of(parent_of(evaluation, "run", case.records), "spec", case.records)
    for said in review["attestations"] if review else ():
        asked, duty = asked_of(said.get("wallet")), _duty(rules.get(said["rule"]), spec)
        if asked is None or duty is None:
            continue
        try:
            digest = _signed(said, duty, rules[said["rule"]], evaluation, case)
        except (eip712.Eip712Error, ValueError):
            continue  # check 9 says so
        place = case.place(evaluation)
        yield WalletSignature(place, said["reviewer"], digest, said["signature"], asked, "attestation")


def _duty(rule: Record | None, spec: Record) -> Duty | None:
    """Return what a rule asks of people about this model; None for a gate, and for a rule of another model."""
    if rule is None or rule.body["duty"] is None or tasks.problem(rule.body["duty"]):
        return None
    applies = rule.body["scope"] in (gates.SCOPE_ALL, spec.body["output"])
    return Duty.from_body(rule.body["duty"]) if applies else None


def _voters(spec: Record, case: Case) -> Mapping[str, int]:
    """Return the power of reviewers in the vote on the training, by lower-case address."""
    proposal = proposal_of(spec, case)
    return next(vote.reviewers for vote in case.votes if vote.proposal.digest == proposal.digest)
