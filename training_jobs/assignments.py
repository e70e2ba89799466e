"""What a lease gives: the assignment of an attempt, and for one of several machines where it meets the others.

They meet at a relay, which lets in whoever shows a ticket. A ticket is signed with the secret that this site and its
relay share, and says which seat of which run it is for; it ends with the run's deadline, or after TICKET_HOLDS.
"""

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings

from governance.clock import unix
from governance.errors import Unavailable
from training_jobs import openings
from training_jobs.budget import seconds_left
from training_jobs.exchange import tickets
from training_jobs.leases import Lease
from training_jobs.models import Run
from training_jobs.spec.shape import EXCHANGING
from training_jobs.suites import measuring
from training_jobs.supervisor import Assignment, Meeting

TICKET_HOLDS = timedelta(days=7)
COMMUNITY_DIGITS = 16


def assignment(run: Run, lease: Lease, now: datetime) -> Assignment:
    """Return what the holder of a lease is to do, and with how much. A member trains, and nothing else."""
    spec = run.spec_record.body
    phase = "train" if lease.slot or run.run_record_id is None else "evaluate"
    wanted = measuring(run)
    return Assignment(
        run_id=run.pk,
        fence=lease.fence,
        spec=spec,
        phase=phase,
        metrics=wanted.metrics,
        suite=wanted.suite,
        further=wanted.further,
        device_seconds=max(1, seconds_left(run, now)),
        lease_seconds=settings.LEASE_SECONDS,
        heartbeat_seconds=settings.HEARTBEAT_SECONDS,
        slot=lease.slot,
        openings=openings.told(run),
        exchange=_meeting(run, lease, now) if phase == "train" and _is_of_several(run) else None,
    )


def require_relay(run: Run) -> None:
    """Raise Unavailable for a run of several machines while this site has no relay at which they could meet."""
    if run.run_record_id is None and _is_of_several(run):
        _secret()


def can_meet(run: Run) -> bool:
    """Say whether the machines of a run could meet now; one machine alone meets nobody."""
    try:
        require_relay(run)
    except Unavailable:
        return False
    return True


def _is_of_several(run: Run) -> bool:
    return run.spec_record.body["strategy"] in EXCHANGING


def _meeting(run: Run, lease: Lease, now: datetime) -> Meeting:
    ends = now + TICKET_HOLDS if run.deadline_at is None else min(now + TICKET_HOLDS, run.deadline_at)
    ticket = tickets.Ticket(
        run=f"{run.community.record_id[:COMMUNITY_DIGITS]}-{run.pk}",
        slot=lease.slot,
        fence=lease.fence,
        workers=run.spec_record.body["topology"]["workers"],
        expires=unix(ends),
    )
    return Meeting(url=settings.RELAY_URL, ticket=tickets.issue(ticket, _secret()), member=ticket.member)


def _secret() -> bytes:
    """Return what this site and its relay share."""
    if not settings.RELAY_URL:
        raise Unavailable("no_relay", "this run needs a relay, and the site has none at present; it waits")
    try:
        secret = Path(settings.RELAY_SECRET_FILE).read_bytes()
    except OSError as error:
        raise Unavailable("no_relay", "the relay's secret cannot be read just now; this run waits") from error
    if len(secret) < tickets.SECRET_BYTES_MIN:
        raise Unavailable("no_relay", "the relay's secret is too short to be one; this run waits")
    return secret
