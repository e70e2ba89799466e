"""What follows from a measurement: a call for another vote while the version breaks a rule or got worse, and its end.

The draft is a return to the newest earlier version that is published and was not stopped, or a pause where there is
none. Whoever takes it up may choose another way; links to these stand beside it.
"""

from datetime import datetime

from governance.clock import unix
from governance.errors import Refusal
from governance.kinds import kind_named
from governance.models import Record
from models_registry.calls.services import Wanted, close_call, open_call
from models_registry.models import Call, Version
from models_registry.models.calls import RELEASE
from models_registry.withdrawals import stop_of
from training_jobs.models import Inquiry


def follow(inquiry: Inquiry, now: datetime) -> Call | None:
    """Open, renew or close the call about a version after it was measured; return the open one."""
    version = inquiry.version
    wanted = wanted_after(inquiry, now)
    if wanted is None:
        close_call(version.model.community, RELEASE, version.revision, "holds_again", now)
        return None
    return open_call(version.model.community, wanted, now)


def settle(now: datetime) -> int:
    """Close the calls about versions that are not in use any more; return how many."""
    closed = 0
    for call in Call.objects.open().filter(cause=RELEASE).select_related("community", "version"):
        because = _over(call.version, now) if call.version else "release_withdrawn"
        closed += bool(because) and close_call(call.community, RELEASE, call.subject, because, now)
    return closed


def wanted_after(inquiry: Inquiry, now: datetime) -> Wanted | None:
    """Return what a measurement calls for; None where every binding rule holds and nothing got worse.

    A rule that a vote overrode when it released the version calls for nothing, unless it was changed since.
    """
    assert inquiry.record is not None
    version, body = inquiry.version, inquiry.record.body
    found = {each["rule"] for each in body["verdict"]["reasons"] if each["binds"] and not each["holds"]}
    broken = sorted(found - _overridden(inquiry))
    if _over(version, now) or not (broken or body["worse"]):
        return None
    facts = {
        "model": str(version.model),
        "number": version.number,
        "at": unix(inquiry.finished_at or now),
        "record": inquiry.record_id,
        "broken": broken,
        "worse": body["worse"],
    }
    said = [f"breaks {each}" for each in broken] + [f"{row['metric']} got worse" for row in body["worse"]]
    reason = f"Measured again: {'; '.join(said)}"[:500]
    kind, payload = _way_out(version, reason)
    return Wanted(RELEASE, version.revision, kind, payload, facts, version)


def _overridden(inquiry: Inquiry) -> set[str]:
    """Return the short names of the rules that a vote overrode for this version and that are still the same."""
    version = inquiry.version
    assert inquiry.record is not None
    assert version.release_record is not None
    assert version.evaluation_record is not None
    vote = Record.objects.filter(pk__in=version.release_record.value.parents, kind="override").first()
    if vote is None:
        return set()
    same = set(inquiry.record.value.parents) & set(version.evaluation_record.value.parents)
    unchanged = {rule.body["slug"] for rule in Record.objects.filter(pk__in=same, kind="rule")}
    return unchanged & set(vote.body["rules"])


def _way_out(version: Version, reason: str) -> tuple[str, dict[str, object]]:
    """Return the kind and payload of the draft: back to an earlier version, else a pause until another vote."""
    community = version.model.community
    earlier = version.model.versions.filter(
        number__lt=version.number, published_at__isnull=False, withdrawn_at__isnull=True, set_back_at__isnull=True
    )
    for each in earlier.order_by("-number"):
        payload = {"revision": each.revision, "reason": reason}
        try:
            return "release_rollback", kind_named("release_rollback").clean(community, payload)
        except Refusal:
            continue
    payload = {"revision": version.revision, "days": None, "reason": reason}
    return "release_pause", kind_named("release_pause").clean(community, payload)


def _over(version: Version, now: datetime) -> str:
    """Say why a version needs no vote about its use any more; empty: it does."""
    if version.withdrawn_at is not None:
        return "release_withdrawn"
    if version.set_back_at is not None:
        return "release_left"
    stop = stop_of(version, now)
    return "release_paused" if stop is not None and stop.voted else ""
