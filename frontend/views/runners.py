"""Answers: whose machines train here, what did they do, how do I lend mine."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from frontend import words
from frontend.views.asked import viewer
from governance import selectors
from governance.clock import now
from governance.errors import Malformed, Refusal
from governance.models import Community
from training_jobs.runners import selectors as training
from training_jobs.runners import services, tokens
from training_jobs.runners.serializers import RunnerInput


def index(request: HttpRequest, slug: str) -> HttpResponse:
    """List the machines; who is signed in can add one."""
    return _page(request, selectors.community_named(slug))


@login_required
@require_POST
def register(request: HttpRequest, slug: str) -> HttpResponse:
    """Register a machine, and show its token in this answer only."""
    community = selectors.community_named(slug)
    name = request.POST.get("name", "").strip()
    try:
        values = RunnerInput.read({"community": slug, "name": name})
        made = services.register(
            community, viewer(request), values["name"], list(tokens.SCOPES), services.DAYS_DEFAULT, now()
        )
    except Refusal as refusal:
        return _page(request, community, refusal=refusal, name=name)
    return _page(request, community, made=made)


@login_required
@require_POST
def rotate(request: HttpRequest, slug: str, runner_id: int) -> HttpResponse:
    """Make a new token, and show it in this answer only."""
    community = selectors.community_named(slug)
    return _page(request, community, made=services.rotate(runner_id, viewer(request), now()))


@login_required
@require_POST
def revoke(request: HttpRequest, slug: str, runner_id: int) -> HttpResponse:
    """Shut a machine out."""
    services.revoke(runner_id, viewer(request), now())
    return redirect("site:runners", slug=slug)


def _page(
    request: HttpRequest,
    community: Community,
    *,
    made: services.NewToken | None = None,
    refusal: Refusal | None = None,
    name: str = "",
) -> HttpResponse:
    context = {
        "community": community,
        "tab": "runs",
        "rows": training.runners_of(community, now()),
        "made": made,
        "refusal": _sentence(refusal) if refusal else "",
        "name": name,
    }
    answer = render(request, "pages/runners.html", context, status=refusal.status if refusal else 200)
    if made is not None:
        answer["Cache-Control"] = "no-store"
    return answer


def _sentence(refusal: Refusal) -> str:
    code = "runner_name_malformed" if isinstance(refusal, Malformed) else refusal.code
    return words.refusal(code, refusal.detail, refusal.found, refusal.allowed)
