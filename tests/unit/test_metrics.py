"""The metrics that rules speak of and the evaluators that measure them are the same."""

from models_registry import metrics as declared
from training_jobs.evaluation import metrics as measured


def test_every_metric_a_rule_may_name_is_measured_and_the_other_way_round():
    assert set(declared.METRICS) == set(measured.METRICS)
