"""Answers: for a delegate, which open decisions wait for me, what does my ballot weigh, and who relies on me."""

from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from frontend.tables import csv_file, json_file
from frontend.views.asked import plain, viewer
from governance import clock, selectors
from governance.kinds import all_kinds, kind_named
from governance.selectors.desk import Desk, DeskRow, desk

COMPARED_MAX = 3
_DIGITS_MAX = 9
_SORTS: dict[str, Callable[[DeskRow], Any]] = {
    "closes": lambda row: (row.proposal.closes_at, row.proposal.number),
    "number": lambda row: row.proposal.number,
    "kind": lambda row: (row.proposal.kind, row.proposal.closes_at),
    "tier": lambda row: (row.proposal.tier, row.proposal.closes_at),
    "weight": lambda row: -row.weight,
    "relying": lambda row: -row.relying,
    "mine": lambda row: (row.voted, row.proposal.closes_at),
}
COLUMNS = (
    ("number", _("Decision")),
    ("kind", _("Kind")),
    ("tier", _("Tier of risk")),
    ("closes", _("Closes")),
    ("mine", _("My ballot")),
    ("weight", _("Weight now")),
    ("relying", _("Rely on me")),
)
MINE = {"missing": _("My ballot is missing"), "voted": _("I have voted")}
CSV_COLUMNS = (
    "number",
    "title",
    "kind",
    "tier",
    "closes_at",
    "voted",
    "choice",
    "reason",
    "weight",
    "own_power",
    "relying",
    "voted_themselves",
    "address",
)


@login_required
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the table with filters and order from the address, and the decisions that were chosen side by side."""
    community = selectors.community_named(slug)
    found = desk(community, viewer(request), clock.now())
    rows, wanted = _wanted(request, found)
    return render(
        request,
        "pages/desk.html",
        {
            "community": community,
            "tab": "delegates",
            "desk": found,
            "rows": rows,
            "wanted": wanted,
            "filtered": any(wanted[name] for name in ("kind", "tier", "mine")),
            "columns": COLUMNS,
            "kinds": {name: kind for name, kind in all_kinds().items() if name in _used(found, "kind")},
            "tiers": sorted(_used(found, "tier")),
            "mine": MINE,
            "compared": _compared(request, found),
        },
    )


@login_required
def as_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Hand the table out as CSV, with the same filters and order."""
    community = selectors.community_named(slug)
    rows, _asked = _wanted(request, desk(community, viewer(request), clock.now()))
    return csv_file(f"{slug}-desk", CSV_COLUMNS, map(_line, rows))


@login_required
def as_json(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Hand the table out as JSON, with the same filters and order."""
    community = selectors.community_named(slug)
    moment, who = clock.now(), viewer(request)
    rows, _asked = _wanted(request, desk(community, who, moment))
    head = {"community": slug, "address": who, "as_of": moment.isoformat(timespec="seconds")}
    return json_file(f"{slug}-desk", head, map(_line, rows))


def _wanted(request: HttpRequest, found: Desk) -> tuple[list[DeskRow], dict[str, str]]:
    """Return the rows that are asked for, in the order that is asked for."""
    wanted = {name: plain(request, name) for name in ("kind", "tier", "mine", "sort")}
    rows = [
        row
        for row in found.rows
        if (not wanted["kind"] or row.proposal.kind == wanted["kind"])
        and (not wanted["tier"] or row.proposal.tier == wanted["tier"])
        and (not wanted["mine"] or row.voted == (wanted["mine"] == "voted"))
    ]
    wanted["sort"] = wanted["sort"] if wanted["sort"] in _SORTS else "closes"
    return sorted(rows, key=_SORTS[wanted["sort"]]), wanted


def _used(found: Desk, name: str) -> set[str]:
    return {getattr(row.proposal, name) for row in found.rows}


def _compared(request: HttpRequest, found: Desk) -> Sequence[dict[str, Any]]:
    """Return the decisions that are to stand side by side, with what each would do."""
    asked = [
        text
        for text in request.GET.getlist("compare")
        if text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
    ]
    numbers = set(map(int, asked))
    rows = [row for row in found.rows if row.proposal.number in numbers][:COMPARED_MAX]
    shown = []
    for row in rows:
        kind = kind_named(row.proposal.kind)
        payload = row.proposal.payload
        shown.append({"row": row, "effect": kind.describe(payload), "facts": kind.facts(payload)})
    return shown


def _line(row: DeskRow) -> dict[str, Any]:
    proposal = row.proposal
    address = f"{settings.ORIGIN}{reverse('site:proposal', args=[proposal.community.slug, proposal.number])}"
    assert proposal.closes_at is not None
    return {
        **{name: getattr(proposal, name) for name in ("number", "title", "kind", "tier")},
        "closes_at": proposal.closes_at.isoformat(),
        "voted": row.voted,
        "choice": " > ".join(part.name for part in row.parts),
        "reason": row.ballot.reason if row.ballot else "",
        "weight": str(row.weight),
        "own_power": str(row.own_power),
        "relying": row.relying,
        "voted_themselves": row.voted_themselves,
        "address": address,
    }
