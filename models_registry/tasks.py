"""Celery's door to deliveries and notices. A task's message is a nudge: it may come twice, late, or never."""

from celery import shared_task

from models_registry import delivering, noticing


@shared_task(name="models_registry.deliver_job")  # type: ignore[untyped-decorator]
def deliver_job(delivery_id: int) -> None:
    """Look at one delivery and do what it needs."""
    delivering.deliver(delivery_id)


@shared_task(name="models_registry.notice_job")  # type: ignore[untyped-decorator]
def notice_job(notice_id: int) -> None:
    """Look at one notice and say it."""
    noticing.say(notice_id)
