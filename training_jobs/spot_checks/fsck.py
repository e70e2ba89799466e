"""What `fsck` says of spot checks: slices, checks and doubts are what the log was told, and draws come out again.

As `governance.fsck`: the log is the truth. Reads only. Events are matched by their vote, not by the number of the run,
which may be another one where a community has moved.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from governance.evidence.canonical import digest
from governance.fsck import Finding
from governance.fsck.finding import advised, compare, finding, guarded, seconds
from governance.models import Community, Event
from training_jobs.models import Attempt, Doubt, Slice, SpotCheck
from training_jobs.spot_checks import draw
from training_jobs.spot_checks.drawing import root_after

SLICE, CHECK, DOUBT = "training_jobs_slice", "training_jobs_spotcheck", "training_jobs_doubt"
RESTORE = "restore the row from a backup; the log has what was handed over, drawn, found or doubted"
_RUNNER = "runner:"
Name = tuple[Any, ...]
Told = dict[Name, list[Event]]


def check_one(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the spot checks of one community; nothing for a sound database."""
    yield from advised(RESTORE, guarded(SLICE, community.slug, _slices(community)))
    yield from advised(RESTORE, guarded(CHECK, community.slug, _checks(community)))
    yield from advised(RESTORE, guarded(DOUBT, community.slug, _doubts(community)))


def _slices(community: Community) -> Iterator[Finding]:
    """Each slice was handed over as the log says, is held to that, and its seed is what anybody draws."""
    told = _told(community, "slice_handed_over", "last_step", "end")
    rows = Slice.objects.filter(attempt__run__community=community).select_related("attempt__run", "site")
    for row in rows.order_by("pk").iterator(chunk_size=200):
        event = _taken(told, (*_of(row.attempt), row.last_step, row.end_digest))
        if event is None:
            yield finding(SLICE, row.pk, "event", "slice_handed_over in the log", "none: it was slipped in")
            continue
        expected = {name: event.data.get(name) for name in ("site", "first_step", "start")}
        expected |= {"handed_at": seconds(event.at), "log_size": event.position + 1}
        found = {"site": row.site.slug, "first_step": row.first_step, "start": row.start_digest}
        yield from compare(
            SLICE, row.pk, expected, {**found, "handed_at": seconds(row.handed_at), "log_size": row.log_size}
        )
        if row.is_final:
            said = {name: row.claimed.get(name) for name in ("files", "trace_sha256")}
            yield from compare(SLICE, row.pk, {"claimed": row.end_digest}, {"claimed": digest(said)})
        if row.seed:
            root = root_after(community, row.log_size)
            seed = draw.seed(row.start_digest, row.end_digest, root) if root else "none: nothing was signed since"
            yield from compare(SLICE, row.pk, {"seed": seed}, {"seed": row.seed})
    yield from _left(told, SLICE)


def _checks(community: Community) -> Iterator[Finding]:
    """Each check was ordered with the seed of its slice, and ended as the log says."""
    ordered = _told(community, "spot_check_ordered", "last_step", "number", "seed")
    ended: Told = defaultdict(list)
    for name, events in _told(community, "spot_check", "last_step", "number").items():
        for event in events:
            ended[(*name, seconds(event.at))].append(event)
    joined = SpotCheck.objects.filter(slice__attempt__run__community=community)
    for row in joined.select_related("slice__attempt__run", "slice__site").order_by("pk").iterator(chunk_size=200):
        name = (*_of(row.attempt), row.last_step, row.number)
        event = _taken(ordered, (*name, row.slice.seed))
        if event is None:
            yield finding(CHECK, row.pk, "event", "spot_check_ordered in the log", "none: it was slipped in")
            continue
        yield from compare(CHECK, row.pk, {"ordered_at": seconds(event.at)}, {"ordered_at": seconds(row.ordered_at)})
        if row.finished_at is None:
            continue
        end = _taken(ended, (*name, seconds(row.finished_at)))
        if end is None:
            yield finding(CHECK, row.pk, "finished_at", "spot_check in the log", seconds(row.finished_at))
            continue
        expected = {key: end.data.get(key) for key in ("outcome", "report")} | {
            "checker": _machine(end.data["checker"])
        }
        found = {"outcome": row.outcome, "report": row.report, "checker": _machine(row.checker)}
        yield from compare(CHECK, row.pk, expected, found)
    yield from _left(ordered, CHECK)
    yield from _left(ended, CHECK)


def _doubts(community: Community) -> Iterator[Finding]:
    """Each doubt, with its evidence, is in the log; a checker of no site is noted there alone."""
    told = _told(community, "site_doubted", "site", "doubt")
    rows = Doubt.objects.filter(attempt__run__community=community).select_related("attempt__run", "site")
    for row in rows.order_by("pk").iterator(chunk_size=200):
        event = _taken(told, (*_of(row.attempt), row.site.slug, row.kind))
        if event is None:
            yield finding(DOUBT, row.pk, "event", "site_doubted in the log", "none: it was slipped in")
            continue
        expected = {"at": seconds(event.at), "evidence": event.data.get("evidence")}
        yield from compare(DOUBT, row.pk, expected, {"at": seconds(row.at), "evidence": row.evidence})
    yield from _left({name: events for name, events in told.items() if name[2]}, DOUBT)


def _told(community: Community, kind: str, *names: str) -> Told:
    """Return the events of a kind by vote, attempt and what else names them."""
    found: Told = defaultdict(list)
    for event in community.events.filter(kind=kind).order_by("position").iterator(chunk_size=500):
        found[(event.proposal_id, event.data.get("attempt"), *(event.data.get(name) for name in names))].append(event)
    return found


def _of(attempt: Attempt) -> tuple[int, int]:
    return attempt.run.proposal_id, attempt.number


def _taken(told: Told, name: Name) -> Event | None:
    events = told.get(name)
    return events.pop(0) if events else None


def _machine(checker: str) -> str:
    """Return who checked; of a machine only that it is one, which has another number where a community has moved."""
    return _RUNNER if checker.startswith(_RUNNER) else checker


def _left(told: Told, table: str) -> Iterator[Finding]:
    for events in told.values():
        for event in events:
            yield finding("governance_event", event.pk, event.kind, f"a row of {table}", "none")
