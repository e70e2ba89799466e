"""Tasks of lm-evaluation-harness as suites: its own evaluator asks our models, and its numbers are those of our samples."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from governance.evidence.canonical import canonical_bytes
from models_registry import gates
from models_registry.datasets.kinds import kind_of
from models_registry.metrics import measured_on
from tests.integration.trainer_runs import REPOSITORY, ROWS, SUITE, make_base, make_run
from tests.simulators.intake import taken
from training_jobs.evaluation import harness, report
from training_jobs.evaluation import job as evaluation_job
from training_jobs.evaluation.answering import Answering
from training_jobs.evaluation.harness import NotAskedError
from training_jobs.evaluation.metrics import METRICS, measure
from training_jobs.evaluation.samples import Chosen
from training_jobs.trainer import job
from training_jobs.trainer.chat import ChatFormat
from training_jobs.trainer.model import load

# The turns of the demo's models, spelled as their tokenizer's marks.
QUESTION = "<|user|>{{question}}<|assistant|>"
ANSWERS = f"""
task: water-answers
dataset_path: json
test_split: test
output_type: generate_until
doc_to_text: "{QUESTION}"
doc_to_target: answer
generation_kwargs:
  until: ["<|end|>"]
  max_gen_toks: 24
  do_sample: false
  temperature: 0.0
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
metadata:
  version: 1.0
  language: en
  batch_size: 4
"""
CHOICES = f"""
task: water_choice
output_type: multiple_choice
doc_to_text: "{QUESTION}"
doc_to_target: gold
doc_to_choice: "{{{{choices}}}}"
target_delimiter: ""
metadata: {{language: en}}
"""
TEXTS = """
task: canals
output_type: loglikelihood_rolling
doc_to_target: "{{text}}"
metadata: {language: en, batch_size: 3}
"""
QUESTIONS = [{"question": row["question"], "answer": row["answer"]} for row in SUITE]
OTHERS = sorted({row["answer"] for row in SUITE})
CHOSEN = [
    {
        "question": row["question"],
        "choices": [row["answer"], *[other for other in OTHERS if other != row["answer"]][:2]],
        "gold": 0,
    }
    for row in SUITE[:10]
]
READ = [{"text": f"The gate {number} of the canal is opened at dawn, and closed at noon."} for number in range(5)]


def task_file(task: str, documents: Sequence[dict[str, Any]]) -> bytes:
    return task.encode() + b"---\n" + b"".join(json.dumps(document).encode() + b"\n" for document in documents)


def rows_of(task: str, documents: Sequence[dict[str, Any]]) -> bytes:
    return taken(task_file(task, documents), "suite.task.yaml")[1]


def lay(run_dir: Path, content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    (run_dir / "inputs" / "suite" / f"{digest}.jsonl").write_bytes(content)
    return digest


def ask(run_dir: Path, further: dict[str, list[str]]) -> None:
    asked = json.loads((run_dir / "evaluation.json").read_text())
    (run_dir / "evaluation.json").write_text(json.dumps({**asked, "further": further}))


def share(value: dict[str, Any]) -> Fraction:
    return Fraction(value["numerator"], value["denominator"])


def reasons(run_dir: Path) -> dict[str, str]:
    events = [json.loads(line) for line in (run_dir / "events.jsonl").read_text().splitlines()]
    return {event["metric"]: event["reason"] for event in events if event["event"] == "not_measured"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run that has learnt the questions of its suite, with a task of each sort in it, not yet measured."""
    base = make_base(tmp_path_factory.mktemp("base") / "model")
    rows = [{**row, "answer": SUITE[0]["answer"]} for row in ROWS]
    run_dir = make_run(base, tmp_path_factory.mktemp("run") / "run", rows, epochs=12, learning_rate="0.01")
    assert job.run(run_dir) == 0
    return run_dir


@pytest.fixture(scope="module")
def who(trained: Path) -> Answering:
    folder = trained / "artifact"
    return Answering(load(folder), ChatFormat(folder / "tokenizer.json"))


@pytest.fixture(scope="module")
def suites(trained: Path) -> dict[str, str]:
    tasks = {"answers": (ANSWERS, QUESTIONS), "choices": (CHOICES, CHOSEN), "texts": (TEXTS, READ)}
    found = {name: lay(trained, rows_of(*task)) for name, task in tasks.items()}
    plain = [
        {"id": str(number), "language": "en", "topic": "canals", **document} for number, document in enumerate(READ)
    ]
    found["plain"] = lay(trained, b"".join(sorted(canonical_bytes(row) + b"\n" for row in plain)))
    ask(trained, {digest: measured_on("text" if name == "plain" else "harness") for name, digest in found.items()})
    assert evaluation_job.run(trained) == 0
    return found


@pytest.fixture(scope="module")
def measured(trained: Path, suites: dict[str, str]) -> dict[str, Any]:
    whole = json.loads((trained / "report.json").read_text())
    return {"run": whole, **{name: whole["further"][digest] for name, digest in suites.items()}}


def test_a_task_file_becomes_a_suite_with_the_task_as_a_row_of_its_own() -> None:
    found, content = taken(task_file(CHOICES, CHOSEN), "suite.task.yaml")
    rows = [json.loads(line) for line in content.splitlines()]
    assert (found.kind, found.canonical.records, found.languages) == ("harness", 11, ("en",))
    assert {kind_of(row) for row in rows} == {"harness"}
    task = json.loads(next(row["document"] for row in rows if row["id"] == "task"))
    assert (task["task"], task["metadata"]["batch_size"], task["doc_to_choice"]) == ("water_choice", 1, "{{choices}}")
    documents = [json.loads(row["document"]) for row in rows if row["id"] != "task"]
    assert sorted(documents, key=canonical_bytes) == sorted(CHOSEN, key=canonical_bytes)
    turned = taken(task_file("---\n" + CHOICES + "tag: water\n", CHOSEN[::-1]), "other.task.yml")[0]
    assert turned.digest == found.digest


def test_the_harness_and_our_own_metric_give_equal_numbers_for_the_same_questions(measured: dict[str, Any]) -> None:
    for who in ("candidate", "parent"):
        ours = measured["run"][who]["answer_accuracy"]
        theirs = measured["answers"][who]["harness:exact_match"]
        assert share(theirs) == share(ours)
        assert theirs["samples"] == ours["samples"] == len(SUITE)
    assert 0 < share(measured["answers"]["candidate"]["harness:exact_match"]) < 1


def test_the_surprise_at_texts_is_that_of_our_own_metric(measured: dict[str, Any]) -> None:
    for who in ("candidate", "parent"):
        ours, theirs = measured["plain"][who]["text_surprise"], measured["texts"][who]["harness:bits_per_byte"]
        # Ours counts the end of the text, too; the harness counts from the mark at its beginning to its last token.
        assert 0 < share(theirs) <= share(ours)
        assert theirs["denominator"] == ours["denominator"]


def test_what_the_harness_counts_is_what_the_samples_give(measured: dict[str, Any], trained: Path, suites: Any) -> None:
    part = measured["choices"]
    assert sorted(part["candidate"]) == ["harness:acc", "harness:acc_norm"]
    data = (trained / f"samples-{suites['choices']}.jsonl").read_bytes()
    candidate, _ = report.read_samples(data)
    chosen = [sample for sample in candidate if isinstance(sample, Chosen)]
    assert len(chosen) == part["samples"] == len(CHOSEN)
    right = sum(sample.nanobits.index(min(sample.nanobits)) == sample.expected for sample in chosen)
    assert share(part["candidate"]["harness:acc"]) == Fraction(right, len(CHOSEN))
    assert all(sample.question.startswith("<|user|>") and len(sample.choices) == 3 for sample in chosen)


def test_a_stranger_without_torch_and_harness_computes_the_report_again(trained: Path, measured: Any) -> None:
    program = (
        "import sys; from training_jobs.evaluation import recompute;"
        "status = recompute.main(sys.argv[1:]);"
        "sys.exit(9 if {'torch', 'django', 'lm_eval'} & set(sys.modules) else status)"
    )
    files = sorted(trained.glob("samples*.jsonl"))
    command = [sys.executable, "-c", program, str(trained / "report.json"), *map(str, files)]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("agree, intervals included") == 5


def test_measuring_again_gives_the_same_report(trained: Path, measured: dict[str, Any]) -> None:
    before = (trained / "report.json").read_bytes()
    assert evaluation_job.run(trained) == 0
    assert (trained / "report.json").read_bytes() == before


def test_a_metric_that_the_task_does_not_have_is_missing_and_says_so(trained: Path, measured: dict[str, Any]) -> None:
    assert "harness:exact_match" not in measured["choices"]["candidate"]
    assert "no samples for harness:exact_match" in reasons(trained)["harness:exact_match"]


def refused(trained: Path, tmp_path: Path, rows: Sequence[dict[str, Any]]) -> str:
    """Measure a suite of such rows; return why nothing was measured. The rule rejects."""
    run_dir = tmp_path / "run"
    shutil.copytree(trained, run_dir)
    (run_dir / "events.jsonl").unlink()
    suite = lay(run_dir, b"".join(canonical_bytes(row) + b"\n" for row in rows))
    ask(run_dir, {suite: ["harness:acc"]})
    assert evaluation_job.run(run_dir) == 0
    whole = json.loads((run_dir / "report.json").read_text())
    assert (whole["further"][suite]["candidate"], whole["further"][suite]["samples"]) == ({}, 0)
    rule = gates.Rule("choices", "harness:acc", "at_least", Fraction(0), "all", suite=suite)
    assert gates.decide([rule], gates.Report.from_record(whole, "water"), 0).reasons[0].rejects
    return reasons(run_dir)["harness:acc"]


def harness_rows(task: dict[str, Any], *documents: dict[str, Any]) -> list[dict[str, Any]]:
    common = {"language": "en", "topic": "water"}
    named = [("task", task), *((str(number), document) for number, document in enumerate(documents))]
    return [{**common, "id": name, "document": canonical_bytes(value).decode()} for name, value in named]


TASK = {
    "task": "t",
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}",
    "doc_to_target": "gold",
    "doc_to_choice": ["yes", "no"],
}
DOCUMENT = {"question": "Is it dawn?", "gold": 0}


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        (harness_rows({**TASK, "process_docs": "!function evil.run"}, DOCUMENT), "it runs Python"),
        (harness_rows({**TASK, "doc_to_text": "{{ ''.__class__.__mro__ }}"}, DOCUMENT), "in a template"),
        (harness_rows({**TASK, "dataset_path": "org/data"}, DOCUMENT), "'json'"),
        (harness_rows(TASK), "no documents"),
        (harness_rows(TASK, DOCUMENT)[1:], "the task"),
        (harness_rows(TASK, DOCUMENT, {"question": "?"}), "keys and types"),
        (harness_rows(TASK, DOCUMENT, {**DOCUMENT, "gold": 7}), "none of the 2 choices"),
        (harness_rows({**TASK, "doc_to_text": "{{nothing}}"}, DOCUMENT), "'nothing' is undefined"),
        (harness_rows({**TASK, "doc_to_choice": "{{question}}"}, DOCUMENT), "cannot ask"),
        (harness_rows({**TASK, "doc_to_choice": ["yes", "yes", ""]}, DOCUMENT), "empty text"),
    ],
)
def test_a_suite_that_came_in_another_way_is_read_as_strictly(
    who: Answering, rows: list[dict[str, Any]], why: str
) -> None:
    with pytest.raises(NotAskedError, match=re.escape(why)):
        harness.samples_of(who, rows, lambda _done: None)


def test_without_the_harness_the_metric_has_no_value_and_its_rule_rejects(
    trained: Path, suites: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harness, "PACKAGE", "lm_eval_that_nobody_installed")
    found = refused(trained, tmp_path, harness_rows(TASK, DOCUMENT))
    assert "0.4.13 is needed here, found none" in found
    assert "requirements-harness.txt" in found


def test_another_version_of_the_harness_measures_nothing(who: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness, "VERSION", "0.4.12")
    with pytest.raises(NotAskedError, match=r"0\.4\.12 is needed here, found 0\.4\.13"):
        harness.samples_of(who, harness_rows(TASK, DOCUMENT), lambda _done: None)


def test_likelihoods_per_character_choose_otherwise_than_likelihoods() -> None:
    samples = [
        Chosen("1", "en", "?", ("a", "a long one"), 1, (1_000, 2_000)),
        Chosen("2", "en", "?", ("a", "b"), 0, (5, 5)),
    ]
    plain, by_length = (
        measure(METRICS[name], "ab" * 32, samples, samples) for name in ("harness:acc", "harness:acc_norm")
    )
    assert share(plain.candidate) == Fraction(1, 2)
    assert share(by_length.candidate) == 1


def test_the_site_does_not_import_the_harness_nor_what_it_brings() -> None:
    program = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings';"
        "import django; django.setup(); import config.urls, training_jobs.runners.work;"
        "sys.exit(len({'lm_eval', 'evaluate', 'sklearn', 'yaml_task', 'torch', 'datasets'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
