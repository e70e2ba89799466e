"""What classifiers make of the answers of both models: samples beside those of the models, for metrics that name one.

RUN_DIR/inputs/classifiers/<manifest SHA-256>/ holds the files of each. One that is missing, broken or another one than
the name of the metric states leaves the metric without a value, and a rule that needs it rejects.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from models_registry.scorers import naming
from models_registry.scorers.naming import Scorer
from training_jobs.evaluation import classifier
from training_jobs.evaluation.classifier import Classifier, UnusableError
from training_jobs.evaluation.samples import Sample, Scored, asked
from training_jobs.trainer import outputs

Tell = Callable[[int], None]
Made = list[Sample]


def add_scores(
    folder: Path, metrics: Iterable[str], candidate: Made, parent: Made, on_progress: Tell = lambda _done: None
) -> dict[str, str]:
    """Append to the samples of both models what each classifier that a metric names makes of their answers.

    Returns why a metric cannot be measured, by its name.
    """
    missing: dict[str, str] = {}
    loaded: dict[str, Classifier] = {}
    for name in sorted(metrics):
        scorer = naming.find(name)
        if scorer is None:
            continue
        try:
            who = loaded.get(scorer.manifest_sha256) or _pinned(folder, scorer)
            made = [_scored(who, scorer, candidate, on_progress)]
            made.append(_scored(who, scorer, parent, _after(len(made[0]), on_progress)))
        except UnusableError as error:
            missing[name] = str(error)
            continue
        loaded[scorer.manifest_sha256] = who
        for samples, more in zip((candidate, parent), made, strict=True):
            samples.extend(more)
    return missing


def _after(done: int, on_progress: Tell) -> Tell:
    return lambda more: on_progress(done + more)


def _pinned(folder: Path, scorer: Scorer) -> Classifier:
    """Load the classifier that a metric names, and no other."""
    place = folder / scorer.manifest_sha256
    if not place.is_dir():
        raise UnusableError(f"the classifier {scorer.manifest_sha256} is not here")
    found = outputs.manifest_sha256(place)
    if found != scorer.manifest_sha256:
        raise UnusableError(f"the classifier here is {found}, the rule names {scorer.manifest_sha256}")
    return classifier.load(place)


def _scored(who: Classifier, scorer: Scorer, samples: Made, on_progress: Tell) -> list[Scored]:
    answers = asked(samples, "answer")
    found = classifier.scores(who, scorer, [sample.answer for sample in answers], on_progress)
    return [
        Scored(sample.row_id, sample.language, scorer.name, sample.answer, score)
        for sample, score in zip(answers, found, strict=True)
    ]
