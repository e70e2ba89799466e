"""What `fsck` says of sites: who let one in and out, and what it says of itself and offers, is what the log was told.

As `governance.fsck`: a community's log is the truth of the sites that it let in. What machines measured is added up
again. Reads only.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from governance.fsck import Finding
from governance.fsck.finding import advised, compare, finding, guarded, seconds
from governance.models import Community, Event
from training_jobs.models import Admission, Site, SiteMeasurement, SiteStewards
from training_jobs.sites import measured

SITE, ADMISSION, STEWARDS = "training_jobs_site", "training_jobs_admission", "training_jobs_sitestewards"
RESTORE = "restore the row from a backup; the log has what was decided and said"
_KINDS = ("site_admitted", "site_removed", "site_standing", "site_described", "site_suspended", "site_restored")


def check_one(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the sites of one community; nothing for a sound database."""
    told: dict[str, dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in community.events.filter(kind__in=_KINDS).select_related("proposal").order_by("position"):
        told[str(event.data.get("site"))][event.kind].append(event)
    rows = Admission.objects.filter(community=community).select_related("site", "proposal", "removal").order_by("pk")
    for row in rows:
        here = told[row.site.slug]
        yield from advised(RESTORE, guarded(ADMISSION, row.pk, _admission(row, here)))
        if row.removed_at is None:
            yield from advised(RESTORE, guarded(SITE, row.site_id, _site(row, here)))
    yield from advised(RESTORE, guarded(ADMISSION, community.slug, _missing(rows, told)))
    yield from advised(RESTORE, guarded(STEWARDS, community.slug, _stewards(community)))


def described(events: Iterable[Event]) -> dict[str, Any]:
    """Return the declared values that a log was told last, as far as they were ever changed."""
    said: dict[str, Any] = {}
    for event in events:
        said |= {name: change["new"] for name, change in event.data["changes"].items()}
    return said


def _missing(rows: Iterable[Admission], told: dict[str, dict[str, list[Event]]]) -> Iterator[Finding]:
    """Yield the admissions that the log has and no row."""
    there = {(row.site.slug, seconds(row.admitted_at)) for row in rows}
    for slug, events in list(told.items()):
        for event in events["site_admitted"]:
            if (slug, seconds(event.at)) not in there:
                yield finding("governance_event", event.pk, event.kind, f"a row of {ADMISSION}", "none")


def _admission(row: Admission, told: dict[str, list[Event]]) -> Iterator[Finding]:
    let_in = [event for event in told["site_admitted"] if seconds(event.at) == seconds(row.admitted_at)]
    if not let_in:
        yield finding(ADMISSION, row.pk, "event", "site_admitted in the log", "none: it was slipped in")
        return
    event = let_in[0]
    reason = event.proposal.payload.get("reason") if event.proposal else row.reason
    expected = {"admitted_by": event.actor, "proposal": event.proposal_id, "reason": reason}
    found = {"admitted_by": row.admitted_by, "proposal": row.proposal_id, "reason": row.reason}
    yield from compare(ADMISSION, row.pk, expected, found)
    out = next((each for each in told["site_removed"] if each.position > event.position), None)
    gone = {"removed_at": seconds(out.at), "removed_by": out.actor, "removal": out.proposal_id} if out else {}
    kept = {"removed_at": seconds(row.removed_at), "removed_by": row.removed_by, "removal": row.removal_id}
    yield from compare(ADMISSION, row.pk, gone or {"removed_at": None, "removed_by": "", "removal": None}, kept)


def _site(row: Admission, told: dict[str, list[Event]]) -> Iterator[Finding]:
    site = row.site
    last = told["site_standing"][-1] if told["site_standing"] else None
    offer = {name: last.data.get(name) for name in site.told} if last else None
    yield from compare(SITE, site.pk, {"told": offer}, {"told": site.told})
    said = described(told["site_described"])
    yield from compare(SITE, site.pk, said, {name: getattr(site, name) for name in said})
    ends = [*told["site_suspended"], *told["site_restored"]]
    newest = max((event for event in ends if event.position > 0), key=lambda event: event.position, default=None)
    if newest is not None:
        yield from compare(SITE, site.pk, _suspended(newest), {
            "suspended_at": seconds(site.suspended_at),
            "suspended_by": site.suspended_by,
            "suspended_reason": site.suspended_reason,
            "suspended_evidence": site.suspended_evidence,
        })  # fmt: skip
    yield from compare(SITE, site.pk, _added_up(site), {
        "devices_measured": site.devices_measured,
        "memory_measured": site.memory_measured,
        "speed_measured": site.speed_measured,
    })  # fmt: skip


def _suspended(event: Event) -> dict[str, object]:
    if event.kind == "site_restored":
        return {"suspended_at": None, "suspended_by": "", "suspended_reason": "", "suspended_evidence": {}}
    return {
        "suspended_at": seconds(event.at),
        "suspended_by": event.actor,
        "suspended_reason": event.data.get("reason"),
        "suspended_evidence": event.data.get("evidence"),
    }


def _added_up(site: Site) -> dict[str, object]:
    """Return what the newest measurements of the machines that stand there add up to."""
    newest: dict[int, SiteMeasurement] = {}
    rows = SiteMeasurement.objects.filter(
        site=site, runner__site=site, runner__revoked_at__isnull=True, benchmark=measured.BENCHMARK
    )
    for each in (
        rows.filter(measured_at__lte=site.measured_at).order_by("measured_at", "pk") if site.measured_at else ()
    ):
        newest[each.runner_id] = each
    total = measured.together(
        measured.Together(each.devices, each.memory_bytes, each.tokens_per_second) for each in newest.values()
    )
    return {
        "devices_measured": total.devices,
        "memory_measured": total.memory_bytes,
        "speed_measured": total.tokens_per_second,
    }


def _stewards(community: Community) -> Iterator[Finding]:
    told = {event.proposal_id: event for event in community.events.filter(kind="site_stewards_named")}
    for row in SiteStewards.objects.filter(community=community).select_related("proposal").order_by("pk"):
        event = told.pop(row.proposal_id, None)
        expected = {"members": row.proposal.payload.get("members"), "named_at": seconds(event.at) if event else None}
        yield from compare(STEWARDS, row.pk, expected, {"members": row.members, "named_at": seconds(row.named_at)})
    for event in told.values():
        yield finding("governance_event", event.pk, event.kind, f"a row of {STEWARDS}", "none")
