"""The trainer and the evaluator under the bounds of a preview: whatever the strategy, one process ends early and says so."""

import json
from pathlib import Path

import pytest

from tests.integration.trainer_runs import SUITE, events_of, make_base, make_run, refusal

from training_jobs.evaluation import job as evaluation_job  # isort: skip - after trainer_runs
from training_jobs.spec.shape import EXCHANGING, STRATEGIES
from training_jobs.trainer import job

STEPS, SAMPLES = 3, 4


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def bounded(run_dir: Path, **bounds: object) -> Path:
    """Write the bounds of a preview into a folder."""
    (run_dir / "preview.json").write_text(json.dumps({"steps": STEPS, "samples": SAMPLES, **bounds}))
    return run_dir


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_preview_ends_after_its_steps_without_the_others(strategy: str, base: Path, tmp_path: Path) -> None:
    local = {"local_steps": 2} if strategy in EXCHANGING else {}
    topology = None if strategy == "single" else {"workers": 2, **local}
    run_dir = bounded(make_run(base, tmp_path / "run", strategy=strategy, topology=topology))
    assert job.run(run_dir) == 0
    said = json.loads((run_dir / "artifact.json").read_text())
    assert (said["preview"], said["steps"]) == (True, STEPS)
    assert said["steps_total"] == events_of(run_dir)[0]["steps"] > STEPS
    assert len((run_dir / "trace.jsonl").read_text().splitlines()) == STEPS


def test_a_run_shorter_than_the_bounds_is_taken_whole_and_still_is_a_preview(base: Path, tmp_path: Path) -> None:
    run_dir = bounded(make_run(base, tmp_path / "run", epochs=1), steps=1_000)
    assert job.run(run_dir) == 0
    said = json.loads((run_dir / "artifact.json").read_text())
    assert (said["preview"], said["steps"]) == (True, said["steps_total"])


def test_only_some_questions_are_asked_and_the_report_says_so(base: Path, tmp_path: Path) -> None:
    run_dir = bounded(make_run(base, tmp_path / "run"))
    assert job.run(run_dir) == 0
    assert evaluation_job.run(run_dir) == 0
    report = json.loads((run_dir / "report.json").read_text())
    assert (report["preview"], report["samples"], report["samples_total"]) == (True, SAMPLES, len(SUITE))
    lines = [json.loads(line) for line in (run_dir / "samples.jsonl").read_text().splitlines()]
    assert sorted(line["language"] for line in lines) == ["en", "en", "fr", "fr"]


def test_bounds_that_are_none_end_it_for_good(base: Path, tmp_path: Path) -> None:
    assert refusal(bounded(make_run(base, tmp_path / "run"), steps=0)) == "malformed_request"
