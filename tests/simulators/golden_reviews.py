"""The review of a golden release: a rule that asks people, and what members attested, signed with their wallets."""

from collections.abc import Callable, Iterable
from typing import Any

from governance import eip712
from governance.evidence.record import Record
from models_registry.duties import signing
from models_registry.duties.tasks import NOTHING, Duty
from tests.simulators.golden_parts import Voter, domain, rule_body, voters

DUTY = "members-look"
# place among members, finding, reason
Said = tuple[int, str, str]
ATTESTED: tuple[Said, ...] = ((1, NOTHING, ""), (2, NOTHING, "Four answers read, in both languages."))
OPENED_AFTER_SECONDS = 10
SIGNED_AFTER_SECONDS = 20


def duty_body(slug: str = DUTY) -> dict[str, Any]:
    """Return a rule that asks two members to read four samples, as it is voted on."""
    gate = dict.fromkeys(("metric", "suite", "comparator", "bound", "judged"))
    duty = {"task": "read_samples", "people": 2, "samples": 4, "days": 7, "objections": 0}
    return {**rule_body(slug), **gate, "title": "Members look first", "duty": duty}


def review(
    members: list[Voter],
    attested: Iterable[Said],
    community: Record,
    rule: Record,
    run: Record,
    report: dict[str, Any],
    edit: Callable[[str, dict[str, Any]], None],
) -> dict[str, Any]:
    """Return the part of an evaluation that says who attested what. `edit("attestation", …)` comes before signing."""
    finished = run.body["finished_at"]
    asked = signing.asked(Duty.from_body(rule.body["duty"]), rule.digest, run.body, report)
    said = []
    for place, finding, reason in attested:
        # who is no member is a stranger with a wallet
        reviewer = members[place] if place < len(members) else voters((1,), first=200 + place)[0]
        one = {
            "rule": rule.body["slug"],
            "reviewer": reviewer.address,
            "finding": finding,
            "reason": reason,
            "at": finished + SIGNED_AFTER_SECONDS,
        }
        edit("attestation", one)
        signed = eip712.review_digest(**asked.message(domain(community), one))
        said.append({**one, "signature": reviewer.sign(signed)})
    said.sort(key=lambda each: (each["rule"], each["reviewer"].lower()))
    found = {"opened_at": finished + OPENED_AFTER_SECONDS, "executors": [], "attestations": said}
    edit("review", found)
    return found
