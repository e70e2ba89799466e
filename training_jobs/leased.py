"""The lease of a row that anybody may work on: taken by a conditional update, prolonged, given back.

For previews, inquiries and spot checks. The row has fence, lease_owner, lease_expires_at, heartbeat_at and started_at;
whoever holds the newest fencing number may write, nobody else. Runs and seats have rules of their own (`leases`).
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Model, QuerySet


def take(
    rows: QuerySet[Any],
    row: Any,  # noqa: ANN401 - of any of these tables
    owner: str,
    now: datetime,
    **anew: int,
) -> int | None:
    """Give a row to an owner unless somebody was faster; return the fencing number. `anew`: columns of an attempt."""
    claimed = rows.filter(pk=row.pk, fence=row.fence).update(
        fence=F("fence") + 1,
        lease_owner=owner,
        lease_expires_at=now + timedelta(seconds=settings.LEASE_SECONDS),
        heartbeat_at=now,
        started_at=now,
        **anew,
    )
    return row.fence + 1 if claimed else None


def prolong(rows: QuerySet[Any], pk: int, fence: int, now: datetime) -> bool:
    """Prolong the lease with this fencing number among `rows`; say whether it still held."""
    held = rows.filter(pk=pk, fence=fence).exclude(lease_owner="")
    until = now + timedelta(seconds=settings.LEASE_SECONDS)
    return bool(held.update(heartbeat_at=now, lease_expires_at=until))


def free(row: Model) -> None:
    """Give a row back, with whatever else was changed in it."""
    row.lease_owner, row.lease_expires_at = "", None  # type: ignore[attr-defined]
    row.save()
