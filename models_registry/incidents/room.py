"""How many reports one day has room for: by member, by network of a stranger, and of all strangers together.

One loud stranger must not silence the others: each network has its own small share, and what is more than stewards are
asked to read of all strangers waits in line instead of being refused (`waiting` says what becomes of it).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db.models import QuerySet

from governance import networks
from governance.errors import TooMany
from governance.models import Community
from governance.services import note
from models_registry.models import Incident, Version, WaitingReport

DAY = timedelta(days=1)
PER_ACCOUNT_PER_DAY_MAX = 10
PER_NETWORK_PER_DAY_MAX = 5
# Of everybody together who did not sign in, in one community: members can always report.
OF_STRANGERS_PER_DAY_MAX = 30
WAITING_MAX = 200


def require_room(community: Community, reporter: str, network: str, now: datetime) -> None:
    """Raise TooMany for more than one member, or one network of strangers, has to report in a day."""
    if reporter:
        own = community.incidents.filter(reporter=reporter, reported_at__gt=now - DAY).order_by("reported_at")
        _require(own, PER_ACCOUNT_PER_DAY_MAX, "you have reported enough for one day", now)
        return
    found = community.incidents.filter(reporter="", network=network).count()
    found += community.waiting_reports.filter(network=network).count()
    if found >= PER_NETWORK_PER_DAY_MAX:
        raise TooMany(
            "too_many_incidents",
            "your network has reported enough for one day; sign in, or come back tomorrow",
            retry_after_seconds=networks.seconds_until_forgotten(now),
            found=found,
            allowed=PER_NETWORK_PER_DAY_MAX,
        )


def must_wait(community: Community, now: datetime) -> bool:
    """Say whether a stranger's report waits: others wait already, or there were as many as are read in a day."""
    return community.waiting_reports.exists() or not has_room(community, now)


def wait(version: Version, told: Mapping[str, str], named: str, network: str, now: datetime) -> WaitingReport:
    """Put a report in line. The caller holds the community and knows that there is none like it."""
    community = version.model.community
    found = community.waiting_reports.count()
    if found >= WAITING_MAX:
        detail = "as many reports wait as can be kept; sign in, or come back later"
        raise TooMany(
            "too_many_incidents", detail, retry_after_seconds=_seconds_to_room(community, now), allowed=WAITING_MAX
        )
    waiting = WaitingReport.objects.create(
        community=community, version=version, digest=named, told=dict(told), network=network, came_at=now
    )
    note("incident_waits", now, community=community, revision=version.revision, report=named)
    return waiting


def has_room(community: Community, now: datetime) -> bool:
    """Say whether one more report of a stranger is taken in now."""
    return _of_strangers(community, now).count() < OF_STRANGERS_PER_DAY_MAX


def _of_strangers(community: Community, now: datetime) -> QuerySet[Incident]:
    return community.incidents.filter(reporter="", reported_at__gt=now - DAY).order_by("reported_at")


def _seconds_to_room(community: Community, now: datetime) -> int:
    oldest = _of_strangers(community, now).first()
    return 3600 if oldest is None else int((oldest.reported_at + DAY - now).total_seconds()) + 1


def _require(today: QuerySet[Incident], most: int, detail: str, now: datetime) -> None:
    times = list(today.values_list("reported_at", flat=True))
    if len(times) >= most:
        wait_seconds = int((times[-most] + DAY - now).total_seconds()) + 1
        raise TooMany("too_many_incidents", detail, retry_after_seconds=wait_seconds, found=len(times), allowed=most)
