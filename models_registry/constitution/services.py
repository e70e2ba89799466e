"""What changes the constitution. Each service runs inside the transaction of a vote's execution."""

from datetime import datetime

from governance.errors import Conflict, Invalid
from governance.models import Proposal, Record
from governance.records import keep
from governance.services import note
from models_registry import gates
from models_registry.models import EthicsRule


def adopt_rule(proposal: Proposal, execution: Record, now: datetime) -> EthicsRule:
    """Put a voted rule into force: it binds every run that is executed from now on."""
    body = dict(proposal.payload)
    try:
        gates.Rule.from_record(body)
    except gates.GateError as error:
        raise Invalid(error.code, str(error), field="payload") from error
    if EthicsRule.objects.filter(community=proposal.community, slug=body["slug"], revoked_at__isnull=True).exists():
        raise Conflict("rule_in_force", "a rule of this name is in force already", found=body["slug"])
    rule = EthicsRule.objects.create(
        community=proposal.community,
        slug=body["slug"],
        title=body["title"],
        metric=body["metric"],
        comparator=body["comparator"],
        bound_numerator=body["bound"]["numerator"],
        bound_denominator=body["bound"]["denominator"],
        scope=body["scope"],
        severity=body["severity"],
        record=keep("rule", f"rule:{proposal.community.slug}/{body['slug']}", body, [execution]),
        proposal=proposal,
        adopted_at=now,
    )
    note("rule_adopted", now, proposal=proposal, rule=rule.slug)
    return rule
