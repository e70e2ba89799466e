"""Kinds of proposals about the rules that every model is judged by."""

import re
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from governance.errors import Conflict, Invalid
from governance.evidence.canonical import INTEGER_MAX
from governance.kinds import Fact, Field, ForOrAgainst, clean_text, require_keys
from governance.models import Community, Proposal, Record
from models_registry import gates, services
from models_registry.metrics import METRICS
from models_registry.models import EthicsRule, Model

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")


class EthicsRuleAdoption(ForOrAgainst):
    """Bind every later run to a measured bound."""

    name = "ethics_rule"
    label = gettext_lazy("Ethics rule")
    description = gettext_lazy("Bind every later training run to a measured bound that its result must keep.")
    scope = "rules"

    def fields(self, community: Community) -> list[Field]:
        """Ask for metric, comparator, bound and scope."""
        models = Model.objects.filter(community=community)
        return [
            Field("slug", _("Short name"), "text", _("Lower-case letters, digits and hyphens, such as equal-service.")),
            Field("title", _("The rule in words"), "text"),
            Field(
                "metric",
                _("Metric"),
                "choice",
                "",
                options=tuple((name, str(metric.label)) for name, metric in METRICS.items()),
            ),
            Field(
                "comparator",
                _("The result must be"),
                "choice",
                "",
                options=tuple((name, _COMPARATOR_WORDS[name]()) for name in gates.COMPARATORS),
            ),
            Field("bound", _("Bound"), "decimal", _("A decimal number, such as 0.10 for ten per cent.")),
            Field(
                "scope",
                _("Applies to"),
                "choice",
                "",
                options=(("all", _("All models")), *((model.name, str(model)) for model in models)),
            ),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload; the bound stays text until `clean` reads it exactly."""
        names = ("slug", "title", "metric", "comparator", "bound", "scope")
        return {**{name: values.get(name, "") for name in names}, "severity": "block"}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze the rule with its bound as an exact fraction."""
        payload = {"severity": "block", **payload} if isinstance(payload, dict) else payload
        require_keys(payload, {"slug", "title", "metric", "comparator", "bound", "scope", "severity"})
        slug = clean_text(payload, "slug", length_max=80)
        if not _SLUG.fullmatch(slug):
            raise Invalid("malformed_field", "lower-case letters, digits and hyphens", field="payload.slug", found=slug)
        if not isinstance(payload["metric"], str) or payload["metric"] not in METRICS:
            raise Invalid(
                "unknown_metric",
                "nothing measures this",
                field="payload.metric",
                found=payload["metric"],
                allowed=sorted(METRICS),
            )
        models = sorted(Model.objects.filter(community=community).values_list("name", flat=True))
        if payload["scope"] not in ["all", *models]:
            raise Invalid(
                "unknown_scope",
                "a rule applies to all models or to one",
                field="payload.scope",
                found=payload["scope"],
                allowed=["all", *models],
            )
        if EthicsRule.objects.filter(community=community, slug=slug, revoked_at__isnull=True).exists():
            raise Conflict("rule_in_force", "a rule of this name is in force already", field="payload.slug", found=slug)
        body = {
            "slug": slug,
            "title": clean_text(payload, "title", length_max=200),
            "metric": payload["metric"],
            "comparator": payload["comparator"],
            "bound": _exact(payload["bound"]),
            "scope": payload["scope"],
            "severity": payload["severity"],
        }
        try:
            gates.Rule.from_record(body)
        except gates.GateError as error:
            raise Invalid(error.code, str(error), field="payload") from error
        return body

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("no later run can be published unless: %(rule)s") % {"rule": rule_in_words(payload)}

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        metric = METRICS[payload["metric"]]
        scope = _("All models") if payload["scope"] == "all" else payload["scope"]
        return [
            Fact(_("Rule"), payload["title"]),
            Fact(_("Metric"), f"{metric.label} — {metric.description}"),
            Fact(_("Gate"), rule_in_words(payload)),
            Fact(_("Applies to"), scope),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Put it into force."""
        services.adopt_rule(proposal, execution, now)


def rule_in_words(payload: dict[str, Any]) -> str:
    """Return the gate of a rule as one phrase, such as “Language gap at most 10 %”."""
    metric = METRICS[payload["metric"]]
    bound = Fraction(payload["bound"]["numerator"], payload["bound"]["denominator"])
    shown = _percent(bound) if metric.percent else str(bound)
    return f"{metric.label} {_COMPARATOR_WORDS[payload['comparator']]()} {shown}"


_COMPARATOR_WORDS = {
    "at_most": lambda: _("at most"),
    "at_least": lambda: _("at least"),
    "not_below_parent": lambda: _("not below the parent version by more than"),
}


def _percent(value: Fraction) -> str:
    """Return a fraction as per cent, exact to two places (rounded half up beyond)."""
    hundredths = (value * 10_000 + Fraction(1, 2)).__floor__()
    whole, rest = divmod(abs(hundredths), 100)
    sign = "-" if hundredths < 0 else ""
    decimals = f".{rest:02d}".rstrip("0").rstrip(".")
    return f"{sign}{whole}{decimals}\N{NO-BREAK SPACE}%"


def _exact(value: object) -> dict[str, int]:
    """Read a bound: decimal text, a JSON number, or numerator and denominator."""
    if isinstance(value, dict) and set(value) == {"numerator", "denominator"}:
        numerator, denominator = value["numerator"], value["denominator"]
        if type(numerator) is int and type(denominator) is int and 0 < denominator <= 10**9:
            found = Fraction(numerator, denominator)
        else:
            raise Invalid(
                "malformed_field", "numerator and denominator are integers", field="payload.bound", found=value
            )
    else:
        text = str(value)
        if isinstance(value, bool) or not _DECIMAL.fullmatch(text):
            raise Invalid("malformed_field", "a plain decimal such as 0.10", field="payload.bound", found=value)
        found = Fraction(text)
    if abs(found.numerator) > INTEGER_MAX:
        detail = "a bound this large or this fine has no exact form"
        raise Invalid("value_out_of_range", detail, field="payload.bound", found=value)
    return {"numerator": found.numerator, "denominator": found.denominator}
