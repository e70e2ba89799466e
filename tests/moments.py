"""Moments for tests: one that is surely past, also where the machine's clock is set back a little in between."""

from datetime import datetime, timedelta

from governance.clock import now


def just_past() -> datetime:
    """Return the moment a second ago: what ends then has ended, whatever a correction of the clock does meanwhile."""
    return now() - timedelta(seconds=1)
