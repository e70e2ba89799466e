"""What a proposal says of a rule: the questions of the form, the frozen body, and its gate in words.

Shared by the proposals that adopt a rule and that change one.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django.utils.translation import gettext as _

from governance import clock
from governance.errors import Invalid
from governance.evidence.canonical import INTEGER_MAX
from governance.kinds import Fact, Field, clean_text, require_keys
from governance.models import Community
from models_registry import gates
from models_registry.metrics import METRICS
from models_registry.models import Dataset, Model

# What a payload of the API may leave out, and what that means.
DEFAULTS: dict[str, Any] = {"why": "", "suite": None, "judged": "value", "severity": "block", "sunset": None}
NAMES = ("slug", "title", "why", "metric", "suite", "scope", "comparator", "bound", "judged", "severity", "sunset")
WHY_MAX = 4_000
_WHY_IN_ADDRESS_MAX = 600
_BOUND_PLACES = 9
RUNS_OWN = "run"  # how the form says “the suite of each run”
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DECIMAL = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def fields(community: Community) -> list[Field]:
    """Ask for everything that a rule says but its short name."""
    models = Model.objects.filter(community=community)
    suites = Dataset.objects.filter(community=community, role="evaluation")
    return [
        Field("title", _("The rule in words"), "text"),
        Field("why", _("Why"), "long_text", _("It stands beside the rule in the constitution."), required=False),
        Field("metric", _("Metric"), "choice", "", options=tuple((name, str(m.label)) for name, m in METRICS.items())),
        Field(
            "suite",
            _("Measured on"),
            "choice",
            _("The suite that each update is measured on, or one that this rule always asks for."),
            initial=RUNS_OWN,
            options=((RUNS_OWN, _("the suite of each update")), *((suite.digest, suite.title) for suite in suites)),
        ),
        Field(
            "comparator",
            _("The result must be"),
            "choice",
            "",
            options=tuple((name, COMPARATOR_WORDS[name]()) for name in gates.COMPARATORS),
        ),
        Field("bound", _("Bound"), "decimal", _("A decimal number, such as 0.10 for ten per cent.")),
        Field(
            "judged",
            _("What is judged"),
            "choice",
            _("A measurement on few questions is uncertain: its interval says how far."),
            initial="cautious",
            options=tuple((name, JUDGED_WORDS[name]()) for name in ("cautious", "value", "lenient")),
        ),
        Field(
            "severity",
            _("When it is broken"),
            "choice",
            "",
            initial="block",
            options=tuple((name, SEVERITY_WORDS[name]()) for name in gates.SEVERITIES),
        ),
        Field(
            "scope",
            _("Applies to"),
            "choice",
            "",
            options=(("all", _("All models")), *((model.name, str(model)) for model in models)),
        ),
        Field(
            "sunset",
            _("Until"),
            "text",
            _("A day such as 2027-06-30 (UTC), or nothing: from then on the rule binds no new run."),
            required=False,
        ),
    ]


def from_form(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form says of a rule; the bound and the day stay text until `clean` reads them exactly."""
    said = {name: values.get(name, "") for name in NAMES}
    return {
        **said,
        "suite": None if said["suite"] in ("", RUNS_OWN) else said["suite"],
        "sunset": said["sunset"] or None,
    }


def clean(community: Community, payload: object, path: str = "payload") -> dict[str, Any]:
    """Return the frozen body of a rule, or raise Invalid with the field at fault."""
    said = {**DEFAULTS, **payload} if isinstance(payload, dict) else payload
    if not isinstance(said, dict):
        raise Invalid("malformed_field", "a rule is a JSON object", field=path)
    require_keys(said, set(NAMES))
    slug = clean_text(said, "slug", length_max=80)
    if not _SLUG.fullmatch(slug):
        raise Invalid("malformed_field", "lower-case letters, digits and hyphens", field=f"{path}.slug", found=slug)
    models = sorted(Model.objects.filter(community=community).values_list("name", flat=True))
    _one_of(said["metric"], sorted(METRICS), "unknown_metric", "nothing measures this", f"{path}.metric")
    _one_of(said["scope"], ["all", *models], "unknown_scope", "a rule applies to all models or to one", f"{path}.scope")
    body = {
        "slug": slug,
        "title": clean_text(said, "title", length_max=200),
        "why": clean_text(said, "why", length_max=WHY_MAX, length_min=0),
        "metric": said["metric"],
        "suite": _suite(community, said["suite"], said["metric"], f"{path}.suite"),
        "scope": said["scope"],
        "comparator": said["comparator"],
        "bound": _exact(said["bound"], f"{path}.bound"),
        "judged": said["judged"],
        "severity": said["severity"],
        "sunset": _sunset(said["sunset"], f"{path}.sunset"),
    }
    try:
        gates.Rule.from_record(body)
    except gates.GateError as error:
        raise Invalid(error.code, str(error), field=path) from error
    return body


def _one_of(found: object, allowed: list[str], code: str, detail: str, field: str) -> None:
    if found not in allowed:
        raise Invalid(code, detail, field=field, found=found, allowed=allowed)


def _suite(community: Community, found: object, metric: str, field: str) -> str | None:
    """Return the digest of a suite that the community has, with rows on which the metric can be measured."""
    kinds = METRICS[metric].kinds
    if found is None:  # the suite of a run asks questions
        _one_of("dialogue", list(kinds), "metric_does_not_fit", "this metric needs a suite of its own", field)
        return None
    known = Dataset.objects.filter(community=community, role="evaluation")
    suite = known.filter(digest=found).first() if isinstance(found, str) and "\x00" not in found else None
    if suite is None or not suite.records:
        detail = "no registered evaluation suite with rows has this digest"
        allowed = sorted(known.filter(records__gt=0).values_list("digest", flat=True))
        raise Invalid("unknown_suite", detail, field=field, found=found, allowed=allowed)
    _one_of(suite.kind, list(kinds), "metric_does_not_fit", "this metric cannot be measured on such rows", field)
    return suite.digest


def _sunset(found: object, field: str) -> int | None:
    """Read the moment from which a rule binds no new run: UNIX seconds, a day (its beginning in UTC), or nothing."""
    if found is None or found == "":
        return None
    if isinstance(found, str) and found.isascii() and found.isdigit():
        found = int(found[:20])
    if isinstance(found, str) and _DAY.fullmatch(found):
        try:
            found = int(datetime.fromisoformat(found).replace(tzinfo=UTC).timestamp())
        except ValueError as error:
            raise Invalid("malformed_field", "there is no such day", field=field, found=found) from error
    if type(found) is not int or not 0 <= found <= INTEGER_MAX:
        raise Invalid("malformed_field", "a day such as 2027-06-30, or UNIX seconds", field=field, found=found)
    if found <= clock.unix(clock.now()):
        raise Invalid("sunset_passed", "a rule that ends in the past would bind nothing", field=field, found=found)
    return found


def _exact(value: object, field: str) -> dict[str, int]:
    """Read a bound: decimal text, a JSON number, or numerator and denominator."""
    if isinstance(value, dict) and set(value) == {"numerator", "denominator"}:
        numerator, denominator = value["numerator"], value["denominator"]
        if type(numerator) is not int or type(denominator) is not int or not 0 < denominator <= 10**9:
            raise Invalid("malformed_field", "numerator and denominator are integers", field=field, found=value)
        found = Fraction(numerator, denominator)
    else:
        text = str(value)
        if isinstance(value, bool) or not _DECIMAL.fullmatch(text):
            raise Invalid("malformed_field", "a plain decimal such as 0.10", field=field, found=value)
        found = Fraction(text)
    if abs(found.numerator) > INTEGER_MAX:
        detail = "a bound this large or this fine has no exact form"
        raise Invalid("value_out_of_range", detail, field=field, found=value)
    return {"numerator": found.numerator, "denominator": found.denominator}


def answers(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the answers of the form that would give this rule, for whoever changes it.

    A long reason is left out, because the answers travel in an address.
    """
    bound = Decimal(body["bound"]["numerator"]) / Decimal(body["bound"]["denominator"])
    given = {
        **{name: str(body[name]) for name in ("slug", "title", "metric", "scope", "comparator", "judged", "severity")},
        "why": body["why"] if len(body["why"]) <= _WHY_IN_ADDRESS_MAX else "",
        "suite": body["suite"] or RUNS_OWN,
        "bound": f"{round(bound, _BOUND_PLACES).normalize():f}",
        "sunset": "" if body["sunset"] is None else day(body["sunset"]),
    }
    return {name: said for name, said in given.items() if said}


# --- in words -----------------------------------------------------------------------------------------------------


def facts(body: Mapping[str, Any], titles: Mapping[str, str]) -> list[Fact]:
    """Return a rule as lines that a voter can read; `titles` are those of suites, by digest."""
    metric = METRICS[body["metric"]]
    suite = _("the suite of each update") if body["suite"] is None else titles.get(body["suite"], body["suite"][:12])
    lines = [
        Fact(_("Rule"), body["title"]),
        Fact(_("Why"), body["why"]),
        Fact(_("Metric"), f"{metric.label} — {metric.description}"),
        Fact(_("Measured on"), suite),
        Fact(_("Gate"), rule_in_words(body)),
        Fact(_("What is judged"), JUDGED_WORDS[body["judged"]]()),
        Fact(_("When it is broken"), SEVERITY_WORDS[body["severity"]]()),
        Fact(_("Applies to"), _("All models") if body["scope"] == "all" else body["scope"]),
        Fact(_("Until"), day(body["sunset"]) if body["sunset"] is not None else _("for good, unless a vote ends it")),
    ]
    return [line for line in lines if line.text]


def titles_of(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the titles of the suites that a rule names, by digest."""
    return dict(Dataset.objects.filter(digest=body["suite"] or "").values_list("digest", "title"))


def rule_in_words(body: Mapping[str, Any]) -> str:
    """Return the gate of a rule as one phrase, such as “Language gap at most 10 %”."""
    metric = METRICS[body["metric"]]
    return f"{metric.label} {COMPARATOR_WORDS[body['comparator']]()} {bound_in_words(body)}"


def bound_in_words(body: Mapping[str, Any]) -> str:
    """Return the bound of a rule: per cent where the metric is a share, else the number itself."""
    bound = Fraction(body["bound"]["numerator"], body["bound"]["denominator"])
    return _percent(bound) if METRICS[body["metric"]].percent else str(bound)


def day(moment: int) -> str:
    """Return a moment as a day in UTC; moments that no calendar has stay seconds."""
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
    except (OverflowError, ValueError, OSError):
        return str(moment)


COMPARATOR_WORDS = {
    "at_most": lambda: _("at most"),
    "at_least": lambda: _("at least"),
    "not_below_parent": lambda: _("not below the parent version by more than"),
    "not_above_parent": lambda: _("not above the parent version by more than"),
}
JUDGED_WORDS = {
    "value": lambda: _("the value itself"),
    "cautious": lambda: _("the worse end of its interval: noise cannot pass a model"),
    "lenient": lambda: _("the better end of its interval: noise cannot fail a model"),
}
SEVERITY_WORDS = {
    "block": lambda: _("the result is not published"),
    "warn": lambda: _("a warning stands in the verdict; the result is published"),
}


def _percent(value: Fraction) -> str:
    """Return a fraction as per cent, exact to two places (rounded half up beyond)."""
    hundredths = (value * 10_000 + Fraction(1, 2)).__floor__()
    whole, rest = divmod(abs(hundredths), 100)
    sign = "-" if hundredths < 0 else ""
    decimals = f".{rest:02d}".rstrip("0").rstrip(".")
    return f"{sign}{whole}{decimals}\N{NO-BREAK SPACE}%"
