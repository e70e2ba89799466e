"""Answers: the list of decisions for other programs, with the filters of the page."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from frontend import decision_filters
from frontend.tables import csv_file, json_file
from frontend.views.asked import viewer
from governance import clock, selectors
from governance.models import Community
from governance.selectors import decision_list
from governance.selectors.decision_list import DecisionLine

COLUMNS = (
    "number",
    "title",
    "kind",
    "tier",
    "state",
    "method",
    "author",
    "author_name",
    "submitted_at",
    "opens_at",
    "closes_at",
    "decided_at",
    "executed_at",
    "id",
    "address",
)


def as_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Hand the list out as CSV."""
    community = selectors.community_named(slug)
    return csv_file(f"{slug}-decisions", COLUMNS, _rows(request, community))


def as_json(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Hand the list out as JSON."""
    community = selectors.community_named(slug)
    return json_file(f"{slug}-decisions", {"community": slug}, _rows(request, community))


def _rows(request: HttpRequest, community: Community) -> Iterator[dict[str, Any]]:
    asked = decision_filters.asked(request, community)
    return (
        _row(community, line) for line in decision_list.lines(community, clock.now(), asked.wanted, viewer(request))
    )


def _row(community: Community, line: DecisionLine) -> dict[str, Any]:
    proposal = line.proposal
    moments = ("submitted_at", "opens_at", "closes_at", "decided_at", "executed_at")
    said = {name: moment.isoformat() if (moment := getattr(proposal, name)) else None for name in moments}
    plain = {name: getattr(proposal, name) for name in ("number", "title", "kind", "tier", "method", "author")}
    address = f"{settings.ORIGIN}{reverse('site:proposal', args=[community.slug, proposal.number])}"
    more = {"author_name": line.author_name, "state": str(line.state), "id": proposal.public_id, "address": address}
    return {**plain, **said, **more}
