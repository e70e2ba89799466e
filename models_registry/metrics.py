"""The metrics that rules may speak of: name, words, unit and direction. Pure; measuring happens in training_jobs.

A test compares this table with the evaluators that exist, so that no rule can be voted that nothing measures.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Metric:
    """One thing that is measured of a model. Values are exact fractions."""

    name: str
    label: str
    description: str
    higher_is_better: bool
    percent: bool = True


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "answer_accuracy",
            _("Answer accuracy"),
            _("The share of held-out questions that are answered exactly right."),
            higher_is_better=True,
        ),
        Metric(
            "language_gap",
            _("Language gap"),
            _("How far apart the accuracy in English and in French are."),
            higher_is_better=False,
        ),
        Metric(
            "answer_surprise",
            _("Answer surprise"),
            _("How unexpected the right answers are to the model, in thousandths of a bit per byte."),
            higher_is_better=False,
            percent=False,
        ),
    )
}
