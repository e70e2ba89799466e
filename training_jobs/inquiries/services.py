"""Everything that changes an inquiry: ordering one, the lease, what came of it. As for runs, the lease decides.

An inquiry never edits a release. What was measured becomes a record that rests on the release's; what an incident's
question was answered with stays in the row, because it may be private, and the log has its SHA-256.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from governance.clock import unix
from governance.errors import Conflict, Forbidden, NotFound
from governance.evidence.canonical import digest
from governance.models import Record
from governance.records import keep
from governance.services import note, require_standing
from governance.services.common import lock_community
from models_registry import gates
from models_registry.hidden_suites.selectors import opened_in
from models_registry.incidents import services as incidents
from models_registry.models import Incident, Version
from models_registry.watch import MEASUREMENT
from training_jobs import leased
from training_jobs.inquiries import comparison, plan, revotes
from training_jobs.leases import StaleLease
from training_jobs.models import Inquiry
from training_jobs.models.inquiries import ASKED, INCIDENT
from training_jobs.previews import lifecycle
from training_jobs.previews.services import run_waits
from training_jobs.results import require_form

DAY = timedelta(days=1)
KIND = "model_update"  # whoever may propose an update of a model may have its versions measured again
# What a report says of what was measured; the verdict is added here.
MEASURED = ("suite", "candidate", "parent", "difference", "samples", "samples_sha256", "further")


@dataclass(frozen=True)
class Lease:
    """The right to work on an inquiry, until somebody takes a higher fencing number."""

    inquiry_id: int
    fence: int


class StaleInquiryLease(StaleLease):
    """A write under a fencing number that is not the newest, or for an inquiry that has ended."""

    def __init__(self, lease: Lease) -> None:
        """Name the lease."""
        Conflict.__init__(self, "stale_lease", "this inquiry has ended or was taken over", found=lease.fence)


# --- ordering one -------------------------------------------------------------------------------------------------


def ask(version: Version, actor: str, now: datetime) -> Inquiry:
    """Have a version measured again, as a steward or as somebody who may propose an update of its model.

    1. There is something to measure, nobody measures it now, and not too often.  2. Who asks may.
    """
    community = version.model.community
    _require_possible(version, now)  # 1
    if not incidents.is_steward(community, actor, now):  # 2
        require_standing(community, actor, KIND)
    with transaction.atomic():
        lock_community(community.pk)
        wanted = _require_possible(version, now)
        return _ordered(version, ASKED, actor, wanted.to_dict(), now)


def ordered_by_watch(version: Version, because: str, wanted: plan.Plan, now: datetime) -> Inquiry | None:
    """Have a version measured again because it is time; None if somebody did so meanwhile."""
    with transaction.atomic():
        lock_community(version.model.community_id)
        if version.inquiries.measuring().unfinished().exists():
            return None
        return _ordered(version, because, "", wanted.to_dict(), now)


def ask_incident(incident: Incident, actor: str, now: datetime) -> Inquiry:
    """Have the site put an incident's question to the version, as a steward; `actor` is empty for the watch."""
    with transaction.atomic():
        lock_community(incident.community_id)
        if actor and not incidents.is_steward(incident.community, actor, now):
            raise Forbidden("not_a_steward", "only the stewards of this community may do this", found=actor)
        _require_machines()
        _require_not_withdrawn(incident.version)
        if plan.origin_of(incident.version) is None:
            raise Conflict("nothing_to_ask_again", "what made this version is not known here")
        if incident.inquiries.unfinished().exists():
            raise Conflict("inquiry_at_work", "this is being asked already; wait for it")
        if incident.inquiries.filter(created_at__gt=now - DAY).count() >= settings.INQUIRIES_PER_DAY:
            detail = "asked so often within a day is enough"
            raise Conflict("too_many_inquiries", detail, allowed=settings.INQUIRIES_PER_DAY)
        wanted = {"answers": settings.INQUIRY_ANSWERS}
        return _ordered(incident.version, INCIDENT, actor, wanted, now, incident=incident)


def left_today(version: Version, now: datetime) -> int:
    """Return how many more measurements people may ask for within this day, in the community of a version."""
    ordered = Inquiry.objects.filter(
        version__model__community=version.model.community_id, because=ASKED, created_at__gt=now - DAY
    )
    return max(0, settings.INQUIRIES_PER_DAY - ordered.count())


def _ordered(
    version: Version,
    because: str,
    actor: str,
    wanted: Mapping[str, Any],
    now: datetime,
    incident: Incident | None = None,
) -> Inquiry:
    inquiry = Inquiry.objects.create(
        version=version,
        because=because,
        incident=incident,
        asked_by=actor,
        plan=wanted,
        created_at=now,
        seconds_max=settings.INQUIRY_SECONDS,
    )
    _note(inquiry, "incident_asked" if incident else "measurement_ordered", now, actor, because=because)
    return inquiry


def _require_possible(version: Version, now: datetime) -> plan.Plan:
    """Return what would be measured; refuse what cannot be."""
    _require_machines()
    _require_not_withdrawn(version)
    wanted = plan.plan_of(version, now)
    if wanted is None:
        raise Conflict("nothing_to_measure_again", "no rule binds this version, or what made it is not known here")
    if version.inquiries.measuring().unfinished().exists():
        raise Conflict("inquiry_at_work", "this is being measured already; wait for it")
    if not left_today(version, now):
        detail = "so many measurements within a day are enough"
        raise Conflict("too_many_inquiries", detail, allowed=settings.INQUIRIES_PER_DAY)
    return wanted


def _require_machines() -> None:
    if not settings.RUN_HERE:
        raise Conflict("no_machines_here", "the machines of this site measure nothing")


def _require_not_withdrawn(version: Version) -> None:
    if version.withdrawn_at is not None:
        raise Conflict("already_withdrawn", "this release is withdrawn already", found=version.revision)


# --- the lease ----------------------------------------------------------------------------------------------------


def due(now: datetime) -> list[int]:
    """Return the inquiries that a worker should look at: none while a run waits for the machines of this site."""
    if not settings.RUN_HERE or run_waits(now):
        return []
    return [inquiry.pk for inquiry in Inquiry.objects.unfinished().order_by("pk") if _is_claimable(inquiry, now)]


def claim(inquiry_id: int, owner: str, now: datetime) -> Lease | None:
    """Take the lease if the inquiry is free; None when somebody else has it or nothing is left to do."""
    with transaction.atomic():
        inquiry = _locked(inquiry_id)
        if not _is_claimable(inquiry, now) or _ended_early(inquiry, now):
            return None
        fence = leased.take(Inquiry.objects.all(), inquiry, owner, now, samples=0)
    return None if fence is None else Lease(inquiry_id, fence)


def heartbeat(lease: Lease, now: datetime) -> str:
    """Prolong the lease; answer `continue`, `stale`, or `cancel` when its time or its reason is over."""
    if not leased.prolong(Inquiry.objects.unfinished(), lease.inquiry_id, lease.fence, now):
        return "stale"
    inquiry = Inquiry.objects.select_related("version").get(pk=lease.inquiry_id)
    over = inquiry.version.withdrawn_at is not None or inquiry.seconds_used(now) > inquiry.seconds_max
    return "cancel" if over else "continue"


def stream(lease: Lease, events: Iterable[dict[str, Any]]) -> None:
    """Keep how far it is; raise StaleLease when another worker has it."""
    done = [event.get("samples") for event in events if event.get("event") == "evaluating"]
    with transaction.atomic():
        inquiry = _held(lease)
        inquiry.samples = max(each for each in (inquiry.samples, *done) if type(each) is int and 0 <= each < 1 << 31)
        inquiry.save(update_fields=["samples"])


# --- ends ---------------------------------------------------------------------------------------------------------


def measured(lease: Lease, report: Mapping[str, Any], now: datetime) -> Inquiry:
    """Judge what was measured by the rules of the plan, as of now, keep it as a record of its own, and call for a vote.

    Said again after its answer was lost, it changes nothing. Raises Conflict for other suites than were asked for, and
    Invalid for a report of another form.
    """
    with transaction.atomic():
        inquiry = _locked(lease.inquiry_id)
        if inquiry.fence == lease.fence and inquiry.record_id is not None:
            return inquiry
        inquiry = _held(lease)
        version, wanted = inquiry.version, inquiry.plan
        rules = list(Record.objects.filter(pk__in=wanted["rules"], kind="rule"))
        require_readable(report)
        verdict = _verdict(rules, report, version, now)
        said = {**{name: report[name] for name in MEASURED}, "verdict": verdict.to_dict()}
        foreign = sorted({said["suite"], *said["further"]} ^ {wanted["suite"], *wanted["further"]})
        if foreign:
            raise Conflict("suite_changed", "measured on other suites than were asked for", found=foreign[0])
        release = version.evaluation_record
        assert release is not None
        assert version.release_record is not None
        body = {
            **said,
            "revision": version.revision,
            "inquiry": inquiry.pk,
            "because": inquiry.because,
            "fresh": wanted["fresh"],
            "left_out": wanted["left_out"],
            "worse": [row.to_dict() for row in comparison.worse(release.body, said)],
            "device_seconds": inquiry.seconds_used(now),
            "measured_at": unix(now),
        }
        subject = f"{MEASUREMENT}:{version.revision}"
        inquiry.record = keep(MEASUREMENT, subject, body, [version.release_record, *rules])
        _end(inquiry, now)
        holds = verdict.accepted and not body["worse"]
        _note(inquiry, "release_measured_again", now, "", record=inquiry.record_id, holds=holds)
        revotes.follow(inquiry, now)
    return inquiry


def require_readable(report: Mapping[str, Any]) -> None:
    """Raise Invalid for a report in another form than an evaluation has."""
    unjudged = {"verdict": {"accepted": False, "reasons": []}, "review": None}
    require_form("evaluation", {**{name: report.get(name) for name in MEASURED}, **unjudged})


def _verdict(rules: list[Record], report: Mapping[str, Any], version: Version, now: datetime) -> gates.Verdict:
    try:
        judged = [gates.Rule.from_record(rule.body) for rule in rules]
        return gates.decide(
            judged,
            gates.Report.from_record(report, version.model.name, opened_in(version.evaluation_record)),
            unix(now),
        )
    except gates.GateError as error:
        raise Conflict(error.code, str(error)) from error


def answered(lease: Lease, said: dict[str, Any], now: datetime) -> Inquiry:
    """Keep the answers to an incident's question. Said again after its answer was lost, it changes nothing."""
    with transaction.atomic():
        inquiry = _locked(lease.inquiry_id)
        if inquiry.fence == lease.fence and inquiry.finished_at is not None:
            return inquiry
        inquiry = _held(lease)
        inquiry.answers, inquiry.answers_digest = said, digest(said)
        _end(inquiry, now)
        counts = {name: said["counts"]["version"][name] for name in ("reported", "expected", "other")}
        _note(inquiry, "incident_reproduced", now, "", answers=inquiry.answers_digest, **counts)
    return inquiry


def fail(lease: Lease, code: str, detail: str, now: datetime, *, permanent: bool) -> Inquiry:
    """End an attempt that did not work: give up, or let another worker try while there are attempts left."""
    with transaction.atomic():
        inquiry = _held(lease)
        if permanent or inquiry.fence >= settings.RUN_ATTEMPTS_MAX:
            _give_up(inquiry, code, detail, now)
        else:
            _free(inquiry)
    return inquiry


def stopped(lease: Lease, now: datetime) -> Inquiry:
    """Hear that the child is gone because somebody asked: its time or its reason was over, or the machine left."""
    with transaction.atomic():
        inquiry = _held(lease)
        if inquiry.seconds_used(now) > inquiry.seconds_max:
            _give_up(inquiry, "inquiry_too_long", "", now)
        elif not _ended_early(inquiry, now):
            _free(inquiry)
    return inquiry


def settle(now: datetime) -> list[int]:
    """End the inquiries that nobody will work on any more; return all that have ended and still have files."""
    for inquiry_id in Inquiry.objects.unfinished().values_list("pk", flat=True):
        with transaction.atomic():
            inquiry = _locked(inquiry_id)
            if _is_claimable(inquiry, now):
                _ended_early(inquiry, now)
    return list(Inquiry.objects.ended().filter(removed_at__isnull=True).values_list("pk", flat=True))


def removed(inquiry_id: int, now: datetime) -> None:
    """Write down that the files of an inquiry that has ended are gone."""
    Inquiry.objects.ended().filter(pk=inquiry_id, removed_at__isnull=True).update(removed_at=now)


def _is_claimable(inquiry: Inquiry, now: datetime) -> bool:
    return inquiry.state(now) in lifecycle.CLAIMABLE


def _ended_early(inquiry: Inquiry, now: datetime) -> bool:
    """Give an inquiry up that has no reason or no attempts left; say whether it was."""
    if inquiry.version.withdrawn_at is not None:
        _give_up(inquiry, "release_withdrawn", "", now)
    elif inquiry.fence >= settings.RUN_ATTEMPTS_MAX:
        _give_up(inquiry, "attempts_used_up", "every attempt was lost with its worker", now)
    else:
        return False
    return True


def _give_up(inquiry: Inquiry, code: str, detail: str, now: datetime) -> None:
    inquiry.failed_at, inquiry.failure, inquiry.failure_detail = now, code[:60], detail[:4000]
    _free(inquiry)
    _note(inquiry, "inquiry_failed", now, "", code=code[:60])


def _end(inquiry: Inquiry, now: datetime) -> None:
    inquiry.finished_at, inquiry.device_seconds = now, inquiry.seconds_used(now)
    _free(inquiry)


def _free(inquiry: Inquiry) -> None:
    inquiry.lease_owner, inquiry.lease_expires_at = "", None
    inquiry.save()


def _locked(inquiry_id: int) -> Inquiry:
    found = Inquiry.objects.select_for_update(of=("self",)).select_related(
        "version__model__community", "version__evaluation_record", "version__release_record", "incident"
    )
    inquiry = found.filter(pk=inquiry_id).first()
    if inquiry is None:
        raise NotFound("unknown_inquiry", "there is no such inquiry", found=inquiry_id)
    return inquiry


def _held(lease: Lease) -> Inquiry:
    """Return the locked inquiry if this lease is still the newest; raise StaleLease otherwise."""
    inquiry = _locked(lease.inquiry_id)
    if inquiry.fence != lease.fence or not inquiry.lease_owner:
        raise StaleInquiryLease(lease)
    return inquiry


def _note(inquiry: Inquiry, kind: str, now: datetime, actor: str, **data: Any) -> None:  # noqa: ANN401 - any JSON
    """Add a line to the log: the number of an incident, never a word of it."""
    version = inquiry.version
    what = {"inquiry": inquiry.pk, "revision": version.revision, **data}
    if inquiry.incident is not None:
        what["incident"] = inquiry.incident.number
    note(kind, now, community=version.model.community, actor=actor, **what)
