"""What a proposal says of a rule that asks people: the questions of the form, the frozen duty, and its words."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from governance.errors import Invalid
from governance.kinds import Fact, Field
from governance.models import Community
from models_registry.duties import tasks
from models_registry.models import Dataset

MEASUREMENT = "measurement"  # how the form says that a rule asks for no duty
_NUMBERS = ("people", "samples", "days", "objections")


def first_field() -> Field:
    """Ask whether the rule measures or asks people."""
    return Field(
        "task",
        _("What decides"),
        "choice",
        _("A measurement with a bound, or people who look at each result before its release."),
        initial=MEASUREMENT,
        options=((MEASUREMENT, _("a measurement")), *((name, say()) for name, say in TASK_WORDS.items())),
    )


def fields() -> list[Field]:
    """Ask for the numbers of a duty; a rule that measures has none."""
    for_people = _("Only where people decide.")
    return [
        Field("people", _("How many people"), "integer", for_people, required=False, initial="2"),
        Field(
            "samples",
            _("Samples that each of them reads"),
            "integer",
            _("Only where people read samples. Which ones is drawn by lot from the result itself."),
            required=False,
            initial="50",
        ),
        Field(
            "days",
            _("Within how many days"),
            "integer",
            _("Only where people decide. When the time is over without enough of them, the rule is broken."),
            required=False,
            initial="7",
        ),
        Field(
            "objections",
            _("Objections that it bears"),
            "integer",
            _("Only where people decide. One more than that breaks the rule."),
            required=False,
            initial="0",
        ),
    ]


def from_form(values: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the duty that the form describes, None for a measurement; `clean` judges its numbers."""
    task = values.get("task", "")
    if task in ("", MEASUREMENT):
        return None
    said = {name: _whole(values.get(name, "")) for name in _NUMBERS}
    known = tasks.TASKS.get(task)
    if known is not None and not known.samples_max:
        said["samples"] = 0  # nothing is read that the form could have asked for
    return {"task": task, **said}


def clean(community: Community, duty: object, path: str) -> dict[str, Any]:
    """Return a duty in its frozen form, or raise Invalid with the field at fault."""
    if not isinstance(duty, dict) or set(duty) != set(tasks.KEYS):
        detail = f"a duty is an object with the keys {', '.join(tasks.KEYS)}"
        found = sorted(map(str, duty)) if isinstance(duty, dict) else duty
        raise Invalid("malformed_duty", detail, field=path, found=found, allowed=list(tasks.KEYS))
    task = tasks.TASKS.get(duty["task"]) if isinstance(duty["task"], str) else None
    if task is None:
        detail = "nobody knows how to do this"
        raise Invalid("unknown_task", detail, field=f"{path}.task", found=duty["task"], allowed=list(tasks.TASKS))
    for name, (least, most) in tasks.bounds(task).items():
        if type(duty[name]) is not int or not least <= duty[name] <= most:
            detail = f"a whole number from {least} to {most}"
            allowed = {"from": least, "to": most}
            raise Invalid("value_out_of_range", detail, field=f"{path}.{name}", found=duty[name], allowed=allowed)
    _require_samples(community, duty["samples"], f"{path}.samples")
    return {name: duty[name] for name in tasks.KEYS}


def _require_samples(community: Community, samples: int, field: str) -> None:
    """Refuse more samples than any suite of the community could give: such a rule would break whatever was trained."""
    suites = Dataset.objects.filter(community=community, role="evaluation", kind="dialogue")
    most = max(suites.values_list("records", flat=True), default=None)
    if most is not None and samples > most:
        detail = "no evaluation suite of the community has so many questions"
        raise Invalid("too_many_samples", detail, field=field, found=samples, allowed=most)


def _whole(text: object) -> object:
    """Return text as a number where it is one."""
    said = str(text).strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) <= len(str(tasks.SAMPLES_MAX)) else said


# --- in words -----------------------------------------------------------------------------------------------------


TASK_WORDS = {
    "read_samples": lambda: _("people read samples"),
    "read_report": lambda: _("people read the report"),
}


def in_words(duty: Mapping[str, Any]) -> str:
    """Return a duty as one phrase, such as “2 people read 50 samples and have nothing to object”."""
    people = duty["people"]
    if duty["task"] == "read_report":
        said = ngettext(
            "%(people)d person reads the report and has nothing to object",
            "%(people)d people read the report and have nothing to object",
            people,
        )
    else:
        said = ngettext(
            "%(people)d person reads %(samples)d samples and has nothing to object",
            "%(people)d people read %(samples)d samples and have nothing to object",
            people,
        )
    return said % {"people": people, "samples": duty["samples"]}


def facts(duty: Mapping[str, Any]) -> list[Fact]:
    """Return a duty as lines that a voter can read."""
    days = ngettext("%(days)d day after the measurement", "%(days)d days after the measurement", duty["days"])
    borne = _("none: the first one breaks the rule")
    if duty["objections"]:
        borne = _("%(count)d; one more breaks the rule") % {"count": duty["objections"]}
    return [
        Fact(_("Duty"), in_words(duty)),
        Fact(_("Within"), days % {"days": duty["days"]}),
        Fact(_("Objections that it bears"), borne),
        Fact(_("Who may"), _("who could vote on the training, but neither its author nor who ran it")),
    ]
