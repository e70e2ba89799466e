"""Celery's door to the worker. A task's message is a nudge: it may come twice, late, or never."""

from celery import shared_task

from training_jobs import worker
from training_jobs.commons import replaying
from training_jobs.inquiries import work as inquiries
from training_jobs.previews import work as previews
from training_jobs.spot_checks import work as spot_checks


@shared_task(name="training_jobs.run_job")  # type: ignore[untyped-decorator]
def run_job(run_id: int) -> None:
    """Look at one run and do what it needs; when the worker is told to end, the run goes back to the line."""
    worker.work(run_id, leaving=_leaving)


@shared_task(name="training_jobs.preview_job")  # type: ignore[untyped-decorator]
def preview_job(preview_id: int) -> None:
    """Look at one preview and do it if no run waits."""
    previews.work(preview_id, leaving=_leaving)


@shared_task(name="training_jobs.inquiry_job")  # type: ignore[untyped-decorator]
def inquiry_job(inquiry_id: int) -> None:
    """Look at one inquiry and do it if no run waits."""
    inquiries.work(inquiry_id, leaving=_leaving)


@shared_task(name="training_jobs.replay_job")  # type: ignore[untyped-decorator]
def replay_job(replay_id: int) -> None:
    """Simulate the last months under a proposed compute policy."""
    replaying.work(replay_id)


@shared_task(name="training_jobs.check_job")  # type: ignore[untyped-decorator]
def check_job(check_id: int) -> None:
    """Look at one spot check and do it if no run waits."""
    spot_checks.work(check_id, leaving=_leaving)


def _leaving() -> bool:
    """Say whether this worker was asked to end: Celery's marks are None or False until then, then an exit status."""
    from celery.worker import state  # here, because only workers need it

    return any(mark is not None and mark is not False for mark in (state.should_stop, state.should_terminate))
