"""Celery's door to deliveries, notices and intakes of datasets. A nudge may come twice, late, or never."""

from celery import shared_task

from models_registry import delivering, noticing
from models_registry.datasets import taking_in


@shared_task(name="models_registry.deliver_job")  # type: ignore[untyped-decorator]
def deliver_job(delivery_id: int) -> None:
    """Look at one delivery and do what it needs."""
    delivering.deliver(delivery_id)


@shared_task(name="models_registry.notice_job")  # type: ignore[untyped-decorator]
def notice_job(notice_id: int) -> None:
    """Look at one notice and say it."""
    noticing.say(notice_id)


@shared_task(name="models_registry.intake_job")  # type: ignore[untyped-decorator]
def intake_job(intake_id: int) -> None:
    """Look at one dataset on its way in and take it in."""
    taking_in.take_in(intake_id)
