"""Celery's door to the worker. A task's message is a nudge: it may come twice, late, or never."""

from celery import shared_task

from training_jobs import worker


@shared_task(name="training_jobs.run_job")  # type: ignore[untyped-decorator]
def run_job(run_id: int) -> None:
    """Look at one run and do what it needs."""
    worker.work(run_id)
