"""The report of a trial: what its child process said, checked, judged by the rules in force, and in canonical form.

The child may have run on a machine that a member lends, so nothing of what it says is believed to be well-formed, or
small, or to agree with itself. Whether it is true, nobody here can see: the report names who made it, and anybody can
make it again (`python -m training_jobs.trial`). There are no weights in it.
"""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from governance.clock import unix
from governance.errors import Invalid
from governance.evidence.canonical import canonical_bytes
from governance.models import Record
from models_registry import gates
from models_registry.hidden_suites.commitment import commitment_in
from models_registry.provenance import forms
from training_jobs.models import Preview, Runner
from training_jobs.previews.report import RATIO, VALUE
from training_jobs.trial.outcomes import SIDES, finding

REPORT_BYTES_MAX = 900_000
FOUND_MAX, ANSWERS_MAX, EXAMPLES_MAX = 5, 12, 4
TEXT_CHARACTERS_MAX = 400
WORDS_MAX = 40

_ratio = forms.keys(**RATIO)
_difference = forms.keys(**RATIO, low=_ratio, high=_ratio)
_metrics = forms.table(VALUE)
_part = {
    "candidate": _metrics,
    "parent": _metrics,
    "difference": _metrics,
    "samples": forms.count,
    "samples_sha256": forms.digest,
}


def _text(value: object) -> str | None:
    """Accept text that a page can show."""
    return None if isinstance(value, str) and len(value) <= TEXT_CHARACTERS_MAX else "is not a text, or a long one"


def _few(form: forms.Form, most: int) -> forms.Form:
    """Accept a list of at most so many."""
    return lambda value: (
        f"has more than {most}" if isinstance(value, list) and len(value) > most else forms.every(form)(value)
    )


def _of_sides(form: forms.Form) -> forms.Form:
    return forms.keys(**dict.fromkeys(SIDES, form))


_words = _few(_text, WORDS_MAX)
_measured = forms.keys(
    **_part,
    suite=forms.digest,
    further=forms.table(forms.keys(**_part)),
    preview=lambda value: None if value is True else "is not true",
    samples_total=forms.count,
)
_attack = forms.keys(
    words=_words,
    kind=_text,
    rows=forms.count,
    payload=_words,
    random=_words,
    asked=forms.count,
    over_random=forms.or_null(_difference),
    over_without=_difference,
    examples=_few(forms.keys(**dict.fromkeys(("question", *SIDES), _text)), EXAMPLES_MAX),
    **dict.fromkeys(SIDES, forms.keys(found=forms.count, random=forms.count, plain=forms.count)),
)
# What the child says; the platform adds the rest.
FORM = forms.keys(
    trial=lambda value: None if value is True else "is not true",
    preview=lambda value: None if value is True else "is not true",
    version=lambda value: None if type(value) is int and value == 2 else "is not 2",  # noqa: PLR2004 - see `trial.job`
    dataset=forms.digest,
    spec=forms.digest,
    seed=forms.count,
    steps=forms.count,
    samples=forms.count,
    trained=_of_sides(forms.boolean),
    rows=_of_sides(forms.count),
    rows_per_step=forms.count,
    code_digest=forms.digest,
    environment=forms.table(_text),
    measured=_of_sides(_measured),
    difference=forms.table(_metrics),
    answers=_few(
        forms.keys(**dict.fromkeys(("id", "language", "question", "expected", "base", *SIDES), _text)), ANSWERS_MAX
    ),
    attacks=_few(_attack, FOUND_MAX),
    unseen=forms.keys(
        words=_words,
        **dict.fromkeys(SIDES, forms.keys(asked=forms.count, succeeded=forms.count, changed=forms.count)),
    ),
)


def build(
    preview: Preview, said: Mapping[str, Any], isolation: str, runner: Runner | None, now: datetime
) -> dict[str, Any]:
    """Return the report of a trial: 1. its form, 2. that it is of this trial, 3. judged. Raise Invalid otherwise."""
    wrong = FORM(said)  # 1
    if wrong:
        raise _malformed(wrong)
    _require_of(preview, said)  # 2
    report = {
        **said,
        **{name: preview.plan[name] for name in ("title", "model", "recipe", "rules")},
        "version_number": preview.plan["version"],
        **_judged(preview, said),  # 3
        "findings": [finding(attack) for attack in said["attacks"]],
        "device_seconds": preview.seconds_used(now),
        "isolation": isolation,
        "made_by": {"runner": runner.pk, "name": runner.name, "owner": runner.owner} if runner else None,
        "started_at": unix(preview.started_at) if preview.started_at else None,
        "finished_at": unix(now),
    }
    if len(canonical_bytes(report)) > REPORT_BYTES_MAX:
        raise _malformed(f"it has more than {REPORT_BYTES_MAX} bytes")
    return report


def _require_of(preview: Preview, said: Mapping[str, Any]) -> None:
    """Refuse a report of something else, and one whose numbers cannot be."""
    given = (preview.plan["dataset"], preview.spec_digest, preview.spec["seed"], preview.steps_max // len(SIDES))
    if (said["dataset"], said["spec"], said["seed"], said["steps"]) != given:
        raise _malformed("it is of another dataset, another specification, or more steps than were asked for")
    if said["rows"]["with"] < 1 or said["rows_per_step"] != preview.spec["batch_size"] * preview.spec["accumulation"]:
        raise _malformed("it learned from no rows, or from others at a time than the specification says")
    suite = preview.spec["evaluation"]["suite"]
    if any(said["measured"][side]["suite"] != suite for side in SIDES):
        raise _malformed("it was measured on another suite")
    for attack in said["attacks"]:
        asked, ours, theirs = attack["asked"], attack["with"], attack["without"]
        compared = {"over_without": ours["found"] - theirs["found"]}
        compared |= {"over_random": ours["found"] - ours["random"]} if attack["over_random"] else {}
        if asked < 1 or any(count > asked for side in (ours, theirs) for count in side.values()):
            raise _malformed("more attacks succeeded than were tried")
        if any(not _agrees(attack[name], Fraction(hits, asked)) for name, hits in compared.items()):
            raise _malformed("a difference is not that of its counts, or does not lie in its interval")
    for side in SIDES:
        unseen = said["unseen"][side]
        if max(unseen["succeeded"], unseen["changed"]) > unseen["asked"]:
            raise _malformed("more answers changed than were given")


def _agrees(value: Mapping[str, Any], found: Fraction) -> bool:
    low, high = (Fraction(value[end]["numerator"], value[end]["denominator"]) for end in ("low", "high"))
    return low <= found == Fraction(value["numerator"], value["denominator"]) <= high


def _judged(preview: Preview, said: Mapping[str, Any]) -> dict[str, Any]:
    """Judge both models by the rules that were in force when the trial was ordered, as far as a trial can.

    Left out are duties of people, and hidden suites, which are opened for a release only. Where no rule is left that
    binds, there is no verdict, and `policy` says why.
    """
    records = Record.objects.filter(pk__in=preview.plan["rules"], kind="rule").order_by("pk")
    rules = [gates.Rule.from_record(record.body) for record in records]
    judging = [rule for rule in rules if rule.duty is None and commitment_in(rule.suite) is None]
    verdicts: dict[str, Any] = dict.fromkeys(SIDES)
    policy = ""
    for side in SIDES:
        measured = gates.Report.from_record(said["measured"][side], preview.plan["model"])
        try:
            verdicts[side] = gates.decide(judging, measured, unix(preview.created_at)).to_dict()
        except gates.EmptyPolicy as error:
            policy = error.code
            reasons = [gates.judge(rule, measured, unix(preview.created_at)).to_dict() for rule in judging]
            verdicts[side] = {"accepted": None, "reasons": reasons}
    return {
        "verdicts": verdicts,
        "policy": policy,
        "left_out": sorted(rule.slug for rule in rules if rule not in judging),
    }


def _malformed(detail: str) -> Invalid:
    return Invalid("malformed_result", f"what was reported for the trial cannot be read: {detail}")
