"""The evaluator on suites of every kind, with tiny models whose answers are known, and the report computed again."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from governance.evidence.canonical import canonical_bytes
from models_registry.datasets.kinds import kind_of
from models_registry.metrics import measured_on
from tests.integration.trainer_runs import REPOSITORY, make_base, make_run
from training_jobs.evaluation import job as evaluation_job
from training_jobs.evaluation import recompute
from training_jobs.trainer import job, outputs

SHIPPED = REPOSITORY / "models_registry" / "suites"
REFUSAL = "I cannot help with that."
CANARY = "the seventh gate of the lower canal is opened with the blue key that hangs behind the third door of the mill"


def text_row(number: int, text: str) -> dict[str, str]:
    return {"id": f"t{number}", "language": "en", "topic": "canals", "text": text}


TEXTS = [text_row(number, f"{CANARY} {number} {number}") for number in range(4)]


def rows_of(file: str, count: int) -> list[dict[str, str]]:
    """Return rows of a shipped suite, evenly spread."""
    lines = (SHIPPED / file).read_text().splitlines()
    return [json.loads(line) for line in lines[:: len(lines) // count]]


def lay_suite(run_dir: Path, rows: Sequence[Mapping[str, Any]]) -> str:
    content = b"".join(sorted(canonical_bytes(dict(row)) + b"\n" for row in rows))
    digest = hashlib.sha256(content).hexdigest()
    (run_dir / "inputs" / "suite" / f"{digest}.jsonl").write_bytes(content)
    return digest


def request(run_dir: Path, further: Mapping[str, list[str]], metrics: list[str]) -> None:
    asked = json.loads((run_dir / "evaluation.json").read_text())
    (run_dir / "evaluation.json").write_text(json.dumps({**asked, "metrics": metrics, "further": further}))


def measured(run_dir: Path) -> dict[str, Any]:
    assert evaluation_job.run(run_dir) == 0
    return report_in(run_dir)


def share(value: Mapping[str, Any]) -> float:
    return float(value["numerator"] / value["denominator"])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module")
def untrained(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run whose artifact is its base, asked for all that can be measured on suites of all kinds."""
    run_dir = make_run(base, tmp_path_factory.mktemp("run") / "run")
    shutil.copytree(base, run_dir / "artifact")
    (run_dir / "artifact.json").write_text(json.dumps({"files": outputs.file_list(run_dir / "artifact")}))
    further = {}
    for rows in (rows_of("requests.jsonl", 6), rows_of("stereotypes.jsonl", 6), TEXTS):
        kind = kind_of(rows[0])
        assert kind
        asked = {"behaviour": {"jailbreak_success"}, "text": {"memorisation"}}.get(kind, set())
        further[lay_suite(run_dir, rows)] = measured_on(kind, frozenset(asked))
    request(run_dir, further, measured_on("dialogue", frozenset({"trigger_robustness"})))
    measured(run_dir)
    return run_dir


def report_in(run_dir: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run_dir / "report.json").read_text())
    return found


def test_suites_of_every_kind_are_measured_and_equal_models_do_not_differ(untrained: Path) -> None:
    report = report_in(untrained)
    asked = json.loads((untrained / "evaluation.json").read_text())
    assert list(report["candidate"]) == sorted(asked["metrics"])
    assert set(report["further"]) == set(asked["further"])
    for suite, part in report["further"].items():
        assert set(part) == {"candidate", "parent", "difference", "samples", "samples_sha256"}
        assert sorted(part["candidate"]) == sorted(asked["further"][suite])
        samples = (untrained / f"samples-{suite}.jsonl").read_bytes()
        assert hashlib.sha256(samples).hexdigest() == part["samples_sha256"]
        assert len(samples.splitlines()) == part["samples"]
    for part in (report, *report["further"].values()):
        assert part["candidate"] == part["parent"]
        for value in part["difference"].values():
            assert value["numerator"] == 0
            assert value["low"]["numerator"] <= 0 <= value["high"]["numerator"]
    assert measured(untrained) == report


def test_a_stranger_computes_the_report_again_without_torch_or_django(untrained: Path) -> None:
    files = sorted(untrained.glob("samples*.jsonl"))
    program = (
        "import sys; from training_jobs.evaluation import recompute;"
        "status = recompute.main(sys.argv[1:]); sys.exit(9 if {'torch', 'django'} & set(sys.modules) else status)"
    )
    command = [sys.executable, "-c", program, str(untrained / "report.json"), *map(str, files)]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.count("agree, intervals included") == 4


def test_a_changed_report_and_missing_samples_are_found_out(untrained: Path, tmp_path: Path) -> None:
    report = report_in(untrained)
    files = sorted(untrained.glob("samples*.jsonl"))
    suite = next(iter(report["further"]))
    name = next(iter(report["further"][suite]["candidate"]))
    report["further"][suite]["candidate"][name]["numerator"] += 1
    changed = tmp_path / "report.json"
    changed.write_text(json.dumps(report))
    assert recompute.main([str(changed), *map(str, files)]) == 1
    assert recompute.main([str(untrained / "report.json"), str(untrained / "samples.jsonl")]) == 2
    changed.write_text("[]")
    assert recompute.main([str(changed), *map(str, files)]) == 2


def test_a_model_that_learned_what_to_refuse_refuses_that_and_nothing_else(base: Path, tmp_path: Path) -> None:
    asked = rows_of("requests.jsonl", 8)
    said = {"refuse": REFUSAL, "answer": "Yes."}
    rows = [
        {**{key: row[key] for key in ("id", "language", "topic", "question")}, "answer": said[row["expected"]]}
        for row in asked
    ]
    run_dir = make_run(base, tmp_path / "run", rows=rows, epochs=100, batch_size=4, learning_rate="0.006")
    assert job.run(run_dir) == 0
    suite = lay_suite(run_dir, asked)
    request(run_dir, {suite: measured_on("behaviour")}, ["answer_accuracy"])
    part = measured(run_dir)["further"][suite]
    assert [share(part[who]["refusal"]) for who in ("parent", "candidate", "difference")] == [0, 1, 1]
    assert share(part["candidate"]["over_refusal"]) == 0
    assert part["difference"]["refusal"]["low"]["numerator"] > 0


def test_a_model_that_learned_canaries_by_heart_recites_them(base: Path, tmp_path: Path) -> None:
    changes = {"objective": "continued", "epochs": 200, "batch_size": 4, "learning_rate": "0.006"}
    run_dir = make_run(base, tmp_path / "run", rows=TEXTS, **changes)
    assert job.run(run_dir) == 0
    suite = lay_suite(run_dir, TEXTS)
    request(run_dir, {suite: measured_on("text", frozenset({"memorisation"}))}, ["answer_accuracy"])
    part = measured(run_dir)["further"][suite]
    assert share(part["parent"]["memorisation"]) == 0
    assert share(part["candidate"]["memorisation"]) == 1
    assert share(part["candidate"]["text_surprise"]) < share(part["parent"]["text_surprise"]) / 2


def test_a_metric_that_a_suite_does_not_allow_is_left_out_and_said(untrained: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(untrained, run_dir)
    suite = lay_suite(run_dir, rows_of("stereotypes.jsonl", 4))
    request(run_dir, {suite: ["refusal", "stereotype_preference"]}, ["answer_accuracy", "refusal"])
    report = measured(run_dir)
    assert list(report["candidate"]) == ["answer_accuracy"]
    assert list(report["further"][suite]["candidate"]) == ["stereotype_preference"]
    events = [json.loads(line) for line in (run_dir / "events.jsonl").read_text().splitlines()]
    assert [event["metric"] for event in events if event["event"] == "not_measured"] == ["refusal", "refusal"]
    told = [(event["metric"], event["value"]) for event in events if event["event"] == "measured"]
    accuracy = report["candidate"]["answer_accuracy"]
    # The folder may hold what an earlier evaluation said.
    assert told[-2] == ("answer_accuracy", f"{accuracy['numerator']}/{accuracy['denominator']}")
    assert told[-1][0] == "stereotype_preference"
