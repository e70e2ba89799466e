"""Kinds of proposals about what goes in and what may come out: datasets, ethics rules, withdrawal of a release."""

import re
from datetime import datetime
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from governance.errors import Conflict, Invalid
from governance.evidence.canonical import INTEGER_MAX
from governance.kinds import Fact, Field, ForOrAgainst, clean_text, require_keys
from governance.models import Community, Proposal, Record
from models_registry import gates, services, withdrawals
from models_registry.languages import language_names
from models_registry.metrics import METRICS
from models_registry.models import Dataset, EthicsRule, Model, Version
from models_registry.row_words import KINDS

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")


class DatasetInclusion(ForOrAgainst):
    """Allow models of the community to learn from a registered dataset."""

    name = "dataset_inclusion"
    label = gettext_lazy("Dataset inclusion")
    description = gettext_lazy("Let the community's models learn from a dataset that intake has read and scanned.")
    scope = "datasets"

    def fields(self, community: Community) -> list[Field]:
        """Ask which dataset."""
        datasets = Dataset.objects.filter(community=community, role="training", included_at__isnull=True)
        options = tuple((dataset.digest, f"{dataset.title} ({dataset.digest[:12]})") for dataset in datasets)
        return [
            Field(
                "digest",
                _("Dataset"),
                "choice",
                _("Only datasets that intake has read and scanned are listed."),
                options=options,
            )
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return {"digest": values.get("digest", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze what voters must know of the dataset: its digest above all."""
        known = frozenset({"slug", "title", "license", "role", "kind", "records", "languages"})
        require_keys(payload, {"digest"}, known)
        dataset = Dataset.objects.filter(community=community, digest=str(payload["digest"])).first()
        if dataset is None:
            raise Invalid(
                "unknown_dataset",
                "register the dataset first; no dataset has this digest",
                field="payload.digest",
                found=payload["digest"],
            )
        if dataset.role != "training":
            raise Invalid(
                "wrong_role",
                "an evaluation suite is not trained on",
                field="payload.digest",
                found=dataset.role,
                allowed="training",
            )
        if dataset.included_at is not None:
            raise Conflict("already_included", "this dataset is included already", field="payload.digest")
        if not dataset.clean:
            failed = [scan["scan"] for scan in dataset.scans if scan["blocks"] and not scan["passed"]]
            raise Invalid("scan_failed", "a blocking scan found something", field="payload.digest", found=failed)
        frozen = {
            "digest": dataset.digest,
            "slug": dataset.slug,
            "title": dataset.title,
            "license": dataset.license,
            "role": dataset.role,
            "kind": dataset.kind,
            "records": dataset.records,
            "languages": dataset.languages,
        }
        for name in known & set(payload):
            if payload[name] != frozen[name]:
                raise Invalid(
                    "dataset_differs",
                    "the dataset says otherwise",
                    field=f"payload.{name}",
                    found=payload[name],
                    allowed=frozen[name],
                )
        return frozen

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("the dataset “%(title)s” may be used to train the community's models.") % {"title": payload["title"]}

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        records = ngettext("%(n)d record", "%(n)d records", payload["records"]) % {"n": payload["records"]}
        return [
            Fact(_("Dataset"), payload["title"]),
            Fact(_("Rows"), str(KINDS[payload["kind"]])),
            Fact(_("Size"), records),
            Fact(_("Languages"), language_names(payload["languages"])),
            Fact(_("Licence"), payload["license"]),
            Fact(_("Digest"), payload["digest"]),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Include it."""
        services.include_dataset(proposal, execution, now)


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


class ReleaseWithdrawal(ForOrAgainst):
    """Stop handing out a released version, for good and with a reason. Nothing is deleted."""

    name = "release_withdrawal"
    label = gettext_lazy("Withdrawal of a release")
    description = gettext_lazy("Stop handing out a version of a model, with a reason that everybody can read.")
    scope = "models"

    def fields(self, community: Community) -> list[Field]:
        """Ask which version, and why."""
        versions = Version.objects.filter(model__community=community, withdrawn_at__isnull=True).select_related("model")
        return [
            Field(
                "revision",
                _("Version"),
                "choice",
                _("Its files and records stay; the hub answers with the reason instead."),
                options=tuple((version.revision, str(version)) for version in versions),
            ),
            Field("reason", _("Reason"), "long_text", _("Whoever asks for the version reads this.")),
        ]

    def from_form(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the payload."""
        return {"revision": values.get("revision", ""), "reason": values.get("reason", "")}

    def clean(self, community: Community, payload: dict[str, Any]) -> dict[str, Any]:
        """Freeze which version it is."""
        known = frozenset({"model", "version"})
        require_keys(payload, {"revision", "reason"}, known)
        found = payload["revision"]
        versions = Version.objects.filter(model__community=community).select_related("model")
        version = versions.filter(revision=found).first() if isinstance(found, str) and "\x00" not in found else None
        if version is None:
            detail = "no version of this community has this revision"
            raise Invalid("unknown_release", detail, field="payload.revision", found=found)
        if version.withdrawn_at is not None:
            detail = "this release is withdrawn already"
            raise Conflict("already_withdrawn", detail, field="payload.revision", found=found)
        reason = " ".join(clean_text(payload, "reason", length_max=withdrawals.REASON_MAX).split())
        frozen = {
            "model": str(version.model), "version": version.number, "revision": version.revision, "reason": reason,
        }  # fmt: skip
        for name in known & set(payload):
            if payload[name] != frozen[name]:
                detail = "the version says otherwise"
                raise Invalid(
                    "release_differs", detail, field=f"payload.{name}", found=payload[name], allowed=frozen[name]
                )
        return frozen

    def describe(self, payload: dict[str, Any]) -> str:
        """Say what happens."""
        return _("version %(version)d of %(model)s is no longer handed out, and no update can start from it.") % payload

    def facts(self, payload: dict[str, Any]) -> list[Fact]:
        """Return the payload in words."""
        return [
            Fact(_("Version"), f"{payload['model']} v{payload['version']}"),
            Fact(_("Reason"), payload["reason"]),
            Fact(_("Revision"), payload["revision"]),
            Fact(_("Cost"), _("none")),
        ]

    def execute(self, proposal: Proposal, execution: Record, now: datetime) -> None:
        """Withdraw it."""
        withdrawals.withdraw(proposal, now)


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
