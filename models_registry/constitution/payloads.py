"""What a proposal says of a rule: the questions of the form, the frozen body, and its gate in words.

Shared by the proposals that adopt a rule and that change one.
"""

import re
from collections.abc import Collection, Mapping
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
from models_registry.constitution import duties
from models_registry.hidden_suites import selectors as hidden_suites
from models_registry.hidden_suites.commitment import commitment_in, name_of
from models_registry.metrics import METRICS, Metric, find
from models_registry.models import Dataset, HiddenSuite, Model
from models_registry.scorers import naming, store

# What a payload of the API may leave out, and what that means.
DEFAULTS: dict[str, Any] = {"why": "", "severity": "block", "sunset": None, "duty": None}
GATE_DEFAULTS: dict[str, Any] = {**DEFAULTS, "suite": None, "judged": "value"}
DUTY_DEFAULTS: dict[str, Any] = {**DEFAULTS, **dict.fromkeys(gates.GATE_KEYS)}
NAMES = ("slug", "title", "why", *gates.GATE_KEYS, "scope", "severity", "sunset", "duty")
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
    hidden = HiddenSuite.objects.closed().filter(community=community)
    return [
        Field("title", _("The rule in words"), "text"),
        Field("why", _("Why"), "long_text", _("It stands beside the rule in the constitution."), required=False),
        duties.first_field(),
        *duties.fields(),
        Field(
            "metric",
            _("Metric"),
            "choice",
            "",
            options=_metrics_offered(),
            notes_title=_("What each metric cannot see"),
            notes=tuple((label, str(_metric(name).blind_to)) for name, label in _metrics_offered()),
        ),
        Field(
            "suite",
            _("Measured on"),
            "choice",
            _("The suite that each update is measured on, or one that this rule always asks for."),
            initial=RUNS_OWN,
            options=(
                (RUNS_OWN, _("the suite of each update")),
                *((suite.digest, suite.title) for suite in suites),
                *((suite.name, _hidden_title(suite.title)) for suite in hidden),
            ),
        ),
        Field(
            "comparator",
            _("The result must be"),
            "choice",
            "",
            options=tuple((name, COMPARATOR_WORDS[name]()) for name in gates.COMPARATORS),
        ),
        Field(
            "bound",
            _("Bound"),
            "decimal",
            _("A decimal number, such as 0.10 for ten per cent. Only where a measurement decides."),
            required=False,
        ),
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
    duty = duties.from_form(values)
    if duty is not None:
        return {**said, **dict.fromkeys(gates.GATE_KEYS), "sunset": said["sunset"] or None, "duty": duty}
    return {
        **said,
        "duty": None,
        "suite": None if said["suite"] in ("", RUNS_OWN) else said["suite"],
        "sunset": said["sunset"] or None,
    }


def clean(community: Community, payload: object, path: str = "payload") -> dict[str, Any]:
    """Return the frozen body of a rule, or raise Invalid with the field at fault."""
    if not isinstance(payload, dict):
        raise Invalid("malformed_field", "a rule is a JSON object", field=path)
    asks_people = payload.get("duty") is not None
    said = {**(DUTY_DEFAULTS if asks_people else GATE_DEFAULTS), **payload}
    require_keys(said, set(NAMES))
    slug = clean_text(said, "slug", length_max=80)
    if not _SLUG.fullmatch(slug):
        raise Invalid("malformed_field", "lower-case letters, digits and hyphens", field=f"{path}.slug", found=slug)
    models = sorted(Model.objects.filter(community=community).values_list("name", flat=True))
    _one_of(said["scope"], ["all", *models], "unknown_scope", "a rule applies to all models or to one", f"{path}.scope")
    body = {
        "slug": slug,
        "title": clean_text(said, "title", length_max=200),
        "why": clean_text(said, "why", length_max=WHY_MAX, length_min=0),
        "scope": said["scope"],
        "severity": said["severity"],
        "sunset": _sunset(said["sunset"], f"{path}.sunset"),
        **(_asking if asks_people else _measuring)(community, said, path),
    }
    try:
        gates.Rule.from_record(body)
    except gates.GateError as error:
        raise Invalid(error.code, str(error), field=path) from error
    return body


def _measuring(community: Community, said: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the part of a rule's body that makes it a gate."""
    _require_metric(said["metric"], f"{path}.metric")
    return {
        "metric": said["metric"],
        "suite": _suite(community, said["suite"], said["metric"], f"{path}.suite"),
        "comparator": said["comparator"],
        "bound": _exact(said["bound"], f"{path}.bound"),
        "judged": said["judged"],
        "duty": None,
    }


def _asking(community: Community, said: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the part of a rule's body that makes it a duty."""
    for name in gates.GATE_KEYS:
        if said[name] is not None:
            detail = "a rule that asks people measures nothing; leave this out"
            raise Invalid("duty_measures_nothing", detail, field=f"{path}.{name}", found=said[name])
    return {**dict.fromkeys(gates.GATE_KEYS), "duty": duties.clean(community, said["duty"], f"{path}.duty")}


def _metric(name: str) -> Metric:
    """Return a metric that a rule names; whoever wrote the rule looked it up."""
    found = find(name)
    assert found is not None
    return found


def _metrics_offered() -> tuple[tuple[str, str], ...]:
    """Return name and label of what the form offers: the table, and what the operator keeps classifiers for."""
    by_classifier = tuple((one.offered, str(_metric(one.offered).label)) for one in store.kept())
    return (*((name, str(metric.label)) for name, metric in METRICS.items()), *by_classifier)


def _require_metric(found: object, field: str) -> None:
    """Refuse what nothing measures, and a classifier that is not here or does not have these labels."""
    offered = sorted({*METRICS, *(one.offered for one in store.kept())})
    if find(found) is None:
        raise Invalid("unknown_metric", "nothing measures this", field=field, found=found, allowed=offered)
    scorer = naming.find(found)
    if scorer is None:
        return
    kept = store.find(scorer.manifest_sha256)
    if kept is None:
        detail = "this site keeps no classifier with this digest; its operator can take it in"
        raise Invalid("unknown_classifier", detail, field=field, found=found, allowed=offered)
    for label in scorer.labels:
        _one_of(label, list(kept.labels), "unknown_label", "the classifier has no such label", field)


def _one_of(found: object, allowed: list[str], code: str, detail: str, field: str) -> None:
    if found not in allowed:
        raise Invalid(code, detail, field=field, found=found, allowed=allowed)


def _suite(community: Community, found: object, metric: str, field: str) -> str | None:
    """Return the digest of a suite that the community has, with rows on which the metric can be measured."""
    kinds = _metric(metric).kinds
    if found is None:  # the suite of a run asks questions
        _one_of("dialogue", list(kinds), "metric_does_not_fit", "this metric needs a suite of its own", field)
        return None
    if commitment_in(found) is not None:
        return _hidden(community, found, kinds, field)
    known = Dataset.objects.filter(community=community, role="evaluation")
    suite = known.filter(digest=found).first() if isinstance(found, str) and "\x00" not in found else None
    if suite is None or not suite.records:
        detail = "no registered evaluation suite with rows has this digest"
        allowed = sorted(known.filter(records__gt=0).values_list("digest", flat=True))
        raise Invalid("unknown_suite", detail, field=field, found=found, allowed=allowed)
    _one_of(suite.kind, list(kinds), "metric_does_not_fit", "this metric cannot be measured on such rows", field)
    return suite.digest


def _hidden(community: Community, found: object, kinds: Collection[str], field: str) -> str:
    """Return the name of a hidden suite that nobody has opened yet, with rows on which the metric can be measured."""
    suite = hidden_suites.named(community, [found]).get(str(found))
    if suite is None:
        allowed = [each.name for each in HiddenSuite.objects.closed().filter(community=community)]
        raise Invalid("unknown_suite", "nobody has committed to this suite", field=field, found=found, allowed=allowed)
    if suite.opened_at is not None:
        detail = "this suite was opened: it is hidden no more; a rule may name the dataset that it has become"
        raise Invalid("suite_used", detail, field=field, found=found, allowed=suite.dataset and suite.dataset.digest)
    _one_of(suite.kind, list(kinds), "metric_does_not_fit", "this metric cannot be measured on such rows", field)
    return suite.name


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
    if body["duty"] is not None:
        decides = {name: str(said) for name, said in body["duty"].items()}
    else:
        bound = Decimal(body["bound"]["numerator"]) / Decimal(body["bound"]["denominator"])
        decides = {name: str(body[name]) for name in ("metric", "comparator", "judged")}
        decides |= {"suite": body["suite"] or RUNS_OWN, "bound": f"{round(bound, _BOUND_PLACES).normalize():f}"}
    given = {
        **{name: str(body[name]) for name in ("slug", "title")},
        **decides,
        **{name: str(body[name]) for name in ("scope", "severity")},
        "why": body["why"] if len(body["why"]) <= _WHY_IN_ADDRESS_MAX else "",
        "sunset": "" if body["sunset"] is None else day(body["sunset"]),
    }
    return {name: said for name, said in given.items() if said}


# --- in words -----------------------------------------------------------------------------------------------------


def facts(body: Mapping[str, Any], titles: Mapping[str, str]) -> list[Fact]:
    """Return a rule as lines that a voter can read; `titles` are those of suites, by digest."""
    lines = [
        Fact(_("Rule"), body["title"]),
        Fact(_("Why"), body["why"]),
        *(_gate_facts(body, titles) if body["duty"] is None else duties.facts(body["duty"])),
        Fact(_("When it is broken"), SEVERITY_WORDS[body["severity"]]()),
        Fact(_("Applies to"), _("All models") if body["scope"] == "all" else body["scope"]),
        Fact(_("Until"), day(body["sunset"]) if body["sunset"] is not None else _("for good, unless a vote ends it")),
    ]
    return [line for line in lines if line.text]


def _gate_facts(body: Mapping[str, Any], titles: Mapping[str, str]) -> list[Fact]:
    metric = _metric(body["metric"])
    suite = _("the suite of each update") if body["suite"] is None else titles.get(body["suite"], body["suite"][:12])
    return [
        Fact(_("Metric"), f"{metric.label} — {metric.description}"),
        Fact(_("What its metric cannot see"), str(metric.blind_to)),
        Fact(_("Measured on"), suite),
        Fact(_("Gate"), rule_in_words(body)),
        Fact(_("What is judged"), JUDGED_WORDS[body["judged"]]()),
    ]


def titles_of(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the titles of the suites that a rule names, by digest."""
    hidden = HiddenSuite.objects.filter(commitment=commitment_in(body["suite"]) or "")
    titles = {
        name_of(commitment): _hidden_title(title) for commitment, title in hidden.values_list("commitment", "title")
    }
    return titles | dict(Dataset.objects.filter(digest=body["suite"] or "").values_list("digest", "title"))


def _hidden_title(title: str) -> str:
    return _("%(title)s (hidden until a model is fixed)") % {"title": title}


def rule_in_words(body: Mapping[str, Any]) -> str:
    """Return the gate or the duty of a rule as one phrase, such as “Language gap at most 10 %”."""
    if body["duty"] is not None:
        return duties.in_words(body["duty"])
    metric = _metric(body["metric"])
    return f"{metric.label} {COMPARATOR_WORDS[body['comparator']]()} {bound_in_words(body)}"


def bound_in_words(body: Mapping[str, Any]) -> str:
    """Return the bound of a rule: per cent where the metric is a share, else the number itself."""
    bound = Fraction(body["bound"]["numerator"], body["bound"]["denominator"])
    return _percent(bound) if _metric(body["metric"]).percent else str(bound)


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
