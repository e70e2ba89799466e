"""Answers: what can I try without a vote, how much of my quota is left, and what came of what I tried."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from frontend import words
from frontend.views.asked import viewer
from governance import selectors
from governance.clock import now
from governance.errors import Refusal
from training_jobs import experiments


@login_required
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a member's experiments and the form for one; a posted form begins it, or comes back with what is wrong."""
    community, member, moment = selectors.community_named(slug), viewer(request), now()
    said: dict[str, Any] = {"learning_rate": experiments.RATE_USUAL}
    refusal = None
    if request.method == "POST":
        said = {name: request.POST.get(name, "").strip() for name in ("base", "learning_rate")}
        said["datasets"] = request.POST.getlist("datasets")
        try:
            wanted = experiments.Wanted(said["base"], said["datasets"], said["learning_rate"])
            experiments.begin(community, member, wanted, moment)
        except Refusal as refused:
            refusal = refused
        else:
            return redirect("site:experiments", slug=slug)
    context = {
        "community": community,
        "tab": "runs",
        "offer": experiments.offer_of(community, member, moment),
        "rows": experiments.experiments_of(community, member, moment),
        "rates": experiments.RATES,
        "said": said,
        "refusal": words.refusal(refusal.code, refusal.detail, refusal.found, refusal.allowed) if refusal else "",
        "wrong": refusal.field.rpartition(".")[2] if refusal else "",
    }
    return render(request, "pages/experiments.html", context, status=refusal.status if refusal else 200)
