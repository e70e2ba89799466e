"""Celery's door to deliveries. A task's message is a nudge: it may come twice, late, or never."""

from celery import shared_task

from models_registry import delivering


@shared_task(name="models_registry.deliver_job")  # type: ignore[untyped-decorator]
def deliver_job(delivery_id: int) -> None:
    """Look at one delivery and do what it needs."""
    delivering.deliver(delivery_id)
