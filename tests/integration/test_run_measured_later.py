"""A run whose worker left after the training: another one measures the model, with the real trainer and evaluator."""

from typing import Any

from governance.clock import now as clock
from tests.faults import runs_site
from tests.integration.released_site import NO_CHAIN, RECIPE
from training_jobs import worker
from training_jobs.lifecycle import State
from training_jobs.models import Run


def test_a_model_that_was_trained_is_measured_by_whoever_comes_next(db: None, settings: Any, tmp_path: Any) -> None:
    (tmp_path / "artifacts").mkdir()
    settings.ARTIFACTS_DIR, settings.RUNS_DIR = tmp_path / "artifacts", tmp_path / "runs"
    for name, value in NO_CHAIN.items():
        setattr(settings, name, value)
    found, update, moment = runs_site.ready(runs_site.thin(tmp_path / "base"), RECIPE)
    runs_site.passed(found, "model_update", update, moment)
    run = Run.objects.get()
    worker.work(run.pk, "leaving", leaving=lambda: Run.objects.get().trained_at is not None)
    run.refresh_from_db()
    assert (run.trained_at is not None, run.verdict) == (True, "")
    worker.work(run.pk, "next")
    run.refresh_from_db()
    assert (run.failure_detail, run.state(clock())) == ("", State.ACCEPTED)
    assert list(run.attempts.values_list("owner", "outcome")) == [("leaving", "released"), ("next", "finished")]
    assert run.version is not None
