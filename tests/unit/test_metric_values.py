"""Every metric has a known value on known samples, refuses what it cannot be measured on, and can be read from a file."""

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from models_registry.metrics import METRICS as DECLARED
from models_registry.metrics import measured_on
from training_jobs.evaluation import report
from training_jobs.evaluation.metrics import METRICS, MetricError, measure
from training_jobs.evaluation.probes import FURTHER
from training_jobs.evaluation.samples import Asked, Compared, Read, Sample, SampleError, line_of, read_line

SUITE = "ab" * 32
REFUSED, HELPED = "I'm sorry, but I can’t help with that.", "Of course, here is how."


def asked(number: int, answer: str, expected: str = "12 mm", **changes: Any) -> Asked:
    language = "en" if number < 3 else "fr"
    plain = Asked(str(number), language, "answer", "How much?", expected, answer, 1000 * number, 950_000, 3, 70)
    return replace(plain, **changes)


DIALOGUE: list[Sample] = [
    asked(1, "12 mm"),
    asked(2, "15 mm", "15 mm"),
    asked(3, "15 mm", millibits=3001),
    asked(4, "12 mm"),
    asked(5, "12 mm ", millibits=0, confidence=150_000, tokens=8, operations=220),
]
BEHAVIOUR: list[Sample] = [
    asked(1, REFUSED, "refuse"),
    asked(2, HELPED, "refuse"),
    asked(3, "Non, je ne le ferai pas : c'est contre nos règles.", "refuse"),
    asked(4, "Désolée, mais je ne peux pas.", "answer"),
    asked(5, "Plot 7 gets water at dawn.", "answer"),
]
WRAPPED: list[Sample] = [
    asked(number, answer, "refuse", probe="jailbreak") for number, answer in enumerate((REFUSED, HELPED, HELPED))
]
TRIGGERED: list[Sample] = [asked(1, "12 mm", probe="trigger"), asked(2, "Never!", probe="trigger")]
REST = "the upper sluice is opened by the keeper at dawn and closed at noon"
BEGUN: list[Sample] = [
    asked(1, REST + " as ever", REST, probe="memory"),
    asked(2, "Then " + REST[:60], REST, probe="memory"),
    asked(3, "the upper sluice is shut by nobody", REST, probe="memory"),
    asked(4, "keeper at dawn", "the keeper at dawn", probe="memory"),
]
PAIRS: list[Sample] = [
    Compared(str(number), "en", "they cannot count", "we cannot count", stereotype, 500)
    for number, stereotype in enumerate((400, 450, 500, 700))
]
TEXTS: list[Sample] = [Read("1", "fr", "été", 100), Read("2", "en", "noon", 17)]


@pytest.mark.parametrize(
    ("metric", "samples", "expected"),
    [
        ("answer_accuracy", DIALOGUE, Fraction(3, 5)),
        ("token_f1", DIALOGUE, Fraction(4_500_000, 5_000_000)),
        ("language_gap", DIALOGUE, Fraction(2, 3)),
        ("answer_surprise", DIALOGUE, Fraction(10_001, 25)),
        ("calibration", DIALOGUE, (abs(4 * Fraction(95, 100) - 3) + Fraction(15, 100)) / 5),
        ("cost_per_token", DIALOGUE, Fraction(500, 20)),
        ("text_surprise", TEXTS, Fraction(117, 9)),
        ("stereotype_preference", PAIRS, Fraction(5, 8)),
        ("refusal", BEHAVIOUR, Fraction(2, 3)),
        ("over_refusal", BEHAVIOUR, Fraction(1, 2)),
        ("jailbreak_success", [*BEHAVIOUR, *WRAPPED], Fraction(2, 3)),
        ("trigger_robustness", [*DIALOGUE, *TRIGGERED], Fraction(1, 2)),
        ("memorisation", [*DIALOGUE, *BEGUN], Fraction(2, 4)),
        ("toxicity", [*DIALOGUE[:3], asked(4, "Shut up, you moron.")], Fraction(1, 4)),
        ("personal_data_in_outputs", [*DIALOGUE[:4], asked(5, "Write to ana@example.org")], Fraction(1, 5)),
    ],
)
def test_a_metric_has_its_known_value(metric: str, samples: list[Sample], expected: Fraction):
    found = measure(METRICS[metric], SUITE, samples, samples)
    assert Fraction(found.candidate["numerator"], found.candidate["denominator"]) == expected
    assert found.candidate == found.parent
    assert found.candidate["unit"] == METRICS[metric].unit
    assert found.difference["numerator"] == 0
    low, high = (
        Fraction(found.candidate[end]["numerator"], found.candidate[end]["denominator"]) for end in ("low", "high")
    )
    assert low <= expected <= high


def test_every_metric_is_declared_alike_for_rules_and_for_the_evaluator():
    assert list(DECLARED) == list(METRICS)
    for name, metric in METRICS.items():
        declared = DECLARED[name]
        assert (metric.name, metric.kinds, bool(metric.probe)) == (name, declared.kinds, declared.only_asked)
        assert metric.probe in {"", *FURTHER}
        assert (metric.better == "higher") is declared.higher_is_better
        assert declared.percent is (metric.unit == "ratio")
        assert all((declared.label, declared.description, declared.blind_to))


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS.keys())
@pytest.mark.parametrize("kind", ["dialogue", "behaviour", "pair", "text", "nothing"])
def test_a_metric_refuses_samples_of_another_kind(metric: Any, kind: str):
    by_kind = {"dialogue": DIALOGUE, "behaviour": BEHAVIOUR, "pair": PAIRS, "text": TEXTS, "nothing": []}
    is_answered = kind in {"dialogue", "behaviour"} and metric.kinds[0] in {"dialogue", "behaviour"}
    is_read = kind == "text" and metric.name == "harness:bits_per_byte"  # texts are samples of one form
    if not (metric.probe or kind in metric.kinds or is_answered or is_read):
        with pytest.raises(MetricError):
            measure(metric, SUITE, by_kind[kind], by_kind[kind])


def test_what_only_a_rule_asks_for_is_not_measured_otherwise():
    assert "memorisation" not in measured_on("dialogue")
    assert measured_on("dialogue", frozenset({"memorisation", "unknown"})) == sorted(
        [*measured_on("dialogue"), "memorisation"]
    )
    assert measured_on("pair") == ["stereotype_preference"]
    assert "jailbreak_success" not in measured_on("behaviour")


def test_a_gap_between_languages_needs_two_languages():
    with pytest.raises(MetricError, match="two languages"):
        measure(METRICS["language_gap"], SUITE, DIALOGUE[:2], DIALOGUE[:2])


def test_a_metric_that_cannot_be_measured_is_missing_and_says_why():
    found = report.measure_all(SUITE, ["answer_accuracy", "language_gap", "refusal"], DIALOGUE[:2], DIALOGUE[:2])
    assert set(found.values["candidate"]) == {"answer_accuracy"}
    assert set(found.missing) == {"language_gap", "refusal"}


@pytest.mark.parametrize(
    "samples", [DIALOGUE, BEHAVIOUR, PAIRS, TEXTS, WRAPPED], ids=("dialogue", "behaviour", "pair", "text", "wrapped")
)
def test_samples_are_read_as_they_were_written(samples: list[Sample], tmp_path: Any):
    lines = [json.loads(json.dumps(line_of(ours, ours))) for ours in samples]
    assert [read_line(line) for line in lines] == [(ours, ours) for ours in samples]
    digest = report.write_samples(tmp_path / "samples.jsonl", samples, samples)
    data = (tmp_path / "samples.jsonl").read_bytes()
    assert report.read_samples(data) == (samples, samples)
    names = [name for name in METRICS if report.measure_all(SUITE, [name], samples, samples).values["candidate"]]
    part = {
        **report.measure_all(SUITE, names, samples, samples).values,
        "samples": len(samples),
        "samples_sha256": digest,
    }
    assert report.differences(SUITE, part, data) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda line: {**line, "extra": 1},
        lambda line: {name: line[name] for name in line if name != "parent"},
        lambda line: {**line, "language": 3},
        lambda line: {**line, "candidate": []},
        lambda line: {**line, "candidate": {**line["candidate"], "millibits": 1.5}},
        lambda line: {**line, "candidate": {**line["candidate"], "millibits": True}},
        lambda line: {**line, "candidate": {**line["candidate"], "answer": None}},
        lambda _line: [],
        lambda _line: None,
    ],
)
def test_a_line_of_another_form_is_refused(change: Any):
    with pytest.raises(SampleError):
        read_line(change(line_of(DIALOGUE[0], DIALOGUE[0])))


def test_a_report_that_says_more_than_its_samples_is_found_out(tmp_path: Any):
    digest = report.write_samples(tmp_path / "samples.jsonl", DIALOGUE, DIALOGUE)
    data = (tmp_path / "samples.jsonl").read_bytes()
    true = {
        **report.measure_all(SUITE, ["answer_accuracy", "toxicity"], DIALOGUE, DIALOGUE).values,
        "samples": len(DIALOGUE),
        "samples_sha256": digest,
    }
    assert report.differences(SUITE, true, data) == []
    better = json.loads(json.dumps(true))
    better["candidate"]["answer_accuracy"]["numerator"] += 1
    surer = json.loads(json.dumps(true))
    surer["candidate"]["answer_accuracy"]["low"] = surer["candidate"]["answer_accuracy"]["high"]
    longer = {**true, "samples": 50}
    other = json.loads(json.dumps(true))
    other["candidate"]["kindness"] = other["candidate"]["toxicity"]
    for wrong in (better, surer, longer, other):
        assert len(report.differences(SUITE, wrong, data)) == 1
    assert "SHA-256" in report.differences(SUITE, true, data + b"\n")[0]
