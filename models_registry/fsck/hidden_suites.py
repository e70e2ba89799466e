"""Hidden suites: rows say what records say, and the log has commitment, fixed model and opening, in this order."""

from collections.abc import Iterator
from typing import Any

from governance.fsck.finding import Finding, compare, finding, guarded, seconds
from governance.models import Community, Event
from models_registry.hidden_suites.commitment import opens
from models_registry.models import HiddenSuite

TABLE = "models_registry_hiddensuite"
RESTORE = "restore the row from a backup; the records of commitment and opening have everything word for word"
_KINDS = ("suite_committed", "openings_awaited", "suite_opened")


def check_hidden_suites(community: Community) -> Iterator[Finding]:
    """Yield what is wrong with the hidden suites of a community."""
    events = list(community.events.filter(kind__in=_KINDS).order_by("position"))
    rows = HiddenSuite.objects.filter(community=community).select_related("record", "dataset").order_by("pk")
    for row in rows:
        yield from guarded(TABLE, row.pk, _check_row(row, events))


def _check_row(row: HiddenSuite, events: list[Event]) -> Iterator[Finding]:
    body = row.record.body
    said: dict[str, Any] = {name: getattr(row, name) for name in body if name != "committed_at"}
    yield from compare(TABLE, row.pk, {**said, "committed_at": seconds(row.committed_at)}, body)
    places = {event.kind: event.position for event in events if event.data.get("suite") == row.commitment}
    if "suite_committed" not in places:
        yield finding(TABLE, row.pk, "suite_committed", "none", "an event of the log")
    if row.opened_at is not None:
        yield from _check_openings(row, events, places.get("suite_opened"))


def _check_openings(row: HiddenSuite, events: list[Event], opened: int | None) -> Iterator[Finding]:
    """Yield what is wrong with the openings of a suite: each rests on a model that the log named before it."""
    if opened is None:
        yield finding(TABLE, row.pk, "suite_opened", "none", "an event of the log")
        return
    awaited = {event.data.get("record"): event.position for event in events if event.kind == "openings_awaited"}
    openings = list(row.openings.select_related("record").order_by("pk"))
    if not openings:
        yield finding(TABLE, row.pk, "openings", "none", "an opening for each model that waited")
    for opening in openings:
        body = opening.record.body
        if not opens(row.record.body, body["digest"], body["salt"]):
            yield finding(TABLE, row.pk, "rows", body["digest"], f"what was committed as {row.commitment}")
        if row.dataset is not None and row.dataset.digest != body["digest"]:
            yield finding(TABLE, row.pk, "dataset", row.dataset.digest, body["digest"])
        fixed = awaited.get(opening.run_record_id)
        if fixed is None or fixed > opened:
            yield finding(
                TABLE, row.pk, "order", f"opened at {opened}, the model fixed at {fixed}", "fixed, then opened"
            )
