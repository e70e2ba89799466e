"""Answers: where does this release come from, and does all of it hold."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from frontend import cards, lineage_picture
from frontend.views import trying
from frontend.views.asked import page_number, viewer
from governance.anchoring.told import told_of
from governance.clock import now
from models_registry import attestations, notices, selectors, turning, watch, withdrawals
from models_registry.attestations import release_named
from models_registry.calls import selectors as calls
from models_registry.incidents import selectors as incidents
from models_registry.rights import selectors as rights
from models_registry.rollbacks import newer_in_use
from training_jobs.commons import ceilings
from training_jobs.inquiries import selectors as inquiries
from training_jobs.inquiries import services as inquiry_services
from training_jobs.selectors import override_of, run_of_version


def detail(request: HttpRequest, revision: str) -> HttpResponse:
    """Show a release: verification, what others found, lineage from the weights to the ballots, commands, files."""
    shown = selectors.release_detail(revision)
    community = shown.version.model.community
    run = run_of_version(shown.version.pk)
    newer = newer_in_use(shown.version)
    return render(
        request,
        "pages/release.html",
        {
            "community": community,
            "tab": "models",
            "shown": shown,
            "version": shown.version,
            "report": selectors.verification(shown.version),
            "card": cards.address(request, "site:release_card", revision),
            "run": run,
            "picture": lineage_picture.draw(shown.lineage.graph, community.slug, run.pk if run else None)
            if shown.lineage
            else None,
            "attested": attestations.page_of(shown.version, page_number(request)),
            "discussed": notices.told_of(shown.version.proposal, now()) if shown.version.proposal else [],
            "watched": watch.watched(shown.version, now()),
            "again": inquiries.of_version(shown.version, viewer(request), now()),
            "calls": calls.open_about(shown.version, viewer(request), now()),
            "incidents": incidents.page(incidents.of_version(shown.version), 1, now()),
            "override": override_of(run),
            "raises": ceilings.raises_of(run) if run else [],
            "anchor": told_of(shown.version.release_record_id),
            "removed_data": rights.warnings_of_version(shown.version, now()),
            "shares": rights.shares_of(shown.version),
            "may_pause": withdrawals.may_pause(shown.version, viewer(request), now()),
            "may_return": shown.version.set_back_at is not None or bool(newer),
            "leaves": newer[0] if newer else shown.instead,
            "try": trying.offer(shown.version.model, f"v{shown.version.number}"),
        },
    )


@login_required
@require_POST
def pause(request: HttpRequest, revision: str) -> HttpResponse:
    """Stop handing a release out for a while, as a guardian."""
    withdrawals.pause_release(revision, viewer(request), request.POST.get("reason", ""), now())
    return redirect("site:release", revision=revision)


@login_required
@require_POST
def propose(request: HttpRequest, revision: str) -> HttpResponse:
    """Make a draft about this version in one step (go back to it, pause or withdraw it), and show it."""
    said = request.POST.get("kind", ""), request.POST.get("reason", "")
    made = turning.propose(revision, *said, viewer(request), now())
    return redirect("site:draft", slug=made.community.slug, draft_id=made.pk)


@login_required
@require_POST
def measure(request: HttpRequest, revision: str) -> HttpResponse:
    """Have a release measured again, as a steward or as somebody who may propose an update."""
    inquiry_services.ask(release_named(revision), viewer(request), now())
    return redirect(f"{reverse('site:release', args=[revision])}#watch")
