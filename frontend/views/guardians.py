"""What guardians of the council do: speak for a veto, or pause a decision, with a reason that everybody can read."""

from datetime import datetime
from typing import Protocol

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from governance import selectors, services
from governance.clock import now
from governance.models import Proposal


class _Service(Protocol):
    def __call__(self, proposal_id: int, actor: str, reason: str, now: datetime) -> Proposal:
        """Speak."""


@login_required
@require_POST
def veto(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Speak for a veto."""
    return _speak(request, slug, number, services.veto)


@login_required
@require_POST
def pause(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Hold the execution back for a while."""
    return _speak(request, slug, number, services.pause)


def _speak(request: HttpRequest, slug: str, number: int, service: _Service) -> HttpResponse:
    shown = selectors.proposal_detail(slug, number, now(), request.user.address)
    service(shown.proposal.pk, request.user.address, request.POST.get("reason", ""), now())
    return redirect("site:proposal", slug=slug, number=number)
