"""Two versions of a model side by side: what was measured and learnt, what judged them, what they say. Reads only.

Everything comes from their records and runs. The base that a community started from has neither; what is known of it is
what the run that was trained from it measured beside its own result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.errors import Invalid, NotFound
from models_registry.datasets.selectors import datasets_named
from models_registry.models import Dataset, Version
from models_registry.release_status import standing_of
from models_registry.selectors import ModelCard
from training_jobs import kept_samples, spec_words, version_measures
from training_jobs import spec as specs
from training_jobs.evaluation import report as reports
from training_jobs.evaluation.samples import Asked, SampleError, asked
from training_jobs.models import Run
from training_jobs.version_measures import Compared

ANSWERS_SHOWN = 6
SAMPLES_BYTES_MAX = 20_000_000


@dataclass(frozen=True)
class Side:
    """One of the two versions, with the run that made it (None for the base, or where another site ran it)."""

    version: Version
    run: Run | None
    standing: str
    device_seconds: int | None
    steps: int | None
    tokens: int | None


@dataclass(frozen=True)
class JudgedBy:
    """What one rule said of each; empty where it did not judge that version."""

    rule: str
    first: str
    second: str


@dataclass(frozen=True)
class FileChange:
    """A file that both have, or one of them; sizes in bytes, None where it is not there."""

    path: str
    first_size: int | None
    second_size: int | None
    changed: bool


@dataclass(frozen=True)
class Answers:
    """What both answered to one question of the held-out suite, and what the suite expects."""

    question: str
    language: str
    expected: str
    first: str
    second: str


@dataclass(frozen=True)
class Said:
    """Answers side by side, the different ones first; how many questions both were asked, and how often they agree.

    `different` has all those on which they differ, in their order: for comparing without names.
    """

    shown: tuple[Answers, ...]
    asked: int
    same: int
    different: tuple[Answers, ...]


@dataclass(frozen=True)
class Comparison:
    """All that the page shows. `recipe` is None where one of the two has no recipe here; `said` where none is kept."""

    first: Side
    second: Side
    measures: tuple[Compared, ...]
    measured_together: bool
    recipe: tuple[str, ...] | None
    only_first: tuple[Dataset, ...]
    only_second: tuple[Dataset, ...]
    both: tuple[Dataset, ...]
    rules: tuple[JudgedBy, ...]
    files: tuple[FileChange, ...]
    said: Said | None
    titles: Mapping[str, str]


def chosen(card: ModelCard, first: str, second: str) -> tuple[Version | None, Version | None]:
    """Return the two versions by their numbers; without any the newest and the one before it.

    Refuses a number that the model does not have, and twice the same. Nothing where the model has less than two.
    """
    numbers = {str(row.version.number): row.version for row in card.versions}
    if not first and not second:
        newest = [row.version for row in card.versions[:2]]
        return (newest[1], newest[0]) if len(newest) > 1 else (None, None)
    found = []
    for asked_for in (first, second):
        if asked_for not in numbers:
            raise NotFound("unknown_version", "this model has no such version", found=asked_for, allowed=[*numbers])
        found.append(numbers[asked_for])
    if found[0] == found[1]:
        raise Invalid("same_version", "choose two different versions", found=first)
    return found[0], found[1]


def compare(first: Version, second: Version, now: datetime) -> Comparison:
    """Return all that differs between two versions of one model."""
    runs = {run.version_id: run for run in _runs(first, second)}
    ours, theirs = runs.get(first.pk), runs.get(second.pk)
    bodies = _evaluation(first), _evaluation(second)
    together = first.pk == second.parent_id or second.pk == first.parent_id
    if first.pk == second.parent_id:
        measures = version_measures.together(bodies[1], parent_is_first=True)
    elif second.pk == first.parent_id:
        measures = version_measures.together(bodies[0], parent_is_first=False)
    else:
        measures = version_measures.apart(*bodies)
    used = [_digests(run) for run in (ours, theirs)]
    suites = {row.suite for row in measures}
    known = datasets_named(first.model.community, {*used[0], *used[1], *suites, *_suites(ours), *_suites(theirs)})
    titles = {digest: dataset.title for digest, dataset in known.items()}
    return Comparison(
        first=_side(first, ours, now),
        second=_side(second, theirs, now),
        measures=tuple(measures),
        measured_together=together,
        recipe=_recipe(ours, theirs, titles),
        only_first=tuple(known[each] for each in used[0] if each not in used[1] and each in known),
        only_second=tuple(known[each] for each in used[1] if each not in used[0] and each in known),
        both=tuple(known[each] for each in used[0] if each in used[1] and each in known),
        rules=_rules(*bodies),
        files=_files(first, second),
        said=_said(first, second, *bodies),
        titles=titles,
    )


def _runs(*versions: Version) -> list[Run]:
    found = Run.objects.filter(version__in=[version.pk for version in versions])
    return list(found.select_related("proposal", "spec_record", "run_record").prefetch_related("attempts"))


def _evaluation(version: Version) -> Mapping[str, Any]:
    return version.evaluation_record.body if version.evaluation_record else {}


def _digests(run: Run | None) -> list[str]:
    return [use["digest"] for use in run.spec_record.body["datasets"]] if run else []


def _suites(run: Run | None) -> list[str]:
    return [run.spec_record.body["evaluation"]["suite"]] if run else []


def _side(version: Version, run: Run | None, now: datetime) -> Side:
    standing, _reason = standing_of(version, now)
    if run is None:
        return Side(version, None, str(standing), None, None, None)
    made = run.run_record.body if run.run_record else {}
    seconds = sum(attempt.device_seconds for attempt in run.attempts.all())
    return Side(version, run, str(standing), seconds, _count(made.get("steps")), _count(made.get("tokens")))


def _count(value: object) -> int | None:
    return value if type(value) is int else None


def _recipe(first: Run | None, second: Run | None, titles: Mapping[str, str]) -> tuple[str, ...] | None:
    """Say what the second's recipe does otherwise. That it starts from another version is no change worth a line."""
    if first is None or second is None:
        return None
    old, new = (specs.from_payload(run.spec_record.body) for run in (first, second))
    return tuple(spec_words.sentence(change, titles) for change in specs.difference(old, new) if change.field != "base")


def _rules(first: Mapping[str, Any], second: Mapping[str, Any]) -> tuple[JudgedBy, ...]:
    said = [_judged(body) for body in (first, second)]
    return tuple(JudgedBy(rule, said[0].get(rule, ""), said[1].get(rule, "")) for rule in sorted({*said[0], *said[1]}))


def _judged(body: Mapping[str, Any]) -> dict[str, str]:
    """Return what each rule said of a result: "holds", "broken", or "waived" where it does not bind."""
    reasons = body.get("verdict", {}).get("reasons", [])
    return {
        str(each["rule"]): "holds" if each["holds"] else "broken" if each["binds"] else "waived" for each in reasons
    }


def _files(first: Version, second: Version) -> tuple[FileChange, ...]:
    """Return the files of both. What a release carries about itself (records, card) differs always, and is in it."""
    ours, theirs = ({file["path"]: file for file in version.files} for version in (first, second))
    return tuple(
        FileChange(
            path,
            ours.get(path, {}).get("size"),
            theirs.get(path, {}).get("size"),
            ours.get(path, {}).get("sha256") != theirs.get(path, {}).get("sha256"),
        )
        for path in sorted({*ours, *theirs})
    )


def _said(first: Version, second: Version, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Said | None:
    """Return what both answered to the same questions, from the samples that their reports were computed from."""
    if first.pk == second.parent_id:
        samples = _samples(theirs)
        pairs = None if samples is None else (samples[1], samples[0])
    elif second.pk == first.parent_id:
        pairs = _samples(ours)
    else:
        mine, other = _samples(ours), _samples(theirs)
        pairs = None if mine is None or other is None else (mine[0], other[0])
    if pairs is None:
        return None
    left, right = ({each.row_id: each for each in of_one} for of_one in pairs)
    both = [(left[row], right[row]) for row in left if row in right and left[row].question == right[row].question]
    if not both:
        return None
    answers = [Answers(one.question, one.language, one.expected, one.answer, two.answer) for one, two in both]
    answers.sort(key=lambda each: each.first == each.second)  # stable: the different ones first, in their order
    different = tuple(each for each in answers if each.first != each.second)
    return Said(tuple(answers[:ANSWERS_SHOWN]), len(answers), len(answers) - len(different), different)


def _samples(body: Mapping[str, Any]) -> tuple[list[Asked], list[Asked]] | None:
    """Return what candidate and parent answered, where the samples are kept, whole and of a readable size."""
    try:
        path = kept_samples.find(str(body.get("samples_sha256", "")))
        if path.stat().st_size > SAMPLES_BYTES_MAX:
            return None
        candidate, parent = reports.read_samples(path.read_bytes())
    except (NotFound, OSError, SampleError):
        return None
    return asked(candidate, "answer"), asked(parent, "answer")
