"""Celery's door to letters. A task's message is a nudge: it may come twice, late, or never."""

from celery import shared_task

from frontend import letters


@shared_task(name="frontend.letter_job")  # type: ignore[untyped-decorator]
def letter_job(errand_id: int) -> None:
    """Look at one letter and send it."""
    letters.deliver(errand_id)
