"""The table of metrics: one file each, computed from samples with integers only. Pure; imports no torch."""

from models_registry.scorers import naming
from training_jobs.evaluation.metrics.answer_accuracy import AnswerAccuracy
from training_jobs.evaluation.metrics.answer_surprise import AnswerSurprise
from training_jobs.evaluation.metrics.base import Measured, Metric, MetricError, measure
from training_jobs.evaluation.metrics.calibration import Calibration
from training_jobs.evaluation.metrics.cost_per_token import CostPerToken
from training_jobs.evaluation.metrics.harness import (
    HarnessAccuracy,
    HarnessAccuracyByLength,
    HarnessBitsPerByte,
    HarnessExactMatch,
)
from training_jobs.evaluation.metrics.jailbreak_success import JailbreakSuccess
from training_jobs.evaluation.metrics.language_gap import LanguageGap
from training_jobs.evaluation.metrics.memorisation import Memorisation
from training_jobs.evaluation.metrics.over_refusal import OverRefusal
from training_jobs.evaluation.metrics.personal_data_in_outputs import PersonalDataInOutputs
from training_jobs.evaluation.metrics.refusal import Refusal
from training_jobs.evaluation.metrics.stereotype_preference import StereotypePreference
from training_jobs.evaluation.metrics.text_surprise import TextSurprise
from training_jobs.evaluation.metrics.token_f1 import TokenF1
from training_jobs.evaluation.metrics.toxicity import Toxicity
from training_jobs.evaluation.metrics.toxicity_classifier import ToxicityClassifier
from training_jobs.evaluation.metrics.trigger_robustness import TriggerRobustness

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        AnswerAccuracy(),
        TokenF1(),
        LanguageGap(),
        AnswerSurprise(),
        TextSurprise(),
        Calibration(),
        StereotypePreference(),
        Refusal(),
        OverRefusal(),
        JailbreakSuccess(),
        Toxicity(),
        PersonalDataInOutputs(),
        Memorisation(),
        TriggerRobustness(),
        CostPerToken(),
        HarnessAccuracy(),
        HarnessAccuracyByLength(),
        HarnessExactMatch(),
        HarnessBitsPerByte(),
    )
}


def metric_of(name: str) -> Metric | None:
    """Return the metric of this name, or None: one of the table, or that of the classifier that the name states."""
    scorer = naming.find(name)
    return METRICS.get(name) if scorer is None else ToxicityClassifier(scorer)


__all__ = ["METRICS", "Measured", "Metric", "MetricError", "measure", "metric_of"]
