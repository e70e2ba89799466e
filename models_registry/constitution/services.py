"""What changes the constitution. Each service runs inside the transaction of a vote's execution.

A run keeps the rules that were in force when it was approved: their records are parents of its specification.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from governance.errors import Conflict, Invalid
from governance.models import Community, Proposal, Record
from governance.records import keep
from governance.services import note
from models_registry import gates
from models_registry.hidden_suites.selectors import named
from models_registry.models import EthicsRule


def adopt_rule(proposal: Proposal, execution: Record, now: datetime) -> EthicsRule:
    """Put a voted rule into force: every run that is approved from now on is judged by it."""
    body = _readable(proposal.payload)
    require_no_rule_named(proposal.community, body["slug"])
    record = keep("rule", _subject(proposal.community, body["slug"]), body, [execution, *_committed(proposal, body)])
    rule = _create(proposal, body, record, now)
    note("rule_adopted", now, proposal=proposal, rule=rule.slug)
    return rule


def change_rule(proposal: Proposal, execution: Record, now: datetime) -> EthicsRule:
    """Put a voted text in the place of the rule that the vote named. The earlier rule ends with it."""
    body = _readable(proposal.payload["rule"])
    earlier = rule_in_force(proposal.community, body["slug"], proposal.payload["replaces"], "payload.replaces")
    _end(earlier, proposal, now)
    parents = [execution, earlier.record, *_committed(proposal, body)]
    record = keep("rule", _subject(proposal.community, body["slug"]), body, parents)
    rule = _create(proposal, body, record, now, replaces=earlier)
    note("rule_changed", now, proposal=proposal, rule=rule.slug)
    return rule


def repeal_rule(proposal: Proposal, execution: Record, now: datetime) -> EthicsRule:
    """End a rule; the record of the repeal says by which vote, and rests on the rule."""
    slug, digest = proposal.payload["slug"], proposal.payload["repeals"]
    rule = rule_in_force(proposal.community, slug, digest, "payload.repeals")
    body = {"slug": slug, "rule": rule.record_id, "reason": proposal.payload["reason"]}
    rule.repeal_record = keep("repeal", _subject(proposal.community, slug), body, [execution, rule.record])
    _end(rule, proposal, now)
    note("rule_repealed", now, proposal=proposal, rule=slug)
    return rule


def rule_in_force(community: Community, slug: object, record: object, field: str) -> EthicsRule:
    """Return the rule of this name that is in force; raise Invalid, or Conflict if it is not the one of this record."""
    known = EthicsRule.objects.filter(community=community, revoked_at__isnull=True).select_related("record")
    rule = known.filter(slug=slug).first() if isinstance(slug, str) and "\x00" not in slug else None
    if rule is None:
        allowed = sorted(known.values_list("slug", flat=True))
        raise Invalid("unknown_rule", "no rule of this name is in force", field=field, found=slug, allowed=allowed)
    if record is not None and record != rule.record_id:
        detail = "the rule of this name was changed since"
        raise Conflict("rule_changed_since", detail, field=field, found=record, allowed=rule.record_id)
    return rule


def require_no_rule_named(community: Community, slug: str) -> None:
    """Raise Conflict if a rule of this name is in force: it is changed by a vote of its own kind."""
    if EthicsRule.objects.filter(community=community, slug=slug, revoked_at__isnull=True).exists():
        raise Conflict("rule_in_force", "a rule of this name is in force already", field="payload.slug", found=slug)


def columns_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the row of a rule repeats of its record; a text that does not apply is empty."""
    return {
        "slug": body["slug"],
        "title": body["title"],
        "why": body["why"],
        "metric": body["metric"] or "",
        "suite": body["suite"] or "",
        "comparator": body["comparator"] or "",
        "bound_numerator": body["bound"]["numerator"] if body["bound"] else None,
        "bound_denominator": body["bound"]["denominator"] if body["bound"] else None,
        "duty": body["duty"],
        "scope": body["scope"],
        "judged": body["judged"] or "",
        "severity": body["severity"],
        "sunset": body["sunset"],
    }


def _readable(body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        gates.Rule.from_record(body)
    except gates.GateError as error:
        raise Invalid(error.code, str(error), field="payload") from error
    return dict(body)


def _committed(proposal: Proposal, body: Mapping[str, Any]) -> list[Record]:
    """Return the record of the commitment that a rule names, if its suite is hidden."""
    return [suite.record for suite in named(proposal.community, [body["suite"]]).values()]


def _subject(community: Community, slug: str) -> str:
    return f"rule:{community.slug}/{slug}"


def _end(rule: EthicsRule, proposal: Proposal, now: datetime) -> None:
    rule.revoked_at, rule.revoked_by = now, proposal
    rule.save(update_fields=["revoked_at", "revoked_by", "repeal_record"])


def _create(
    proposal: Proposal, body: dict[str, Any], record: Record, now: datetime, replaces: EthicsRule | None = None
) -> EthicsRule:
    return EthicsRule.objects.create(
        community=proposal.community,
        **columns_of(body),
        record=record,
        proposal=proposal,
        adopted_at=now,
        replaces=replaces,
    )
