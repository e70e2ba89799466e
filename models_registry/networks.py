"""Forgetting from which networks strangers asked (`governance/networks.py`): the next day each has another name."""

from datetime import datetime, timedelta

from governance.clock import unix
from governance.networks import DAY_SECONDS
from models_registry.models import Incident, RemovalRequest, WaitingReport


def forget(now: datetime) -> int:
    """Forget the names of networks of days before today; return how many rows had one. Safe to repeat."""
    today = now - timedelta(seconds=unix(now) % DAY_SECONDS)
    return (
        Incident.objects.filter(reported_at__lt=today).exclude(network="").update(network="")
        + RemovalRequest.objects.filter(asked_at__lt=today).exclude(network="").update(network="")
        + WaitingReport.objects.filter(came_at__lt=today).exclude(network="").update(network="")
    )
