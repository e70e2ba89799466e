"""Everything that changes a spot check: the lease, what was found, its end. As for runs, the lease decides.

Who checks is no machine of the site that is checked, none of its operator, and of one slice nobody twice; and a machine
that somebody lends stands where the rows may go (`commons.data_rules`). What a check comes to is judged here, by what
the site handed over: no checker is told what that was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from governance.errors import Conflict, Invalid, NotFound
from governance.services import note
from training_jobs import leased
from training_jobs.commons import data_rules
from training_jobs.leases import StaleLease
from training_jobs.models import Runner, Slice, SpotCheck
from training_jobs.models.spot_checks import NOT_POSSIBLE
from training_jobs.previews import lifecycle
from training_jobs.previews.services import run_waits
from training_jobs.spot_checks import comparison, files, judging

PLATFORM = "platform"  # the workers of the platform are one checker
STEPS_MAX = 100_000
_WITH = ("slice__attempt__run__community", "slice__attempt__run__spec_record", "slice__site")
_FIELDS = frozenset({"first", "last", "final", "losses", "files", "sketch", "code_digest", "environment"})


@dataclass(frozen=True)
class Lease:
    """The right to work on a check, until somebody takes a higher fencing number."""

    check_id: int
    fence: int


class StaleCheckLease(StaleLease):
    """A write under a fencing number that is not the newest, or for a check that has ended."""

    def __init__(self, lease: Lease) -> None:
        """Name the lease."""
        Conflict.__init__(self, "stale_lease", "this check has ended or was taken over", found=lease.fence)


# --- the lease ----------------------------------------------------------------------------------------------------


def due(now: datetime) -> list[int]:
    """Return the checks for the workers of the platform: none while a run waits for them."""
    if not settings.RUN_HERE:
        return []
    open_checks = [check.pk for check in _open(now) if may_check(check, None)]
    return [] if not open_checks or run_waits(now) else open_checks


def open_to(runner: Runner, now: datetime) -> list[SpotCheck]:
    """Return the checks that a machine of a member may take, oldest first."""
    return [
        check
        for check in _open(now)
        if check.slice.attempt.run.community_id == runner.community_id and may_check(check, runner)
    ]


def may_check(check: SpotCheck, runner: Runner | None) -> bool:
    """Say whether a machine may check: it is another's, and may have the rows. None is a worker of the platform."""
    return is_anothers(check, runner) and may_have_rows(check, runner)


def is_anothers(check: SpotCheck, runner: Runner | None) -> bool:
    """Say whether a machine has nothing to do with what it would check."""
    site, attempt = check.slice.site, check.slice.attempt
    before = set(check.slice.checks.exclude(pk=check.pk).values_list("checker", flat=True))
    if runner is None:
        return site.slug != settings.HOME_SITE and PLATFORM not in before
    owners = set(Runner.objects.filter(pk__in=_numbers({attempt.owner, *before})).values_list("owner", flat=True))
    return runner.site_id != site.pk and runner.owner not in {*owners, site.operator}


def may_have_rows(check: SpotCheck, runner: Runner | None) -> bool:
    """Say whether the rows may go where a machine stands.

    A worker of the platform may always check, wherever it stands: the rows lie with the platform already, and nobody
    else could check a site whose rows may not leave it.
    """
    if runner is None:
        return True
    run = check.slice.attempt.run
    return data_rules.why_not(runner.site, run.community, data_rules.of_run(run)) is None


def claim(check_id: int, owner: str, runner: Runner | None, now: datetime) -> Lease | None:
    """Take the lease if the check is free and this machine may; None otherwise."""
    with transaction.atomic():
        check = _locked(check_id)
        if check.state(now) not in lifecycle.CLAIMABLE or not may_check(check, runner) or _ended_early(check, now):
            return None
        fence = leased.take(SpotCheck.objects.all(), check, owner, now, step=0)
        if fence is None:
            return None
        SpotCheck.objects.filter(pk=check_id).update(checker=PLATFORM if runner is None else runner.lease_name)
    return Lease(check_id, fence)


def heartbeat(lease: Lease, now: datetime) -> str:
    """Prolong the lease; answer `continue`, `stale`, or `cancel` when its time is over."""
    if not leased.prolong(SpotCheck.objects.unfinished(), lease.check_id, lease.fence, now):
        return "stale"
    return "cancel" if _is_too_long(SpotCheck.objects.get(pk=lease.check_id), now) else "continue"


def stream(lease: Lease, events: Iterable[dict[str, Any]]) -> None:
    """Keep how far it is; raise StaleLease when another machine has it."""
    steps = [event.get("step") for event in events if event.get("event") == "step"]
    with transaction.atomic():
        check = _held(lease)
        check.step = max(each for each in (check.step, *steps) if type(each) is int and each <= check.last_step)
        check.save(update_fields=["step"])


# --- ends ---------------------------------------------------------------------------------------------------------


def recomputed(lease: Lease, found: Mapping[str, Any], isolation: str, now: datetime) -> SpotCheck:
    """Judge what a machine found. Said again after its answer was lost, it changes nothing."""
    before = SpotCheck.objects.select_related("slice").get(pk=lease.check_id)
    require_readable(found, before.slice)
    # Sketches of large files take a while: outside the transaction.
    ends = judging.sketches(before.slice) if before.finished_at is None else (None, None)
    with transaction.atomic():
        check = _locked(lease.check_id)
        if check.fence == lease.fence and check.finished_at is not None:
            return check
        check = _held(lease)
        answer = comparison.compare(check.slice.claimed, found, check.slice.first_step, ends)
        check.report = judging.report(check, found, answer, isolation)
        _end(check, answer.outcome, now)
    return check


def fail(lease: Lease, code: str, detail: str, now: datetime, *, permanent: bool) -> SpotCheck:
    """End an attempt that did not work: as not possible, or let it be tried again while there are attempts left."""
    with transaction.atomic():
        check = _held(lease)
        if permanent or check.fence >= settings.RUN_ATTEMPTS_MAX:
            _not_possible(check, code, detail, now)
        else:
            leased.free(check)
    return check


def stopped(lease: Lease, now: datetime) -> SpotCheck:
    """Hear that the child is gone because somebody asked: its time was over, or the machine left."""
    with transaction.atomic():
        check = _held(lease)
        if _is_too_long(check, now):
            _not_possible(check, "check_too_long", "", now)
        elif not _ended_early(check, now):
            leased.free(check)
    return check


def settle(now: datetime) -> int:
    """End the checks that nobody will work on any more; remove the files of those that are over, return how many."""
    for check_id in SpotCheck.objects.unfinished().values_list("pk", flat=True):
        with transaction.atomic():
            check = _locked(check_id)
            if check.state(now) in lifecycle.CLAIMABLE:
                _ended_early(check, now)
    over = SpotCheck.objects.ended().filter(removed_at__isnull=True)
    gone = [check.pk for check in over if files.remove(files.of_check(check.pk))]
    SpotCheck.objects.filter(pk__in=gone).update(removed_at=now)
    at_work = SpotCheck.objects.unfinished().values("slice")
    checked = Slice.objects.filter(checks__isnull=False, removed_at__isnull=True).exclude(pk__in=at_work).distinct()
    for each in checked:
        if files.remove(files.of_slice(each.pk)):
            Slice.objects.filter(pk=each.pk).update(removed_at=now)
    return len(gone)


def give_up(check_id: int, code: str, now: datetime) -> None:
    """End a check that nobody can do any more, because its files are not here. Safe to repeat."""
    with transaction.atomic():
        check = _locked(check_id)
        if check.finished_at is None:
            _not_possible(check, code, "", now)


def require_readable(found: Mapping[str, Any], checked: Slice) -> None:
    """Raise Invalid for a report in another form than a check has, or of other steps."""
    steps = checked.last_step - checked.first_step
    wrong = sorted(_FIELDS - found.keys())
    if wrong:
        raise Invalid("malformed_result", "a part of the report is missing", field=wrong[0])
    asked = (checked.first_step, checked.last_step, checked.is_final)
    if (found["first"], found["last"], found["final"]) != asked:
        raise Invalid("malformed_result", "these are other steps than were asked for", allowed=list(asked))
    if not _is_texts(found["losses"]) or len(found["losses"]) != steps:
        raise Invalid("malformed_result", "one loss for each step, as text", field="losses", allowed=steps)
    if not isinstance(found["files"], list) or not all(_is_file(each) for each in found["files"]):
        raise Invalid("malformed_result", "files have path and sha256", field="files")
    if found["sketch"] is not None and not _is_texts(found["sketch"]):
        raise Invalid("malformed_result", "a sketch is a list of numbers as text, or null", field="sketch")
    if not isinstance(found["environment"], dict) or not isinstance(found["code_digest"], str):
        raise Invalid("malformed_result", "the class of machine is an object, its code a digest", field="environment")


def held(lease: Lease, owner: str) -> SpotCheck:
    """Return the check if this owner holds this lease; raise StaleLease otherwise."""
    joined = SpotCheck.objects.select_related("slice__attempt__run__base", "slice__attempt__run__spec_record")
    check = joined.filter(pk=lease.check_id).first()
    if check is None:
        raise NotFound("unknown_check", "there is no such check", found=lease.check_id)
    if (check.fence, check.lease_owner) != (lease.fence, owner):
        raise StaleCheckLease(lease)
    return check


def _open(now: datetime) -> list[SpotCheck]:
    joined = SpotCheck.objects.unfinished().select_related(*_WITH).order_by("pk")
    return [check for check in joined if check.state(now) in lifecycle.CLAIMABLE]


def _not_possible(check: SpotCheck, code: str, detail: str, now: datetime) -> None:
    check.report = {"reason": code[:60], "detail": detail[:1000]}
    _end(check, NOT_POSSIBLE, now)


def _end(check: SpotCheck, outcome: str, now: datetime) -> None:
    """Write down what came of a check, tell the log, and see what all checks of the slice amount to."""
    check.outcome, check.finished_at, check.step = outcome, now, check.last_step
    leased.free(check)
    drawn = check.slice
    note(
        "spot_check",
        now,
        proposal=drawn.attempt.run.proposal,
        run=drawn.attempt.run_id,
        attempt=drawn.attempt.number,
        site=drawn.site.slug,
        first_step=drawn.first_step,
        last_step=drawn.last_step,
        number=check.number,
        outcome=outcome,
        checker=check.checker,
        report=check.report,
    )
    judging.conclude(drawn, now)


def _ended_early(check: SpotCheck, now: datetime) -> bool:
    """End a check that has no attempts left, or for which nobody came in time; say whether it was."""
    if check.fence >= settings.RUN_ATTEMPTS_MAX:
        _not_possible(check, "attempts_used_up", "every attempt was lost with its machine", now)
    elif now - check.ordered_at > timedelta(days=settings.SPOT_CHECK_DAYS):
        _not_possible(check, "nobody_came", "no machine that may check it took it in time", now)
    else:
        return False
    return True


def _is_too_long(check: SpotCheck, now: datetime) -> bool:
    return check.started_at is not None and now - check.started_at > timedelta(seconds=check.seconds_max)


def _locked(check_id: int) -> SpotCheck:
    rows = SpotCheck.objects.select_for_update(of=("self",))
    check = rows.select_related("slice__attempt__run__proposal", *_WITH).filter(pk=check_id).first()
    if check is None:
        raise NotFound("unknown_check", "there is no such check", found=check_id)
    return check


def _held(lease: Lease) -> SpotCheck:
    """Return the locked check if this lease is still the newest; raise StaleLease otherwise."""
    check = _locked(lease.check_id)
    if check.fence != lease.fence or not check.lease_owner:
        raise StaleCheckLease(lease)
    return check


def _numbers(owners: Iterable[str]) -> list[int]:
    return [int(owner.partition(":")[2]) for owner in owners if owner.startswith("runner:")]


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and len(value) <= STEPS_MAX and all(isinstance(each, str) for each in value)


def _is_file(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in ("path", "sha256"))
