"""Requests to take data out, and removals: each row is what the log and, for a removal, its record say of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from governance.evidence.canonical import digest
from governance.fsck.finding import Finding, compare, finding, guarded, seconds
from governance.models import Community, Event
from models_registry.models import Removal, RemovalRequest

REQUESTS, REMOVALS = "models_registry_removalrequest", "models_registry_removal"
RESTORE = "restore the row from a backup; the record and the log say what it was"
_ASKED = ("removal_asked", "removal_declined", "contact_erased")
_VOTED, _BY_RULE = "dataset_removed", "dataset_removed_by_rule"


def check_removals(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with requests and removals of a community: every row, and every event that has none."""
    asked: dict[tuple[str, str], Event] = {}
    for event in community.events.filter(kind__in=_ASKED, data__has_key="request").order_by("-position"):
        asked[event.kind, str(event.data["request"])] = event
    requests = RemovalRequest.objects.filter(community=community).select_related("dataset__community")
    for row in requests.order_by("pk").iterator(chunk_size=100):
        mine = {kind: asked.pop((kind, row.reference), None) for kind in _ASKED}
        yield from guarded(REQUESTS, row.pk, _check_request(row, mine))
    for (kind, reference), event in asked.items():
        yield finding("governance_event", event.pk, kind, f"a request {reference}", "none")
    removed = {
        str(event.data.get("dataset")): event
        for event in community.events.filter(kind__in=(_VOTED, _BY_RULE)).order_by("-position")
    }
    removals = Removal.objects.filter(dataset__community=community)
    for removal in removals.select_related("dataset", "successor", "record", "proposal", "request").order_by("pk"):
        event = removed.pop(removal.dataset.digest, None)
        yield from guarded(REMOVALS, removal.pk, _check_removal(removal, event))
    for dataset, event in removed.items():
        yield finding("governance_event", event.pk, event.kind, f"a removal of {dataset}", "none")


def _check_request(row: RemovalRequest, events: Mapping[str, Event | None]) -> Iterator[Finding]:
    if row.dataset.community_id != row.community_id:
        yield finding(REQUESTS, row.pk, "dataset", "one of its community", row.dataset.digest)
    if row.salt:
        said = {"contact": row.contact, "reason": row.reason, "salt": row.salt}
        yield from compare(REQUESTS, row.pk, {"digest": digest(said)}, {"digest": row.digest})
    elif row.contact_erased_at is None:
        yield finding(REQUESTS, row.pk, "salt", "the salt of its digest", "none")
    asked, declined, erased = (events[kind] for kind in _ASKED)
    told: dict[str, Any] = {**asked.data, "by": asked.actor, "at": seconds(asked.at)} if asked else {}
    what = {"request": row.reference, "dataset": row.dataset.digest, "digest": row.digest, "scope": row.scope}
    yield from compare(REQUESTS, row.pk, told, {**what, "by": row.requester, "at": seconds(row.asked_at)})
    answer = (seconds(declined.at), declined.actor, declined.data.get("reason")) if declined else (None, "", "")
    found = (seconds(row.declined_at), row.declined_by, row.declined_reason)
    names = ("declined_at", "declined_by", "declined_reason")
    yield from compare(REQUESTS, row.pk, dict(zip(names, answer, strict=True)), dict(zip(names, found, strict=True)))
    if row.contact and row.contact_erased_at is not None:
        yield finding(REQUESTS, row.pk, "contact", "nothing: it was erased", "a contact")
    expected, there = seconds(erased.at) if erased else None, seconds(row.contact_erased_at)
    yield from compare(REQUESTS, row.pk, {"contact_erased_at": expected}, {"contact_erased_at": there})


def _check_removal(row: Removal, event: Event | None) -> Iterator[Finding]:
    """Check one removal: its event says it, and its record, which only a dataset without a record can do without."""
    successor = row.successor.digest if row.successor else None
    at = seconds(event.at) if event else None
    yield from compare(REMOVALS, row.pk, {"removed_at": at}, {"removed_at": seconds(row.removed_at)})
    if event is not None:
        kind, said = (_VOTED if row.proposal_id else _BY_RULE), event.data
        yield from compare(
            REMOVALS,
            row.pk,
            {"kind": event.kind, "proposal": event.proposal_id, "successor": said.get("successor")},
            {"kind": kind, "proposal": row.proposal_id, "successor": successor},
        )
    if row.record is None:
        if row.dataset.inclusion_record_id is not None:
            yield finding(REMOVALS, row.pk, "record", "the record of the removal", None)
        return
    value = row.record.value
    follow_up = value.body["follow_up"]
    due = None if follow_up["days"] is None else seconds(row.removed_at) + follow_up["days"] * 24 * 3600  # type: ignore[operator]  # never null
    yield from compare(
        REMOVALS,
        row.pk,
        {
            **{name: value.body[name] for name in ("digest", "records", "successor", "why", "request")},
            "kind": value.kind,
            "follow_up": follow_up["action"],
            "follow_up_because": follow_up["because"],
            "due_at": due,
            "taken_back": value.body["taken_back"] is not None,
        },
        {
            "digest": row.dataset.digest,
            "records": row.records,
            "successor": successor,
            "why": row.why,
            "request": row.request.reference if row.request else "",
            "kind": "removal",
            "follow_up": row.follow_up,
            "follow_up_because": row.follow_up_because,
            "due_at": seconds(row.due_at),
            "taken_back": row.proposal_id is None,
        },
    )
    if row.dataset.inclusion_record_id not in value.parents:
        yield finding(REMOVALS, row.pk, "record", "one that rests on the dataset", value.parents)
    if row.proposal is not None and row.proposal.execution_record_id not in value.parents:
        yield finding(REMOVALS, row.pk, "proposal", "the vote that its record rests on", row.proposal_id)
