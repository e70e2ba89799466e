"""Kinds of proposals about the rules that every model is judged by: adopt one, change one, repeal one."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.errors import Conflict
from governance.kinds import Fact, Field, ForOrAgainst, clean_text, require_keys
from governance.models import Community, Proposal, Record
from models_registry.constitution import payloads, services
from models_registry.models import EthicsRule

REASON_MAX = 500


class EthicsRuleAdoption(ForOrAgainst):
    """Bind every later run to a measured bound."""

    name = "ethics_rule"
    label = gettext_lazy("Ethics rule")
    description = gettext_lazy("Bind every later training run to a measured bound that its result must keep.")
    scope = "rules"

    def fields(self, community: Community) -> list[Field]:
        """Ask for everything that a rule says."""
        slug = Field(
            "slug", _("Short name"), "text", _("Lower-case letters, digits and hyphens, such as equal-service.")
        )
        return [slug, *payloads.fields(community)]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return payloads.from_form(values)

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the rule with its bound as an exact fraction."""
        body = payloads.clean(community, payload)
        services.require_no_rule_named(community, body["slug"])
        return body

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        rule = payloads.rule_in_words(payload)
        if payload["severity"] == "warn":
            return _("every later run is told when it does not keep this, and is published all the same: %(rule)s") % {
                "rule": rule
            }
        return _("no later run can be published unless: %(rule)s") % {"rule": rule}

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return [*payloads.facts(payload, payloads.titles_of(payload)), Fact(_("Cost"), _("none"))]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Put it into force."""
        services.adopt_rule(proposal, execution, now)


class RuleChange(ForOrAgainst):
    """Put another text and gate in the place of a rule. Runs that exist keep the rule that they were approved under."""

    name = "rule_change"
    label = gettext_lazy("Change of an ethics rule")
    description = gettext_lazy("Put another text or another bound in the place of a rule in force.")
    scope = "rules"

    def fields(self, community: Community) -> list[Field]:
        """Ask which rule, and what it says from then on."""
        return [_which(community, _("All of it is written anew below.")), *payloads.fields(community)]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return {"rule": payloads.from_form(values)}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the new text, and the record of the rule whose place it takes."""
        require_keys(payload, {"rule"}, frozenset({"replaces"}))
        body = payloads.clean(community, payload["rule"], "payload.rule")
        earlier = services.rule_in_force(community, body["slug"], payload.get("replaces"), "payload.rule.slug")
        if earlier.to_dict() == body:
            raise Conflict("rule_unchanged", "the rule says this already", field="payload.rule", found=body["slug"])
        return {"rule": body, "replaces": earlier.record_id}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        said = {"slug": payload["rule"]["slug"], "rule": payloads.rule_in_words(payload["rule"])}
        return _("the rule “%(slug)s” says from then on: %(rule)s") % said

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the new text, with what it was before."""
        body = payload["rule"]
        new = payloads.facts(body, payloads.titles_of(body))
        earlier = EthicsRule.objects.select_related("record").filter(record=payload["replaces"]).first()
        if earlier is None:
            return new
        before = earlier.to_dict()
        old = {fact.label: fact.text for fact in payloads.facts(before, payloads.titles_of(before))}
        lines = []
        for fact in new:
            was = old.get(fact.label, "")
            changed = _("%(now)s (before: %(before)s)") % {"now": fact.text, "before": was or "–"}
            lines.append(fact if was == fact.text else Fact(fact.label, changed))
        return [*lines, Fact(_("Cost"), _("none"))]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Put it into force in the place of the earlier one."""
        services.change_rule(proposal, execution, now)


class RuleRepeal(ForOrAgainst):
    """End a rule. Runs that exist are still judged by it."""

    name = "rule_repeal"
    label = gettext_lazy("Repeal of an ethics rule")
    description = gettext_lazy("End a rule: no later run is judged by it. Runs that exist still are.")
    scope = "rules"

    def fields(self, community: Community) -> list[Field]:
        """Ask which rule, and why."""
        return [
            _which(community, _("Its text and the votes about it stay in the history of the constitution.")),
            Field("reason", _("Reason"), "long_text", _("It stands beside the rule in the history.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return {"slug": values.get("slug", ""), "reason": values.get("reason", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the record of the rule that ends."""
        require_keys(payload, {"slug", "reason"}, frozenset({"repeals"}))
        reason = " ".join(clean_text(payload, "reason", length_max=REASON_MAX).split())
        rule = services.rule_in_force(community, payload["slug"], payload.get("repeals"), "payload.slug")
        return {"slug": rule.slug, "repeals": rule.record_id, "reason": reason}

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("the rule “%(slug)s” binds no later run.") % payload

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return what ends, and why."""
        rule = EthicsRule.objects.select_related("record").filter(record=payload["repeals"]).first()
        body = rule.to_dict() if rule else None
        said = payloads.facts(body, payloads.titles_of(body)) if body else [Fact(_("Rule"), payload["slug"])]
        return [*said, Fact(_("Reason"), payload["reason"]), Fact(_("Cost"), _("none"))]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """End it."""
        services.repeal_rule(proposal, execution, now)


def _which(community: Community, help_text: str) -> Field:
    rules = EthicsRule.objects.filter(community=community, revoked_at__isnull=True).order_by("slug")
    return Field("slug", _("Rule"), "choice", help_text, options=tuple((rule.slug, rule.title) for rule in rules))
