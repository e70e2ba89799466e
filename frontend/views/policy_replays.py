"""Answers: what would a proposed way of sharing computing have changed in the last months."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from frontend import policy_replay
from frontend.views.asked import viewer
from governance.clock import now
from governance.models import Proposal
from training_jobs.commons import replaying
from training_jobs.previews.selectors import proposal_numbered


def live(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show the part of a page that changes while a worker simulates."""
    proposal = proposal_numbered(slug, number, viewer(request))
    context = {"community": proposal.community, "proposal": proposal, **replay_section(proposal)}
    return render(request, "parts/policy_replay.html", context)


def replay_section(proposal: Proposal) -> dict[str, Any]:
    """Return what the section of the replay on a page needs; nothing for proposals of other kinds."""
    if not replaying.is_replayed(proposal):
        return {}
    found = replaying.replay_of(proposal)
    return {"replayed": {"number": proposal.number, "shown": policy_replay.shown(found, now()) if found else None}}
