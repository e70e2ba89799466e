"""The table of metrics: one file each, computed from samples with integers only. Pure; imports no torch."""

from training_jobs.evaluation.metrics.answer_accuracy import AnswerAccuracy
from training_jobs.evaluation.metrics.answer_surprise import AnswerSurprise
from training_jobs.evaluation.metrics.base import Metric, MetricError, Value
from training_jobs.evaluation.metrics.language_gap import LanguageGap

METRICS: dict[str, Metric] = {metric.name: metric for metric in (AnswerAccuracy(), LanguageGap(), AnswerSurprise())}

__all__ = ["METRICS", "Metric", "MetricError", "Value"]
