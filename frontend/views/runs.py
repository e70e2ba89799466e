"""Answers: what is the machine doing, and what did the rules say of the result."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from frontend.charts import loss_curve
from frontend.views.asked import viewer
from governance import selectors as governance
from governance.clock import now
from governance.errors import NotFound
from governance.evidence.canonical import strict_loads
from models_registry import release_keys
from models_registry.waiting_views import SignatureInput
from training_jobs import selectors, services, spec_words
from training_jobs.reviews import selectors as reviews
from training_jobs.spec import from_payload

SIGNATURE_BYTES_MAX = 2_000


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the runs of a community."""
    community = governance.community_named(slug)
    context = {"community": community, "tab": "runs", "runs": selectors.runs_of(community, now())}
    return render(request, "pages/runs.html", context)


def detail(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show one run."""
    context = _context(run_id, viewer(request))
    approved = from_payload(context["shown"].spec).to_dict()
    return render(request, "pages/run.html", context | {"particulars": spec_words.particulars(approved)})


def review(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show what reviewers of a run are asked to read, what they said, and the form to sign."""
    found, who = reviews.review(run_id, now()), viewer(request)
    context = {"community": found.run.community, "tab": "runs", "review": found, "run": found.run}
    parts = [_duty(found, asked, who) for asked in found.duties]
    return render(request, "pages/review.html", context | {"parts": parts, "kept_out": reviews.may_review(found, who)})


def _duty(found: reviews.Review, asked: reviews.AskedOf, who: str) -> dict[str, Any]:
    """Return what the page shows of one duty; samples that are not kept are said to be lost."""
    signed = who in {one.reviewer for one in asked.attested}
    part = {"asked": asked, "open": found.waits_for(asked), "signed": signed, "samples": [], "lost": False}
    try:
        return part | {"samples": reviews.samples_of(asked)}
    except NotFound:
        return part | {"lost": True}


def live(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show the part of the page that changes while a run is at work."""
    return render(request, "parts/run_live.html", _context(run_id, viewer(request)))


@login_required
@require_POST
def cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    """Stop a run for good, as the author of its proposal."""
    services.cancel(run_id, viewer(request), now())
    return redirect("site:run", run_id=run_id)


@login_required
@require_POST
def pause(request: HttpRequest, run_id: int) -> HttpResponse:
    """Hold a run up for a while, as a guardian."""
    services.pause(run_id, viewer(request), request.POST.get("reason", ""), now())
    return redirect("site:run", run_id=run_id)


@require_POST
def sign(request: HttpRequest, run_id: int) -> HttpResponse:
    """Take in a guardian's signature of the release of a run. The signature is the authority, so nobody signs in."""
    waiting = release_keys.waiting_for(selectors.run_detail(run_id, now(), viewer(request)).run.evaluation_record)
    if waiting is None:
        raise NotFound("no_waiting_release", "the release of this run does not wait for guardians", found=run_id)
    values = SignatureInput.read(
        strict_loads(request.POST.get("signature", "").encode(), max_bytes=SIGNATURE_BYTES_MAX)
    )
    signature = bytes.fromhex(values["signature"])
    release_keys.sign(waiting.release.release_record_id, values["public_key"], signature, now())
    return redirect("site:run", run_id=run_id)


def _context(run_id: int, who: str) -> dict[str, Any]:
    shown = selectors.run_detail(run_id, now(), who)
    return {
        "community": shown.run.community,
        "tab": "runs",
        "shown": shown,
        "run": shown.run,
        "curve": loss_curve(shown.points, shown.steps),
        "review": reviews.review_of(shown.run, now()),
        "waiting": None if shown.run.version_id else release_keys.waiting_for(shown.run.evaluation_record),
    }
