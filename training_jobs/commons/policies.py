"""How a community shares its computing now: the policy of its newest vote, or the defaults; and who is a newcomer.

`body_of` and `read_body` are the two ways between values and what is frozen in a proposal and kept in `ComputePolicy`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from governance.models import Community, Proposal
from governance.services import note
from training_jobs.models import ComputePolicy, NewcomerAttestation
from training_jobs.scheduling.events import ComputePolicyAdopted, data_of
from training_jobs.scheduling.values import Policy

STUDENT: Final = "student"
INDEPENDENT: Final = "independent_researcher"
SMALL_ORGANISATION: Final = "small_organisation"
KINDS: Final = (STUDENT, INDEPENDENT, SMALL_ORGANISATION)

MEMBERS: Final = "members"  # everybody with voting power
COUNCIL: Final = "council"
ATTESTERS: Final = (MEMBERS, COUNCIL)


@dataclass(frozen=True, slots=True)
class NewcomerRule:
    """How one qualifies for the share that is reserved for newcomers."""

    kinds: tuple[str, ...] = KINDS
    peers: int = 2  # that many others must say so at once
    days: int = 180  # after which an attestation no longer holds
    attesters: str = MEMBERS


def policy_of(community: Community) -> Policy:
    """Return the policy in force: that of the newest vote, else the defaults."""
    body = _newest(community)
    return Policy() if body is None else read_body(body)[0]


def newcomer_rule_of(community: Community) -> NewcomerRule:
    """Return the rule in force: that of the newest vote, else the defaults."""
    body = _newest(community)
    return NewcomerRule() if body is None else read_body(body)[1]


def is_newcomer(community: Community, member: str, now: datetime) -> bool:
    """Whether enough distinct peers say at `now` that a member is one, of a kind that the rule knows."""
    rule = newcomer_rule_of(community)
    standing = NewcomerAttestation.objects.standing(now).filter(community=community, member=member, kind__in=rule.kinds)
    return standing.values("peer").distinct().count() >= rule.peers


def body_in_force(community: Community) -> dict[str, Any]:
    """Return both as JSON values, as they are in force."""
    return _newest(community) or body_of(Policy(), NewcomerRule())


def in_force(community: Community) -> dict[str, Any]:
    """Return what is in force, with the number of the vote that adopted it and when; None for both at the beginning."""
    found = ComputePolicy.objects.filter(community=community).select_related("proposal").first()
    return {
        **(body_of(Policy(), NewcomerRule()) if found is None else found.body),
        "proposal_number": found and found.proposal.number,
        "adopted_at": found and found.adopted_at,
    }


def adopt(proposal: Proposal, now: datetime) -> ComputePolicy:
    """Put the policy of a vote in force. Runs inside the execution's transaction."""
    body = {name: value for name, value in proposal.payload.items() if name != "before"}
    before = newcomer_rule_of(proposal.community)
    adopted = ComputePolicy.objects.create(community=proposal.community, proposal=proposal, body=body, adopted_at=now)
    policy, rule = read_body(body)
    event = ComputePolicyAdopted.of(policy, proposal.number)
    note(event.kind, now, proposal=proposal, **data_of(event))
    if rule != before:
        note("newcomer_rule_adopted", now, proposal=proposal, proposal_number=proposal.number, **body["newcomers"])
    return adopted


def body_of(policy: Policy, rule: NewcomerRule) -> dict[str, Any]:
    """Return both as JSON values."""
    return {
        **asdict(policy),
        "shares": dict(sorted(policy.shares.items())),
        "newcomers": {**asdict(rule), "kinds": list(rule.kinds)},
    }


def read_body(body: Mapping[str, Any]) -> tuple[Policy, NewcomerRule]:
    """Return both from what `body_of` gave."""
    said = body["newcomers"]
    rule = NewcomerRule(tuple(said["kinds"]), said["peers"], said["days"], said["attesters"])
    return Policy(**{each.name: body[each.name] for each in fields(Policy)}), rule


def _newest(community: Community) -> dict[str, Any] | None:
    found = ComputePolicy.objects.filter(community=community).values_list("body", flat=True).first()
    return None if found is None else dict(found)
