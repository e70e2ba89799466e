"""What time brings to spot checks: draws, and the end of checks that nobody works on. The sweeper calls it."""

from datetime import datetime

from training_jobs.spot_checks import drawing, services


def sweep(now: datetime) -> int:
    """Draw what can be drawn, and end what is over; return how many checks were ordered."""
    ordered = drawing.draw_due(now)
    services.settle(now)
    return ordered
